"""What a hostile NATS server can say: a whole stream of bytes, from the first line on, into the client."""

import asyncio
import contextlib
import ssl
from typing import Any
from urllib.parse import ParseResult

from nats.aio.client import Srv
from nats.aio.msg import Msg
from nats.aio.transport import Transport

from jetstream_exporter.sources.nats.client import LINE, SecureClient, end
from jetstream_exporter.sources.nats.errors import error_text

READ = 2**15  # bytes that the library reads at once
PATIENCE = 5.0  # seconds in which a connection that is over has to say so


class Wire(Transport):
    """A connection on which the server has said everything already."""

    def __init__(self, said: bytes) -> None:
        self._reader = asyncio.StreamReader(READ)
        self._reader.feed_data(said)
        self._reader.feed_eof()
        self.asked = (
            asyncio.Event()
        )  # the client has asked what it asks; before that it hears the first lines only

    async def connect(self, uri: ParseResult, buffer_size: int, connect_timeout: int) -> None:
        return

    async def connect_tls(
        self,
        uri: str | ParseResult,
        ssl_context: ssl.SSLContext,
        buffer_size: int,
        connect_timeout: int,
    ) -> None:
        return

    def write(self, payload: bytes) -> None:
        return

    def writelines(self, payload: list[bytes]) -> None:
        return

    async def read(self, buffer_size: int) -> bytes:
        await self.asked.wait()
        return await self._reader.read(buffer_size)

    async def readline(self) -> bytes:
        return await self._reader.readline()

    async def drain(self) -> None:
        return

    async def wait_closed(self) -> None:
        return

    def close(self) -> None:
        return

    def at_eof(self) -> bool:
        return self.asked.is_set() and self._reader.at_eof()

    def __bool__(self) -> bool:
        return True


class Hearing(SecureClient):
    """The client on such a connection."""

    def __init__(self, said: bytes) -> None:
        super().__init__(secure=False, max_bytes=LINE)
        self.wire = Wire(said)

    async def _connect_to_server(self, server: Srv) -> None:
        self._transport = self.wire


def protocol(data: bytes) -> None:
    """One stream of bytes. The connection ends, says so, and leaves nothing behind."""
    asyncio.run(_hear(data))


async def _hear(data: bytes) -> None:
    client = Hearing(data)
    heard: list[Any] = []

    async def hear(message: Msg) -> None:
        heard.append((message.subject, message.headers, message.data))

    async def note(error: Exception) -> None:
        assert error_text(error)

    try:
        await client.connect(
            servers=["nats://n:4222"],
            error_cb=note,
            allow_reconnect=False,
            max_reconnect_attempts=1,
            connect_timeout=1,
        )
    except Exception as error:  # as `Connection` does
        error_text(error)
    else:
        await client.subscribe("s", cb=hear)
        asking = asyncio.create_task(client.request("q", b"", timeout=PATIENCE))
        await asyncio.sleep(0)
        client.wire.asked.set()
        async with asyncio.timeout(PATIENCE):
            await client.ended.wait()
        assert not client.works
        assert len(client._ps.buf) <= LINE + READ
        asking.cancel()
        with contextlib.suppress(asyncio.CancelledError, Exception):
            await asking
    await end(client)
    await _quiet()


async def _quiet() -> None:
    """All that the client began is over."""
    async with asyncio.timeout(PATIENCE):
        while len(asyncio.all_tasks()) > 1:  # noqa: ASYNC110  # no event tells
            await asyncio.sleep(0)
