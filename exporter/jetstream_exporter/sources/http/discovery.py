"""Expands a configured target to the endpoints to ask, on every scrape: a headless Service resolves to every server."""

import asyncio

import structlog
from yarl import URL

from jetstream_exporter.runtime.cancel import cancel_and_wait
from jetstream_exporter.sources.errors import SourceError
from jetstream_exporter.sources.http.client import Endpoint
from jetstream_exporter.sources.lookup import LOOKUP_ERRORS, Lookup, is_address

SRV = "srv+"
WITHOUT_FALLBACK = 0.7  # of the time, for a lookup where no earlier address is known
BRIEF = 0.2  # seconds for the newest answer, where a lookup from before was answered late
SHORT = 1.0  # seconds for a name that could not be resolved before
log = structlog.get_logger()


def _is_answered(task: "asyncio.Task[list[Endpoint]]") -> bool:
    return task.done() and not task.cancelled() and task.exception() is None


class Discovery:
    """Expands one target. Remembers what the last lookup gave, for when DNS itself is down.

    A lookup that is not over in time goes on, and its answer serves a later scrape: where one of two DNS questions is
    lost, the right answer comes after five seconds, every time.
    """

    def __init__(self, target: str, lookup: Lookup) -> None:
        self.target = target
        self._lookup = lookup
        self._last: list[Endpoint] = []
        self._failing = False
        self._running: list[asyncio.Task[list[Endpoint]]] = []

    async def endpoints(self, deadline: float) -> list[Endpoint]:
        """Every endpoint to ask now; SourceError if the name does not resolve and never did.

        A lookup may take half of the time, some more where there is nothing else to ask, and a second where the last
        one failed: the servers have to be asked afterwards, at their last addresses if need be.
        """
        late = [task.result() for task in self._running if _is_answered(task)]
        self._begin()
        try:
            endpoints = await self._newest(late, self._patience(deadline))
        except LOOKUP_ERRORS as error:
            return self._fall_back(error)
        if self._failing and self._last:
            log.info("name resolved again", target=self.target)
        self._failing = False
        self._last = endpoints
        return endpoints

    async def close(self) -> None:
        await cancel_and_wait(*self._running)

    def _begin(self) -> None:
        """Look the name up, beside an older lookup that is not over."""
        running = [task for task in self._running if not task.done()]
        for old in running[:-1]:
            old.cancel()
        task = asyncio.create_task(self._expand())
        task.add_done_callback(lambda done: done.cancelled() or done.exception())
        self._running = [*running[-1:], task]

    def _patience(self, deadline: float) -> float:
        """Seconds to wait for an answer."""
        left = max(0.0, deadline - asyncio.get_running_loop().time())
        if self._failing and self._last:
            return min(SHORT, left)
        return left * (0.5 if self._last else WITHOUT_FALLBACK)

    async def _newest(self, late: list[list[Endpoint]], patience: float) -> list[Endpoint]:
        """This lookup's answer; that of one from before where this takes long, too."""
        if not late:
            return await self._answer(patience)
        try:
            return await self._answer(min(BRIEF, patience))
        except LOOKUP_ERRORS:
            return late[-1]

    async def _answer(self, seconds: float) -> list[Endpoint]:
        """The first answer; what is still looked up then goes on."""
        done, _ = await asyncio.wait(
            self._running, timeout=seconds, return_when=asyncio.FIRST_COMPLETED
        )
        if not done:
            raise TimeoutError
        self._running = [task for task in self._running if task not in done]
        return sorted(done, key=_is_answered)[-1].result()

    def _fall_back(self, error: Exception) -> list[Endpoint]:
        """A name that was never resolved is the collector's to log, as a target that failed."""
        what = (
            "was not resolved in time" if isinstance(error, TimeoutError) else "cannot be resolved"
        )
        if self._last and not self._failing:
            log.warning(f"name {what}; its previous addresses are used", target=self.target)
        self._failing = True
        if not self._last:
            raise SourceError(f"the name {what}") from error
        return self._last

    async def _expand(self) -> list[Endpoint]:
        if self.target.startswith(SRV):
            return await self._expand_services(URL(self.target.removeprefix(SRV)))
        url = URL(self.target)
        return await self._expand_host(url)

    async def _expand_services(self, url: URL) -> list[Endpoint]:
        """A host that cannot be resolved is asked by its name, so that it alone fails."""
        services = await self._lookup.services(url.host or "")
        urls = [url.with_host(host).with_port(port) for host, port in services]
        found = await asyncio.gather(*map(self._expand_host, urls), return_exceptions=True)
        endpoints = []
        for one, expanded in zip(urls, found, strict=True):
            if isinstance(expanded, LOOKUP_ERRORS):
                endpoints.append(Endpoint(one))
            elif isinstance(expanded, BaseException):
                raise expanded
            else:
                endpoints += expanded
        return endpoints

    async def _expand_host(self, url: URL) -> list[Endpoint]:
        """One endpoint per address where the name has several; the name itself where it has one."""
        host = url.host or ""
        if is_address(host):
            return [Endpoint(url)]
        every = await self._lookup.addresses(host)
        addresses = _one_family(every)
        if len(addresses) < 2:
            return [Endpoint(url, addresses=tuple(every))]
        name = f"{host}:{url.port}"
        return [Endpoint(url.with_host(address), name) for address in addresses]


def _one_family(addresses: list[str]) -> list[str]:
    """The IPv4 addresses, or the IPv6 ones if there are no others: a dual-stack server would count as two."""
    v4 = [address for address in addresses if ":" not in address]
    return v4 or addresses
