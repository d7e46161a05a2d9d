"""Asking one server over HTTP in one scrape. Answers are decoded off the event loop."""

import time
from collections.abc import Callable
from typing import TypeVar

import msgspec

from jetstream_exporter.report import Health
from jetstream_exporter.sources.http import Answer, Client, Place, SourceError, SourceTimeoutError
from jetstream_exporter.wire import Healthz, Jsz, Varz
from jetstream_exporter.work import off_loop

QUESTIONS = ("varz", "healthz", "jsz")
HEALTH_STATUSES = (200, 500, 503)

Wire = TypeVar("Wire")
_varz = msgspec.json.Decoder(Varz)
_jsz = msgspec.json.Decoder(Jsz)
_healthz = msgspec.json.Decoder(Healthz)


class Asking:
    """One place in one scrape: which parts answered, which failed, and how many bytes were received."""

    def __init__(self, client: Client, place: Place) -> None:
        self._client = client
        self.place = place
        self.received = 0
        self.parts: dict[str, str] = {}
        self.errors: dict[str, str] = {}
        self.timeouts: set[str] = set()
        self.with_config = False

    async def part(
        self, name: str, path: str, decode: Callable[[Answer], Wire], deadline: float
    ) -> Wire | None:
        """Ask one question; None if it failed, which `errors` then explains."""
        started = time.monotonic()
        try:
            answer = await self._client.get(self.place, path, deadline)
            self.received += len(answer.body)
            value = await off_loop(decode, answer)
        except SourceError as error:
            if isinstance(error, SourceTimeoutError):
                self.timeouts.add(name)
            self.errors[name] = str(error)
            self.parts[name] = str(error)
            return None
        self.errors.pop(name, None)
        self.timeouts.discard(name)
        self.parts[name] = f"{len(answer.body)} bytes in {time.monotonic() - started:.3f} s"
        return value

    def add(self, other: "Asking") -> None:
        """Add the bytes, results and errors of another asking of the same place."""
        self.received += other.received
        self.parts |= other.parts
        self.errors |= other.errors
        self.timeouts |= other.timeouts

    def refuse(self, name: str, why: str) -> None:
        """Note as an error that a part answered something that cannot be used."""
        self.errors[name] = self.parts[name] = why

    def error(self) -> str | None:
        """What failed, in one line; a cause that several parts share is named once. None if nothing failed."""
        names: dict[str, list[str]] = {}
        for name in QUESTIONS:
            if name in self.errors:
                names.setdefault(self.errors[name], []).append(name)
        return "; ".join(f"{', '.join(parts)}: {why}" for why, parts in names.items()) or None


def decode_varz(answer: Answer) -> Varz:
    return _decode(_expect_ok(answer), _varz)


def decode_jsz(answer: Answer) -> Jsz:
    return _decode(_expect_ok(answer), _jsz)


def decode_health(answer: Answer, check: str) -> Health:
    """Read the health; a status of 500 or 503 is an answer, not an error."""
    if answer.status not in HEALTH_STATUSES:
        _expect_ok(answer)
    health = _decode(answer, _healthz)
    return Health(answer.status, health.error, check)


def _expect_ok(answer: Answer) -> Answer:
    if answer.status != 200:
        raise SourceError(f"answered {answer.status} {answer.reason}".rstrip())
    return answer


def _decode(answer: Answer, decoder: "msgspec.json.Decoder[Wire]") -> Wire:
    try:
        return decoder.decode(answer.body)
    except RecursionError:
        raise SourceError("the answer is nested too deeply") from None
    except msgspec.ValidationError as error:
        raise SourceError(f"the answer is not a NATS server's: {error}") from None
    except UnicodeDecodeError:
        raise SourceError("the answer is not whole JSON: it is not UTF-8") from None
    except msgspec.DecodeError as error:
        raise SourceError(f"the answer is not whole JSON: {error}") from None
