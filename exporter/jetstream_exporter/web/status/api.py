"""`/api/v1/status`: the status as JSON, made once for all who ask for one collection, with conditional requests."""

import asyncio
import hashlib

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
from jetstream_exporter.exposition.text import GZIP_FORMAT, compress
from jetstream_exporter.runtime.threads import run_in_thread
from jetstream_exporter.status.document import SCHEMA, encoded
from jetstream_exporter.status.view import View
from jetstream_exporter.web.negotiate import wants_gzip, whole
from jetstream_exporter.web.sending import Senders
from jetstream_exporter.web.status.look import Look

BUSY = 5.0  # seconds that a request waits for room among those that are being sent
EMPTY = {"schema": SCHEMA, "error": "there is no collection to show"}


class StatusApi:
    """Clients that do not read give way, as those of `/metrics` do."""

    def __init__(self, look: Look, headers: dict[str, str]) -> None:
        self._look = look
        self._headers = headers
        self._senders = Senders()
        self._encoding = asyncio.Lock()
        self._encoded: tuple[str, list[bytes]] | None = None  # its tag, and the compressed text

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
        pieces = await self._of(view, tag)
        headers[CONTENT_TYPE] = "application/json; charset=utf-8"
        is_packed = wants_gzip(whole(request.headers, ACCEPT_ENCODING))
        if is_packed:
            headers[CONTENT_ENCODING] = "gzip"
        else:
            pieces = await run_in_thread(unpacked, pieces)
        return await self._senders.send(request, headers, pieces, (tag, is_packed))

    async def _of(self, view: View, tag: str) -> list[bytes]:
        """The compressed text: a twentieth of the size, so that it can be kept until there is another view."""
        async with self._encoding:
            if self._encoded is None or self._encoded[0] != tag:
                self._encoded = tag, await run_in_thread(packed, view)
            return self._encoded[1]


def packed(view: View) -> list[bytes]:
    return list(compress([encoded(view)]))


def unpacked(pieces: list[bytes]) -> list[bytes]:
    reader = isal_zlib.decompressobj(wbits=GZIP_FORMAT)
    return [reader.decompress(piece) for piece in pieces]


def tag_of(view: View) -> str:
    """The same for the same collection of the same process, compressed or not: it is a weak one."""
    text = f"{__version__} {SCHEMA} {view.time!r} {view.memory.started!r}"
    return f'W/"{hashlib.sha256(text.encode()).hexdigest()[:24]}"'


def matches(header: str, tag: str) -> bool:
    """Whether a client has it already (RFC 9110, 13.1.2: weak comparison)."""
    wanted = [each.strip().removeprefix("W/") for each in header.split(",")]
    return "*" in wanted or tag.removeprefix("W/") in wanted
