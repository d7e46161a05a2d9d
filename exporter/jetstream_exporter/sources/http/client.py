"""One GET with a deadline and a limit on the size of the answer."""

import asyncio
import os
import socket
import ssl
from collections import OrderedDict
from typing import NamedTuple

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from yarl import URL

from jetstream_exporter.report import LATE
from jetstream_exporter.runtime.url import text as url_text
from jetstream_exporter.sources.errors import SourceError, SourceTimeoutError

NAMES = 1000  # whose addresses are kept


class HttpResponse(NamedTuple):
    status: int
    reason: str
    body: bytes | bytearray
    program: str = ""  # what the Server header says


class Endpoint(NamedTuple):
    """Where one server is asked: the URL to connect to, and the name it was found by, if by name."""

    url: URL
    host: str | None = None  # for the Host header and for TLS, when `url` holds an address
    addresses: tuple[str, ...] = ()  # of the name in `url`, when it holds a name

    @property
    def target(self) -> str:
        return url_text(self.url)


class _Resolved(AbstractResolver):
    """Gives the addresses that discovery found: a second lookup could fail where the first was remembered."""

    def __init__(self) -> None:
        self._addresses: OrderedDict[str, tuple[str, ...]] = OrderedDict()

    def remember(self, host: str, addresses: tuple[str, ...]) -> None:
        self._addresses[host] = addresses
        self._addresses.move_to_end(host)
        while len(self._addresses) > NAMES:
            self._addresses.popitem(last=False)

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        found = [
            ResolveResult(
                hostname=host,
                host=address,
                port=port,
                family=socket.AF_INET6 if ":" in address else socket.AF_INET,
                proto=0,
                flags=socket.AI_NUMERICHOST,
            )
            for address in self._addresses.get(host, ())
        ]
        if not found:
            raise OSError(None, "the name was not resolved")
        return found

    async def close(self) -> None:
        self._addresses.clear()


class HttpClient:
    """Asks monitoring ports. Follows no redirect and takes nothing compressed or cached: a NATS server sends none."""

    def __init__(self, max_bytes: int, tls: ssl.SSLContext | None, headers: dict[str, str]) -> None:
        self._max_bytes = max_bytes
        self._tls = tls if tls is not None else True
        self._headers = {"Accept-Encoding": "identity", "Cache-Control": "no-cache", **headers}
        self._session: aiohttp.ClientSession | None = None
        self._resolver = _Resolved()

    async def get(self, endpoint: Endpoint, path: str, deadline: float) -> HttpResponse:
        """GET `path` below the endpoint's URL before `deadline`, a time of the running loop."""
        try:
            async with asyncio.timeout_at(deadline):
                return await self._get(endpoint, path)
        except TimeoutError:
            raise SourceTimeoutError(LATE) from None
        except (aiohttp.ClientError, OSError, ValueError) as error:
            raise SourceError(error_text(error)) from None

    async def _get(self, endpoint: Endpoint, path: str) -> HttpResponse:
        session = self._open()
        self._resolver.remember(endpoint.url.raw_host or "", endpoint.addresses)
        headers = {"Host": endpoint.host} if endpoint.host else {}
        server_name = endpoint.host.rsplit(":", 1)[0].strip("[]") if endpoint.host else None
        url = URL(f"{str(endpoint.url).rstrip('/')}{path}", encoded=True)
        async with session.get(
            url, headers=headers, server_hostname=server_name, ssl=self._tls, allow_redirects=False
        ) as response:
            if response.headers.get("Content-Encoding", "identity").lower() != "identity":
                raise SourceError("the answer is compressed, which a NATS server never does")
            if response.headers.get("Age", "0") != "0":
                raise SourceError("the answer comes from a cache; disable caching in the proxy")
            body = await self._read(response)
            return HttpResponse(
                response.status, response.reason or "", body, response.headers.get("Server", "")
            )

    async def _read(self, response: aiohttp.ClientResponse) -> bytearray:
        """The body, in an array that grows in place: joining the pieces of a large one would block the event loop."""
        body = bytearray()
        size = response.content_length or 0
        if size > self._max_bytes:
            raise SourceError(self._too_large())
        async for piece in response.content.iter_any():
            body += piece
            if len(body) > self._max_bytes:
                raise SourceError(self._too_large())
        return body

    def _too_large(self) -> str:
        return f"the answer is larger than {self._max_bytes} bytes (collect.max_response_bytes)"

    def _open(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(
                    limit=0, use_dns_cache=False, resolver=self._resolver
                ),
                cookie_jar=aiohttp.DummyCookieJar(),
                headers=self._headers,
                timeout=aiohttp.ClientTimeout(total=None, sock_connect=None),
                auto_decompress=False,
                read_bufsize=2**20,
            )
        return self._session

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()


def error_text(error: Exception) -> str:
    """What went wrong, for an operator; the library's own texts name Python objects and hold line breaks."""
    match error:
        case aiohttp.ClientConnectorDNSError():
            text = f"the name {error.host} cannot be resolved"
        case aiohttp.ClientConnectorCertificateError():
            text = f"the certificate is not trusted: {_tls_error_text(error.certificate_error)}"
        case aiohttp.ClientConnectorSSLError():
            text = f"TLS failed: {_tls_error_text(error.os_error)}"
        case aiohttp.ClientConnectorError():
            text = f"cannot connect: {_os_error_text(error.os_error)}"
        case aiohttp.ClientPayloadError():
            text = "the answer is incomplete"
        case aiohttp.ServerDisconnectedError():
            text = "the connection was closed without an answer"
        case aiohttp.ClientResponseError():
            text = "the answer is not HTTP"
        case OSError():
            text = f"the connection was lost: {_os_error_text(error)}"
        case _:
            text = f"{type(error).__name__}: {' '.join(str(error).split())}".removesuffix(": ")
    return text


def _os_error_text(error: OSError) -> str:
    """The system's message. asyncio replaces it by its own, which holds the address."""
    return os.strerror(error.errno) if error.errno else str(error.strerror or error)


def _tls_error_text(error: Exception) -> str:
    reason = getattr(error, "verify_message", "") or getattr(error, "reason", "") or str(error)
    return str(reason).replace("_", " ").lower()
