"""Which replicas hold another content than their leader, for good.

In a single answer two replicas of one stream often differ: they do not answer at one instant, and messages are removed
meanwhile. One that differs in the very same figures in three scrapes is not about to become alike, unless these follow
each other within a moment.
"""

from collections.abc import Mapping
from typing import NamedTuple

import msgspec

from jetstream_exporter.snapshot import Snapshot, Stream
from jetstream_exporter.snapshot.rows import Difference

ENOUGH = 3  # scrapes in which a replica names its leader's last sequence and differs in one way
APART = 5.0  # seconds between two scrapes that are counted, of any number

Key = tuple[str, str, str]


class Sighting(NamedTuple):
    """How a replica differs, in how many scrapes, and when the last of these was."""

    difference: Difference
    times: int
    last: float


Seen = Mapping[str, Sighting]  # by server
NOTHING: Seen = {}


class Divergence:
    """What is remembered are replicas that differ, until they are alike, or their stream or server is not there."""

    def __init__(self) -> None:
        self._seen: dict[Key, Seen] = {}

    def __len__(self) -> int:
        return len(self._seen)

    def annotate(self, snapshot: Snapshot, now: float) -> Snapshot:
        """The streams with the number of their diverged replicas, where there is any to compare. `now` is monotonic."""
        before, self._seen = self._seen, {}
        streams = [self._annotated(row, before, now) for row in snapshot.streams]
        return msgspec.structs.replace(snapshot, streams=streams)

    def _annotated(self, row: Stream, before: Mapping[Key, Seen], now: float) -> Stream:
        seen = NOTHING
        if row.differences:
            seen = _counted(row.differences, before.get(row.key, NOTHING), now)
        if not seen:
            return row
        self._seen[row.key] = seen
        diverged = sum(one.times >= ENOUGH for one in seen.values())
        return msgspec.structs.replace(row, diverged=diverged)


def _counted(differences: Mapping[str, Difference | None], before: Seen, now: float) -> Seen:
    seen: dict[str, Sighting] = {}
    for server, difference in differences.items():
        known = before.get(server)
        if difference is None:
            if known is not None:
                seen[server] = known
        elif known is None or known.difference != difference:
            seen[server] = Sighting(difference, 1, now)
        elif now - known.last < APART:
            seen[server] = known
        else:
            seen[server] = Sighting(difference, min(known.times + 1, ENOUGH), now)
    return seen
