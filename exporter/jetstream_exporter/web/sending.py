"""Sends scrapes' texts. Clients that do not read give way to those that do."""

import asyncio
import socket
from collections.abc import Hashable, Mapping, Sequence
from math import inf
from sys import byteorder
from typing import Protocol

from aiohttp import web

from jetstream_exporter.scrape.budget import SEND, SEND_ALL

AT_ONCE = 40  # answers being read
TEXTS = 4  # different texts among them, from which on who stands still gives way: each holds a large one
MOST_TEXTS = 8  # from here on the slowest does
STALLED = 1.0  # seconds without reading, after which a client gives way; slow ones read in leaps of up to half a second
ACKED = slice(120, 128)  # where Linux has tcpi_bytes_acked in its tcp_info
PIECE = 2**18  # bytes written at once; what a client does not read waits in memory


class Writable(Protocol):
    """A piece of a text: how long it is, and what `bytes` writes."""

    def __len__(self) -> int: ...

    def __bytes__(self) -> bytes: ...


class Sender:
    """One answer on its way to its client."""

    def __init__(self, request: web.Request, text: Hashable) -> None:
        self.text = text
        self.moved = self._started = asyncio.get_running_loop().time()
        self.written = 0  # bytes given to the transport
        self._request = request
        self._before = self._accepted = self._bytes_accepted()

    def look(self) -> None:
        """Note in `moved` that the client has read something since the last look, or all that there was."""
        accepted = self._bytes_accepted()
        has_all = accepted - self._before >= self.written
        if accepted > self._accepted or has_all:
            self._accepted, self.moved = accepted, asyncio.get_running_loop().time()

    def rate(self) -> float:
        """Bytes a second that the client reads; infinite before that can be told."""
        age = asyncio.get_running_loop().time() - self._started
        return inf if age < STALLED else (self._accepted - self._before) / age

    def _bytes_accepted(self) -> int:
        """How many bytes of its connection the client's system has accepted, in all.

        In the buffers on this side alone a slow client stands still. Systems besides Linux tell no more than those.
        """
        transport = self._request.transport
        if transport is None or transport.is_closing():
            return 0
        try:
            info = transport.get_extra_info("socket").getsockopt(
                socket.IPPROTO_TCP, socket.TCP_INFO, ACKED.stop
            )
        except (AttributeError, OSError):
            return self.written - transport.get_write_buffer_size()
        return int.from_bytes(info[ACKED], byteorder)

    def stop(self) -> None:
        if self._request.transport is not None:
            self._request.transport.abort()


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
        while len(self._senders) >= AT_ONCE or self._texts() >= TEXTS:
            sender = self._who_gives_way()
            if sender is None:
                return len(self._senders) < AT_ONCE and self._texts() < MOST_TEXTS
            self._senders.remove(sender)
            sender.stop()
        return True

    def _who_gives_way(self) -> Sender | None:
        """Who stands still, or of too many texts the slowest; None where all read well, or came just now."""
        for sender in self._senders:
            sender.look()
        before = asyncio.get_running_loop().time() - STALLED
        stalled = min(self._senders, key=lambda each: each.moved, default=None)
        if stalled is not None and stalled.moved <= before:
            return stalled
        if self._texts() < MOST_TEXTS:
            return None
        slowest = min(self._senders, key=Sender.rate)
        return None if slowest.rate() == inf else slowest

    def _texts(self) -> int:
        return len({each.text for each in self._senders})

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
                sender.look()
        await response.write_eof()
