"""To which consumers with work a message was delivered a moment ago, as successive scrapes show. Pure."""

from collections.abc import Set

import msgspec

from jetstream_exporter.snapshot import Snapshot
from jetstream_exporter.snapshot.rows.consumers import ConsumerKey

LATELY = 45.0  # seconds; the rules look at consumers to which nothing was delivered for minutes


class RecentDeliveries:
    """What is remembered are the consumers with work of the last scrape, and those that have no leader meanwhile."""

    def __init__(self) -> None:
        self._counts: dict[ConsumerKey, int | None] = {}
        self._moved: dict[ConsumerKey, float] = {}  # when their count last changed

    def __len__(self) -> int:
        return len(self._counts)

    def annotate(self, snapshot: Snapshot, now: float) -> Snapshot:
        """The snapshot with these consumers; none of them is seen for the first time. `now` is monotonic."""
        before = self._counts
        counts = {
            row.key: before.get(row.key) if row.deliveries is None else row.deliveries
            for row in snapshot.consumers
            if row.pending != 0 or row.ack_pending != 0
        }
        moved = {key: now for key, count in counts.items() if before.get(key, count) != count}
        kept = {key: then for key, then in self._moved.items() if key in counts}
        self._counts, self._moved = counts, kept | moved
        recent: Set[ConsumerKey] = {k for k, then in self._moved.items() if now - then < LATELY}
        return msgspec.structs.replace(snapshot, delivered_lately=recent)
