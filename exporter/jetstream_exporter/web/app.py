"""The routes."""

import asyncio
from collections.abc import Iterable

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from jetstream_exporter.exposition import OPENMETRICS, TEXT
from jetstream_exporter.report import Outcome
from jetstream_exporter.scrape import Scraper
from jetstream_exporter.service import ForbiddenTargetError, Service
from jetstream_exporter.web import pages
from jetstream_exporter.web.access import Gate, basic_auth
from jetstream_exporter.web.negotiate import (
    TIMEOUT_HEADER,
    BadTimeoutError,
    scrape_timeout,
    wants_gzip,
    wants_openmetrics,
)

SEND = 30.0  # seconds that a client may take to read; a scrape in hand holds its text
AT_ONCE = 40  # answers being read, each holding its text; more scrapes are turned away, as node_exporter does
HEADERS = {
    "Server": "jetstream-exporter",  # and not which libraries there are, in which versions
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; "
    "frame-ancestors 'none'; form-action 'none'; base-uri 'none'",
    "Referrer-Policy": "no-referrer",
}


def make_app(service: Service, users: dict[str, str] | None = None) -> web.Application:
    """The application; with `users` (name: bcrypt hash) it asks for a password."""
    middlewares: list[Middleware] = [safe_headers]
    if users:
        middlewares.append(basic_auth(Gate(users)))
    app = web.Application(middlewares=middlewares, client_max_size=2**16)
    handlers = Handlers(service)
    app.add_routes(
        [
            web.get("/", handlers.landing),
            web.get("/metrics", handlers.metrics),
            web.get("/probe", handlers.probe),
            web.get("/sd", handlers.discovery),
            web.get("/debug/sources", handlers.sources),
            web.get("/-/healthy", handlers.healthy),
            web.get("/-/ready", handlers.ready),
            web.post("/-/reload", handlers.reload),
            web.put("/-/reload", handlers.reload),
        ]
    )
    return app


@web.middleware
async def safe_headers(request: web.Request, handler: Handler) -> web.StreamResponse:
    try:
        response = await handler(request)
    except web.HTTPException as error:
        error.headers.update(HEADERS)
        raise
    if not response.prepared:
        response.headers.update(HEADERS)
    return response


class Handlers:
    """One method a route."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._sending = 0

    async def metrics(self, request: web.Request) -> web.StreamResponse:
        return await self._scrape(request, self._service.scraper)

    async def probe(self, request: web.Request) -> web.StreamResponse:
        target = request.query.get("target", "")
        if not target:
            raise web.HTTPBadRequest(text="name a server: /probe?target=http://nats-0:8222\n")
        try:
            scraper = self._service.probe(target)
        except ForbiddenTargetError:
            text = "this target is not configured; allow it with probe.allow\n"
            raise web.HTTPForbidden(text=text) from None
        return await self._scrape(request, scraper)

    async def _scrape(self, request: web.Request, scraper: Scraper) -> web.StreamResponse:
        default = self._service.config.collect.timeout
        try:
            timeout = scrape_timeout(request.headers.get(TIMEOUT_HEADER), default)
        except BadTimeoutError:
            text = f"{TIMEOUT_HEADER} must be a positive number of seconds\n"
            raise web.HTTPBadRequest(text=text) from None
        if self._sending >= AT_ONCE:
            raise web.HTTPServiceUnavailable(text="too many scrapes at once; try again later\n")
        return await self._answer(request, scraper, timeout)

    async def _answer(
        self, request: web.Request, scraper: Scraper, timeout: float
    ) -> web.StreamResponse:
        openmetrics = wants_openmetrics(", ".join(request.headers.getall("Accept", [])))
        gzip = wants_gzip(", ".join(request.headers.getall("Accept-Encoding", [])))
        try:
            snapshot = await scraper.snapshot(timeout)
        except TimeoutError:
            text = "the scrape took longer than its timeout\n"
            raise web.HTTPServiceUnavailable(text=text) from None
        pieces = await scraper.render(snapshot, openmetrics=openmetrics, gzip=gzip)
        headers = {
            **HEADERS,
            "Content-Type": OPENMETRICS if openmetrics else TEXT,
            "Vary": "Accept, Accept-Encoding",
        }
        if gzip:
            headers["Content-Encoding"] = "gzip"
        self._sending += 1
        try:
            return await _send(request, headers, pieces)
        finally:
            self._sending -= 1

    async def discovery(self, _request: web.Request) -> web.Response:
        """The servers found, in the format of Prometheus' HTTP service discovery, one group each."""
        return web.json_response([_group(outcome) for outcome in self._service.outcomes])

    async def sources(self, _request: web.Request) -> web.Response:
        text = pages.sources(self._service.outcomes)
        return web.Response(text=text, content_type="text/html")

    async def landing(self, _request: web.Request) -> web.Response:
        return web.Response(text=pages.landing(), content_type="text/html")

    async def healthy(self, _request: web.Request) -> web.Response:
        return web.Response(text="ok\n")

    async def ready(self, _request: web.Request) -> web.Response:
        if self._service.tried:
            return web.Response(text="ready\n")
        return web.Response(status=503, text="no server was asked yet\n")

    async def reload(self, _request: web.Request) -> web.Response:
        error = self._service.reload()
        if error is None:
            return web.Response(text="reloaded\n")
        return web.Response(status=500, text=f"{error}\n")


async def _send(
    request: web.Request, headers: dict[str, str], pieces: Iterable[bytes]
) -> web.StreamResponse:
    """Write the pieces one by one: joining them would hold the exposition in memory twice."""
    pieces = list(pieces)
    response = web.StreamResponse(headers=headers)
    response.content_length = sum(map(len, pieces))
    try:
        async with asyncio.timeout(SEND):
            await response.prepare(request)
            if request.method != "HEAD":
                for piece in pieces:
                    await response.write(piece)
            await response.write_eof()
    except ConnectionError:
        pass  # the client went away, which is its right
    except TimeoutError:
        if request.transport is not None:
            request.transport.abort()
    return response


def _group(outcome: Outcome) -> dict[str, object]:
    labels = {"__meta_jetstream_source": outcome.source}
    if outcome.report is not None:
        labels["__meta_jetstream_server"] = outcome.report.server_name
        labels["__meta_jetstream_cluster"] = outcome.report.group or outcome.report.cluster
    return {"targets": [outcome.target], "labels": labels}
