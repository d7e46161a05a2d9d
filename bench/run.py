"""Measure scrapes of growing loads, everyone in one run and alternating, and write a table.

    python -m bench.run                                  # everything; takes half an hour with peers
    python -m bench.run --sizes 25x40,50x40 --rounds 2   # a quick look

prometheus-nats-exporter and nats-surveyor take part where their programs are on PATH or named.
"""

from __future__ import annotations

import argparse
import asyncio
import datetime
import itertools
import os
import shutil
import signal
import sys
from contextlib import AsyncExitStack
from pathlib import Path
from typing import TYPE_CHECKING

from bench import exporters, report
from bench.health import latency_during_scrapes
from bench.load import Size, grow, stir
from bench.measure import Compared, MeasureError, alternate, settle
from nats.js.api import StorageType

from jetstream_exporter.demo.child import DemoError
from jetstream_exporter.demo.cluster import GIB, Cluster, account

if TYPE_CHECKING:
    from jetstream_exporter.demo.server import Server

RESULTS = Path(__file__).parent / "results"
TOOLS = Path(__file__).resolve().parent.parent / ".tools"  # of scripts/tools.py
HEALTH_SCRAPES = 5
USER = "load"
BUSY = 0.5  # load average


def say(text: str) -> None:
    print(f"bench: {text}", file=sys.stderr, flush=True)


def sizes(text: str) -> list[Size]:
    found = [Size.parse(part) for part in text.split(",") if part]
    for small, large in itertools.pairwise(found):
        if large.streams < small.streams or large.consumers_each < small.consumers_each:
            raise argparse.ArgumentTypeError(f"{large} does not contain {small}; sizes only grow")
    return found


def arguments(argv: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m bench.run",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--sizes",
        type=sizes,
        default="250x40,500x40,1000x40,1000x100",
        help="loads as STREAMSxCONSUMERS, each containing the one before (default: %(default)s)",
    )
    parser.add_argument(
        "--peers-at",
        type=sizes,
        default="500x40,1000x100",
        help="loads at which the other exporters take part (default: %(default)s)",
    )
    parser.add_argument(
        "--rounds", type=int, default=6, help="scrapes of each kind (default: %(default)s)"
    )
    parser.add_argument(
        "--storage",
        choices=["file", "memory"],
        default="file",
        help="of the streams (default: %(default)s)",
    )
    parser.add_argument(
        "--still", action="store_true", help="let no consumer work between the rounds"
    )
    parser.add_argument(
        "--nats-server", help="program, by name or path (default: the one of this environment)"
    )
    for exporter in exporters.EXPORTERS:
        variable = exporter.name.upper().replace("-", "_")
        parser.add_argument(
            f"--{exporter.name}",
            default=os.environ.get(variable, exporter.program),
            help=f"program, by name or path (or ${variable})",
        )
    parser.add_argument("--output", type=Path, help="default: bench/results/<date>.md")
    return parser.parse_args(argv)


def find(program: str) -> str | None:
    """Look beside this Python too: that is where the virtual environment's programs are."""
    places = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}"
    found = shutil.which(program, path=places)
    return str(Path(found).absolute()) if found else None


async def measure(options: argparse.Namespace, server: Server, result: report.Result) -> None:
    """Whoever is measured runs in a process of its own, so blocking this loop hinders nobody."""
    have = Size(0, 0)
    for size in options.sizes:
        say(f"making {size.consumers:,} consumers ({size})")
        await grow(server.url_for(USER), have, size, StorageType(options.storage))
        have = size
        settle(server.pid)

        async def work(size: Size = size) -> None:
            if not options.still:
                await stir(server.url_for(USER), size)

        async with AsyncExitStack() as stack:
            everyone = await take_part(options, size, server, stack)
            folder = server.folder
            result.series[size] = await alternate(
                everyone, server.pid, options.rounds, size.consumers, folder, stir=work, say=say
            )
            say("asking /-/healthy during scrapes")
            ours = next(one for one in everyone if one.name == report.OURS)
            result.health[size] = await latency_during_scrapes(ours, HEALTH_SCRAPES, work)


async def take_part(
    options: argparse.Namespace, size: Size, server: Server, stack: AsyncExitStack
) -> list[Compared]:
    """Everyone of this size, started afresh: nobody's memory is that of another size."""
    everyone = exporters.bare_requests(server)
    for exporter in exporters.EXPORTERS:
        if exporter.name != report.OURS and size not in options.peers_at:
            continue
        asked = getattr(options, exporter.name.replace("-", "_"))
        program = find(asked)
        if program is None:
            say(f"{exporter.name} does not take part: there is no program {asked}")
            continue
        started = exporters.running(exporter, program, server, server.folder)
        everyone.append(await stack.enter_async_context(started))
    return everyone


async def start_and_measure(options: argparse.Namespace, result: report.Result) -> None:
    accounts = {"LOAD": account(USER)}
    async with Cluster(
        size=1,
        binary=options.nats_server,
        prefix="bench",
        accounts=accounts,
        max_file_store=64 * GIB,
        max_memory_store=8 * GIB,
    ) as cluster:
        await measure(options, cluster[0], result)


def main(argv: list[str]) -> int:
    options = arguments(argv)
    for program in ("curl", options.jetstream_exporter):
        if find(program) is None:
            print(f"bench: {program} is neither on PATH nor a program", file=sys.stderr)
            return 1
    started = datetime.datetime.now(datetime.UTC)
    before = os.getloadavg()[0]
    result = report.Result(started, options.rounds, options.storage, options.still, before)
    if before > BUSY:
        say(f"this machine is busy (load {before:.1f}): the figures will be worse")
    # As after Ctrl-C: the servers end, and what they stored goes with them.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        asyncio.run(start_and_measure(options, result))
    except KeyboardInterrupt:
        say("interrupted; nothing is written")
        return 130
    except (DemoError, MeasureError) as error:
        print(f"bench: {error}", file=sys.stderr)
        return 1
    output = options.output or RESULTS / f"{started:%Y-%m-%d}.md"
    output.parent.mkdir(parents=True, exist_ok=True)
    output.write_text(report.document(result))
    say(f"written to {output}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
