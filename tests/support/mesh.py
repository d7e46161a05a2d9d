"""An HTTP proxy before a real monitoring port that damages chosen paths, as meshes, gateways and load do."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import aiohttp
from aiohttp import web

Damage = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Mesh:
    """Passes everything on, but what `damages` names by path, like `/jsz`."""

    def __init__(self, monitor_url: str, http: aiohttp.ClientSession) -> None:
        self._far = monitor_url
        self._http = http
        self.url = ""
        self.damages: dict[str, Damage] = {}

    async def answer(self, request: web.Request) -> web.StreamResponse:
        damage = self.damages.get(request.path)
        if damage is not None:
            return await damage(request)
        async with self._http.get(self._far + request.path_qs) as far:
            return web.Response(status=far.status, body=await far.read())


def status(code: int) -> Damage:
    async def damage(_: web.Request) -> web.StreamResponse:
        return web.Response(status=code, text="RBAC: access denied")

    return damage


def larger(size: int) -> Damage:
    async def damage(_: web.Request) -> web.StreamResponse:
        return web.Response(body=b" " * size)

    return damage


def without_query(monitor_url: str) -> Damage:
    """As a proxy does that rewrites the path and drops the query: the server answers another question."""

    async def damage(request: web.Request) -> web.StreamResponse:
        async with (
            aiohttp.ClientSession() as http,
            http.get(monitor_url + request.path) as far,
        ):
            return web.Response(status=far.status, body=await far.read())

    return damage


async def hanging(_: web.Request) -> web.StreamResponse:
    await asyncio.Event().wait()
    raise AssertionError


@asynccontextmanager
async def mesh(monitor_url: str) -> AsyncIterator[Mesh]:
    async with aiohttp.ClientSession() as http:
        made = Mesh(monitor_url, http)
        app = web.Application()
        app.router.add_get("/{path:.*}", made.answer)
        runner = web.AppRunner(app, handler_cancellation=True, shutdown_timeout=1)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        made.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        try:
            yield made
        finally:
            await runner.cleanup()
