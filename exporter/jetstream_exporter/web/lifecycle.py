"""`/-/reload`, for who started the exporter with `--web.enable-lifecycle`; never for another site's page."""

from aiohttp import web
from yarl import URL

from jetstream_exporter.app import App

OFF = "the lifecycle API is not enabled; start the exporter with --web.enable-lifecycle\n"
CROSS_SITE = (
    "this request comes from a page of another site, which may not reload the configuration\n"
)


class Lifecycle:
    def __init__(self, app: App, *, enabled: bool) -> None:
        self._app = app
        self._enabled = enabled

    async def reload(self, request: web.Request) -> web.Response:
        if not self._enabled:
            raise web.HTTPForbidden(text=OFF)
        if is_cross_site(request):
            raise web.HTTPForbidden(text=CROSS_SITE)
        error = await self._app.reload()
        if error is None:
            return web.Response(text="reloaded\n")
        return web.Response(status=500, text=f"{error}\n")


def is_cross_site(request: web.Request) -> bool:
    """Whether a browser says that a page of another origin made this request. Programs send neither header."""
    if request.headers.get("Sec-Fetch-Site", "none") not in ("none", "same-origin"):
        return True
    origin = request.headers.get("Origin")
    if origin is None:
        return False
    try:
        url = URL(origin)
        same = url.scheme in ("http", "https") and url.authority == request.host.lower()
    except ValueError:
        same = False
    return not same
