"""The sockets that are listened on: addresses of ours, or what systemd passes."""

import asyncio
import errno
import os
import socket
import ssl
from collections.abc import Sequence
from typing import Any

from jetstream_exporter.web.connections import Runner

HANDSHAKE = 5.0  # seconds for a TLS handshake
FIRST = 3  # systemd's first descriptor (sd_listen_fds(3))

Address = tuple[str | None, int]


class ListenError(Exception):
    """An address cannot be listened on, in one sentence."""


class Listeners:
    """Accepts connections. The TLS settings can be exchanged meanwhile."""

    def __init__(self, runner: Runner) -> None:
        self._runner = runner
        self._servers: list[asyncio.Server] = []

    async def bind(self, addresses: Sequence[Address], tls: ssl.SSLContext | None) -> None:
        """Listen on addresses; ListenError names the one that cannot be."""
        for host, port in addresses:
            try:
                await self._add(tls, host=host, port=port)
            except OSError as error:
                what = f"cannot listen on {host or ''}:{port}: {_reason(error)}"
                raise ListenError(what) from None

    async def take_from_systemd(self, tls: ssl.SSLContext | None) -> None:
        """Listen on the sockets that systemd passed; ListenError where it passed none."""
        count = os.environ.get("LISTEN_FDS", "")
        mine = os.environ.get("LISTEN_PID", "") == str(os.getpid())
        if not mine or not count.isascii() or not count.isdigit() or int(count) == 0:
            what = "systemd passed no socket; start the exporter with a .socket unit, or remove --web.systemd-socket"
            raise ListenError(what)
        for descriptor in range(FIRST, FIRST + int(count)):
            try:
                os.set_inheritable(descriptor, False)
                await self._add(tls, sock=socket.socket(fileno=descriptor))
            except (OSError, ValueError) as error:
                why = _reason(error) if isinstance(error, OSError) else str(error)
                what = f"cannot listen on descriptor {descriptor}, which systemd passed: {why}"
                raise ListenError(what) from None

    async def exchange(self, tls: ssl.SSLContext) -> None:
        """Use other TLS settings for connections from now on. The sockets stay open: nobody is turned away."""
        before, self._servers = self._servers, []
        for server in before:
            for plug in server.sockets:
                await self._add(tls, sock=plug.dup())
            server.close()

    async def _add(self, tls: ssl.SSLContext | None, **where: Any) -> None:
        loop = asyncio.get_running_loop()
        factory = self._runner.server
        assert factory is not None
        if tls is not None:
            where["ssl_handshake_timeout"] = HANDSHAKE
        server = await loop.create_server(factory, ssl=tls, **where)
        self._servers.append(server)

    @property
    def names(self) -> list[str]:
        return [_name(plug.getsockname()) for server in self._servers for plug in server.sockets]

    def close(self) -> None:
        for server in self._servers:
            server.close()


def _name(address: Any) -> str:
    if not isinstance(address, tuple):
        return f"unix:{address}"
    host = f"[{address[0]}]" if ":" in address[0] else address[0]
    return f"{host}:{address[1]}"


def _reason(error: OSError) -> str:
    """The system's message without asyncio's around it. A failed DNS lookup has no number of a system error."""
    # From Python 3.13 on asyncio tells no number where none of the host's addresses is this machine's.
    number = errno.EADDRNOTAVAIL if error.errno is None else error.errno
    return os.strerror(number) if number > 0 else str(error.strerror or error)
