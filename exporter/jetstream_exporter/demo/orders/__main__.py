"""One role of the workload as a program: python -m jetstream_exporter.demo.orders ROLE."""

from __future__ import annotations

import argparse
import asyncio
import logging
import signal
import sys
from collections.abc import Awaitable, Callable, Sequence

import nats.errors

from . import roles
from .producer import Pace
from .streams import ConflictError
from .work import Work

DEFAULT_SERVER = "nats://localhost:4222"
EPILOG = """\
examples:
  python -m jetstream_exporter.demo.orders publisher --rate 5
  python -m jetstream_exporter.demo.orders processor --server nats://nats-0:4222 --server nats://nats-1:4222
  python -m jetstream_exporter.demo.orders replay --durable orders-processor-v2

On SIGTERM and Ctrl-C the program drains: it processes and acknowledges delivered messages, then exits.
"""


def make_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m jetstream_exporter.demo.orders",
        description="One part of the ORDERS workload. Every part creates the streams it needs, "
        "and exits with code 1 if they exist with a different configuration.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("role", choices=sorted(ROLES), help="the part to run")
    add(
        "--server",
        action="append",
        metavar="URL",
        help=f"a NATS server; repeatable (default: {DEFAULT_SERVER})",
    )
    add("--replicas", type=int, default=3, help="number of replicas of the streams (default: 3)")
    add("--rate", type=float, default=20.0, help="publisher: orders per second (default: 20)")
    add(
        "--durable",
        help="replay: name of the new durable consumer (default: a name with the current time)",
    )
    return parser


Role = Callable[[argparse.Namespace, asyncio.Event], Awaitable[None]]
ROLES: dict[str, Role] = {
    "publisher": lambda a, stop: roles.publish(a.server, stop, Pace(a.rate, 0, 0)),
    "processor": lambda a, stop: roles.process(a.server, stop, Work(fail_every=0)),
    "batch-processor": lambda a, stop: roles.process_in_batches(a.server, stop, Work(fail_every=0)),
    "dead-letter": lambda a, stop: roles.forward_dead_letters(a.server, stop),
    "replay": lambda a, stop: roles.process_again(a.server, stop, Work(fail_every=0), a.durable),
}


async def run(arguments: argparse.Namespace) -> None:
    stopping = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopping.set)
    await roles.set_up(arguments.server, arguments.replicas)
    await ROLES[arguments.role](arguments, stopping)


def main(argv: Sequence[str] | None = None) -> int:
    arguments = make_parser().parse_args(argv)
    arguments.server = arguments.server or [DEFAULT_SERVER]
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    try:
        asyncio.run(run(arguments))
    except (ConflictError, nats.errors.NoServersError) as error:
        print(f"orders: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
