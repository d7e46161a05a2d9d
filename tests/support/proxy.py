"""A TCP proxy that lets a link break in the ways that links do."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

PIECE = 2**16


class Proxy:
    """Stands before a server. `partition` keeps connections open and lets nothing through, as a lost route does."""

    def __init__(self, address: str) -> None:
        self.aim(address)
        self._open = asyncio.Event()
        self._open.set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._writers: set[asyncio.StreamWriter] = set()
        self.address = ""
        self.delay = 0.0  # seconds before each piece
        self.rate = 0.0  # bytes a second; 0 is no limit

    def aim(self, address: str) -> None:
        """Stand before this address from now on."""
        host, _, port = address.rpartition("://")[2].rpartition(":")
        self._host, self._port = host, int(port)

    def partition(self) -> None:
        self._open.clear()

    def heal(self) -> None:
        self._open.set()

    def cut(self) -> None:
        """Break every connection at once."""
        for writer in self._writers:
            writer.transport.abort()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        self._writers.add(writer)
        await self._open.wait()
        try:
            far_reader, far_writer = await asyncio.open_connection(self._host, self._port)
        except OSError:
            self._writers.discard(writer)
            writer.transport.abort()
            return
        self._writers.add(far_writer)
        for source, sink in ((reader, far_writer), (far_reader, writer)):
            task = asyncio.create_task(self._pass(source, sink))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _pass(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while piece := await source.read(PIECE):
                wait = self.delay + (len(piece) / self.rate if self.rate else 0)
                if wait:
                    await asyncio.sleep(wait)
                await self._open.wait()
                sink.write(piece)
                await sink.drain()
        self._writers.discard(sink)
        sink.close()

    async def close(self) -> None:
        self.cut()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)


@asynccontextmanager
async def proxy(address: str) -> AsyncIterator[Proxy]:
    made = Proxy(address)
    server = await asyncio.start_server(made.serve, "127.0.0.1", 0)
    made.address = f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield made
    finally:
        await made.close()
        server.close()
