"""A server that says odd things, and one that cannot be left in peace, cost the connection to it and nothing else."""

import asyncio
import gc
import json
import os
import random
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import nats.errors
import pytest
from aiohttp import WSMsgType, web
from nats.aio.msg import Msg
from nats.protocol.parser import Parser
from tests.support.fake_server import INFO, FakeServer, fake_server, pongs
from tests.support.waiting import until

from jetstream_exporter.config.nats import Nats
from jetstream_exporter.sources.errors import SourceError
from jetstream_exporter.sources.nats import client as clients
from jetstream_exporter.sources.nats import dialling
from jetstream_exporter.sources.nats.client import SecureClient
from jetstream_exporter.sources.nats.connection import Connection

DEADLINE = 10.0
FIRST = f"INFO {json.dumps(INFO)}\r\n".encode()


@pytest.fixture
async def server() -> AsyncIterator[FakeServer]:
    async with fake_server() as fake:
        yield fake


@asynccontextmanager
async def connected(url: str, max_bytes: int = clients.MESSAGE) -> AsyncIterator[Connection]:
    connection = Connection(Nats(urls=[url]), "x", max_bytes=max_bytes)
    try:
        yield connection
    finally:
        await connection.close()


async def ready(connection: Connection) -> SecureClient:
    return await connection.ready(asyncio.get_running_loop().time() + DEADLINE)


