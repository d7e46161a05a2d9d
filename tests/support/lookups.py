"""A resolver under a test's control."""

import asyncio
import socket


class FakeLookup:
    """Knows what it is told. A name that it does not know fails as getaddrinfo fails."""

    def __init__(self) -> None:
        self.hosts: dict[str, list[str]] = {}
        self.records: dict[str, list[tuple[str, int]]] = {}
        self.hanging = False
        self.asked: list[str] = []

    async def addresses(self, host: str) -> list[str]:
        self.asked.append(host)
        await self._hang()
        if host not in self.hosts:
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return self.hosts[host]

    async def services(self, name: str) -> list[tuple[str, int]]:
        self.asked.append(name)
        await self._hang()
        if name not in self.records:
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return self.records[name]

    async def _hang(self) -> None:
        if self.hanging:
            await asyncio.Event().wait()
