"""What the measurement of the dashboards' queries found, as a page."""

from __future__ import annotations

import argparse
import re
import subprocess
from dataclasses import dataclass

from bench import machine

LIMIT = 2.0  # seconds that a reader may wait for a panel


@dataclass(frozen=True, slots=True)
class Timing:
    board: str
    panel: str
    query: str
    seconds: float
    series: int | None  # None: no answer, but an error after these seconds


@dataclass(frozen=True, slots=True)
class Found:
    timings: list[Timing]
    held: int  # series that Prometheus had of the exporter


def document(options: argparse.Namespace, found: Found, load_before: str) -> str:
    slowest = sorted(found.timings, key=lambda timing: -timing.seconds)
    facts = {**machine.facts(), "Prometheus": version(options), "load before": load_before}
    late = [t for t in slowest if t.series is None or t.seconds > LIMIT]
    lines = [
        "# What the dashboards cost Prometheus",
        "",
        f"{options.size.consumers:,} consumers ({options.size}), {found.held:,} series, {options.minutes:g} minutes "
        f"scraped every {options.interval:g} s and asked for whole; median of {options.rounds}. "
        f"{len(slowest)} queries, the twenty slowest:",
        "",
        *(f"- {name}: {value}" for name, value in facts.items()),
        "",
        "| board | panel | query | seconds | series |",
        "|---|---|---|---|---|",
        *(
            f"| {t.board} | {t.panel} | {t.query} | {t.seconds:.3f} | {'failed' if t.series is None else t.series} |"
            for t in slowest[:20]
        ),
        "",
        f"Without an answer within {LIMIT:g} s: {len(late) or 'none'}. "
        f"Most series of one answer: {max(t.series or 0 for t in slowest)}.",
        "",
    ]
    return "\n".join(lines)


def version(options: argparse.Namespace) -> str:
    argv = [options.prometheus, "--version"]
    said = subprocess.run(argv, capture_output=True, text=True, check=True)
    found = re.search(r"version (\S+)", said.stdout + said.stderr)
    return found[1] if found else "unknown"
