"""Requests to one server over HTTP in one scrape. Answers are decoded off the event loop."""

import time
from collections.abc import Callable, Sequence
from typing import TypeVar

from jetstream_exporter.report import Health, RequestResult
from jetstream_exporter.runtime.threads import run_in_thread
from jetstream_exporter.sources.decoding import Decoder, refusal
from jetstream_exporter.sources.errors import SourceError, SourceTimeoutError
from jetstream_exporter.sources.http.client import Endpoint, HttpClient, HttpResponse
from jetstream_exporter.wire import Healthz, Jsz, Varz

REQUESTS = ("varz", "healthz", "jsz")
NOT_ASKED = "not sent, because no other request was answered"
HEALTH_STATUSES = (200, 500, 503)

Wire = TypeVar("Wire")
_varz = Decoder(Varz)
_jsz = Decoder(Jsz)
_healthz = Decoder(Healthz)


class TargetRequest:
    """One endpoint in one scrape: which requests were answered, which failed, and how many bytes were received."""

    def __init__(
        self, client: HttpClient, endpoint: Endpoint, names: Sequence[str] = REQUESTS
    ) -> None:
        self._client = client
        self.endpoint = endpoint
        self.received = 0
        self.results: dict[str, RequestResult] = {
            name: RequestResult(False, NOT_ASKED) for name in names
        }
        self.errors: dict[str, str] = {}
        self.timeouts: set[str] = set()
        self.with_config = False

    async def fetch(
        self, name: str, path: str, decode: Callable[[HttpResponse], Wire], deadline: float
    ) -> Wire | None:
        """Send one request; None if it failed, which `errors` then explains."""
        started = time.monotonic()
        try:
            response = await self._client.get(self.endpoint, path, deadline)
            self.received += len(response.body)
            value = await run_in_thread(decode, response)
        except SourceError as error:
            if isinstance(error, SourceTimeoutError):
                self.timeouts.add(name)
            self.refuse(name, str(error))
            return None
        self.errors.pop(name, None)
        self.timeouts.discard(name)
        took = time.monotonic() - started
        self.results[name] = RequestResult(True, f"{len(response.body)} bytes in {took:.3f} s")
        refused = refusal(value)
        if refused is not None:
            self.refuse(name, refused)
        return value

    def add(self, other: "TargetRequest") -> None:
        """Add the bytes, results and errors of another request to the same endpoint."""
        self.received += other.received
        self.results |= {
            n: result for n, result in other.results.items() if result.text != NOT_ASKED
        }
        self.errors |= other.errors
        self.timeouts |= other.timeouts

    def beside(self, name: str) -> "TargetRequest":
        """For one of several requests that together are the one of this name; `conclude` adds them up."""
        return TargetRequest(self._client, self.endpoint, (name,))

    def conclude(
        self, name: str, parts: "Sequence[TargetRequest]", why: str | None, what: str
    ) -> None:
        """Note how a request went that was sent in parts; `why` it failed, or `what` was received.

        It ran out of time only where every part did: a server that answers some of them is not one that hangs.
        """
        received = sum(part.received for part in parts)
        self.received += received
        self.timeouts.discard(name)
        if parts and all(name in part.timeouts for part in parts):
            self.timeouts.add(name)
        if why is not None:
            self.refuse(name, why)
            return
        self.errors.pop(name, None)
        self.results[name] = RequestResult(True, f"{received} bytes {what}")

    def refuse(self, name: str, why: str) -> None:
        """Note as an error that a request was not answered, or with something that cannot be used."""
        self.errors[name] = why
        self.results[name] = RequestResult(False, why)

    def so_far(self, pending: str) -> dict[str, RequestResult]:
        """The results; of a request without one, `pending` says why."""
        late = RequestResult(False, pending)
        return {n: late if r.text == NOT_ASKED else r for n, r in self.results.items()}

    def error(self, pending: str | None = None) -> str | None:
        """What failed, in one line; a cause that several requests share is named once. None if nothing failed.

        `pending`, where it is given, is said of what has neither failed nor succeeded.
        """
        names: dict[str, list[str]] = {}
        for name in REQUESTS:
            why = self.errors.get(name)
            if why is None and pending and self.results[name].text == NOT_ASKED:
                why = pending
            if why is not None:
                names.setdefault(why, []).append(name)
        return "; ".join(f"{', '.join(requests)}: {why}" for why, requests in names.items()) or None


def decode_varz(response: HttpResponse) -> Varz:
    return _varz.decode(expect_ok(response).body)


def decode_jsz(response: HttpResponse) -> Jsz:
    """Read the list of all objects; SourceError where the answer counts objects and lists none of them.

    A proxy that drops the query gets such an answer: the server was asked for its totals only.
    """
    jsz = decode_part(response)
    if jsz.refused:
        return jsz
    _expect_accounts(jsz)
    if jsz.streams and not any(account.stream_detail for account in jsz.account_details):
        raise SourceError(_unlisted(jsz.streams, "streams"))
    return _with_missing(jsz)


def decode_accounts(response: HttpResponse) -> Jsz:
    """Read the list of accounts; SourceError where the answer counts accounts and lists none of them."""
    jsz = decode_part(response)
    if jsz.refused:
        return jsz
    _expect_accounts(jsz)
    return _with_missing(jsz)


def decode_part(response: HttpResponse) -> Jsz:
    """Read the list of one account's objects."""
    return _jsz.decode(expect_ok(response).body)


def _expect_accounts(jsz: Jsz) -> None:
    if jsz.accounts and not jsz.account_details:
        raise SourceError(_unlisted(jsz.accounts, "accounts"))


def _with_missing(jsz: Jsz) -> Jsz:
    """The answer, which refuses the accounts that it counts and does not list."""
    missing = jsz.accounts - len(jsz.account_details)
    if missing > 0:
        jsz.refused.append(f"{missing} of {jsz.accounts} accounts, which the answer does not list")
    return jsz


def _unlisted(number: int, kind: str) -> str:
    return (
        f"the answer counts {number} {kind} and lists none of them; a proxy may drop the "
        "query of the URL"
    )


def decode_health(response: HttpResponse, check: str) -> Health:
    """Read the health; a status of 500 or 503 is an answer, not an error."""
    if response.status not in HEALTH_STATUSES:
        expect_ok(response)
    health = _healthz.decode(response.body)
    return Health(response.status, health.error, check)


OURS = "jetstream-exporter"  # in the Server header of another exporter, or of this one


def expect_ok(response: HttpResponse) -> HttpResponse:
    if response.program == OURS:
        raise SourceError("a jetstream-exporter answers there, and no NATS server")
    if response.status != 200:
        raise SourceError(f"answered {response.status} {response.reason}".rstrip())
    return response
