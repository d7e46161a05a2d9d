"""`/api/v1/status`: the status as JSON, with conditional requests."""

import asyncio
import hashlib

import msgspec
from aiohttp import web
from aiohttp.hdrs import ETAG, IF_NONE_MATCH, RETRY_AFTER

from jetstream_exporter import __version__
from jetstream_exporter.runtime.threads import run_in_thread
from jetstream_exporter.status.document import SCHEMA, document
from jetstream_exporter.status.view import View
from jetstream_exporter.web.sending import Senders
from jetstream_exporter.web.status.look import Look

BUSY = 5.0  # seconds that a request waits for room among those that are being sent
EMPTY = {"schema": SCHEMA, "error": "no collection has ended yet"}


class StatusApi:
    """Clients that do not read give way, as those of `/metrics` do."""

    def __init__(self, look: Look, headers: dict[str, str]) -> None:
        self._look = look
        self._headers = headers
        self._senders = Senders()

    async def status(self, request: web.Request) -> web.StreamResponse:
        view = await self._look.view()
        if view is None:
            return web.json_response(EMPTY, status=503, headers={RETRY_AFTER: "5"})
        # To be asked for again each time, with If-None-Match.
        headers = {**self._headers, ETAG: tag_of(view), "Cache-Control": "no-cache"}
        if matches(request.headers.get(IF_NONE_MATCH, ""), headers[ETAG]):
            return web.Response(status=304, headers=headers)
        deadline = asyncio.get_running_loop().time() + BUSY
        if not await self._senders.room(deadline):
            raise web.HTTPServiceUnavailable(text="too many requests at once; try again later\n")
        body = await run_in_thread(encoded, view)
        headers["Content-Type"] = "application/json; charset=utf-8"
        return await self._senders.send(request, headers, [body], headers[ETAG])


def encoded(view: View) -> bytes:
    return msgspec.json.encode(document(view)) + b"\n"


def tag_of(view: View) -> str:
    """The same for the same collection of the same process."""
    text = f"{__version__} {SCHEMA} {view.time!r} {view.memory.started!r}"
    return f'"{hashlib.sha256(text.encode()).hexdigest()[:24]}"'


def matches(header: str, tag: str) -> bool:
    """Whether a client has it already (RFC 9110, 13.1.2: weak comparison)."""
    wanted = [each.strip().removeprefix("W/") for each in header.split(",")]
    return "*" in wanted or tag in wanted
