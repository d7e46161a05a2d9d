"""Runs the server: listens, reloads on SIGHUP, and ends on SIGTERM and SIGINT."""

import asyncio
import signal
import ssl
from collections.abc import Sequence

import structlog
from aiohttp import web

from jetstream_exporter import __version__
from jetstream_exporter.app import App
from jetstream_exporter.runtime.cancel import cancel_and_wait
from jetstream_exporter.runtime.memory import collect_garbage
from jetstream_exporter.runtime.tasks import keep_running, start
from jetstream_exporter.web.app import make_app
from jetstream_exporter.web.config import WebConfig
from jetstream_exporter.web.connections import Connections, Runner
from jetstream_exporter.web.descriptors import allow_files, when_out_of_files
from jetstream_exporter.web.listen import Address, ListenError, Listeners
from jetstream_exporter.web.tls import allows, renew, tls_context

GRACE = 5.0  # seconds that scrapes in hand have to end
log = structlog.get_logger()


def parse_address(text: str) -> Address:
    """`host:port`, `[v6]:port` or `:port` (every address). ValueError for anything else."""
    host, colon, port = text.rpartition(":")
    bracketed = host.startswith("[") and host.endswith("]")
    if not colon or not port.isascii() or not port.isdigit() or int(port) > 65535:
        raise ValueError(text)
    if ":" in host and not bracketed:
        raise ValueError(text)
    return host.strip("[]") or None, int(port)


async def serve(
    app: App,
    addresses: Sequence[Address] | None,
    web_config: WebConfig,
    *,
    lifecycle: bool = False,
) -> None:
    """Serve until a signal says to end. Without addresses the sockets are systemd's."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    allow_files()
    runner = make_runner(app, web_config, lifecycle=lifecycle)
    await runner.setup()
    listeners = Listeners(runner)
    tasks: set[asyncio.Task[None]] = set()

    def run(task: "asyncio.Task[None]") -> None:
        tasks.add(task)
        task.add_done_callback(tasks.discard)

    loop.add_signal_handler(signal.SIGHUP, lambda: run(start("reload", _reload(app))))
    try:
        with when_out_of_files(runner.connections):
            tls = web_config.tls_server_config
            context = tls_context(tls) if tls else None
            await _listen(listeners, addresses, context)
            run(start("first collection", app.initial_collection()))
            run(keep_running("collect garbage", collect_garbage))
            if tls and context:

                async def take(new: ssl.SSLContext) -> None:
                    await take_certificates(listeners, runner.connections, new)

                run(keep_running("renew certificates", lambda: renew(tls, take)))
            await stop.wait()
            log.info("stopping")
    finally:
        loop.remove_signal_handler(signal.SIGHUP)
        await cancel_and_wait(*tasks)
        listeners.close()
        await runner.cleanup()  # scrapes in hand end first
        await app.close()


async def _reload(app: App) -> None:
    await app.reload()


async def _listen(
    listeners: Listeners, addresses: Sequence[Address] | None, tls: ssl.SSLContext | None
) -> None:
    if addresses is None:
        await listeners.take_from_systemd(tls)
    else:
        await listeners.bind(addresses, tls)
    scheme = "https" if tls else "http"
    for name in listeners.names:
        address = name if name.startswith("unix:") else f"{scheme}://{name}"
        log.info("listening", address=address, version=__version__)


async def take_certificates(
    listeners: Listeners, connections: Connections, context: ssl.SSLContext
) -> None:
    """Let connections that are open end too: they were made under the certificates of before."""
    await listeners.exchange(context)
    connections.renew()


def make_runner(
    app: App, web_config: WebConfig | None = None, *, lifecycle: bool = False
) -> Runner:
    config = web_config or WebConfig()
    headers, rate = config.http_server_config.headers, config.rate_limit
    application = make_app(
        app,
        config.basic_auth_users,
        lifecycle=lifecycle,
        headers=headers,
        rate=(rate.interval, rate.burst),
    )
    return runner_of(application, config)


def runner_of(application: web.Application, config: WebConfig) -> Runner:
    connections = Connections(config.http_server_config.headers)
    tls = config.tls_server_config
    if tls is not None:
        connections.allowed = lambda connection: allows(tls, connection)
    return Runner(application, connections, handle_signals=False, shutdown_timeout=GRACE)


__all__ = ["ListenError", "make_runner", "parse_address", "serve", "take_certificates"]
