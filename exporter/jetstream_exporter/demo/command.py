"""`jetstream-exporter demo`: a cluster, a workload and the exporter, and what it says about them."""

from __future__ import annotations

import argparse
import asyncio
import logging
import signal
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from jetstream_exporter.web.serve import parse_address

from . import figures
from .child import DemoError
from .cluster import Cluster
from .exporter import Exporter, running_exporter
from .orders.producer import Pace
from .orders.workload import Workload
from .ports import Port
from .screen import Events, Screen
from .stack import command as stack

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
PROG = "jetstream-exporter demo"
REPLAY_AFTER = 8.0
DESCRIPTION = """\
Start a real JetStream cluster on this machine, run the ORDERS workload on it (a publisher, a push and a pull
consumer, a poison message that ends as a dead letter, a replay), start the exporter beside it and show its
figures by consumer. Ctrl-C or SIGTERM drains the clients and ends everything that was started."""
EPILOG = """\
examples:
  jetstream-exporter demo
      three servers, on free ports, until Ctrl-C
  jetstream-exporter demo --web.listen-address :18222 --rate 200
      more orders, and the exporter where a Prometheus expects it
  jetstream-exporter demo --duration 30 | cat
      half a minute, as plain lines
  jetstream-exporter demo --stack
      with Prometheus, the alert rules, Alertmanager and a page of incidents
  jetstream-exporter demo --scenario server-killed --fast
      see an alert being born and resolved, with minutes shortened to seconds
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
    parser = argparse.ArgumentParser(
        prog=PROG,
        description=DESCRIPTION,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    add = parser.add_argument
    add("--servers", type=int, choices=(1, 3, 5), default=3, help="in the cluster (default: 3)")
    add(
        "--nats-server",
        metavar="PATH",
        help="the nats-server to run (default: $NATS_SERVER, beside this Python, or on PATH)",
    )
    add(
        "--web.listen-address",
        dest="address",
        type=address,
        metavar="HOST:PORT",
        help="where the exporter listens (default: a free port of 127.0.0.1)",
    )
    add("--rate", type=positive, default=20.0, help="orders a second (default: 20)")
    add(
        "--duration", type=positive, metavar="SECONDS", help="end by itself (default: until Ctrl-C)"
    )
    add(
        "--interval",
        type=positive,
        metavar="SECONDS",
        help="between two looks at the figures (default: 1 on a terminal, 5 otherwise)",
    )
    stack.add_arguments(parser)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """The subcommand; `argv` is what follows the word demo.

    0 at the end of the time or on a signal, 1 where something does not start or breaks, 2 for wrong flags.
    """
    arguments = make_parser().parse_args(argv)
    if wrong := stack.mistake(arguments):
        print(f"{PROG}: {wrong}", file=sys.stderr)
        return 2
    try:
        return asyncio.run(_until_signal(arguments))
    except DemoError as error:
        print(f"{PROG}: {error}", file=sys.stderr)
        return 1
    except BrokenPipeError:
        # The reader of the pipe has enough; standard output is gone, also for the interpreter.
        sys.stdout = None
        return 0


async def _until_signal(arguments: argparse.Namespace) -> int:
    """Run the demo; a signal ends it in order, a second one without waiting for the clients."""
    screen = Screen(sys.stdout)
    running = asyncio.create_task(demo(arguments, screen))
    interrupted = False

    def interrupt() -> None:
        nonlocal interrupted
        interrupted = True
        running.cancel()

    for number in SIGNALS:
        asyncio.get_running_loop().add_signal_handler(number, interrupt)
    try:
        await running
    except asyncio.CancelledError:
        if not interrupted:
            raise
    screen.say("everything is stopped")
    return 0


async def demo(arguments: argparse.Namespace, screen: Screen) -> None:
    with tempfile.TemporaryDirectory(prefix="jetstream-demo-") as name, _port(arguments) as where:
        folder = Path(name)
        if arguments.stack or arguments.scenario:
            await stack.run(arguments, screen, folder)
        else:
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
            pace=Pace(arguments.rate),
            replay_after=REPLAY_AFTER,
        )
        with _logging(folder / "orders.log", screen):
            async with workload:
                try:
                    await _show(exporter, screen, arguments)
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
        *(f"{server.name}    {server.url}  monitoring {server.monitor_url}" for server in cluster),
        f"exporter  {exporter.url}/metrics",
        f"logs      {folder} (as long as this runs)",
        "",
    )


@contextmanager
def _logging(file: Path, screen: Screen) -> Iterator[None]:
    """The workload's log: everything to the file, what is rarer also to the screen."""
    log = logging.getLogger("jetstream_exporter.demo.orders")
    everything = logging.FileHandler(file)
    everything.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s %(message)s"))
    handlers = (everything, Events(screen))
    log.setLevel(logging.INFO)
    log.propagate = False
    for handler in handlers:
        log.addHandler(handler)
    try:
        yield
    finally:
        for handler in handlers:
            log.removeHandler(handler)
            handler.close()


async def _show(exporter: Exporter, screen: Screen, arguments: argparse.Namespace) -> None:
    """The exporter's figures, again and again, until the time is over."""
    interval = arguments.interval or (1.0 if screen.is_terminal else 5.0)
    end = time.monotonic() + (arguments.duration or float("inf"))
    while (left := end - time.monotonic()) > 0:
        if not exporter.alive:
            raise DemoError(exporter.ended_text())
        text = await exporter.metrics()
        if text is None:
            screen.show(["the exporter gives no figures just now"])
        else:
            read = figures.read(text)
            screen.show(figures.table(read) if screen.is_terminal else figures.lines(read))
        await asyncio.sleep(min(interval, left))
