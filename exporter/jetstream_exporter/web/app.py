"""The routes."""

import asyncio
import time
from collections.abc import Iterator

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from jetstream_exporter.app import App, can_be_probed
from jetstream_exporter.report import Outcome
from jetstream_exporter.web.auth import OPEN, BasicAuth, basic_auth
from jetstream_exporter.web.counting import counting
from jetstream_exporter.web.headers import HEADERS
from jetstream_exporter.web.lifecycle import Lifecycle
from jetstream_exporter.web.parameters import check_parameters, refuse_slices, wanted_slices
from jetstream_exporter.web.rate import rate_limit
from jetstream_exporter.web.scrapes import ARRIVED, Scrapes
from jetstream_exporter.web.status import sources
from jetstream_exporter.web.status.api import StatusApi
from jetstream_exporter.web.status.look import Look
from jetstream_exporter.web.status.pages import StatusPages


def make_app(
    app: App,
    users: dict[str, str] | None = None,
    *,
    lifecycle: bool = False,
    headers: dict[str, str] | None = None,
    rate: tuple[float, int] | None = None,
) -> web.Application:
    """The application; with `users` (name: bcrypt hash) it asks for a password.

    `lifecycle` allows `/-/reload`, `headers` replace our own, `rate` is an interval in seconds and a burst.
    """
    middlewares: list[Middleware] = [
        counting(app.requests),
        safe_headers(HEADERS | (headers or {})),
        health_first,
    ]
    if rate and rate[0]:
        middlewares.append(rate_limit(*rate))
    if users:
        middlewares.append(basic_auth(BasicAuth(users)))
    middlewares.append(known_parameters)
    application = web.Application(middlewares=middlewares, client_max_size=2**16)
    look = Look(app)
    application.on_cleanup.append(look.close)
    handlers, scrapes = Handlers(app), Scrapes(app, HEADERS | (headers or {}))
    reload = Lifecycle(app, enabled=lifecycle).reload
    application.add_routes(
        [
            *StatusPages(app, look).routes(),
            web.get("/api/v1/status", StatusApi(look, HEADERS | (headers or {})).status),
            web.get("/metrics", scrapes.metrics),
            web.get("/metrics/config", scrapes.configuration),
            web.get("/probe", scrapes.probe),
            web.get("/sd", handlers.discovery),
            web.get("/debug/sources", handlers.sources),
            web.get("/-/healthy", handlers.healthy),
            web.get("/-/ready", handlers.ready),
            web.post("/-/reload", reload),
            web.put("/-/reload", reload),
        ]
    )
    return application


def safe_headers(headers: dict[str, str]) -> Middleware:
    @web.middleware
    async def add(request: web.Request, handler: Handler) -> web.StreamResponse:
        ARRIVED.set(asyncio.get_running_loop().time())
        try:
            response = await handler(request)
        except web.HTTPException as error:
            error.headers.update(headers)
            raise
        if not response.prepared:
            response.headers.update(headers)
        return response

    return add


@web.middleware
async def health_first(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Where there are too many connections, the last few are for health checks."""
    if getattr(request.protocol, "for_health_only", False) and request.path not in OPEN:
        return web.Response(status=503, text="too many connections; try again later\n")
    return await handler(request)


@web.middleware
async def known_parameters(request: web.Request, handler: Handler) -> web.StreamResponse:
    if request.match_info.http_exception is None:
        check_parameters(request)
    return await handler(request)


class Handlers:
    """One method a route."""

    def __init__(self, app: App) -> None:
        self._app = app

    async def discovery(self, request: web.Request) -> web.Response:
        """The servers that can be probed, in the format of Prometheus' HTTP service discovery, one group each.

        With `shards`, the slices of a path instead, which the job names.
        """
        refuse_slices(request, self._app.config.shard)
        total = wanted_slices(request)
        if total is not None:
            return web.json_response(list(_slices(request.host, total)))
        return web.json_response(
            [_group(each) for each in self._app.outcomes if can_be_probed(each)]
        )

    async def sources(self, _request: web.Request) -> web.Response:
        app = self._app
        latest = await app.look()
        text = sources.page(app.outcomes, app.conflicts, latest, time.time())
        return web.Response(text=text, content_type="text/html")

    async def healthy(self, _request: web.Request) -> web.Response:
        return web.Response(text="ok\n")

    async def ready(self, _request: web.Request) -> web.Response:
        if self._app.attempted:
            return web.Response(text="ready\n")
        return web.Response(status=503, text="no collection has been attempted yet\n")


def _slices(host: str, total: int) -> Iterator[dict[str, object]]:
    """One target a slice. Each has an instance of its own, since Prometheus' own series (`up`) have no other label."""
    for index in range(total):
        part = f"{index}/{total}"
        labels = {"__param_shard": part, "instance": f"{host}?shard={part}"}
        yield {"targets": [host], "labels": labels}


def _group(outcome: Outcome) -> dict[str, object]:
    labels = {"__meta_jetstream_source": outcome.source}
    if outcome.server is not None:
        labels["__meta_jetstream_server"] = outcome.server.server_name
        labels["__meta_jetstream_cluster"] = outcome.server.cluster_name or outcome.server.cluster
    return {"targets": [outcome.target], "labels": labels}
