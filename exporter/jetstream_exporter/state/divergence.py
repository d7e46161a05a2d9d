"""Which replicas hold another content than their leader, for good.

In a single answer two replicas of one stream often differ: they do not answer at one instant, and messages are removed
meanwhile. One that differs in the very same figures in three scrapes is not about to become alike, unless these follow
each other within a moment. One that names another last sequence may only be slow to store; it differs for good once it
stood still for minutes although its leader called it current all the while.
"""

from collections.abc import Mapping
from math import inf
from typing import NamedTuple

import msgspec

from jetstream_exporter.snapshot import Snapshot, Stream
from jetstream_exporter.snapshot.replicas import Differences
from jetstream_exporter.snapshot.rows import Difference, Standing

ENOUGH = 3  # scrapes in which a replica differs in one way
APART = 5.0  # seconds between two scrapes that are counted, of any number
STOOD = 300.0  # seconds between the first and the last scrape in which a replica stands at another last sequence

Key = tuple[str, str, str]


class Sighting(NamedTuple):
    """How a replica differs, in how many scrapes, and when the first and the last of these were."""

    difference: Difference | Standing
    times: int
    first: float
    last: float

    @property
    def is_for_good(self) -> bool:
        stood = isinstance(self.difference, Difference) or self.last - self.first >= STOOD
        return self.times >= ENOUGH and stood


Seen = Mapping[
    tuple[str, bool], Sighting
]  # by server, and whether it stands at another last sequence
NOTHING: Seen = {}


class Divergence:
    """What is remembered are replicas that differ, until they are alike, or their stream or server is not there."""

    def __init__(self) -> None:
        self._seen: dict[Key, Seen] = {}

    def __len__(self) -> int:
        return len(self._seen)

    def annotate(self, snapshot: Snapshot, now: float, begun: float = inf) -> Snapshot:
        """The streams with the number of their diverged replicas, where there is any to compare.

        Times are monotonic. What was begun before the last one ended may hold the same answers, and is not counted.
        """
        before, self._seen = self._seen, {}
        streams = [self._annotated(row, before, now, begun) for row in snapshot.streams]
        return msgspec.structs.replace(snapshot, streams=streams)

    def _annotated(
        self, row: Stream, before: Mapping[Key, Seen], now: float, begun: float
    ) -> Stream:
        seen = NOTHING
        if row.differences:
            seen = _counted(row.differences, before.get(row.key, NOTHING), now, begun)
        if not seen:
            return row
        self._seen[row.key] = seen
        diverged = len({server for (server, _), one in seen.items() if one.is_for_good})
        return msgspec.structs.replace(row, diverged=diverged)


def _counted(differences: Differences, before: Seen, now: float, begun: float) -> Seen:
    """Where two replicas cannot be compared at one last sequence, what was seen at the last one they shared is kept."""
    seen: dict[tuple[str, bool], Sighting] = {}
    for server, difference in differences.items():
        known = before.get((server, False))
        if known is not None and not isinstance(difference, Difference):
            seen[server, False] = known
        if difference is not None:
            is_standing = isinstance(difference, Standing)
            known = before.get((server, is_standing))
            seen[server, is_standing] = _sighted(difference, known, now, begun)
    return seen


def _sighted(
    difference: Difference | Standing, known: Sighting | None, now: float, begun: float
) -> Sighting:
    if known is None or known.difference != difference:
        return Sighting(difference, 1, now, now)
    if now - known.last < APART or begun < known.last:
        return known
    return Sighting(difference, min(known.times + 1, ENOUGH), known.first, now)
