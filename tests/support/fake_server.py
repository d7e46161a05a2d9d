"""A NATS server of a few lines, which can say what no NATS server says."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

INFO: dict[str, Any] = {
    "server_id": "N",
    "server_name": "n",
    "version": "2.12.0",
    "max_payload": 1 << 20,
}
Says = Callable[["FakeServer", asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


class FakeServer:
    """Says `info` to whoever connects and answers pings, unless `says` is set."""

    def __init__(self) -> None:
        self.info: Any = INFO
        self.says: Says | None = None
        self.port = 0
        self.connections = 0
        self.writers: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def url(self) -> str:
        return f"nats://127.0.0.1:{self.port}"

    def send(self, data: bytes) -> None:
        for writer in self.writers:
            writer.write(data)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self.writers.add(writer)
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        with contextlib.suppress(OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            try:
                await (self.says or honest)(self, reader, writer)
            finally:
                self._tasks.discard(task)
                self.writers.discard(writer)
                writer.transport.abort()

    async def end(self) -> None:
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)


async def honest(
    fake: FakeServer, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> None:
    writer.write(f"INFO {json.dumps(fake.info)}\r\n".encode())
    await pongs(reader, writer)


async def pongs(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while line := await reader.readline():
        if line.startswith(b"PING"):
            writer.write(b"PONG\r\n")


async def frozen(
    _fake: FakeServer, _reader: asyncio.StreamReader, _writer: asyncio.StreamWriter
) -> None:
    """A stopped process: its kernel accepts connections, and nothing is ever said."""
    await asyncio.Event().wait()


@asynccontextmanager
async def fake_server() -> AsyncIterator[FakeServer]:
    fake = FakeServer()
    server = await asyncio.start_server(fake.serve, "127.0.0.1", 0)
    fake.port = server.sockets[0].getsockname()[1]
    try:
        yield fake
    finally:
        server.close()
        await fake.end()
        await server.wait_closed()