@pytest.mark.parametrize("answer", [b"+OK\r\n", FIRST + b"PONG\r\n", b"x\r\n", b"PING\r\n"])
async def test_another_answer_to_the_first_ping_than_a_pong_is_a_reason_and_heals(
    answer: bytes, server: FakeServer
) -> None:
    async def says(
        _: FakeServer, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        writer.write(FIRST)
        while line := await reader.readline():
            if line.startswith(b"PING"):
                writer.write(answer)

    server.says = says
    async with connected(server.url) as connection:
        with pytest.raises(SourceError, match="another answer to a ping than a pong"):
            await ready(connection)
        server.says = None
        connection._wanted.set()
        await until(lambda: connection.client is not None, DEADLINE)
        assert (await ready(connection)).works


async def test_addresses_that_a_server_names_are_not_kept(server: FakeServer) -> None:
    async with connected(server.url) as connection:
        client = await ready(connection)
        for i in range(20):
            urls = [f"10.{i}.{j // 200}.{j % 200}:4222" for j in range(4000)]
            server.send(f"INFO {json.dumps(INFO | {'connect_urls': urls})}\r\n".encode())
        await client.flush(timeout=DEADLINE)
        assert await ready(connection) is client
        assert len(client._server_pool) == 1


@pytest.mark.parametrize(
    "subject", [b"s.\xff", b"s.\xed\xa0\x80", b"s." + b"\xc3" * 100], ids=["byte", "half", "many"]
)
async def test_a_subject_that_is_not_text_is_a_message_like_others(
    subject: bytes, server: FakeServer
) -> None:
    async with connected(server.url) as connection:
        client, heard = await ready(connection), list[Msg]()

        async def hear(message: Msg) -> None:
            heard.append(message)

        await client.subscribe("s.>", cb=hear)
        server.send(b"MSG %s 1 2\r\n{}\r\n" % subject)
        await until(lambda: bool(heard), DEADLINE)
        assert heard[0].data == b"{}"
        assert client.works


HEADERS = [
    b"X",
    b"NATS/1.0",
    b"NATS/1.0 ",
    b"NATS/1.0 \xff\xff\xff\r\n\r\n",
    b"NATS/1.0 404 \xff\r\n\r\n",
    b"NATS/1.0\r\n\xff: \xff\r\n\r\n",
    b"\r\n\r\n\r\n",
    b"NATS/1.0 " + b"9" * 5000,
]


@pytest.mark.parametrize("headers", HEADERS)
async def test_headers_that_cannot_be_read_are_none(headers: bytes, server: FakeServer) -> None:
    async with connected(server.url) as connection:
        client, heard = await ready(connection), list[Msg]()

        async def hear(message: Msg) -> None:
            heard.append(message)

        await client.subscribe("s", cb=hear)
        server.send(b"HMSG s 1 %d %d\r\n%s{}\r\n" % (len(headers), len(headers) + 2, headers))
        await until(lambda: bool(heard), DEADLINE)
        assert heard[0].data == b"{}"
        assert client.works


async def test_a_long_line_is_searched_once_and_not_for_each_byte_of_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    searched = 0
    parse = Parser.parse

    async def counted(self: Parser, data: bytes = b"") -> None:
        nonlocal searched
        searched += 1
        await parse(self, data)

    monkeypatch.setattr(Parser, "parse", counted)
    parser = SecureClient(secure=False)._ps
    for _ in range(5000):
        await parser.parse(b"M")
    assert searched == 1
    for _ in range(clients.LINE // 2**15 - 1):
        await parser.parse(b"M" * 2**15)
    with pytest.raises(nats.errors.ProtocolError):
        await parser.parse(b"M" * 2**15)
    assert not parser.buf


Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@asynccontextmanager
async def web_server(handler: Handler) -> AsyncIterator[int]:
    app = web.Application()
    app.router.add_get("/{path:.*}", handler)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield runner.addresses[0][1]
    finally:
        await runner.cleanup()


async def test_a_frame_without_end_ends_the_connection_and_not_the_memory() -> None:
    sent = begun = 0

    async def endless(request: web.Request) -> web.StreamResponse:
        nonlocal sent, begun
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        await socket.send_bytes(FIRST)
        async for message in socket:
            if message.type == WSMsgType.BINARY and b"PING" in message.data:
                await socket.send_bytes(b"PONG\r\n")
                break
        begun += 1
        transport = request.transport
        assert transport is not None
        transport.write(b"\x82\x7f" + (2**40).to_bytes(8, "big"))  # the beginning of a frame
        while not transport.is_closing():
            transport.write(b"x" * 2**16)
            sent += 2**16
            await asyncio.sleep(0.001)
        return socket

    async with (
        web_server(endless) as port,
        connected(f"ws://127.0.0.1:{port}", 2**20) as connection,
    ):
        connection.start()
        await until(lambda: begun == 3, DEADLINE)
    assert sent < 3 * 2**24


async def test_a_web_socket_is_not_looked_for_elsewhere() -> None:
    asked: list[str] = []

    async def secret(request: web.Request) -> web.StreamResponse:
        asked.append(request.path)
        return web.Response()

    async with web_server(secret) as inside:

        async def redirect(_: web.Request) -> web.StreamResponse:
            raise web.HTTPFound(f"http://127.0.0.1:{inside}/secret")

        async with (
            web_server(redirect) as port,
            connected(f"ws://127.0.0.1:{port}") as connection,
        ):
            with pytest.raises(SourceError, match="does not serve NATS over WebSocket"):
                await ready(connection)
    assert asked == []


@pytest.mark.waits
@pytest.mark.parametrize("scheme", ["nats", "ws"])
async def test_whenever_a_connection_is_given_up_it_leaves_no_descriptor_and_no_task(
    scheme: str, server: FakeServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two hundred times, at moments of which each is another: before, within and after the handshake."""
    monkeypatch.setattr(dialling, "STAGGER", 0.002)
    rng = random.Random(1)

    async def slow(
        _: FakeServer, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        await asyncio.sleep(rng.random() * 0.01)
        writer.write(FIRST)
        if rng.random() < 0.3:
            loop = asyncio.get_running_loop()
            loop.call_later(rng.random() * 0.03, writer.transport.abort)
        await pongs(reader, writer)

    server.says = slow
    before, tasks = _descriptors(), len(asyncio.all_tasks())
    url = server.url.replace("nats", scheme)
    for i in range(200):
        connection = Connection(Nats(urls=[url, url.replace("127.0.0.1", "127.0.0.2")]), "x")
        connection.start()
        await asyncio.sleep(rng.random() * 0.05)
        closing = asyncio.create_task(connection.close())
        if i % 3 == 0:  # somebody is impatient
            await asyncio.sleep(rng.random() * 0.003)
            if connection._task is not None:
                connection._task.cancel()
        await closing

    def is_clean() -> bool:
        gc.collect()
        return _descriptors() <= before and len(asyncio.all_tasks()) <= tasks

    await until(is_clean, DEADLINE)


def _descriptors() -> int:
    return len(os.listdir("/proc/self/fd"))


async def test_pings_without_end_from_a_server_that_does_not_read_fill_nothing(
    server: FakeServer,
) -> None:
    async def floods(
        _: FakeServer, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        writer.write(FIRST)
        while line := await reader.readline():
            if line.startswith(b"PING"):
                writer.write(b"PONG\r\n")
                break
        while True:
            writer.write(b"PING\r\n" * 5000)
            await writer.drain()

    server.says = floods
    async with connected(server.url) as connection:
        connection.start()
        await until(lambda: connection.client is not None, DEADLINE)
        client = connection.client
        over = time.monotonic() + 1.0
        while time.monotonic() < over and client is not None:
            await asyncio.sleep(0.05)
            assert len(client._pending) < 500_000
