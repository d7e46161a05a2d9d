"""One server in one scrape: in which order its requests are sent, and what they say together."""

import asyncio
from collections.abc import Callable, Collection
from typing import TypeGuard

import msgspec

from jetstream_exporter.report import (
    NO_LINKS,
    Health,
    RequestResult,
    ScrapeRequest,
    ServerReport,
    is_unread,
    worse,
)
from jetstream_exporter.sources.completeness import shrank
from jetstream_exporter.sources.http.client import Endpoint, HttpClient
from jetstream_exporter.sources.http.config_fetch import PendingConfigFetch
from jetstream_exporter.sources.http.endpoint_links import EndpointLinks
from jetstream_exporter.sources.http.endpoint_memory import EndpointMemory
from jetstream_exporter.sources.http.lists import ReadList, whole_list
from jetstream_exporter.sources.http.target_request import (
    TargetRequest,
    decode_health,
    decode_varz,
)
from jetstream_exporter.wire import Jsz, Varz

CONFIG_SHARE = 0.6  # of the time, for jsz with configurations; without them it has the rest


class EndpointScrape:
    """Sends the requests of one scrape by what is remembered of the server; `request` holds how they went."""

    def __init__(
        self,
        client: HttpClient,
        endpoint: Endpoint,
        memory: EndpointMemory,
        cluster_name: str,
        check: str,
        *,
        further: Collection[str] = (),
        read: ReadList = whole_list,
        arrived: "Callable[[EndpointScrape], None]" = lambda _: None,
    ) -> None:
        """`arrived` is called as soon as there is more in `so_far`; `further`: what else to ask, of `sources.links`.

        `read` says how the list is asked for. If `arrived` held this scrape, both would be freed late, and with them
        all that was collected.
        """
        self.request = TargetRequest(client, endpoint)
        self._links = EndpointLinks(client, endpoint, further, memory.late) if further else None
        self._link_deadline = 0.0
        self._read = read
        self._arrived = arrived
        self._early: tuple[Varz | None, Health | None] = None, None
        self._client = client
        self._memory = memory
        self._cluster_name = cluster_name
        self._check = check

    @property
    def received(self) -> int:
        """Bytes of all answers."""
        return self.request.received + (self._links.received if self._links else 0)

    @property
    def results(self) -> dict[str, RequestResult]:
        return self.request.results | (self._links.results if self._links else {})

    async def report(self, scrape: ScrapeRequest) -> ServerReport | None:
        """The report with the links, as far as they were answered. What is wrong with them is in the results only."""
        links = self._links
        if links is None:
            return await self._without_links(scrape)
        self._link_deadline = scrape.deadline
        try:
            report = await self._without_links(scrape)
            found = await links.take() if report is not None else NO_LINKS
        finally:
            await links.cancel()
        return msgspec.structs.replace(report, links=found) if report is not None else None

    async def _without_links(self, scrape: ScrapeRequest) -> ServerReport | None:
        """Ask all at once if the server's list was complete last time, and one after the other if not."""
        if self._memory.last.start is None:
            return await self._in_turn(scrape)
        deadline = scrape.deadline
        varz, health, jsz = await asyncio.gather(
            self._varz(deadline), self._health(deadline), self._jsz(deadline, scrape.with_config)
        )
        if varz is not None and varz.start != self._memory.last.start:
            return await self._in_turn(scrape)
        if _is_whole(jsz) and health is not None and shrank(self._memory.last, jsz):
            health = worse(health, await self._health(deadline))
        return self._report(varz, health, jsz)

    async def _in_turn(self, scrape: ScrapeRequest) -> ServerReport | None:
        """Ask for the health before the list and after it, and give no request the time of the others.

        A list that was read before its server was healthy, or after it began to stop, is not complete. So the
        worse health counts of the one before and the one after the list.
        """
        now, memory = asyncio.get_running_loop().time, self._memory
        soon = now() + memory.patience(scrape.deadline - now())
        soon = min(soon, scrape.deadline)
        varz, before = await asyncio.gather(self._varz(soon), self._health(soon))
        if varz is None and before is None:
            return None
        began = now()
        deadline = began + memory.limited(scrape.deadline - began)
        jsz = await self._jsz(deadline, scrape.with_config and not memory.timeouts)
        health = before
        if _is_whole(jsz) and before is not None:
            health = worse(before, await self._health(deadline))
        return self._report(varz, health, jsz)

    def _report(
        self, varz: Varz | None, health: Health | None, jsz: Jsz | None
    ) -> ServerReport | None:
        """Build the report; without varz only if jsz shows that it is the same server as before.

        Behind a load balancer each request may reach another server, and one server's streams would be reported
        under another's name.
        """
        if varz is not None and jsz is not None and jsz.server_id != varz.server_id:
            what = "a different server answered than for varz; list each server as a target"
            self.request.refuse("jsz", what)
            jsz = None
        if varz is not None:
            return ServerReport(
                server_id=varz.server_id,
                server_name=varz.server_name or varz.server_id,
                cluster=varz.cluster.name,
                version=varz.version,
                cluster_name=self._cluster_name,
                varz=varz,
                health=health,
                jsz=jsz,
                with_config=self.request.with_config and jsz is not None,
            )
        known = self._memory.identity
        if known is None or jsz is None or jsz.server_id != known.server_id:
            return None
        with_config = self.request.with_config
        return msgspec.structs.replace(known, health=health, jsz=jsz, with_config=with_config)

    def so_far(self) -> ServerReport | None:
        """What the server said of itself, for a scrape that leaves before its list is there.

        A list alone would be no better: only the health that is asked for after it says that it is whole.
        """
        varz, health = self._early
        return self._report(varz, health, None) if varz is not None else None

    async def _varz(self, deadline: float) -> Varz | None:
        varz = await self.request.fetch("varz", "/varz", decode_varz, deadline)
        if self._links is not None:
            self._links.begin(varz, self._link_deadline)
        self._note(varz, self._early[1])
        return varz

    async def _health(self, deadline: float) -> Health | None:
        path = "/healthz" if self._check == "full" else f"/healthz?{self._check}=true"
        health = await self.request.fetch(
            "healthz", path, lambda response: decode_health(response, self._check), deadline
        )
        self._note(self._early[0], health)
        return health

    def _note(self, varz: Varz | None, health: Health | None) -> None:
        self._early = varz, health
        if varz is not None:
            self._arrived(self)

    async def _jsz(self, deadline: float, with_config: bool) -> Jsz | None:
        """Ask for jsz. Where configurations take too long, ask without them; a later scrape takes them."""
        request, memory = self.request, self._memory
        if with_config and memory.config_fetch is None:
            now = asyncio.get_running_loop().time()
            memory.config_fetch = config_fetch = PendingConfigFetch(
                self._client, request.endpoint, self._read
            )
            await config_fetch.wait(now + CONFIG_SHARE * (deadline - now))
            if config_fetch.done:
                memory.config_fetch = None
                jsz = config_fetch.take(request)
                request.with_config = jsz is not None
                if "jsz" not in request.timeouts:
                    return jsz
        request.with_config = False
        return await self._read(request, False, deadline)


def _is_whole(jsz: Jsz | None) -> TypeGuard[Jsz]:
    """Whether the health after the list can still show it to be complete."""
    return jsz is not None and not is_unread(jsz)
