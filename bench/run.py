"""Measure scrapes of growing loads, everyone in one run and alternating, and write a table.

    python -m bench.run                                  # everything; takes half an hour with peers
    python -m bench.run --sizes 25x40,50x40 --rounds 2   # a quick look

prometheus-nats-exporter and nats-surveyor take part where their programs are on PATH or named.
"""

from __future__ import annotations

import argparse
import asyncio
import datetime
import functools
import itertools
import os
import shutil
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

from bench import contestants, report
from bench.health import latency_during_scrapes
from bench.load import Size, grow, stir
from bench.measure import alternate
from bench.server import running_server
from nats.js.api import StorageType

if TYPE_CHECKING:
    from bench.contestants import Contestant
    from bench.server import Server

RESULTS = Path(__file__).parent / "results"
HEALTH_SCRAPES = 5


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
    parser.add_argument("--nats-server", default="nats-server", help="program, by name or path")
    for exporter in contestants.EXPORTERS:
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


def need(program: str) -> Path:
    found = find(program)
    if found is None:
        sys.exit(f"bench: {program} is neither on PATH nor a program; name it with its flag")
    return Path(found)


def measure(
    options: argparse.Namespace, server: Server, folder: Path, result: report.Result
) -> None:
    have = Size(0, 0)
    for size in options.sizes:
        say(f"making {size.consumers:,} consumers ({size})")
        asyncio.run(grow(server.load_url, have, size, StorageType(options.storage)))
        have = size
        with ExitStack() as stack:
            everyone = take_part(options, size, server, folder, stack)
            work = functools.partial(let_work, options.still, server, size)
            result.series[size] = alternate(
                everyone, server.pid, options.rounds, folder, stir=work, say=say
            )
            say("asking /-/healthy during scrapes")
            ours = next(one for one in everyone if one.name == report.OURS)
            result.health[size] = latency_during_scrapes(ours, HEALTH_SCRAPES, work)


def let_work(still: bool, server: Server, size: Size) -> None:
    if not still:
        asyncio.run(stir(server.load_url, size))


def take_part(
    options: argparse.Namespace, size: Size, server: Server, folder: Path, stack: ExitStack
) -> list[Contestant]:
    """Everyone of this size, started afresh: nobody's memory is that of another size."""
    everyone = contestants.bare_requests(server, server.version())
    for exporter in contestants.EXPORTERS:
        asked = getattr(options, exporter.name.replace("-", "_"))
        program = find(asked)
        if exporter.name != report.OURS and size not in options.peers_at:
            continue
        if program is None:
            if exporter.name == report.OURS:
                need(asked)
            say(f"{exporter.name} does not take part: there is no program {asked}")
            continue
        everyone.append(stack.enter_context(contestants.running(exporter, program, server, folder)))
    return everyone


def main(argv: list[str]) -> int:
    options = arguments(argv)
    need("curl")
    started = datetime.datetime.now(datetime.UTC)
    result = report.Result(
        started, options.rounds, options.storage, options.still, os.getloadavg()[0]
    )
    if result.load_before > 0.5:
        say(f"this machine is busy (load {result.load_before:.1f}): the figures will be worse")
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        folder = Path(name)
        with running_server(need(options.nats_server), folder) as server:
            measure(options, server, folder, result)
    output = options.output or RESULTS / f"{started:%Y-%m-%d}.md"
    output.parent.mkdir(parents=True, exist_ok=True)
    output.write_text(report.document(result))
    say(f"written to {output}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
