"""Who has the label of a cluster, and what is said where several would have it."""

from collections.abc import Hashable, Mapping, Sequence

import msgspec

from jetstream_exporter.report import Report
from jetstream_exporter.snapshot.joining import TargetReport
from jetstream_exporter.snapshot.parts import server_name

SHOWN = 5  # targets that a sentence names


class Conflict(msgspec.Struct, frozen=True, order=True):
    """A name that stands for several things. `cluster` is the label that more than one of them would have."""

    cluster: str
    text: str


class Owner(msgspec.Struct, frozen=True):
    """Who has a label: where its servers are, and which target answers for each of them, by name."""

    origins: frozenset[Hashable]
    targets: Mapping[str, str]
    ids: frozenset[str]
    seen: float


Owners = Mapping[str, Owner]
NOBODY = Owner(frozenset(), {}, frozenset(), 0.0)


def identified(report: Report) -> str | None:
    """The name of the server that says this of itself, where its id is known."""
    return server_name(report) if report.identity else None


def is_target_of(one: TargetReport, owner: Owner) -> bool:
    """Whether the target answered for the server of that name before."""
    return owner.targets.get(server_name(one.report) or "") == one.target


def listed(answers: Sequence[TargetReport], some: Sequence[int]) -> str:
    targets = sorted({answers[i].target for i in some})
    more = f" and {len(targets) - SHOWN} more" if len(targets) > SHOWN else ""
    return ", ".join(targets[:SHOWN]) + more
