"""Our own HTTP side on a free port, over fake servers."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from aiohttp.test_utils import TestClient, TestServer
from aiohttp.web import Application, Request
from tests.support.lookups import FakeLookup

from jetstream_exporter.app import App
from jetstream_exporter.web.config import WebConfig
from jetstream_exporter.web.connections import Connections, Runner
from jetstream_exporter.web.serve import make_runner

Client = TestClient[Request, Application]


class Server(TestServer):
    """Serves as the exporter does, with its bounds and headers on every connection."""

    def __init__(self, runner: Runner) -> None:
        super().__init__(runner.app)
        self._runner = runner

    async def _make_runner(self, **_kwargs: Any) -> Runner:
        return self._runner


class Web:
    """A service, the pages over it, and a client that asks them."""

    def __init__(
        self, service: App, client: Client, lookup: FakeLookup, connections: Connections
    ) -> None:
        self.service = service
        self.client = client
        self.lookup = lookup
        self.connections = connections

    async def text(
        self, path: str, status: int = 200, headers: dict[str, str] | None = None
    ) -> str:
        async with self.client.get(path, headers=headers) as response:
            text = await response.text()
            assert response.status == status, text
            return text


@asynccontextmanager
async def web(
    targets: Sequence[str] = (),
    file: Path | None = None,
    users: dict[str, str] | None = None,
    *,
    lifecycle: bool = False,
    config: WebConfig | None = None,
) -> AsyncIterator[Web]:
    lookup = FakeLookup()
    service = App(str(file) if file else "", targets, lookup)
    config = config or WebConfig(basic_auth_users=users or {})
    runner = make_runner(service, config, lifecycle=lifecycle)
    client: Client = TestClient(Server(runner))
    await client.start_server()
    try:
        yield Web(service, client, lookup, runner.connections)
    finally:
        await client.close()
        await service.close()
