"""`jetstream-exporter demo`: a cluster, a workload and the exporter, and what it says about them."""

from __future__ import annotations

import argparse
import asyncio
import logging
import signal
import sys
import tempfile
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType
from typing import Any

from jetstream_exporter.config.arguments import Parser
from jetstream_exporter.runtime.interrupt import SIGNALS
from jetstream_exporter.runtime.terminal import escape_unencodable
from jetstream_exporter.web.serve import parse_address

from . import figures
from .child import DemoError
from .cluster import Cluster
from .exporter import Exporter, running_exporter
from .orders.producer import Pace
from .orders.workload import Workload
from .ports import Port
from .screen import Screen, logging_to, silence
from .stack import command as stack

PROG = "jetstream-exporter demo"
REPLAY_AFTER = 8.0
RATE = 20.0
NEXT = (
    "next: `jetstream-exporter demo --stack`, or `make demo STACK=1` in a checkout, adds alerts and incidents; "
    "docs/install.md is for your own servers"
)
DESCRIPTION = """\
Start a real JetStream cluster on this machine, run the ORDERS workload on it (a publisher, a push and a pull
consumer, a poison message that ends as a dead letter, a replay), start the exporter beside it and show its
metrics for each consumer. Ctrl-C or SIGTERM drains the clients and stops everything that was started."""
EPILOG = """\
examples:
  jetstream-exporter demo
      run three servers on free ports until Ctrl-C
  jetstream-exporter demo --web.listen-address :18222 --rate 200
      publish more orders, and let the exporter listen on port 18222
  jetstream-exporter demo --duration 30 | cat
      stop after 30 seconds; the output is plain lines
  jetstream-exporter demo --stack
      add Prometheus, the alert rules, Alertmanager and a page of incidents
  jetstream-exporter demo --scenario server-killed --fast
      show an alert that fires and resolves, with minutes shortened to seconds
"""


def positive(text: str) -> float:
    number = float(text)
    if not number > 0:
        raise ValueError(text)
    return number


def address(text: str) -> str:
    if parse_address(text)[1] == 0:
        raise ValueError(
            text
        )  # nobody would know which one it became; no address at all is a free one
    return text


# What argparse says about a wrong value: "invalid <name> value".
positive.__name__ = "positive number"
address.__name__ = "address (like 127.0.0.1:18222 or :18222)"


def make_parser() -> argparse.ArgumentParser:
    parser = Parser(
        prog=PROG,
        description=DESCRIPTION,
        epilog=EPILOG,
    )
    add = parser.add_argument
    add(
        "--servers",
        type=int,
        choices=(1, 3, 5),
        default=3,
        help="number of servers in the cluster (default: 3)",
    )
    add(
        "--nats-server",
        metavar="PATH",
        help="nats-server binary (default: $NATS_SERVER, beside this Python, or on PATH)",
    )
    add(
        "--web.listen-address",
        dest="address",
        type=address,
        metavar="HOST:PORT",
        help="listen address of the exporter (default: a free port on 127.0.0.1)",
    )
    add("--rate", type=positive, metavar="ORDERS", help=f"orders per second (default: {RATE:g})")
    add(
        "--duration",
        type=positive,
        metavar="SECONDS",
        help="stop after this time (default: run until Ctrl-C)",
    )
    add(
        "--interval",
        type=positive,
        metavar="SECONDS",
        help="time between two updates of the display (default: 1 on a terminal, 5 otherwise)",
    )
    stack.add_arguments(parser)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """The subcommand; `argv` is what follows the word demo.

    0 at the end of the time, on a signal, or when nobody reads any more; 1 where something does not start or breaks,
    2 for wrong flags.
    """
    before = {number: signal.getsignal(number) for number in SIGNALS}
    escape_unencodable(sys.stdout)
    # The NATS library logs with a traceback that a request was given up at the end, which is nobody's concern.
    logging.getLogger("nats").addHandler(logging.NullHandler())
    try:
        arguments = make_parser().parse_args(argv)
        if wrong := stack.mistake(arguments):
            return _refuse(wrong, 2)
        return asyncio.run(_until_signal(arguments))
    except (DemoError, TimeoutError) as error:
        return _refuse(str(error), 1)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        _flush()


