"""The page that a run leaves."""

from __future__ import annotations

import datetime
from dataclasses import dataclass, field

from bench import machine, table
from bench.health import Latency
from bench.load import Size
from bench.measure import Series

OURS = "jetstream-exporter"


@dataclass(slots=True)
class Result:
    started: datetime.datetime
    rounds: int
    storage: str
    still: bool
    load_before: float
    series: dict[Size, list[Series]] = field(default_factory=dict)
    health: dict[Size, Latency] = field(default_factory=dict)

    def ours(self) -> dict[Size, Series]:
        return {size: _ours(all_series) for size, all_series in self.series.items()}


def document(result: Result) -> str:
    return "\n\n".join([*_head(result), *_contests(result), *_alone(result)]) + "\n"


def _head(result: Result) -> list[str]:
    facts = "\n".join(f"- {name}: {value}" for name, value in machine.facts().items())
    between = "Nothing changed" if result.still else "Every consumer worked"
    return [
        f"# Scrapes measured on {result.started:%Y-%m-%d}",
        f"Everyone in one run, alternating; medians of {result.rounds} after scrapes to warm "
        f"up. {between} between the rounds. One nats-server, {result.storage} storage, one "
        f"replica. Load average of the machine before the run: {result.load_before:.1f}. "
        "What each column means: [bench/README.md](../README.md).",
        facts,
    ]


def _contests(result: Result) -> list[str]:
    parts = []
    for size, all_series in result.series.items():
        parts.append(f"## {size.consumers:,} consumers ({size.streams:,} × {size.consumers_each})")
        parts.append(table.contest(all_series))
        parts += [not_whole(series) for series in all_series if not series.is_whole()]
        ours = _ours(all_series)
        others = [one for one in all_series if one.compared.pid and one is not ours]
        if others:
            parts.append(table.ratios(ours, others))
    return parts


def _alone(result: Result) -> list[str]:
    return [
        "## Growth of jetstream-exporter",
        "The last four columns compare a load with the one before it.",
        table.growth(result.ours()),
        "## `/-/healthy` while a scrape runs",
        table.health(result.health),
    ]


def _ours(all_series: list[Series]) -> Series:
    return next(one for one in all_series if one.compared.name == OURS)


def not_whole(series: Series) -> str:
    sizes = [one.size for one in series.plain]
    return (
        f"**{series.compared.name} did not always give everything**: its answers had "
        f"{table.megabytes(min(sizes))} to {table.megabytes(max(sizes))}, so its figures are not "
        "those of whole scrapes."
    )
