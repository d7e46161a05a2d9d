"""Answers on their way to clients that read slowly, or do not read."""

import asyncio
import contextlib
import socket
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
import trustme
from aiohttp import web
from aiohttp.test_utils import TestServer
from tests.support.tls import client_context, server_context
from tests.support.waiting import until

from jetstream_exporter.web import sending
from jetstream_exporter.web.sending import MOST_TEXTS, TEXTS, Senders

LENGTH = 8_000_000
PATIENCE = 3.0  # seconds for which a busy machine keeps none of our clients from reading


@pytest.fixture(autouse=True)
def patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """A piece takes our clients longer than one may stand still."""
    monkeypatch.setattr(sending, "STALLED", PATIENCE)
    monkeypatch.setattr(sending, "PIECE", 2**20)


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@asynccontextmanager
async def serving(senders: Senders, context: ssl.SSLContext | None = None) -> AsyncIterator[int]:
    """The port of a server that sends each client a text of its own."""

    async def send(request: web.Request) -> web.StreamResponse:
        return await senders.send(request, {}, [b"x" * LENGTH], request.path)

    app = web.Application()
    app.router.add_get("/{number}", send)
    server = TestServer(app)
    await server.start_server(ssl=context)
    try:
        assert server.port is not None
        yield server.port
    finally:
        await server.close()


@asynccontextmanager
async def clients_of(
    port: int, number: int, context: ssl.SSLContext | None = None
) -> AsyncIterator[list[asyncio.StreamReader]]:
    """So many clients, each of which has asked for a text of its own."""
    readers = []
    with contextlib.ExitStack() as writers:
        for each in range(number):
            plug = socket.socket()
            plug.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2**16)
            plug.connect(("127.0.0.1", port))
            reader, writer = await asyncio.open_connection(
                sock=plug,
                limit=2**10,
                ssl=context,
                server_hostname="127.0.0.1" if context else None,
            )
            writers.callback(writer.transport.abort)
            writers.callback(writer.close)
            writer.write(b"GET /%d HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n" % each)
            readers.append(reader)
        yield readers


async def read_slowly(reader: asyncio.StreamReader, go_on: asyncio.Event) -> int:
    """How many bytes come: 200 KiB a second until the others go on, then as fast as they can."""
    found = 0
    with contextlib.suppress(ConnectionError):
        while piece := await reader.read(2**13):
            found += len(piece)
            if not go_on.is_set():
                await asyncio.sleep(0.04 * len(piece) / 2**13)
    return found


@pytest.mark.waits
@pytest.mark.parametrize("is_secret", [False, True], ids=["plain", "TLS"])
async def test_clients_that_read_slowly_are_not_cut_off_for_another(
    is_secret: bool, authority: trustme.CA
) -> None:
    senders, go_on = Senders(), asyncio.Event()
    ours = server_context(authority, "127.0.0.1") if is_secret else None
    theirs = client_context(authority) if is_secret else None
    async with (
        asyncio.timeout(60),
        serving(senders, ours) as port,
        clients_of(port, TEXTS + 1, theirs) as clients,
    ):
        await until(lambda: len(senders) == len(clients), 20)
        reading = [asyncio.create_task(read_slowly(reader, go_on)) for reader in clients]
        await make_room(senders, 3 * PATIENCE)
        go_on.set()
        assert all(found > LENGTH for found in await asyncio.gather(*reading))


async def make_room(senders: Senders, seconds: float) -> None:
    """As others do who want to be answered, again and again."""
    loop = asyncio.get_running_loop()
    end = loop.time() + seconds
    while loop.time() < end:
        assert await senders.room(loop.time() + 2 * PATIENCE)
        await asyncio.sleep(PATIENCE / 10)


@pytest.mark.waits
async def test_there_are_never_more_than_some_different_texts_in_memory() -> None:
    """Each is large, and clients that read slowly keep it as long as they like."""
    senders, go_on = Senders(), asyncio.Event()
    async with (
        asyncio.timeout(60),
        serving(senders) as port,
        clients_of(port, 2 * MOST_TEXTS) as clients,
    ):
        await until(lambda: len(senders) == len(clients), 20)
        reading = [asyncio.create_task(read_slowly(reader, go_on)) for reader in clients]
        await make_room(senders, 2 * PATIENCE)
        assert TEXTS <= len(senders) < MOST_TEXTS
        go_on.set()
        assert sum(found > LENGTH for found in await asyncio.gather(*reading)) < MOST_TEXTS


async def test_a_client_that_stands_still_gives_way_and_those_that_read_do_not() -> None:
    senders, go_on = Senders(), asyncio.Event()
    async with serving(senders) as port, clients_of(port, TEXTS) as clients, asyncio.timeout(60):
        await until(lambda: len(senders) == len(clients), 20)
        clients[0]._transport.pause_reading()  # type: ignore[attr-defined]
        reading = [asyncio.create_task(read_slowly(reader, go_on)) for reader in clients[1:]]

        def has_given_way() -> bool:
            senders._make_room()
            return len(senders) < TEXTS

        await until(has_given_way, 20)
        go_on.set()
        assert all(found > LENGTH for found in await asyncio.gather(*reading))