def _refuse(sentence: str, code: int) -> int:
    with suppress(OSError):  # nobody may read that either
        print(f"{PROG}: {sentence}", file=sys.stderr, flush=True)
    return code


def _flush() -> None:
    """Write what --help left in the buffer, while an error can still be caught: the reader may be gone."""
    try:
        sys.stdout.flush()
    except OSError:
        silence(sys.stdout)


def _note_failure(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """What a second signal cuts off is no failure: a client that it ends leaves a future that nobody waits for."""
    if not isinstance(context.get("exception"), asyncio.CancelledError):
        loop.default_exception_handler(context)


async def _until_signal(arguments: argparse.Namespace) -> int:
    """Run the demo; a signal ends it in order, a second one without waiting for the clients."""
    screen = Screen(sys.stdout)
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(_note_failure)
    running = asyncio.create_task(demo(arguments, screen))
    interrupted = False

    def interrupt() -> None:
        nonlocal interrupted
        interrupted = True
        running.cancel()

    def on_signal(_number: int, _frame: FrameType | None) -> None:
        with suppress(RuntimeError):  # the loop is closed: all is over
            loop.call_soon_threadsafe(interrupt)

    screen.on_gone = interrupt
    for number in SIGNALS:
        signal.signal(number, on_signal)
    try:
        await running
    except asyncio.CancelledError:
        if not interrupted:
            raise
    if not (arguments.stack or arguments.scenario):
        screen.say(NEXT)
    screen.say("stopped everything")
    return 0


async def demo(arguments: argparse.Namespace, screen: Screen) -> None:
    with tempfile.TemporaryDirectory(prefix="jetstream-demo-") as name:
        folder = Path(name)
        if arguments.stack or arguments.scenario:
            await stack.run(arguments, screen, folder, Pace(arguments.rate or RATE))
        else:
            with _port(arguments) as where:
                await _demo_cluster(arguments, screen, folder, where)


async def _demo_cluster(
    arguments: argparse.Namespace, screen: Screen, folder: Path, where: str
) -> None:
    screen.say(f"starting {arguments.servers} nats-server(s)")
    async with (
        Cluster(arguments.servers, binary=arguments.nats_server, folder=folder) as cluster,
        running_exporter(where, cluster.monitor_urls, folder, cluster.urls) as exporter,
    ):
        _introduce(cluster, exporter, folder, screen)
        workload = Workload(
            cluster.urls,
            replicas=min(3, arguments.servers),
            pace=Pace(arguments.rate or RATE),
            replay_after=REPLAY_AFTER,
        )
        with logging_to(folder / "orders.log", screen):
            async with workload:
                try:
                    look = _figures(exporter, screen)
                    await screen.keep_showing(look, arguments.interval, arguments.duration)
                finally:
                    screen.say("draining the clients")


@contextmanager
def _port(arguments: argparse.Namespace) -> Iterator[str]:
    """The exporter's address: as given, or a free port that is kept for it."""
    if arguments.address is not None:
        yield arguments.address
        return
    port = Port()
    try:
        yield str(port)
    finally:
        port.release()


def _introduce(cluster: Cluster, exporter: Exporter, folder: Path, screen: Screen) -> None:
    screen.say(
        *(
            f"{server.name}    {server.url}  monitoring {server.monitor_url}  pid {server.pid}"
            for server in cluster
        ),
        f"exporter  {exporter.url}/metrics",
        f"status    {exporter.url}/",
        f"logs      {folder} (while the demo runs)",
        "Open the status page first. To break something: kill -STOP <pid> of a server, and kill -CONT <pid>.",
        "Some orders fail on purpose: they are redelivered, and one ends as a dead letter in ORDERS_deadletter.",
        "Ctrl-C stops everything.",
        "",
    )


def _figures(exporter: Exporter, screen: Screen) -> Callable[[], Awaitable[Sequence[str]]]:
    async def look() -> Sequence[str]:
        if not exporter.alive:
            raise DemoError(exporter.ended_text())
        return figures.panel(await exporter.metrics(), screen.is_terminal)

    return look
