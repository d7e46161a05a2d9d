"""Sends scrapes' texts. Clients that do not read give way to those that do."""

import asyncio
from collections.abc import Hashable, Mapping, Sequence
from typing import Protocol

from aiohttp import web

from jetstream_exporter.scrape.budget import SEND, SEND_ALL

AT_ONCE = 40  # answers being read
TEXTS = 4  # different texts among them; a large one is held by whoever reads it
STALLED = 0.2  # seconds without reading anything, after which a client gives way
PIECE = 2**18  # bytes written at once; what a client does not read waits in memory


class Writable(Protocol):
    """A piece of a text: how long it is, and what `bytes` writes."""

    def __len__(self) -> int: ...

    def __bytes__(self) -> bytes: ...


class Sender:
    """One answer on its way to its client."""

    def __init__(self, request: web.Request, text: Hashable) -> None:
        self.text = text
        self.moved = asyncio.get_running_loop().time()
        self._request = request

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
        while len(self._senders) >= AT_ONCE or len({each.text for each in self._senders}) >= TEXTS:
            if not self._senders:
                return False
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
        loop = asyncio.get_running_loop()
        await response.prepare(request)
        for piece in pieces if request.method != "HEAD" else ():
            view = memoryview(bytes(piece))
            for start in range(0, len(view), PIECE):
                async with asyncio.timeout(SEND):
                    await response.write(view[start : start + PIECE])
                sender.moved = loop.time()
        await response.write_eof()
