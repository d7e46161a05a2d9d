"""What many servers and consumers cost, on replayed clusters: an exporter for each, whole or divided, and peers.

    python -m bench.scale                                         # 20,000 consumers, R1 and R3; ten minutes
    python -m bench.scale --shapes 1x5x5000x40xR3xA100 --shards 4 --rounds 3   # one cluster of 200,000
    python -m bench.scale --shapes 10/60x5x417x40xR3 --rounds 3   # 300 servers, 1,000,800: 10 of 60 clusters run

A shape is CLUSTERSxSERVERSxSTREAMSxCONSUMERSxRn, with the servers and streams of a cluster and the consumers of a
stream; xA100 at its end divides the streams of a cluster between 100 accounts. 10/60 in place of the clusters runs ten
of 60 equal clusters, and the page multiplies by six what is of all of them. Each cluster has exporters of its own, and
clusters are asked one after another, since each has machines of its own. All slices, shards or peers of a cluster are
asked at once, as by Prometheus. The machine also makes the replayed answers meanwhile, which takes a part of the time.
"""

from __future__ import annotations

import argparse
import asyncio
import datetime
import os
import sys
from contextlib import AsyncExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from bench import scale_page
from bench.contestants import PROFILES, contestants
from bench.measure import MeasureError, in_turn, settle
from bench.replay_scrapes import replaying
from bench.run import RESULTS, find, say
from bench.scale_page import Section
from bench.scale_shapes import Planned, shapes

if TYPE_CHECKING:
    from collections.abc import Sequence


async def measured(options: argparse.Namespace, planned: Planned, folder: Path) -> Section:
    """All in turn on one shape; each keeps its processes meanwhile."""
    async with AsyncExitStack() as stack:
        enter = stack.enter_async_context
        replay, clusters = await enter(replaying(planned.shape, folder))
        everyone = [
            await enter(start(clusters, _new(folder / str(number))))
            for number, start in enumerate(contestants(options))
        ]
        for each in everyone:
            say(f"warming up: {each.name}")
            each.warm_up(folder)
        for number in range(options.rounds):
            for each in in_turn(everyone, number):
                settle(replay.pid)
                each.scrape()
                say(f"round {number + 1}: {each.name} {each.walls[-1]:.2f} s")
        rows = [row for each in everyone for row in each.rows(planned.clusters)]
        least = planned.shape.all_consumers
        return Section(planned, rows, [each.name for each in everyone if each.samples < least])


def _new(folder: Path) -> Path:
    folder.mkdir()
    return folder


def profiles(text: str) -> list[str]:
    found = text.split(",")
    for profile in found:
        if profile not in PROFILES:
            raise argparse.ArgumentTypeError(f"{profile!r} is no profile; use full, lean or both")
    return found


def parser() -> argparse.ArgumentParser:
    found = argparse.ArgumentParser(
        prog="python -m bench.scale",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = found.add_argument
    add("--shapes", type=shapes, default="1x1x500x40xR1,1x3x500x40xR3", help="see above")
    add("--rounds", type=int, default=9, help="measured scrapes of each (default: %(default)s)")
    add("--slices", type=int, default=8, help="1: no slices (default: %(default)s)")
    add("--shards", type=int, default=1, help="exporters that share a cluster (default: none)")
    add("--profiles", type=profiles, default="full,lean", help="default: %(default)s")
    whole = argparse.BooleanOptionalAction
    add("--whole", action=whole, default=True, help="an exporter of everything (default: yes)")
    add("--jetstream-exporter", default="jetstream-exporter", metavar="PROGRAM")
    add("--prometheus-nats-exporter", default="", metavar="PROGRAM", help="default: not measured")
    add("--output", type=Path, help="default: bench/results/scale-<date>.md")
    return found


def mistake(options: argparse.Namespace) -> str | None:
    """Why this cannot be measured; None if it can."""
    if min(options.rounds, options.slices, options.shards) < 1:
        return "--rounds, --slices and --shards have to be at least 1"
    accounts = min(planned.shape.accounts for planned in options.shapes)
    if options.shards > accounts:
        return (
            f"--shards {options.shards} needs as many accounts in each shape, not {accounts}: "
            f"add xA{10 * options.shards} to its end"
        )
    return _lacking(options)


def _lacking(options: argparse.Namespace) -> str | None:
    """What has to be there and is not; programs get their paths."""
    if not (options.whole or options.slices > 1 or options.shards > 1):
        return "--no-whole leaves nothing to measure: give --slices or --shards"
    if not options.output.parent.is_dir():
        return f"--output: there is no folder {options.output.parent}"
    for name in ("jetstream_exporter", "prometheus_nats_exporter"):
        program = getattr(options, name)
        path = find(program) if program else ""
        if path is None:
            return f"there is no program {program}"
        setattr(options, name, path)
    return None


async def run(options: argparse.Namespace) -> list[Section]:
    found = []
    for planned in options.shapes:
        say(planned.title)
        with TemporaryDirectory(prefix="bench-scale-") as folder:
            found.append(await measured(options, planned, Path(folder)))
    return found


def main(argv: Sequence[str]) -> int:
    options = parser().parse_args(argv)
    today = datetime.datetime.now(datetime.UTC)
    options.output = options.output or RESULTS / f"scale-{today:%Y-%m-%d}.md"
    why = mistake(options)
    if why is not None:
        print(f"bench: {why}", file=sys.stderr)
        return 1
    load = os.getloadavg()[0]
    try:
        text = scale_page.document(asyncio.run(run(options)), load)
    except (MeasureError, TimeoutError) as error:
        print(f"bench: {error}", file=sys.stderr)
        return 1
    options.output.write_text(text)
    print(text)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
