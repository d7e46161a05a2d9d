"""To which consumers a message was delivered a moment ago, as successive scrapes show. Pure."""

from collections.abc import Mapping

import msgspec

from jetstream_exporter.snapshot import Snapshot
from jetstream_exporter.snapshot.rows.consumers import ConsumerKey

RECENT = 45.0  # seconds; the rules look at consumers to which nothing was delivered for minutes

Counts = Mapping[ConsumerKey, int]


class RecentDeliveries:
    """Remembers how many messages were delivered to each consumer, of this scrape and the one before."""

    def __init__(self) -> None:
        self._counts: Counts = {}
        self._older: Counts = {}  # a scrape that ends early may lack some consumers
        self._moved: Mapping[ConsumerKey, float] = {}  # when a count last changed

    def __len__(self) -> int:
        """How many consumers are remembered."""
        return len(self._older.keys() | self._counts.keys())

    def annotate(self, snapshot: Snapshot, now: float) -> Snapshot:
        """Note in the snapshot whose count changed within the last seconds; `now` is monotonic.

        A consumer that has no earlier count is not among them.
        """
        counts: dict[ConsumerKey, int] = {}
        moved = {key: then for key, then in self._moved.items() if now - then < RECENT}
        for row in snapshot.consumers:
            key = row.key
            before = self._counts.get(key, self._older.get(key))
            count = before if row.deliveries is None else row.deliveries
            if count is None:
                continue
            if before is not None and before != count:
                moved[key] = now
            counts[key] = count
        self._older, self._counts, self._moved = self._counts, counts, moved
        return msgspec.structs.replace(snapshot, delivered_lately=moved.keys())
