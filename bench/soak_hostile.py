"""A neighbour in the place of a server: a monitoring port and a NATS port that say something odd, each time another."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

HOLD = 20.0  # seconds that a connection is kept on which nothing is said
DEEP = b'{"a":' * 20_000
HUGE = b'{"server_id":"N","connections":' + b"9" * 400 + b"}"
INFO = b'INFO {"server_id":"N","server_name":"odd","version":"2.12.0","max_payload":1048576}\r\n'


def _http(body: bytes, *headers: bytes) -> bytes:
    length = b"Content-Length: %d" % len(body)
    return b"\r\n".join([b"HTTP/1.1 200 OK", *(headers or (length,)), b"", body])


MONITORING = (
    _http(DEEP),
    _http(HUGE),
    _http(b"\xff" * 100),
    _http(json.dumps({"server_id": "N", "server_name": "x" * 5000}).encode()),
    _http(b"{}", b"Content-Length: 99999999999"),
    _http(b"zz\r\n", b"Transfer-Encoding: chunked"),
    b"HTTP/1.1 302 Found\r\nLocation: http://169.254.169.254/\r\nContent-Length: 0\r\n\r\n",
    b"\x00" * 1000,
    b"",
)
NATS = (
    b"INFO null\r\n",
    b'INFO {"max_payload":"x"}\r\n',
    INFO + b"PONG\r\n-ERR 'Authorization Violation'\r\n",
    INFO + b"PONG\r\n" + b"MSG " * 1000 + b"\r\n",
    INFO + b"x" * 2**21,
    INFO + b"PONG\r\nMSG s 1 999999999999\r\n",
    INFO + b"PONG\r\n",
    b"HTTP/1.1 400 Bad Request\r\n\r\n",
    b"",
)


@asynccontextmanager
async def hostile() -> AsyncIterator[tuple[str, str]]:
    """The URLs of the monitoring port and of the NATS port."""
    async with _saying(MONITORING, asks_first=True) as http, _saying(NATS) as nats:
        yield f"http://127.0.0.1:{http}", f"nats://127.0.0.1:{nats}"


@asynccontextmanager
async def _saying(what: Sequence[bytes], *, asks_first: bool = False) -> AsyncIterator[int]:
    """A port on which each connection hears the next of these; every third one is held, the others are closed."""
    turns = itertools.count()

    async def say(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        turn = next(turns)
        with contextlib.suppress(OSError, TimeoutError, asyncio.CancelledError):
            if asks_first:
                await asyncio.wait_for(reader.read(2**16), HOLD)
            writer.write(what[turn % len(what)])
            if turn % 3 == 0:
                await asyncio.wait_for(_drained(reader), HOLD)
        writer.close()

    server = await asyncio.start_server(say, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()


async def _drained(reader: asyncio.StreamReader) -> None:
    while await reader.read(2**16):
        pass
