"""Our own HTTP side on a free port, over fake servers."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from aiohttp.test_utils import TestClient, TestServer
from aiohttp.web import Application, Request
from tests.support.lookups import FakeLookup

from jetstream_exporter.service import Service
from jetstream_exporter.web.app import make_app

Client = TestClient[Request, Application]


class Web:
    """A service, the pages over it, and a client that asks them."""

    def __init__(self, service: Service, client: Client, lookup: FakeLookup) -> None:
        self.service = service
        self.client = client
        self.lookup = lookup

    async def text(
        self, path: str, status: int = 200, headers: dict[str, str] | None = None
    ) -> str:
        async with self.client.get(path, headers=headers) as response:
            text = await response.text()
            assert response.status == status, text
            return text


@asynccontextmanager
async def web(
    targets: Sequence[str] = (), file: Path | None = None, users: dict[str, str] | None = None
) -> AsyncIterator[Web]:
    lookup = FakeLookup()
    service = Service(str(file) if file else "", targets, lookup)
    client: Client = TestClient(TestServer(make_app(service, users)))
    await client.start_server()
    try:
        yield Web(service, client, lookup)
    finally:
        await client.close()
        await service.close()
