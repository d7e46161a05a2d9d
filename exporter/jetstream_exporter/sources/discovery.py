"""Expands a configured target to the places to ask, on every scrape: a headless Service resolves to every server."""

import asyncio
import contextlib
import ipaddress
import socket
import threading
from collections.abc import Callable
from typing import Protocol

import aiodns
import structlog
from pycares import SRVRecordData
from yarl import URL

from jetstream_exporter.sources.http import Place, SourceError

SRV = "srv+"
SHORT = 1.0  # seconds for a name that could not be resolved before
LOOKUP_ERRORS = (OSError, TimeoutError, aiodns.error.DNSError, UnicodeError)
log = structlog.get_logger()


class Lookup(Protocol):
    async def addresses(self, host: str) -> list[str]: ...
    async def services(self, name: str) -> list[tuple[str, int]]: ...


class SystemLookup:
    """The machine's resolver for addresses (hosts file and search domains included), DNS for SRV records.

    That resolver cannot be interrupted and may hang for half a minute. So it runs in a thread of its
    own, not in one of those that scrapes need, and never twice at once for a name.
    """

    def __init__(self) -> None:
        self._pending: dict[str, asyncio.Future[list[str]]] = {}

    async def addresses(self, host: str) -> list[str]:
        pending = self._pending.get(host)
        if pending is None:
            pending = self._pending[host] = _in_thread(_addresses, host)
            pending.add_done_callback(lambda _: self._pending.pop(host, None))
        return await asyncio.shield(pending)

    async def services(self, name: str) -> list[tuple[str, int]]:
        resolver = aiodns.DNSResolver()
        try:
            answer = await resolver.query_dns(name, "SRV")
        finally:
            await resolver.close()
        records = [entry.data for entry in answer.answer if isinstance(entry.data, SRVRecordData)]
        return sorted((record.target.rstrip("."), record.port) for record in records)


def _addresses(host: str) -> list[str]:
    found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    return sorted({str(entry[4][0]) for entry in found})


def _in_thread(work: Callable[[str], list[str]], host: str) -> "asyncio.Future[list[str]]":
    """Run it in a daemon thread, which the process does not wait for when it exits."""
    loop = asyncio.get_running_loop()
    future: asyncio.Future[list[str]] = loop.create_future()
    future.add_done_callback(lambda done: done.cancelled() or done.exception())

    def settle(value: list[str] | None, error: OSError | UnicodeError | None) -> None:
        if future.done():
            return
        if error is not None:
            future.set_exception(error)
        else:
            future.set_result(value or [])

    def run() -> None:
        value, error = None, None
        try:
            value = work(host)
        except (OSError, UnicodeError) as raised:
            error = raised
        with contextlib.suppress(RuntimeError):  # the loop has ended meanwhile
            loop.call_soon_threadsafe(settle, value, error)

    threading.Thread(target=run, name=f"lookup {host}", daemon=True).start()
    return future


class Discovery:
    """Expands one target. Remembers what the last lookup gave, for when DNS itself is down."""

    def __init__(self, target: str, lookup: Lookup) -> None:
        self.target = target
        self._lookup = lookup
        self._last: list[Place] = []
        self._failing = False

    async def places(self, deadline: float) -> list[Place]:
        """Every place to ask now; SourceError if the name does not resolve and never did.

        A lookup may take half of the time, and a second where the last one failed: the servers have
        to be asked afterwards, at their last addresses if need be.
        """
        now = asyncio.get_running_loop().time()
        soon = now + min(SHORT, deadline - now) if self._failing else (now + deadline) / 2
        try:
            async with asyncio.timeout_at(soon):
                places = await self._expand()
        except LOOKUP_ERRORS as error:
            return self._fall_back(error)
        if self._failing and self._last:
            log.info("name resolved again", target=self.target)
        self._failing = False
        self._last = places
        return places

    def _fall_back(self, error: Exception) -> list[Place]:
        """A name that never said anything is the collector's to log, as a target that failed."""
        if self._last and not self._failing:
            log.warning("name cannot be resolved; its last addresses are asked", target=self.target)
        self._failing = True
        if not self._last:
            raise SourceError("the name cannot be resolved") from error
        return self._last

    async def _expand(self) -> list[Place]:
        if self.target.startswith(SRV):
            return await self._expand_services(URL(self.target.removeprefix(SRV)))
        url = URL(self.target)
        return await self._expand_host(url)

    async def _expand_services(self, url: URL) -> list[Place]:
        """A host that cannot be resolved is asked by its name, so that it alone fails."""
        services = await self._lookup.services(url.host or "")
        urls = [url.with_host(host).with_port(port) for host, port in services]
        found = await asyncio.gather(*map(self._expand_host, urls), return_exceptions=True)
        places = []
        for one, expanded in zip(urls, found, strict=True):
            if isinstance(expanded, LOOKUP_ERRORS):
                places.append(Place(one))
            elif isinstance(expanded, BaseException):
                raise expanded
            else:
                places += expanded
        return places

    async def _expand_host(self, url: URL) -> list[Place]:
        """One place per address where the name has several; the name itself where it has one."""
        host = url.host or ""
        if is_address(host):
            return [Place(url)]
        every = await self._lookup.addresses(host)
        addresses = _one_family(every)
        if len(addresses) < 2:
            return [Place(url, addresses=tuple(every))]
        name = f"{host}:{url.port}"
        return [Place(url.with_host(address), name) for address in addresses]


def is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _one_family(addresses: list[str]) -> list[str]:
    """The IPv4 addresses, or the IPv6 ones if there are no others: a dual-stack server would count as two."""
    v4 = [address for address in addresses if ":" not in address]
    return v4 or addresses
