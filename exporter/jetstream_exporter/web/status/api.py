"""`/api/v1/status`: the status as JSON, made once for all who ask for one collection, with conditional requests."""

import asyncio
import hashlib
from collections.abc import Callable, Iterator, Sequence
from functools import partial

from aiohttp import web
from aiohttp.hdrs import (
    ACCEPT_ENCODING,
    CACHE_CONTROL,
    CONTENT_ENCODING,
    CONTENT_TYPE,
    ETAG,
    IF_NONE_MATCH,
    RETRY_AFTER,
    VARY,
)
from isal import isal_zlib

from jetstream_exporter import __version__
from jetstream_exporter.exposition.text import GZIP_FORMAT
from jetstream_exporter.runtime.threads import run_in_thread
from jetstream_exporter.status.document import SCHEMA, encoded
from jetstream_exporter.status.view import View
from jetstream_exporter.web.negotiate import wants_gzip, whole
from jetstream_exporter.web.sending import PIECE, Senders, Writable
from jetstream_exporter.web.status.look import Look

BUSY = 5.0  # seconds that a request waits for room among those that are being sent
EMPTY = {"schema": SCHEMA, "error": "there is no collection to show"}


class Packed:
    """The compressed text of a view."""

    def __init__(self, view: View) -> None:
        self.pieces = list(_packed(encoded(view)))
        reader = isal_zlib.decompressobj(wbits=GZIP_FORMAT)
        self._sizes = [len(reader.decompress(piece)) for piece in self.pieces]

    def unpacked(self) -> "Sequence[Unpacked]":
        """The text in pieces that are written one after another: each of many clients holds no more than one."""
        reader = isal_zlib.decompressobj(wbits=GZIP_FORMAT)
        pairs = zip(self.pieces, self._sizes, strict=True)
        return [Unpacked(partial(reader.decompress, piece), size) for piece, size in pairs]


def _packed(text: bytes) -> Iterator[bytes]:
    """The compressed text in pieces of which each is read without the next one."""
    compressor = isal_zlib.compressobj(level=1, wbits=GZIP_FORMAT)
    for start in range(0, len(text), PIECE):
        piece = compressor.compress(text[start : start + PIECE])
        yield piece + compressor.flush(isal_zlib.Z_SYNC_FLUSH)
    yield compressor.flush()


class Unpacked:
    """A piece of a text that is written by `bytes`, once and after the ones before it."""

    __slots__ = ("_size", "_write")

    def __init__(self, write: Callable[[], bytes], size: int) -> None:
        self._write, self._size = write, size

    def __len__(self) -> int:
        return self._size

    def __bytes__(self) -> bytes:
        return self._write()


class StatusApi:
    """Clients that do not read give way, as those of `/metrics` do."""

    def __init__(self, look: Look, headers: dict[str, str]) -> None:
        self._look = look
        self._headers = headers
        self._senders = Senders()
        self._encoding = asyncio.Lock()
        self._encoded: tuple[str, Packed] | None = None  # its tag, and the compressed text

    async def status(self, request: web.Request) -> web.StreamResponse:
        view = await self._look.view()
        if view is None:
            return web.json_response(EMPTY, status=503, headers={RETRY_AFTER: "5"})
        # To be asked for again each time, with If-None-Match.
        tag = tag_of(view)
        headers = {**self._headers, ETAG: tag, CACHE_CONTROL: "no-cache", VARY: ACCEPT_ENCODING}
        if matches(request.headers.get(IF_NONE_MATCH, ""), tag):
            return web.Response(status=304, headers=headers)
        deadline = asyncio.get_running_loop().time() + BUSY
        if not await self._senders.room(deadline):
            raise web.HTTPServiceUnavailable(text="too many requests at once; try again later\n")
        packed = await self._of(view, tag)
        headers[CONTENT_TYPE] = "application/json; charset=utf-8"
        is_packed = wants_gzip(whole(request.headers, ACCEPT_ENCODING))
        pieces: Sequence[Writable] = packed.pieces if is_packed else packed.unpacked()
        if is_packed:
            headers[CONTENT_ENCODING] = "gzip"
        return await self._senders.send(request, headers, pieces, (tag, is_packed))

    async def _of(self, view: View, tag: str) -> Packed:
        """The compressed text: a twentieth of the size, so that it can be kept until there is another view."""
        async with self._encoding:
            if self._encoded is None or self._encoded[0] != tag:
                self._encoded = tag, await run_in_thread(Packed, view)
            return self._encoded[1]


def tag_of(view: View) -> str:
    """The same for the same collection of the same process, compressed or not: it is a weak one."""
    text = f"{__version__} {SCHEMA} {view.time!r} {view.memory.started!r}"
    return f'W/"{hashlib.sha256(text.encode()).hexdigest()[:24]}"'


def matches(header: str, tag: str) -> bool:
    """Whether a client has it already (RFC 9110, 13.1.2: weak comparison)."""
    wanted = [each.strip().removeprefix("W/") for each in header.split(",")]
    return "*" in wanted or tag.removeprefix("W/") in wanted
