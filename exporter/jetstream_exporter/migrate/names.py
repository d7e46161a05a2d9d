"""Which series of ours gives each series of prometheus-nats-exporter and nats-surveyor.

The facts are from prometheus-nats-exporter 0.20 and nats-surveyor 0.9, run beside this exporter on one cluster. Both
exporters report what a server's JSON says, sentinels included: -1 and 2^64-1 for unlimited, milliseconds, nanoseconds.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field, replace
from functools import cache

from jetstream_exporter.migrate import pne, surveyor
from jetstream_exporter.migrate.shapes import Kind, Missing, Row

# Prefixes of prometheus-nats-exporter: its own for what a server says of itself, and for JetStream; and the one prefix
# that the NATS chart sets.
CORE_PREFIX, JETSTREAM_PREFIX, CHART_PREFIX = "gnatsd", "jetstream", "nats"
# Prometheus gives this label to any series, so that it tells nothing of the exporter.
OF_ANYBODY = frozenset({"cluster", "cluster_name"})


@dataclass(frozen=True, slots=True)
class OldName:
    """A whole name, and the row that it stands in; `kind` says which labels it has.

    `is_doubtful` where the other exporter has the name as well, and nothing tells which of them is meant.
    """

    name: str
    row: Row
    is_doubtful: bool = False

    @property
    def kind(self) -> Kind:
        return self.row.kind


@dataclass(frozen=True, slots=True)
class Names:
    """All old names under the prefixes that an installation uses."""

    known: Mapping[str, tuple[OldName, ...]]
    missing: tuple[tuple[re.Pattern[str], Missing], ...]
    prefixes: tuple[str, ...] = field(default=())

    def find(self, name: str) -> tuple[OldName, ...]:
        """What the name may be: two where both exporters have it, none where it has no successor."""
        return self.known.get(name, ())

    def reason(self, name: str) -> str:
        """Why a name of theirs has no successor; empty where the name is no name of theirs, or of somebody's rule."""
        if ":" in name:
            return ""
        for pattern, missing in self.missing:
            if pattern.fullmatch(name):
                return missing.reason
        if name.startswith(self.prefixes):
            return (
                "neither prometheus-nats-exporter 0.20 nor nats-surveyor 0.9 has this metric; "
                "if the exporter runs with -prefix, set --prefix"
            )
        return ""


def chosen(found: Sequence[OldName], used: Set[str]) -> OldName:
    """The one whose own labels are among those that an expression uses; the first where these do not tell."""
    own = [{*each.kind.labels, *each.kind.constants} - OF_ANYBODY for each in found]
    shared = set[str].intersection(*own)
    fitting = [each for each, labels in zip(found, own, strict=True) if used & (labels - shared)]
    is_told = len(found) == 1 or len(fitting) == 1
    return (fitting or found)[0] if is_told else replace(found[0], is_doubtful=True)


def pne_names(core: str = CORE_PREFIX, jetstream: str = JETSTREAM_PREFIX) -> Iterator[OldName]:
    for row in pne.ROWS:
        yield OldName(f"{core if row.kind.core else jetstream}_{row.old}", row)


def surveyor_names() -> Iterator[OldName]:
    return (OldName(f"nats_{row.old}", row) for row in surveyor.ROWS)


@cache
def names(further: tuple[str, ...] = ()) -> Names:
    """The names of both exporters, those under the chart's prefix and `further` prefixes included."""
    own = [*pne_names(), *surveyor_names()]
    for prefix in (CHART_PREFIX, *further):
        own += pne_names(prefix, prefix)
    known: dict[str, list[OldName]] = {}
    for each in own:
        known.setdefault(each.name, []).append(each)
    prefixes = (CORE_PREFIX, JETSTREAM_PREFIX, CHART_PREFIX, *further)
    return Names(
        {name: tuple(found) for name, found in known.items()},
        tuple(_missing(prefixes)),
        (*(f"{prefix}_" for prefix in prefixes),),
    )


def _missing(prefixes: Iterable[str]) -> Iterator[tuple[re.Pattern[str], Missing]]:
    ahead = "|".join(re.escape(prefix) for prefix in prefixes)
    for each in pne.MISSING:
        yield re.compile(f"(?:{ahead})_(?:{each.pattern})"), each
    for each in surveyor.MISSING:
        yield re.compile(f"nats_(?:{each.pattern})"), each
