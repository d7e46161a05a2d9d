"""Local servers that answer like a NATS monitoring port, or misbehave in one chosen way."""

import asyncio
import contextlib
import json
import ssl
import zlib
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any

Way = Callable[["FakeNats", str, asyncio.StreamWriter], Awaitable[None]]
TLS_HELLO = b"\x16"
CREATED = "2026-01-01T00:00:00Z"


class FakeNats:
    """One server. `ways` says by path how it answers; a path without a way is answered truthfully."""

    def __init__(self, name: str = "nats-0") -> None:
        self.name = name
        self.port = 0
        self.host = "127.0.0.1"
        self.scheme = "http"
        self.ways: dict[str, Way] = {}
        self.questions: list[str] = []
        self.headers: list[dict[str, str]] = []
        self.streams = ["ORDERS"]
        self.connections = 0
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def url(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{host}:{self.port}"

    @property
    def identity(self) -> str:
        return f"ID-{self.name}"

    def asked(self, path: str) -> int:
        return sum(question.split("?")[0] == path for question in self.questions)

    def always(self, way: Way) -> None:
        """Answer every question this way."""
        self.ways = dict.fromkeys(("/varz", "/healthz", "/jsz"), way)

    def heal(self) -> None:
        self.ways = {}

    def truth(self, path: str) -> dict[str, Any]:
        match path:
            case "/varz":
                return {
                    "server_id": self.identity,
                    "server_name": self.name,
                    "version": "2.12.8",
                    "start": CREATED,
                    "connections": 7,
                }
            case "/healthz":
                return {"status": "ok"}
            case _:
                return self._jsz()

    def _jsz(self) -> dict[str, Any]:
        streams = [
            {
                "name": name,
                "created": CREATED,
                "state": {"messages": 5, "last_seq": 5},
                "config": {"name": name, "num_replicas": 1},
                "consumer_detail": [],
            }
            for name in self.streams
        ]
        account = {"name": "$G", "id": "$G", "stream_detail": streams}
        return {
            "server_id": self.identity,
            "now": CREATED,
            "streams": len(streams),
            "account_details": [account],
        }

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        # An ended fake's own cancellation counts as a connection that closed.
        with contextlib.suppress(
            ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError
        ):
            try:
                while True:
                    await self._answer(reader, writer)
            finally:
                self._tasks.discard(task)
                writer.close()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        first = await reader.readexactly(1)
        if first == TLS_HELLO:
            await raw(b"HTTP/1.0 400 Bad Request\r\n\r\n")(self, "", writer)
        head = (first + await reader.readuntil(b"\r\n\r\n")).decode()
        line, *rest = head.strip().split("\r\n")
        question = line.split(" ")[1]
        self.questions.append(question)
        self.headers.append({k.lower(): v.strip() for k, _, v in (h.partition(":") for h in rest)})
        path = question.split("?")[0]
        await self.ways.get(path, truthful)(self, path, writer)
        await writer.drain()

    async def end(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)


@asynccontextmanager
async def fake_nats(
    name: str = "nats-0", host: str = "127.0.0.1", tls: ssl.SSLContext | None = None, port: int = 0
) -> AsyncIterator[FakeNats]:
    fake = FakeNats(name)
    server = await asyncio.start_server(fake.serve, host, port, ssl=tls)
    fake.host = host
    fake.port = server.sockets[0].getsockname()[1]
    fake.scheme = "https" if tls else "http"
    try:
        yield fake
    finally:
        server.close()
        await fake.end()
        await server.wait_closed()


def response(
    body: bytes, status: str = "200 OK", headers: Mapping[str, str] | None = None
) -> bytes:
    more = {"Content-Type": "application/json", "Content-Length": str(len(body)), **(headers or {})}
    lines = "".join(f"{key}: {value}\r\n" for key, value in more.items() if value)
    return f"HTTP/1.1 {status}\r\n{lines}\r\n".encode() + body


def says(body: bytes, status: str = "200 OK", headers: Mapping[str, str] | None = None) -> Way:
    """Answer with this body."""

    async def way(_fake: FakeNats, _path: str, writer: asyncio.StreamWriter) -> None:
        writer.write(response(body, status, headers))

    return way


def raw(answer: bytes) -> Way:
    """Answer with these bytes, HTTP or not, and close."""

    async def way(_fake: FakeNats, _path: str, writer: asyncio.StreamWriter) -> None:
        writer.write(answer)
        await writer.drain()
        writer.close()
        raise ConnectionResetError

    return way


async def truthful(fake: FakeNats, path: str, writer: asyncio.StreamWriter) -> None:
    writer.write(response(json.dumps(fake.truth(path)).encode()))


async def silent(_fake: FakeNats, _path: str, _writer: asyncio.StreamWriter) -> None:
    await asyncio.Event().wait()


def after(event: asyncio.Event) -> Way:
    """Answer truthfully, but not before the event."""

    async def way(fake: FakeNats, path: str, writer: asyncio.StreamWriter) -> None:
        await event.wait()
        await truthful(fake, path, writer)

    return way


async def slow_headers(_fake: FakeNats, _path: str, writer: asyncio.StreamWriter) -> None:
    for byte in b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n" * 1000:
        writer.write(bytes([byte]))
        await writer.drain()
        await asyncio.sleep(0.05)


async def dripping(fake: FakeNats, path: str, writer: asyncio.StreamWriter) -> None:
    body = json.dumps(fake.truth(path)).encode()
    writer.write(response(b"", headers={"Content-Length": str(len(body))}))
    for byte in body:
        writer.write(bytes([byte]))
        await writer.drain()
        await asyncio.sleep(0.1)


async def cut_with_length(fake: FakeNats, path: str, writer: asyncio.StreamWriter) -> None:
    whole = response(json.dumps(fake.truth(path)).encode())
    await raw(whole[:-10])(fake, path, writer)


async def cut_chunked(fake: FakeNats, path: str, writer: asyncio.StreamWriter) -> None:
    body = json.dumps(fake.truth(path)).encode()[:-10]
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    await raw(head + f"{len(body):x}\r\n".encode() + body + b"\r\n")(fake, path, writer)


async def whole_http_cut_json(fake: FakeNats, path: str, writer: asyncio.StreamWriter) -> None:
    writer.write(response(json.dumps(fake.truth(path)).encode()[:-10]))


async def reset(_fake: FakeNats, _path: str, writer: asyncio.StreamWriter) -> None:
    """Break the connection in the middle of an answer, as a killed process does."""
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{")
    await writer.drain()
    writer.transport.abort()
    raise ConnectionResetError


async def endless(_fake: FakeNats, _path: str, writer: asyncio.StreamWriter) -> None:
    """A body that says no length and does not end."""
    writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    while True:
        writer.write(b"10000\r\n" + b" " * 0x10000 + b"\r\n")
        await writer.drain()


def _bomb() -> bytes:
    """64 MiB of spaces in 64 KiB of gzip."""
    squeezer = zlib.compressobj(1, wbits=31)
    return b"".join(squeezer.compress(b" " * 2**20) for _ in range(64)) + squeezer.flush()


gzip_bomb = says(_bomb(), headers={"Content-Encoding": "gzip"})
