"""Sends scrapes' texts. Clients that do not read give way to those that do."""

import asyncio
from collections.abc import Hashable, Mapping, Sequence
from fcntl import ioctl
from sys import byteorder
from termios import TIOCOUTQ
from typing import Protocol

from aiohttp import web

from jetstream_exporter.scrape.budget import SEND, SEND_ALL

AT_ONCE = 40  # answers being read
TEXTS = 4  # different texts among them; a large one is held by whoever reads it
STALLED = 1.0  # seconds without reading, after which a client gives way; slow ones read in leaps of up to half a second
PIECE = 2**18  # bytes written at once; what a client does not read waits in memory


class Writable(Protocol):
    """A piece of a text: how long it is, and what `bytes` writes."""

    def __len__(self) -> int: ...

    def __bytes__(self) -> bytes: ...


class Sender:
    """One answer on its way to its client."""

    def __init__(self, request: web.Request, text: Hashable) -> None:
        self.text = text
        self.moved = asyncio.get_running_loop().time()  # when the client was last seen to read
        self.written = 0  # bytes given to the transport
        self._sent = 0
        self._request = request

    def look(self) -> None:
        """Note whether the client has read anything since the last look."""
        transport = self._request.transport
        if transport is None:
            return  # it is gone
        sent = self.written - transport.get_write_buffer_size() - _held_by_system(transport)
        if sent > self._sent:
            self._sent, self.moved = sent, asyncio.get_running_loop().time()

    def stop(self) -> None:
        if self._request.transport is not None:
            self._request.transport.abort()


def _held_by_system(transport: asyncio.BaseTransport) -> int:
    """How many bytes the client's system has not accepted. In asyncio's buffer alone a slow client stands still."""
    try:
        return int.from_bytes(
            ioctl(transport.get_extra_info("socket"), TIOCOUTQ, bytes(4)), byteorder
        )
    except (OSError, TypeError, ValueError):
        return 0  # it is closed, or the system cannot tell


class Senders:
    """The answers on their way."""

    def __init__(self) -> None:
        self._senders: list[Sender] = []

    def __len__(self) -> int:
        return len(self._senders)

    async def room(self, deadline: float) -> bool:
        """Wait for room until the deadline, a time of the running loop; clients that do not read give way."""
        loop = asyncio.get_running_loop()
        while not self._make_room():
            if loop.time() >= deadline:
                return False
            await asyncio.sleep(0.05)
        return True

    def _make_room(self) -> bool:
        while len(self._senders) >= AT_ONCE or len({each.text for each in self._senders}) >= TEXTS:
            if not self._senders:
                return False
            for sender in self._senders:
                sender.look()
            slowest = min(self._senders, key=lambda each: each.moved)
            if asyncio.get_running_loop().time() - slowest.moved < STALLED:
                return len(self._senders) < AT_ONCE
            self._senders.remove(slowest)
            slowest.stop()
        return True

    async def send(
        self,
        request: web.Request,
        headers: Mapping[str, str],
        pieces: Sequence[Writable],
        text: Hashable,
    ) -> web.StreamResponse:
        """Write the pieces one by one; `text` is the same for pieces that hold the same."""
        response = web.StreamResponse(headers=headers)
        response.content_length = sum(map(len, pieces))
        sender = Sender(request, text)
        self._senders.append(sender)
        try:
            async with asyncio.timeout(SEND_ALL):
                await self._send(request, response, pieces, sender)
        except ConnectionError:
            pass  # the client went away, which is its right
        except TimeoutError:
            sender.stop()
        finally:
            if sender in self._senders:
                self._senders.remove(sender)
        return response

    async def _send(
        self,
        request: web.Request,
        response: web.StreamResponse,
        pieces: Sequence[Writable],
        sender: Sender,
    ) -> None:
        await response.prepare(request)
        for piece in pieces if request.method != "HEAD" else ():
            view = memoryview(bytes(piece))
            for start in range(0, len(view), PIECE):
                part = view[start : start + PIECE]
                sender.written += len(part)
                async with asyncio.timeout(SEND):
                    await response.write(part)
        await response.write_eof()
