"""`/metrics` and `/probe`: from a request's headers to its text, within the time that the headers give."""

import asyncio
from collections.abc import Callable
from contextvars import ContextVar

from aiohttp import web

from jetstream_exporter.app import App, ForbiddenTargetError
from jetstream_exporter.exposition import OPENMETRICS, TEXT
from jetstream_exporter.scrape import Content, Form, Scraper
from jetstream_exporter.web.negotiate import (
    TIMEOUT_HEADER,
    BadTimeoutError,
    scrape_timeout,
    wants_gzip,
    wants_openmetrics,
    whole,
)
from jetstream_exporter.web.parameters import refuse_slices, wanted_names, wanted_slice
from jetstream_exporter.web.sending import Senders

# When the request in hand arrived, by the running loop's clock: a login takes of its time too.
ARRIVED: ContextVar[float] = ContextVar("arrived")


class Scrapes:
    def __init__(self, app: App, headers: dict[str, str]) -> None:
        self._app = app
        self._headers = headers
        self._senders = Senders()

    async def metrics(self, request: web.Request) -> web.StreamResponse:
        """Without the configurations where a path of their own has them."""
        content = Content.EVERYTHING
        if self._app.config.families.config_path:
            content = Content.OTHERS
        return await self._scrape(request, lambda: self._app.scraper, content)

    async def configuration(self, request: web.Request) -> web.StreamResponse:
        return await self._scrape(request, lambda: self._app.scraper, Content.CONFIGURATION)

    async def probe(self, request: web.Request) -> web.StreamResponse:
        targets = [target for target in request.query.getall("target", []) if target]
        if len(targets) != 1:
            raise web.HTTPBadRequest(
                text="set the parameter target: /probe?target=http://nats-0:8222\n"
            )

        def scraper() -> Scraper:
            try:
                return self._app.probe(targets[0])
            except ForbiddenTargetError:
                text = "this target is not configured; allow it with probe.allow\n"
                raise web.HTTPForbidden(text=text) from None

        scraper()  # nobody waits for what is forbidden
        return await self._scrape(request, scraper, Content.EVERYTHING)

    async def _scrape(
        self, request: web.Request, current: Callable[[], Scraper], content: Content
    ) -> web.StreamResponse:
        """`current` gives the scraper of this moment: a reload may exchange it while the request waits."""
        refuse_slices(request, self._app.config.shard)
        default = self._app.config.collect.timeout
        try:
            timeout = scrape_timeout(request.headers.get(TIMEOUT_HEADER), default)
        except BadTimeoutError:
            text = f"{TIMEOUT_HEADER} must be a positive number of seconds\n"
            raise web.HTTPBadRequest(text=text) from None
        deadline = ARRIVED.get() + timeout
        if not await self._senders.room(deadline):
            raise web.HTTPServiceUnavailable(text="too many scrapes at once; try again later\n")
        return await self._answer(request, current, _form(request, content), deadline)

    async def _answer(
        self, request: web.Request, current: Callable[[], Scraper], form: Form, deadline: float
    ) -> web.StreamResponse:
        try:
            async with asyncio.timeout_at(deadline):
                scraper = current()
                answer = await scraper.answer(deadline - asyncio.get_running_loop().time())
                pieces = await scraper.render(answer, form)
                number = answer.number
                del answer  # with its rows, which a client that reads slowly would keep
        except TimeoutError:
            text = "the scrape took longer than its timeout\n"
            raise web.HTTPServiceUnavailable(text=text) from None
        headers = {
            **self._headers,
            "Content-Type": OPENMETRICS if form.openmetrics else TEXT,
            "Vary": "Accept, Accept-Encoding",
        }
        if form.gzip:
            headers["Content-Encoding"] = "gzip"
        return await self._senders.send(request, headers, pieces, number)


def _form(request: web.Request, content: Content) -> Form:
    return Form(
        openmetrics=wants_openmetrics(whole(request.headers, "Accept")),
        gzip=wants_gzip(whole(request.headers, "Accept-Encoding")),
        names=wanted_names(request),
        part=wanted_slice(request),
        content=content,
    )
