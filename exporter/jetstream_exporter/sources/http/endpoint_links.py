"""The requests about one server's connections in one scrape. What fails in them costs nothing else."""

import asyncio
from collections.abc import Callable, Collection
from typing import Any

from jetstream_exporter.report import LATE, Links, RequestResult
from jetstream_exporter.runtime.cancel import cancel_and_wait
from jetstream_exporter.sources import links
from jetstream_exporter.sources.decoding import Decoder
from jetstream_exporter.sources.http.client import Endpoint, HttpClient, HttpResponse
from jetstream_exporter.sources.http.target_request import NOT_ASKED, TargetRequest, expect_ok
from jetstream_exporter.sources.links import ACCOUNTS, GATEWAYS, LEAFNODES, ROUTES, Late
from jetstream_exporter.wire import Accstatz, Gatewayz, Leafz, Routez, Varz

_DECODERS: dict[str, Decoder[Any]] = {
    GATEWAYS: Decoder(Gatewayz),
    LEAFNODES: Decoder(Leafz),
    ROUTES: Decoder(Routez),
    ACCOUNTS: Decoder(Accstatz),
}
# An account whose last client left is listed with `unused` only, and its counters would begin anew when one comes.
_PATHS = {name: f"/{name}" for name in _DECODERS} | {ACCOUNTS: "/accstatz?unused=1"}


class EndpointLinks:
    """Asks while the server's other requests are under way: `begin` sends, `take` gathers what came."""

    def __init__(
        self,
        client: HttpClient,
        endpoint: Endpoint,
        further: Collection[str],
        late: Late,
    ) -> None:
        """`late` is what is remembered of the server."""
        self._further = further
        self._late = late
        self._request = TargetRequest(client, endpoint, tuple(_DECODERS))
        self._tasks: dict[str, asyncio.Task[Any]] = {}

    @property
    def received(self) -> int:
        return self._request.received

    @property
    def results(self) -> dict[str, RequestResult]:
        """Of what was asked. A server that has no gateways is not asked about them, and nothing failed there."""
        return {n: r for n, r in self._request.results.items() if r.text != NOT_ASKED}

    def begin(self, varz: Varz | None, deadline: float) -> None:
        """Ask for what this varz says there is, unless that was done."""
        for name in links.wanted(varz, self._further):
            if name not in self._tasks:
                fetch = self._request.fetch(name, _PATHS[name], _reader(name), deadline)
                self._tasks[name] = asyncio.create_task(fetch)

    async def take(self) -> Links:
        """What was answered until a moment from now."""
        if not self._tasks:
            return Links()
        patient = [task for name, task in self._tasks.items() if links.is_patient(self._late, name)]
        if patient:
            await asyncio.wait(patient, timeout=links.PATIENCE)
        await asyncio.wait(self._tasks.values(), timeout=links.HASTE)
        late = [name for name, task in self._tasks.items() if not task.done()]
        await self.cancel()
        for name in self._tasks:
            links.note(self._late, name, in_time=name not in late)
        for name in late:
            self._request.refuse(name, LATE)
        came = {name: task.result() for name, task in self._tasks.items() if name not in late}
        return Links(*(came.get(name) for name in (GATEWAYS, LEAFNODES, ROUTES, ACCOUNTS)))

    async def cancel(self) -> None:
        await cancel_and_wait(*self._tasks.values())


def _reader(name: str) -> Callable[[HttpResponse], Any]:
    return lambda response: _DECODERS[name].decode(expect_ok(response).body)
