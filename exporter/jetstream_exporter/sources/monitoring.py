"""The HTTP monitoring port: `/varz`, `/healthz` and `/jsz` of every server.

One light question a scrape. Configurations, which triple the server's work, are asked for only when told to.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

import msgspec

from jetstream_exporter.report import Health, Outcome, Question, Report
from jetstream_exporter.sources.discovery import Discovery, Lookup
from jetstream_exporter.sources.http import Answer, Client, Place, SourceError, SourceTimeoutError
from jetstream_exporter.wire import Healthz, Jsz, Varz

NAME = "monitoring"
SHORT = 1.0  # seconds for a server that did not answer in time before
FULL_EVERY = 5  # after so many short tries, one with the whole deadline
# Accounts are paged by 1,024 unless told otherwise. -1 stands for all of them, but makes 2.10 panic and hang up.
LIGHT = "/jsz?consumers=true&limit=65536"
FULL = "/jsz?consumers=true&config=true&limit=65536"
HEALTH_STATUSES = (200, 500, 503)

Wire = TypeVar("Wire")
_varz = msgspec.json.Decoder(Varz)
_jsz = msgspec.json.Decoder(Jsz)
_healthz = msgspec.json.Decoder(Healthz)


class _Memory(msgspec.Struct):
    """What is remembered of one place between scrapes, to know how to ask."""

    identity: Report | None = None  # the last report's names, without its contents
    start: object = None  # of the server whose list was whole last time
    streams: int = 0
    consumers: int = 0
    timeouts: int = 0
    took: float = 0.0


class _Asking:
    """One place in one scrape: the parts that answered, those that failed, and what it cost."""

    def __init__(self, client: Client, place: Place) -> None:
        self._client = client
        self._place = place
        self.received = 0
        self.parts: dict[str, str] = {}
        self.errors: dict[str, str] = {}
        self.timed_out = False

    async def part(
        self, name: str, path: str, decode: Callable[[Answer], Wire], deadline: float
    ) -> Wire | None:
        """Ask one question; None if it failed, which `errors` then explains."""
        started = time.monotonic()
        try:
            answer = await self._client.get(self._place, path, deadline)
            self.received += len(answer.body)
            value = await asyncio.to_thread(decode, answer)
        except SourceError as error:
            self.timed_out |= isinstance(error, SourceTimeoutError)
            self.errors[name] = f"{name}: {error}"
            self.parts[name] = str(error)
            return None
        self.errors.pop(name, None)
        self.parts[name] = f"{len(answer.body)} bytes in {time.monotonic() - started:.3f} s"
        return value


class MonitoringSource:
    """Asks every server behind a cluster's targets, each within the deadline, none waiting for another."""

    name = NAME

    def __init__(
        self,
        targets: list[str],
        client: Client,
        lookup: Lookup,
        group: str = "",
        check: str = "full",
    ) -> None:
        self._discoveries = [Discovery(target, lookup) for target in targets]
        self._client = client
        self._group = group
        self._check = check
        self._memories: dict[str, _Memory] = {}

    async def ask(self, question: Question) -> list[Outcome]:
        found = await asyncio.gather(*(self._ask_target(d, question) for d in self._discoveries))
        outcomes = {outcome.target: outcome for group in found for outcome in group}
        for gone in self._memories.keys() - outcomes.keys():
            del self._memories[gone]
        return list(outcomes.values())

    async def close(self) -> None:
        await self._client.close()

    async def _ask_target(self, discovery: Discovery, question: Question) -> list[Outcome]:
        started = time.monotonic()
        try:
            places = await discovery.places(question.deadline)
        except SourceError as error:
            took = time.monotonic() - started
            return [Outcome(NAME, discovery.target, took, error=str(error), group=self._group)]
        return await asyncio.gather(*(self._ask_place(place, question) for place in places))

    async def _ask_place(self, place: Place, question: Question) -> Outcome:
        target = str(place.url)
        memory = self._memories.setdefault(target, _Memory())
        asking = _Asking(self._client, place)
        started = time.monotonic()
        report = await self._question(asking, memory, question)
        took = time.monotonic() - started
        _remember(memory, report, asking, took)
        error = "; ".join(asking.errors.values()) or None
        if report is None and error is None:
            error = "varz: the answer is not a NATS server's"
        return Outcome(
            NAME, target, took, asking.received, error, report, self._group, asking.parts
        )

    async def _question(
        self, asking: _Asking, memory: _Memory, question: Question
    ) -> Report | None:
        """Ask all at once where the server was whole before, one after the other where it was not.

        A list fetched before its server was healthy, or after it began to stop, is not whole, so
        the health that counts is the worse of the one before and the one after.
        """
        deadline = question.deadline
        with_config = question.with_config and not memory.timeouts
        patient = memory.timeouts % FULL_EVERY == 0
        if not patient:
            soon = asyncio.get_running_loop().time() + SHORT
            varz = await self._varz(asking, min(deadline, soon))
            if varz is None:
                return None
            deadline = min(deadline, soon + max(SHORT, 2 * memory.took))
        if memory.start is None:
            return await self._carefully(asking, memory, deadline, with_config)
        varz, health, jsz = await asyncio.gather(
            self._varz(asking, deadline),
            self._health(asking, deadline),
            self._jsz(asking, deadline, with_config),
        )
        if varz is not None and varz.start != memory.start:
            return await self._carefully(asking, memory, deadline, with_config)
        if jsz is not None and _shrank(memory, jsz):
            health = _worse(health, await self._health(asking, deadline))
        return self._report(memory, varz, health, jsz, with_config)

    async def _carefully(
        self, asking: _Asking, memory: _Memory, deadline: float, with_config: bool
    ) -> Report | None:
        varz, before = await asyncio.gather(
            self._varz(asking, deadline), self._health(asking, deadline)
        )
        if varz is None and before is None:
            return None
        jsz = await self._jsz(asking, deadline, with_config)
        after = await self._health(asking, deadline)
        return self._report(memory, varz, _worse(before, after), jsz, with_config)

    def _report(
        self,
        memory: _Memory,
        varz: Varz | None,
        health: Health | None,
        jsz: Jsz | None,
        with_config: bool,
    ) -> Report | None:
        """Put a report together; without varz only if the server is known to be the one of before."""
        if varz is not None:
            return Report(
                server_id=varz.server_id,
                server_name=varz.server_name or varz.server_id,
                cluster=varz.cluster.name,
                version=varz.version,
                group=self._group,
                varz=varz,
                health=health,
                jsz=jsz,
                with_config=with_config and jsz is not None,
            )
        known = memory.identity
        if known is None or jsz is None or jsz.server_id != known.server_id:
            return None
        return msgspec.structs.replace(known, health=health, jsz=jsz, with_config=with_config)

    def _varz(self, asking: _Asking, deadline: float) -> Awaitable[Varz | None]:
        return asking.part("varz", "/varz", decode_varz, deadline)

    def _jsz(self, asking: _Asking, deadline: float, with_config: bool) -> Awaitable[Jsz | None]:
        return asking.part("jsz", FULL if with_config else LIGHT, decode_jsz, deadline)

    def _health(self, asking: _Asking, deadline: float) -> Awaitable[Health | None]:
        path = "/healthz" if self._check == "full" else f"/healthz?{self._check}=true"
        return asking.part(
            "healthz", path, lambda answer: decode_health(answer, self._check), deadline
        )


