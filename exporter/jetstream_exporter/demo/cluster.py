"""A cluster of real nats-servers on loopback, for the demo and for tests.

async with Cluster(size=3) as cluster:
    nc = await nats.connect(cluster.urls)
    await cluster[1].kill()
    await cluster[1].start()
"""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Self

import nats
import nats.errors
from nats.js.api import StreamConfig
from nats.js.errors import APIError

from .child import DemoError, until
from .routes import are_settled
from .server import (
    START_DEADLINE,
    Ports,
    Server,
    cluster_settings,
    find_binary,
    render,
    settings_of,
)

SYSTEM_ACCOUNT = "SYS"
SYSTEM_USER = "sys"
PORT_TAKEN = "address already in use"
# Seconds. An election takes up to 9, and servers tell each other every 10 what they can hold.
FIRST_READY = 15.0
ATTEMPTS = 3
GIB = 1 << 30


def account(*users: str, jetstream: bool = True, **more: Any) -> dict[str, Any]:
    """An account's block; each user's password is its name. `more`: exports, imports, limits."""
    block: dict[str, Any] = {"users": [{"user": user, "password": user} for user in users]}
    return {**block, **({"jetstream": "enabled"} if jetstream else {}), **more}


class Cluster:
    """Servers `<prefix>-0` and on; a single one runs alone, without a cluster block.

    Clients without a user are users of the first account. The system account is SYS, its user
    `sys` with the password `sys`. Every server's name, ports and store stay over restarts.
    """

    def __init__(
        self,
        size: int = 3,
        *,
        binary: str | Path | None = None,
        name: str = "demo",
        prefix: str = "nats",
        accounts: Mapping[str, Mapping[str, Any]] | None = None,
        domain: str | None = None,
        max_file_store: int = 4 * GIB,
        max_memory_store: int = GIB // 4,
        tags: Sequence[Sequence[str]] = (),
        extra: str = "",
        folder: Path | None = None,
        deadline: float = START_DEADLINE,
    ) -> None:
        """`tags` holds one list for each server; `extra` is text of the server's own language."""
        self.name = name
        self.size = size
        self.servers: list[Server] = []
        self.accounts = dict(accounts or {"APP": account("app")})
        self._binary = binary
        self._prefix = prefix
        self._jetstream: dict[str, Any] = {
            "max_file_store": max_file_store,
            "max_memory_store": max_memory_store,
            **({"domain": domain} if domain else {}),
        }
        self._tags = tags
        self._extra = extra
        self._folder = folder
        self._deadline = deadline
        self._temporary: tempfile.TemporaryDirectory[str] | None = None

    @property
    def urls(self) -> list[str]:
        return [server.url for server in self.servers]

    @property
    def monitor_urls(self) -> list[str]:
        return [server.monitor_url for server in self.servers]

    def urls_for(self, user: str, password: str | None = None) -> list[str]:
        return [server.url_for(user, password) for server in self.servers]

    def __iter__(self) -> Iterator[Server]:
        return iter(self.servers)

    def __getitem__(self, which: int | str) -> Server:
        """A server by its number or by its name."""
        if isinstance(which, int):
            return self.servers[which]
        return next(server for server in self.servers if server.name == which)

    async def __aenter__(self) -> Self:
        try:
            await self._start()
        except BaseException:
            self.close()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Kill all servers. Their stores are deleted with the folder, so they need no orderly stop."""
        for server in self.servers:
            server.kill_now()
            server.ports.release()
        self.servers = []
        if self._temporary is not None:
            self._temporary.cleanup()
            self._temporary = None

    async def until_ready(self, deadline: float | None = None) -> None:
        """Until all running servers are healthy, their routes stay, and a stream can be placed on all of them.

        Right after the start every server may say 200 while the meta leader does not know yet
        what its peers can hold, and answers `no suitable peers`.
        """
        wait = deadline or self._deadline
        running = [server for server in self.servers if server.alive]
        await asyncio.gather(*(server.until_answering("/healthz", wait) for server in running))
        await self._until_settled(running, wait)
        await self._until_placing(len(running), wait)

    async def _start(self) -> None:
        binary = find_binary(self._binary)
        for attempt in range(ATTEMPTS):
            self._prepare(binary)
            try:
                await asyncio.gather(*(server.start(False, self._deadline) for server in self))
                break
            except DemoError:
                # Only where a port cannot be kept (not Linux) may another program have taken it.
                taken = any(PORT_TAKEN in server.tail() for server in self)
                if not taken or attempt == ATTEMPTS - 1:
                    raise
                self.close()
        await self._until_first_ready()

    async def _until_first_ready(self) -> None:
        """Wait; servers that live and are not ready in time are restarted, one after another.

        Of servers that start in the same instant some never find a meta leader, and 2.10's never
        learn what their peers can hold: about one start in a hundred.
        """
        for _ in range(ATTEMPTS):
            try:
                return await self.until_ready(min(FIRST_READY, self._deadline))
            except DemoError:
                if not all(server.alive for server in self):
                    raise
            for server in self:
                await server.stop()
                await server.start(False, self._deadline)
        await self.until_ready()
        return None

    def _prepare(self, binary: Path) -> None:
        folder = self._folder
        if folder is None:
            self._temporary = tempfile.TemporaryDirectory(prefix="jetstream-demo-")
            folder = Path(self._temporary.name)
        names = [f"{self._prefix}-{number}" for number in range(self.size)]
        self.servers = [Server(name, binary, folder / name, Ports.free()) for name in names]
        for number, server in enumerate(self.servers):
            server.config.write_text(self._configuration(number, server))

    def _configuration(self, number: int, server: Server) -> str:
        settings = settings_of(server, self._jetstream) | self._account_settings()
        if self.size > 1:
            settings |= cluster_settings(server, self.name, self.servers)
        if self._tags:
            settings["server_tags"] = list(self._tags[number])
        return render(settings, self._extra)

    def _account_settings(self) -> dict[str, Any]:
        system = {SYSTEM_ACCOUNT: account(SYSTEM_USER, jetstream=False)}
        first = next((users[0]["user"] for users in self._users()), None)
        return {
            "accounts": system | self.accounts,
            "system_account": SYSTEM_ACCOUNT,
            **({"no_auth_user": first} if first else {}),
        }

    def _users(self, jetstream: bool = False) -> Iterator[Sequence[Mapping[str, str]]]:
        for block in self.accounts.values():
            if block.get("users") and ("jetstream" in block or not jetstream):
                yield block["users"]

    async def _until_settled(self, running: Sequence[Server], deadline: float) -> None:
        try:
            await until("the end of dialling", lambda: are_settled(running), deadline)
        except TimeoutError as error:
            raise DemoError(f"the routes between servers do not settle: {error}") from error

    async def _until_placing(self, replicas: int, deadline: float) -> None:
        users = next(self._users(jetstream=True), None)
        if users is None:
            return
        user = users[0]
        alive = [server for server in self.servers if server.alive]
        nc = await nats.connect(
            [server.url_for(user["user"], user["password"]) for server in alive],
            connect_timeout=5,
        )
        probe = StreamConfig(name="placement-probe", subjects=["placement.probe"])
        probe.num_replicas = min(replicas, 5)  # what a stream can have at most
        refused: list[str] = []

        async def is_placed() -> bool:
            js = nc.jetstream(timeout=2)
            try:
                await js.add_stream(probe)
                return await js.delete_stream("placement-probe")
            except (APIError, nats.errors.Error, TimeoutError) as error:
                refused.append(str(error))
                return False

        try:
            await until("the placement of a stream", is_placed, deadline)
        except TimeoutError as error:
            raise DemoError(f"{error}; the servers say: {refused[-1]}") from error
        finally:
            await nc.close()
