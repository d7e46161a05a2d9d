"""What many servers and consumers cost, on replayed clusters: an exporter for each, whole or divided, and peers.

    python -m bench.scale                                         # 20,000 consumers, R1 and R3; ten minutes
    python -m bench.scale --shapes 1x5x5000x40xR3xA100 --shards 4 --rounds 3   # one cluster of 200,000
    python -m bench.scale --shapes 10/60x5x417x40xR3 --rounds 3   # 300 servers, 1,000,800: 10 of 60 clusters run
    python -m bench.scale --rounds 0 --slices 1 --prometheus 10m  # what Prometheus pays; 40 minutes

A shape is CLUSTERSxSERVERSxSTREAMSxCONSUMERSxRn, with the servers and streams of a cluster and the consumers of a
stream; xA100 at its end divides the streams of a cluster between 100 accounts. 10/60 in place of the clusters runs ten
of 60 equal clusters, and the page multiplies by six what is of all of them. Each cluster has exporters of its own.

For the rounds, curl asks for all slices, shards or peers of a cluster at once, and for one cluster after another, since
each has machines of its own. With --prometheus, a real Prometheus scrapes all of one contestant for a while, then
another all of the next. The machine also makes the replayed answers meanwhile, which takes a part of the time.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from tempfile import TemporaryDirectory

from bench.contestants import Clusters, Start, contestants
from bench.measure import MeasureError, in_turn, settle
from bench.paying import pay
from bench.replay_scrapes import Scraped, replaying
from bench.run import say
from bench.scale_flags import mistake, options_of
from bench.scale_page import Section, document
from bench.scale_shapes import Planned

from jetstream_exporter.demo.child import Child, DemoError

SHARE = 0.9  # of the scrape interval: Prometheus spreads the slices over it, and each has to get new values


async def measured(options: argparse.Namespace, planned: Planned, folder: Path) -> Section:
    """Everyone on one shape, by curl and by Prometheus."""
    section = Section(planned)
    async with replaying(planned.shape, folder) as (replay, clusters):
        if options.rounds:
            await _in_turn(options, section, replay, clusters, folder)
        starts = contestants(options, SHARE * options.plan.interval) if options.plan else ()
        for number, start in enumerate(starts):
            new = _new(folder / f"prometheus-{number}")
            try:
                async with start(clusters, new) as scraped:
                    section.paid.append(await pay(options.plan, scraped, replay, new))
            except (DemoError, MeasureError, TimeoutError) as error:
                # What hours have measured before is not lost with one who cannot be.
                say(str(error))
                section.failed.append(str(error))
    return section


async def _in_turn(
    options: argparse.Namespace, section: Section, replay: Child, clusters: Clusters, folder: Path
) -> None:
    """Scrapes by curl, in turn; each keeps its processes meanwhile."""
    async with AsyncExitStack() as stack:
        everyone = await _all_started(stack, list(contestants(options)), clusters, folder)
        for each in everyone:
            say(f"warming up: {each.name}")
            each.warm_up(folder)
        for number in range(options.rounds):
            for each in in_turn(everyone, number):
                settle(replay.pid)
                each.scrape()
                say(f"round {number + 1}: {each.name} {each.walls[-1]:.2f} s")
        for each in everyone:
            section.rows.extend(each.rows(section.planned.clusters))
            if each.samples < section.planned.shape.all_consumers:
                section.incomplete.append(each.name)


async def _all_started(
    stack: AsyncExitStack, starts: Sequence[Start], clusters: Clusters, folder: Path
) -> list[Scraped]:
    return [
        await stack.enter_async_context(start(clusters, _new(folder / f"rounds-{number}")))
        for number, start in enumerate(starts)
    ]


def _new(folder: Path) -> Path:
    folder.mkdir()
    return folder


async def run(options: argparse.Namespace) -> AsyncIterator[Section]:
    """The shapes one after another."""
    for planned in options.shapes:
        say(planned.title)
        with TemporaryDirectory(prefix="bench-scale-") as folder:
            yield await measured(options, planned, Path(folder))


async def write(options: argparse.Namespace) -> bool:
    """Write the page after each shape, so that an interrupted run leaves those that are done.

    Return whether all contestants were measured.
    """
    load = os.getloadavg()[0]
    done: list[Section] = []
    async for section in run(options):
        done.append(section)
        options.output.write_text(document(done, load))
    return not any(section.failed for section in done)


def main(argv: Sequence[str]) -> int:
    options = options_of(argv, __doc__ or "")
    why = mistake(options)
    if why is not None:
        print(f"bench: {why}", file=sys.stderr)
        return 1
    try:
        was_measured = asyncio.run(write(options))
    except (MeasureError, TimeoutError) as error:
        print(f"bench: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        say(f"interrupted; {options.output} has the shapes that were done")
        return 130
    print(options.output.read_text())
    return 0 if was_measured else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