def decode_varz(answer: Answer) -> Varz:
    return _decode(_expect_ok(answer), _varz)


def decode_jsz(answer: Answer) -> Jsz:
    return _decode(_expect_ok(answer), _jsz)


def decode_health(answer: Answer, check: str) -> Health:
    """Read a verdict; 500 and 503 are verdicts too."""
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
    except msgspec.ValidationError as error:
        raise SourceError(f"the answer is not a NATS server's: {error}") from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise SourceError(f"the answer is not whole JSON: {error}") from None


def _shrank(memory: _Memory, jsz: Jsz) -> bool:
    return jsz.streams < memory.streams or jsz.consumers < memory.consumers


def _worse(one: Health | None, other: Health | None) -> Health | None:
    """Of two verdicts the one that says less for the list; no verdict is the worst."""
    if one is None or other is None:
        return None
    return one if one.code != 200 else other


def _remember(memory: _Memory, report: Report | None, asking: _Asking, took: float) -> None:
    memory.timeouts = memory.timeouts + 1 if asking.timed_out else 0
    if report is None or report.varz is None or report.jsz is None or report.health is None:
        memory.start = None
        return
    if not asking.errors:
        memory.took = took
    memory.start = report.varz.start if report.health.code == 200 else None
    memory.streams, memory.consumers = report.jsz.streams, report.jsz.consumers
    memory.identity = msgspec.structs.replace(report, varz=None, health=None, jsz=None)
