"""From a configured target to the places to ask, anew on every scrape: a headless Service names every server."""

import asyncio
import ipaddress
import socket
from typing import Protocol

import aiodns
import structlog
from pycares import SRVRecordData
from yarl import URL

from jetstream_exporter.sources.http import Place, SourceError

SRV = "srv+"
log = structlog.get_logger()


class Lookup(Protocol):
    async def addresses(self, host: str) -> list[str]: ...
    async def services(self, name: str) -> list[tuple[str, int]]: ...


class SystemLookup:
    """The machine's resolver for addresses (hosts file and search domains included), DNS for SRV records."""

    async def addresses(self, host: str) -> list[str]:
        loop = asyncio.get_running_loop()
        found = await loop.getaddrinfo(host, None, type=socket.SOCK_STREAM)
        return sorted({str(entry[4][0]) for entry in found})

    async def services(self, name: str) -> list[tuple[str, int]]:
        resolver = aiodns.DNSResolver()
        try:
            answer = await resolver.query_dns(name, "SRV")
        finally:
            await resolver.close()
        records = [entry.data for entry in answer.answer if isinstance(entry.data, SRVRecordData)]
        return sorted((record.target.rstrip("."), record.port) for record in records)


class Discovery:
    """Expands one target. Remembers what the last lookup gave, for when DNS itself is down."""

    def __init__(self, target: str, lookup: Lookup) -> None:
        self.target = target
        self._lookup = lookup
        self._last: list[Place] = []
        self._failing = False

    async def places(self, deadline: float) -> list[Place]:
        """Every place to ask now; SourceError if the name says nothing and never did."""
        try:
            async with asyncio.timeout_at(deadline):
                places = await self._expand()
        except (OSError, TimeoutError, aiodns.error.DNSError, UnicodeError) as error:
            return self._fall_back(error)
        if self._failing:
            log.info("name resolved again", target=self.target)
        self._failing = False
        self._last = places
        return places

    def _fall_back(self, error: Exception) -> list[Place]:
        if not self._last:
            raise SourceError("the name cannot be resolved") from error
        if not self._failing:
            log.warning("name cannot be resolved; its last addresses are asked", target=self.target)
        self._failing = True
        return self._last

    async def _expand(self) -> list[Place]:
        if self.target.startswith(SRV):
            return await self._expand_services(URL(self.target.removeprefix(SRV)))
        url = URL(self.target)
        return await self._expand_host(url)

    async def _expand_services(self, url: URL) -> list[Place]:
        services = await self._lookup.services(url.host or "")
        places = []
        for host, port in services:
            places += await self._expand_host(url.with_host(host).with_port(port))
        return places

    async def _expand_host(self, url: URL) -> list[Place]:
        """One place an address where a name has several; the name itself where it has one."""
        host = url.host or ""
        if is_address(host):
            return [Place(url)]
        addresses = _one_family(await self._lookup.addresses(host))
        if len(addresses) < 2:
            return [Place(url)]
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
