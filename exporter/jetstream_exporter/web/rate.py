"""`rate_limit` of the web configuration: a bucket that gets one token an interval, and holds `burst` of them."""

import asyncio

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from jetstream_exporter.web.auth import OPEN


def rate_limit(interval: float, burst: int) -> Middleware:
    tokens = float(burst)
    filled: float | None = None

    @web.middleware
    async def limit(request: web.Request, handler: Handler) -> web.StreamResponse:
        nonlocal tokens, filled
        if request.path in OPEN:
            return await handler(request)
        now = asyncio.get_running_loop().time()
        tokens = min(float(burst), tokens + (now - (filled or now)) / interval)
        filled = now
        if tokens < 1:
            text = "more requests than rate_limit allows; try again later\n"
            return web.Response(status=429, text=text, headers={"Retry-After": "1"})
        tokens -= 1
        return await handler(request)

    return limit
