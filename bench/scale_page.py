"""The page about replayed clusters."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from bench import machine, table
from bench.replay_scrapes import COLUMNS
from bench.scale_shapes import Planned

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

ABOUT = """\
Each cluster has exporters of its own. All slices, shards or peers of a cluster are asked at once, as by Prometheus,
and clusters one after another, since each has machines of its own. Wall time is that of the last answer of the slowest
cluster. CPU and resident memory are sums of all processes; beside them is the memory of the largest. Clusters are
equal: where only some of them were run, a second row multiplies what is of all of them. The machine also makes the
replayed answers meanwhile, which takes a part of the wall time. Three of four replayed consumers stand with messages
waiting, which is the most series that the lean profile has of a consumer.
"""


class Section(NamedTuple):
    planned: Planned
    rows: Sequence[Sequence[str]]
    incomplete: Sequence[str]  # who has fewer samples than there are consumers


def document(sections: Sequence[Section], load: float) -> str:
    lines = ["# Replayed clusters", "", ABOUT]
    for section in sections:
        lines += _section(section)
    facts = machine.facts() | {"load before the run": f"{load:.1f}"}
    return "\n".join([*lines, *(f"- {name}: {value}" for name, value in facts.items()), ""])


def _section(section: Section) -> Iterator[str]:
    yield from (f"## {section.planned.title}", "", table.markdown(COLUMNS, section.rows), "")
    for name in section.incomplete:
        yield f"**{name} is incomplete**: it has fewer samples than there are consumers."
        yield ""
