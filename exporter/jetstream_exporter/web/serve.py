"""Runs the server: listens, reloads on SIGHUP, and ends on SIGTERM and SIGINT."""

import asyncio
import contextlib
import errno
import os
import resource
import signal
import ssl
from collections.abc import Sequence

import structlog
from aiohttp import web

from jetstream_exporter import __version__
from jetstream_exporter.service import Service
from jetstream_exporter.web.access import WebConfig, renew, tls_context
from jetstream_exporter.web.app import make_app

GRACE = 5.0  # seconds that scrapes in hand have to end
IDLE = 120.0  # seconds that a connection has for its next request; a request that drips in holds one too
log = structlog.get_logger()


class ListenError(Exception):
    """An address cannot be listened on, in one sentence."""


def parse_address(text: str) -> tuple[str | None, int]:
    """`host:port`, `[v6]:port` or `:port` (every address). ValueError for anything else."""
    host, colon, port = text.rpartition(":")
    bracketed = host.startswith("[") and host.endswith("]")
    if not colon or not port.isascii() or not port.isdigit() or int(port) > 65535:
        raise ValueError(text)
    if ":" in host and not bracketed:
        raise ValueError(text)
    return host.strip("[]") or None, int(port)


async def serve(
    service: Service, addresses: Sequence[tuple[str | None, int]], web_config: WebConfig
) -> None:
    """Serve until a signal says to end."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    loop.add_signal_handler(signal.SIGHUP, service.reload)
    allow_files()
    runner = make_runner(make_app(service, web_config.basic_auth_users))
    await runner.setup()
    tasks: list[asyncio.Task[None]] = []
    try:
        tls = web_config.tls_server_config
        context = tls_context(tls) if tls else None
        await _listen(runner, addresses, context)
        tasks.append(asyncio.create_task(service.first()))
        if tls and context:
            tasks.append(asyncio.create_task(renew(tls, context)))
        await stop.wait()
        log.info("stopping")
    finally:
        for task in tasks:
            task.cancel()
        await runner.cleanup()  # scrapes in hand end first
        await service.close()


def make_runner(app: web.Application) -> web.AppRunner:
    return web.AppRunner(
        app,
        access_log=None,
        handle_signals=False,
        shutdown_timeout=GRACE,
        keepalive_timeout=IDLE,
    )


def allow_files() -> None:
    """Raise the limit of open files as far as the system allows, as Go programs do: a usual limit is 1,024."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    with contextlib.suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


async def _listen(
    runner: web.AppRunner,
    addresses: Sequence[tuple[str | None, int]],
    tls: ssl.SSLContext | None,
) -> None:
    for host, port in addresses:
        try:
            await web.TCPSite(runner, host, port, ssl_context=tls).start()
        except OSError as error:
            raise ListenError(f"cannot listen on {host or ''}:{port}: {_reason(error)}") from None
    scheme = "https" if tls else "http"
    for address in runner.addresses:
        name = f"[{address[0]}]" if ":" in address[0] else address[0]
        log.info("listening", address=f"{scheme}://{name}:{address[1]}", version=__version__)


def _reason(error: OSError) -> str:
    """The system's message without asyncio's around it. A failed DNS lookup has no number of a system error."""
    # From Python 3.13 on asyncio tells no number where none of the host's addresses is this machine's.
    number = errno.EADDRNOTAVAIL if error.errno is None else error.errno
    return os.strerror(number) if number > 0 else str(error.strerror or error)
