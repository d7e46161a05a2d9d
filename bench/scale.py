"""What many servers and consumers cost, on replayed clusters: one exporter, its slices, and a peer beside each server.

    python -m bench.scale                                         # 20,000 consumers, R1 and R3; five minutes
    python -m bench.scale --shapes 1x1x500x40xR1,60x5x400x42xR3 --rounds 3 --slices 32

A shape is CLUSTERSxSERVERSxSTREAMSxCONSUMERSxRn, with the servers and streams of a cluster and the consumers of a
stream. All slices, or all peers, are asked at once, as by Prometheus: wall time is that of the last answer, and CPU
that of all processes. The machine also makes the replayed answers meanwhile, which takes a part of the wall time.
"""

from __future__ import annotations

import argparse
import asyncio
import datetime
import os
import re
import sys
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, NamedTuple

from bench import machine, table
from bench.measure import MeasureError, in_turn, settle
from bench.replay import Shape
from bench.replay_scrapes import Scraped, ours, peers, replaying
from bench.run import RESULTS, find, say

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

COLUMNS = ("", "requests", "wall", "CPU", "peak resident", "samples", "size")
SHAPE = re.compile(r"(\d+)x(\d+)x(\d+)x(\d+)xR(\d+)")


class Section(NamedTuple):
    shape: Shape
    rows: list[list[str]]


async def measured(options: argparse.Namespace, shape: Shape, folder: Path) -> Section:
    """All in turn on one shape; each keeps its processes meanwhile."""
    async with AsyncExitStack() as stack:
        enter = stack.enter_async_context
        replay, targets = await enter(replaying(shape, folder))
        everyone = [await enter(made) for made in contestants(options, targets, folder)]
        for each in everyone:
            say(f"warming up: {each.name}")
            each.warm_up(folder)
        for number in range(options.rounds):
            for each in in_turn(everyone, number):
                settle(replay.pid)
                each.scrape()
                say(f"round {number + 1}: {each.name} {each.walls[-1]:.2f} s")
        return Section(shape, [each.row() for each in everyone])


def contestants(
    options: argparse.Namespace, targets: Sequence[str], folder: Path
) -> Iterator[AbstractAsyncContextManager[Scraped]]:
    """The slices have an exporter of their own: what it remembers of the last whole text is no help to them."""
    yield ours(options.jetstream_exporter, targets, folder / "whole", 1)
    if options.slices > 1:
        yield ours(options.jetstream_exporter, targets, folder / "slices", options.slices)
    if options.prometheus_nats_exporter:
        yield peers(options.prometheus_nats_exporter, targets, folder)


def shapes(text: str) -> list[Shape]:
    found = []
    for part in text.split(","):
        match = SHAPE.fullmatch(part)
        if match is None:
            raise argparse.ArgumentTypeError(
                f"{part!r} is not CLUSTERSxSERVERSxSTREAMSxCONSUMERSxRn, such as 1x3x500x40xR3"
            )
        clusters, servers, streams, consumers, replicas = map(int, match.groups())
        found.append(Shape(clusters, servers, streams, consumers, replicas))
    return found


def parser() -> argparse.ArgumentParser:
    about = (__doc__ or "").splitlines()[0]
    found = argparse.ArgumentParser(prog="python -m bench.scale", description=about)
    add = found.add_argument
    add("--shapes", type=shapes, default="1x1x500x40xR1,1x3x500x40xR3", help="see above")
    add("--rounds", type=int, default=9, help="measured scrapes of each (default: %(default)s)")
    add("--slices", type=int, default=8, help="1: the whole alone (default: %(default)s)")
    add("--jetstream-exporter", default="jetstream-exporter", metavar="PROGRAM")
    add("--prometheus-nats-exporter", default="", metavar="PROGRAM", help="default: not measured")
    add("--output", type=Path, help="default: bench/results/scale-<date>.md")
    return found


def document(sections: Sequence[Section], load: float) -> str:
    about = (__doc__ or "").splitlines()
    lines = ["# Replayed clusters", "", *about[about.index("") + 4 :], ""]
    for shape, rows in sections:
        servers = shape.clusters * shape.servers
        noun = "server" if servers == 1 else "servers"
        title = f"## {shape.all_consumers:,} consumers, R{shape.replicas}, {servers:,} {noun}"
        lines += [title, "", table.markdown(COLUMNS, rows), ""]
    facts = machine.facts() | {"load before the run": f"{load:.1f}"}
    return "\n".join([*lines, *(f"- {name}: {value}" for name, value in facts.items()), ""])


async def run(options: argparse.Namespace) -> list[Section]:
    found = []
    for shape in options.shapes:
        with TemporaryDirectory() as folder:
            found.append(await measured(options, shape, Path(folder)))
    return found


def main(argv: Sequence[str]) -> int:
    options = parser().parse_args(argv)
    for name in ("jetstream_exporter", "prometheus_nats_exporter"):
        program = getattr(options, name)
        if program and (found := find(program)) is None:
            print(f"bench: there is no program {program}", file=sys.stderr)
            return 1
        setattr(options, name, found if program else "")
    load = os.getloadavg()[0]
    try:
        text = document(asyncio.run(run(options)), load)
    except (MeasureError, TimeoutError) as error:
        print(f"bench: {error}", file=sys.stderr)
        return 1
    today = datetime.datetime.now(datetime.UTC)
    (options.output or RESULTS / f"scale-{today:%Y-%m-%d}.md").write_text(text)
    print(text)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
