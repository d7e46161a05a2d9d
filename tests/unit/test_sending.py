"""Answers on their way to clients that read slowly, or do not read."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from tests.support.waiting import until

from jetstream_exporter.web.sending import STALLED, TEXTS, Senders

LENGTH = 8_000_000


@asynccontextmanager
async def serving(senders: Senders) -> AsyncIterator[int]:
    """The port of a server that sends each client a text of its own."""

    async def send(request: web.Request) -> web.StreamResponse:
        return await senders.send(request, {}, [b"x" * LENGTH], request.path)

    app = web.Application()
    app.router.add_get("/{number}", send)
    server = TestServer(app)
    await server.start_server()
    try:
        assert server.port is not None
        yield server.port
    finally:
        await server.close()


@asynccontextmanager
async def clients_of(port: int, number: int) -> AsyncIterator[list[asyncio.StreamReader]]:
    """So many clients, each of which has asked for a text of its own."""
    readers = []
    with contextlib.ExitStack() as writers:
        for each in range(number):
            plug = socket.socket()
            plug.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2**16)
            plug.connect(("127.0.0.1", port))
            reader, writer = await asyncio.open_connection(sock=plug, limit=2**10)
            writers.callback(writer.transport.abort)
            writers.callback(writer.close)
            writer.write(b"GET /%d HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n" % each)
            readers.append(reader)
        yield readers


async def read_slowly(reader: asyncio.StreamReader, go_on: asyncio.Event) -> int:
    """How many bytes come: 64 KiB every 50 ms until the others go on, then as fast as they can."""
    found = 0
    while piece := await reader.read(2**16):
        found += len(piece)
        if not go_on.is_set():
            await asyncio.sleep(0.05)
    return found


@pytest.mark.waits
async def test_clients_that_read_slowly_are_not_cut_off_for_another() -> None:
    """A piece takes each of them longer than a client may stand still."""
    senders, go_on = Senders(), asyncio.Event()
    async with (
        serving(senders) as port,
        clients_of(port, TEXTS + 1) as clients,
        asyncio.timeout(60),
    ):
        await until(lambda: len(senders) == len(clients), 20)
        reading = [asyncio.create_task(read_slowly(reader, go_on)) for reader in clients]
        loop = asyncio.get_running_loop()
        end = loop.time() + 3 * STALLED
        while loop.time() < end:
            assert await senders.room(loop.time())
            await asyncio.sleep(STALLED / 4)
        go_on.set()
        assert all(found > LENGTH for found in await asyncio.gather(*reading))


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
