"""Bounds of what connections may cost: how many there are, and how long each may take to send its request.

Who waits gives way to who comes: a connection that has no request in hand is closed for a new one, the oldest first. So
a crowd that says nothing shuts out nobody. Where all are busy, a few more are taken that may ask for the health alone.
"""

import asyncio
import ssl
from collections.abc import Callable
from typing import Any

from aiohttp import web
from aiohttp.web_protocol import RequestHandler

from jetstream_exporter.web.descriptors import FOR_HEALTH, most_connections
from jetstream_exporter.web.headers import HEADERS

IDLE = 120.0  # seconds that a connection has for its next request
HEADER = 10.0  # seconds from a request's first byte, or from the connection, to the end of the request's header
BODY = 2.0  # seconds in which a request's body is read and thrown away; nothing here wants one
PER_CLIENT = 128  # connections of one address


class Connection(RequestHandler):
    """One connection: its deadline for the header, and our headers on every answer."""

    __slots__ = ("_connections", "_deadline", "client", "for_health_only", "since")

    def __init__(self, manager: "Server", connections: "Connections", **settings: Any) -> None:
        super().__init__(manager, **settings)
        self._connections = connections
        self._deadline: asyncio.TimerHandle | None = None
        self.client = ""
        self.for_health_only = False
        self.since = 0.0

    @property
    def is_busy(self) -> bool:
        """Whether a request is in hand."""
        return bool(self._messages) or self._current_request is not None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        peer = transport.get_extra_info("peername")
        self.client = str(peer[0]) if isinstance(peer, tuple) else ""
        self.since = self._loop.time()
        self._wait_for_header()
        if not self._connections.add(self, transport.get_extra_info("ssl_object")):
            self.end()

    def connection_lost(self, exc: BaseException | None) -> None:
        self._stop_waiting()
        self._connections.remove(self)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self.is_busy:
            self._stop_waiting()
        elif self._deadline is None:
            self._wait_for_header()

    def _wait_for_header(self) -> None:
        self._deadline = self._loop.call_later(HEADER, self.end)

    def _stop_waiting(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def end(self) -> None:
        """Close at once, whatever it was about to say."""
        transport = self.transport
        self.force_close()
        if isinstance(transport, asyncio.Transport):
            transport.abort()

    async def finish_response(
        self, request: Any, resp: web.StreamResponse, start_time: float | None
    ) -> tuple[web.StreamResponse, bool]:
        if not resp.prepared:
            for name, value in self._connections.headers.items():
                resp.headers.setdefault(name, value)
            if self.for_health_only or self._connections.is_old(self):
                resp.force_close()
        return await super().finish_response(request, resp, start_time)

    def handle_error(
        self,
        request: Any,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """Say no more than needed: the library's sentences name Python objects and repeat what was sent."""
        super().handle_error(request, status, exc, message)  # logs it
        text = "the request is not valid HTTP\n" if status == 400 else "internal error\n"
        response = web.Response(status=status, text=text)
        response.force_close()
        return response


class Connections:
    """All connections. `allowed` says whether a client's certificate may connect."""

    def __init__(self, headers: dict[str, str] | None = None) -> None:
        self.headers = HEADERS | (headers or {})
        self.allowed: Callable[[ssl.SSLObject | None], bool] = lambda _: True
        self._open: dict[Connection, None] = {}  # the oldest first
        self._fresh_from = 0.0
        self._most = most_connections()

    def __len__(self) -> int:
        return len(self._open)

    def add(self, new: Connection, tls: ssl.SSLObject | None) -> bool:
        """Whether the connection is taken."""
        if not self.allowed(tls):
            return False
        same = sum(each.client == new.client for each in self._open)
        if same >= PER_CLIENT:
            room = self.close_waiting(new.client)
        else:
            room = len(self._open) < self._most or self.close_waiting()
        if not room and len(self._open) >= self._most + FOR_HEALTH:
            return False
        new.for_health_only = not room
        self._open[new] = None
        return True

    def remove(self, connection: Connection) -> None:
        self._open.pop(connection, None)

    def close_waiting(self, client: str | None = None) -> bool:
        """Close the oldest connection that has no request in hand, of this client or of all; whether there was one."""
        for each in self._open:
            if not each.is_busy and client in (None, each.client):
                each.end()
                self._open.pop(each, None)
                return True
        return False

    def renew(self) -> None:
        """Let go of every connection that is open now: close the waiting ones, and the others after their answer."""
        self._fresh_from = asyncio.get_running_loop().time()
        while self.close_waiting():
            pass

    def is_old(self, connection: Connection) -> bool:
        return connection.since < self._fresh_from


class Server(web.Server):
    """aiohttp's server with our connections."""

    def __init__(self, base: web.Server, connections: Connections) -> None:
        super().__init__(
            base.request_handler,
            request_factory=base.request_factory,
            handler_cancellation=base.handler_cancellation,
            **base._kwargs,
        )
        self._limits = connections

    def __call__(self) -> RequestHandler:
        return Connection(self, self._limits, loop=self._loop, **self._kwargs)


class Runner(web.AppRunner):
    """aiohttp's runner with our server. A request whose client goes away is cancelled; shared scrapes go on."""

    __slots__ = ("connections",)

    def __init__(
        self, app: web.Application, connections: Connections | None = None, **settings: Any
    ) -> None:
        defaults: dict[str, Any] = {
            "access_log": None,
            "keepalive_timeout": IDLE,
            "lingering_time": BODY,
            "handler_cancellation": True,
        }
        super().__init__(app, **(defaults | settings))
        self.connections = Connections() if connections is None else connections

    async def _make_server(self) -> web.Server:
        return Server(await super()._make_server(), self.connections)
