"""The routes of the pages: parameters in, HTML out."""

import time
from collections.abc import Callable, Collection
from importlib.resources import files

from aiohttp import web

from jetstream_exporter.app import App
from jetstream_exporter.runtime.threads import run_in_thread
from jetstream_exporter.snapshot.rows import Shard
from jetstream_exporter.status import lists, states
from jetstream_exporter.status.facts import Object
from jetstream_exporter.status.lists import BY_STATE, Query
from jetstream_exporter.web.parameters import single
from jetstream_exporter.web.status import lists as list_pages
from jetstream_exporter.web.status import objects, overview, runbooks
from jetstream_exporter.web.status.frame import IDENTITY, Shown, document
from jetstream_exporter.web.status.html import Html, el, join, link
from jetstream_exporter.web.status.look import Look

STATIC = {"status.css": "text/css", "status.js": "text/javascript"}
EMPTY = "There is no collection to show. The servers may not answer in time, or the exporter has just started."
KEPT = {"Cache-Control": "no-store"}
PAGES_MOST = 1_000_000


class StatusPages:
    def __init__(self, app: App, look: Look) -> None:
        self._app = app
        self._look = look
        folder = files("jetstream_exporter.web.status") / "static"
        self._static = {name: (folder / name).read_text("utf-8") for name in STATIC}

    def routes(self) -> list[web.RouteDef]:
        objects_ = [web.get(f"/{kind}", self.object) for kind in IDENTITY]
        return [
            web.get("/", self.overview),
            web.get("/streams", self.streams),
            web.get("/consumers", self.consumers),
            *objects_,
            web.get("/runbooks", self.runbooks),
            web.get("/runbooks/{name}", self.runbook),
            web.get("/static/{name}", self.static),
        ]

    async def overview(self, _request: web.Request) -> web.Response:
        return await self._page(overview.page)

    async def streams(self, request: web.Request) -> web.Response:
        query = query_of(request, lists.STREAM_SORTS, states.GROUP)
        return await self._page(lambda shown: list_pages.streams_page(shown, query))

    async def consumers(self, request: web.Request) -> web.Response:
        query = query_of(request, lists.CONSUMER_SORTS, states.CONSUMER)
        return await self._page(lambda shown: list_pages.consumers_page(shown, query))

    async def object(self, request: web.Request) -> web.Response:
        kind = request.path.strip("/")
        key = Object(kind, tuple(single(request, name) for name in IDENTITY[kind]))
        if not key.name:
            example = "&".join(f"{name}=NAME" for name in IDENTITY[kind])
            raise web.HTTPBadRequest(text=f"name the {kind}: {request.path}?{example}\n")
        return await self._page(lambda shown: objects.page(key, shown), missing=key)

    async def runbooks(self, _request: web.Request) -> web.Response:
        return html(runbooks.index())

    async def runbook(self, request: web.Request) -> web.Response:
        """Also with the ending .md, as links to the files of the repository have it."""
        name = request.match_info["name"].removesuffix(".md")
        given = {key: single(request, key) for key in runbooks.VARIABLES}
        text = runbooks.page(name, given)
        if text is None:
            body = el("p", "There is no such runbook. ", link("/runbooks", "All runbooks"))
            return html(document("Not found", body), 404)
        return html(text)

    async def static(self, request: web.Request) -> web.Response:
        name = request.match_info["name"]
        if name not in STATIC:
            raise web.HTTPNotFound(text="404: Not Found")
        headers = {"Cache-Control": "max-age=300"}
        return web.Response(text=self._static[name], content_type=STATIC[name], headers=headers)

    async def _page(
        self, make: Callable[[Shown], str | None], missing: Object | None = None
    ) -> web.Response:
        view = await self._look.view()
        if view is None:
            body = join((el("p", EMPTY), el("p", link("/debug/sources", "What each source says"))))
            return html(document("JetStream status", body), 503)
        shown = Shown(view, time.time(), self._app.config.status.dashboard_url.rstrip("/"))
        text = await run_in_thread(make, shown)
        if text is not None:
            return html(text)
        return html(document("Not found", not_found(missing, view.snapshot.shard), shown), 404)


def not_found(key: Object | None, shard: Shard | None) -> Html:
    what = "It" if key is None else f"The {key.kind} {key.name!r}"
    why = "It may have been deleted, the exporter's filters may leave it out, or its server may be down."
    if key is not None and key.kind in ("server", "cluster"):
        why = f"{overview.in_first_shard(shard)} {why}".lstrip()
    elif shard is not None:
        why = f"This exporter is shard {shard.index}/{shard.total}, and another shard may report it. {why}"
    return join(
        (el("p", f"{what} is not reported by any server now. {why}"), el("p", link("/", "Status")))
    )


def html(text: str, status: int = 200) -> web.Response:
    return web.Response(text=text, content_type="text/html", status=status, headers=KEPT)


def query_of(request: web.Request, sorts: Collection[str], order: Collection[str]) -> Query:
    """400 for a state, an order or a page that does not exist."""
    sort, state = single(request, "sort") or BY_STATE, single(request, "state")
    if not lists.is_sort(sort, sorts):
        known = ", ".join((BY_STATE, *sorts))
        raise web.HTTPBadRequest(text=f"parameter sort: must be one of {known}, or -NAME\n")
    if state and state not in order:
        raise web.HTTPBadRequest(text=f"parameter state: must be one of {', '.join(order)}\n")
    number = single(request, "page") or "1"
    if not (number.isascii() and number.isdigit() and 1 <= int(number) <= PAGES_MOST):
        raise web.HTTPBadRequest(text="parameter page: must be a number from 1 on\n")
    return Query(single(request, "q"), state, sort, int(number))
