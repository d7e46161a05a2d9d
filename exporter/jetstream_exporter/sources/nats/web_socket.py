"""NATS over a web socket, with bounds that the library's own transport lacks."""

import ssl
from typing import Any
from urllib.parse import ParseResult

import aiohttp
from aiohttp import ClientHandlerType, ClientRequest, ClientResponse
from nats.aio.transport import WebSocketTransport

SWITCHED = 101  # the status by which a server agrees to speak the protocol of web sockets


class BoundedWebSocket(WebSocketTransport):
    """Reads frames up to a size, and follows no redirect: that would send the login where nobody configured it."""

    def __init__(self, max_bytes: int) -> None:
        super().__init__()
        self._max_bytes = max_bytes
        connector = self._client.connector
        self._client.detach()
        self._client = aiohttp.ClientSession(connector=connector, middlewares=(_only,))

    async def connect(self, uri: ParseResult, buffer_size: int, connect_timeout: int) -> None:
        self._ws = await self._open(uri.geturl(), None, connect_timeout)
        self._using_tls = False

    async def connect_tls(
        self,
        uri: str | ParseResult,
        ssl_context: ssl.SSLContext,
        buffer_size: int,
        connect_timeout: int,
    ) -> None:
        if self._ws is not None and not self._ws.closed:
            await super().connect_tls(uri, ssl_context, buffer_size, connect_timeout)
            return
        url = uri if isinstance(uri, str) else uri.geturl()
        self._ws = await self._open(url, ssl_context, connect_timeout)
        self._using_tls = True

    async def _open(
        self, url: str, tls: ssl.SSLContext | None, timeout: int
    ) -> "aiohttp.ClientWebSocketResponse[Any]":
        return await self._client.ws_connect(
            url,
            ssl=tls if tls is not None else True,
            timeout=aiohttp.ClientWSTimeout(ws_close=timeout),
            max_msg_size=self._max_bytes,
        )

    async def end(self) -> None:
        """Close the socket without a word to the server."""
        if self._client is not None:
            await self._client.close()


async def _only(request: ClientRequest, handler: ClientHandlerType) -> ClientResponse:
    """Let nothing pass but the beginning of a web socket."""
    response = await handler(request)
    if response.status != SWITCHED:
        response.close()
        raise aiohttp.ClientError("no web socket")
    return response
