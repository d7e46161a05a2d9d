"""What a setting costs: the same scrapes by an exporter with it and by one without, alternating, as a page."""

from __future__ import annotations

import argparse
import asyncio
import datetime
import os
import sys
from collections.abc import Callable, Coroutine, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from statistics import mean, median
from typing import Any

import nats
from bench import machine, table
from bench.exporters import CONFIG, Exporter, running
from bench.lag_load import stir
from bench.load import Size
from bench.measure import MeasureError, Series, curl, in_turn, scrape, settle, warm_up
from bench.proc import Process
from bench.run import RESULTS, USER, find, say, sizes

from jetstream_exporter.demo.child import DemoError
from jetstream_exporter.demo.server import Server

COLUMNS = ("consumers", "CPU", "with", "more", "wall", "with", "peak", "with", "more", "more text")


@dataclass(frozen=True, slots=True)
class Cost:
    """Of one size of load: the scrapes of both exporters."""

    size: Size
    with_it: Series
    without: Series


def exporter(name: str, targets: Sequence[str], collect: str) -> Exporter:
    """This exporter, with these settings of `collect` in YAML."""

    def arguments(_: Server, port: int, folder: Path) -> list[str]:
        config = folder / f"{name}.yaml"
        config.write_text(f"{CONFIG}collect: {collect}\n")
        flags = [part for url in targets for part in ("--target", url)]
        return [*flags, f"--web.listen-address=127.0.0.1:{port}", f"--config.file={config}"]

    return Exporter(name, "jetstream-exporter", arguments, lambda program: program)


async def measure(
    options: argparse.Namespace, server: Server, size: Size, with_it: Exporter, without: Exporter
) -> Cost:
    """Scrape both exporters in turn. The load is made; `history` scrapes come before any that is measured."""
    program = find(options.jetstream_exporter)
    assert program is not None
    settle(server.pid)
    async with AsyncExitStack() as stack:
        both = []
        for each in (with_it, without):
            compared = await stack.enter_async_context(
                running(each, program, server, server.folder)
            )
            both.append(warm_up(compared, size.consumers, server.folder))
        client = await stack.enter_async_context(await nats.connect(server.url_for(USER)))
        for number in range(options.history):
            await stir(client, size, number, moving=0)
            for series in both:
                curl(series.compared.url)
        for series in both:
            Process(_pid(series)).forget_peak()
        for number in range(options.rounds):
            await stir(client, size, number, moving=options.moving)
            settle(server.pid)
            for series in in_turn(both, number):
                series.plain.append(scrape(series.compared, server.pid, gzip=False))
                say(f"round {number + 1}: {series.compared.name} {series.plain[-1].cpu:.2f} s")
        for series in both:
            series.peak = Process(_pid(series)).peak_bytes()
    return Cost(size, *both)


def _pid(series: Series) -> int:
    assert series.compared.pid is not None
    return series.compared.pid


def cpu(series: Series) -> float:
    """Seconds of a scrape: the mean of all but the quarter that took longest."""
    seconds = sorted(one.cpu or 0.0 for one in series.plain)
    return mean(seconds[: max(1, len(seconds) * 3 // 4)])


def _row(cost: Cost) -> list[str]:
    more, less = cost.with_it, cost.without
    peak = (more.peak or 0) - (less.peak or 0)
    text = median(one.size for one in more.plain) - median(one.size for one in less.plain)
    return [
        f"{cost.size.consumers:,} ({cost.size})",
        table.seconds(cpu(less)),
        table.seconds(cpu(more)),
        f"{cpu(more) / cpu(less) - 1:+.0%}",
        table.seconds(median(one.wall for one in less.plain)),
        table.seconds(median(one.wall for one in more.plain)),
        table.mebibytes(less.peak),
        table.mebibytes(more.peak),
        f"{peak / 2**20:+.0f} MiB",
        table.megabytes(text),
    ]


def _document(title: str, about: str, costs: Sequence[Cost], load: float) -> str:
    facts = machine.facts() | {"load before the run": f"{load:.1f}"}
    lines = [f"# {title}", "", about, "", table.markdown(COLUMNS, map(_row, costs)), ""]
    return "\n".join([*lines, *(f"- {name}: {value}" for name, value in facts.items()), ""])


def parser(
    name: str, description: str, *, default_sizes: str, history: int, rounds: int
) -> argparse.ArgumentParser:
    """The flags of every such bench. The page is written to bench/results/NAME-<date>.md."""
    found = argparse.ArgumentParser(prog=f"python -m bench.{name}", description=description)
    add = found.add_argument
    add("--sizes", type=sizes, default=default_sizes, help="as of bench.run")
    add("--history", type=int, default=history, help="scrapes before any is measured")
    add("--rounds", type=int, default=rounds, help="measured scrapes of each")
    add("--moving", type=float, default=0.1, help="share of the backlogged that takes a message")
    add("--jetstream-exporter", default="jetstream-exporter", metavar="PROGRAM")
    add("--output", type=Path, help=f"default: bench/results/{_stem(name)}-<date>.md")
    return found


def _stem(name: str) -> str:
    return name.replace("_", "-")


def main(
    name: str,
    title: str,
    options: argparse.Namespace,
    run: Callable[[argparse.Namespace], Coroutine[Any, Any, list[Cost]]],
    about: Callable[[argparse.Namespace], str],
) -> int:
    """Run the bench and write its page; the exit code."""
    if find(options.jetstream_exporter) is None:
        print(f"bench: there is no program {options.jetstream_exporter}", file=sys.stderr)
        return 1
    load = os.getloadavg()[0]
    try:
        costs = asyncio.run(run(options))
    except (DemoError, MeasureError) as error:
        print(f"bench: {error}", file=sys.stderr)
        return 1
    today = datetime.datetime.now(datetime.UTC)
    output = options.output or RESULTS / f"{_stem(name)}-{today:%Y-%m-%d}.md"
    text = _document(title, about(options), costs, load)
    output.write_text(text)
    print(text)
    return 0
