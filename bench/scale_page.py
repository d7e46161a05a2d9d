"""The page about replayed clusters."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from bench import machine, table
from bench.paid import COSTS, SCRAPES, Paid
from bench.replay_scrapes import COLUMNS
from bench.scale_shapes import Planned

ABOUT = """\
Each cluster has exporters of its own. All slices, shards or peers of a cluster are asked at once, as by Prometheus,
and clusters one after another, since each has machines of its own. Wall time is that of the last answer of the slowest
cluster. CPU and resident memory are sums of all processes; beside them is the memory of the largest. Clusters are
equal: where only some of them were run, a second row multiplies what is of all of them. The machine also makes the
replayed answers meanwhile, which takes a part of the wall time. Three of four replayed consumers stand with messages
waiting, which is the most series that the lean profile has of a consumer.
"""
ABOUT_PROMETHEUS = """\
Under *Prometheus*, a real Prometheus without rules scrapes all of one contestant at its interval, and then another
Prometheus all of the next. A scrape is missed if its `up` is 0, or if it never began because the one before took too
long. The longest is the largest `scrape_duration_seconds`. Series, samples, CPU and resident memory are those of the
whole time, with the first scrape, which creates the series. Memory grows until the first block is cut after two hours
or more. A block of all samples, made after the time, says what a sample takes on disk for good; its index is not
counted, as it is one for all samples of two hours. Prometheus spreads its scrapes over the interval, so that slices
share a collection only with `collect.min_interval`, which is nine tenths of the interval here.
"""


@dataclass(slots=True)
class Section:
    """What was measured on one shape."""

    planned: Planned
    rows: list[list[str]] = field(default_factory=list)
    incomplete: list[str] = field(default_factory=list)  # fewer samples than consumers
    paid: list[Paid] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)  # why Prometheus could not scrape somebody


def document(sections: Sequence[Section], load: float) -> str:
    lines = ["# Replayed clusters", "", ABOUT]
    if any(section.paid for section in sections):
        lines.append(ABOUT_PROMETHEUS)
    for section in sections:
        lines += _section(section)
    facts = machine.facts() | {"load before the run": f"{load:.1f}"}
    return "\n".join([*lines, *(f"- {name}: {value}" for name, value in facts.items()), ""])


def _section(section: Section) -> Iterator[str]:
    yield from (f"## {section.planned.title}", "")
    if section.rows:
        yield from (table.markdown(COLUMNS, section.rows), "")
    for name in section.incomplete:
        yield from (f"**{name} is incomplete**: it has fewer samples than consumers.", "")
    if section.paid:
        yield from _prometheus(section)
    for why in section.failed:
        yield from (f"**Prometheus could not be measured with one contestant**: {why}", "")


def _prometheus(section: Section) -> Iterator[str]:
    clusters, plan = section.planned.clusters, section.paid[0].plan
    yield from (f"### Prometheus, {plan}", "")
    scrapes = [row for each in section.paid for row in each.scrape_rows(clusters)]
    yield from (table.markdown(SCRAPES, scrapes), "")
    costs = [row for each in section.paid for row in each.cost_rows(clusters)]
    yield from (table.markdown(COSTS, costs), "")
    for note in (note for each in section.paid for note in each.notes()):
        yield from (note, "")
    replayed = ", ".join(f"{each.used.replay_cpu:.0f} s" for each in section.paid)
    yield from (f"The replayed servers used {replayed} of CPU meanwhile.", "")
