"""What is remembered of one consumer while something waits for it. Pure."""

from collections.abc import Sequence
from operator import attrgetter

import msgspec

from jetstream_exporter.report import LookedUp
from jetstream_exporter.snapshot import Consumer
from jetstream_exporter.snapshot.rows import Lag
from jetstream_exporter.state.exact import Exact, Reading, is_about
from jetstream_exporter.state.rings import Counts

Position = tuple[object, ...]
Gone = int | tuple[int, int]
# What its lag is found from, besides what waits behind its next message. Most are the same objects in every scrape.
POSITION = attrgetter(
    "delivered_sequence",
    "deliveries",
    "ack_floor_sequence",
    "ack_pending",
    "settings",
    "incarnation",
)


class Earliest(msgspec.Struct, eq=False, gc=False):
    """The earliest time that was found for one message, while it is certainly the same one.

    That is while the consumer's `position` stays and nothing was removed since it was read. The stream may have been
    read after the consumer, so what counts is what was gone a reading of the stream before.
    """

    position: int = -1
    gone: Gone = -1
    stored: float | None = None

    def of(
        self, position: int, gone: Gone, gone_before: Gone, stored: float | None
    ) -> float | None:
        """Take in what this scrape knows, and return the earliest."""
        known = self.stored
        if position == self.position and gone == self.gone and known is not None:
            stored = known if stored is None else min(known, stored)
        self.position, self.gone, self.stored = position, gone_before, stored
        return stored


class Backlog:
    """`lag` was found for `position`, and holds while that stays. Only a filtered consumer has counts."""

    __slots__ = (
        "_filters",
        "_incarnation",
        "above_floor",
        "counts",
        "delivered",
        "delivered_before",
        "deliveries",
        "evicted",
        "evicted_before",
        "exact",
        "finished",
        "first",
        "gone",
        "lag",
        "needs",
        "own",
        "pending",
        "position",
        "read_at",
        "waited",
    )

    def __init__(self, row: Consumer, first: int) -> None:
        self._incarnation = row.incarnation
        self._filters = row.settings.filters if row.settings else 0
        self.pending = Earliest()
        self.above_floor = Earliest()
        self.own: Earliest | None = None  # the same, while the consumer finishes nothing
        self.finished = -1  # deliveries that it had finished last time
        self.counts: Counts | None = None
        self.evicted = 0  # messages that may have been removed before they were delivered
        self.evicted_before = 0  # the same, when the last scrape read the stream
        self.first = first  # of the stream
        self.delivered = self.delivered_before = row.delivered_sequence or 0
        self.deliveries = 0
        self.waited = 0  # how many were pending last time,
        self.gone = 0  # and how many were gone from the stream by then
        self.needs = 0  # the lowest sequence for which the stream's ends are needed
        self.position: Position = ()
        self.read_at: Position = ()  # the last position, also where the lag may be known better next time
        self.lag = Lag()
        self.exact: Exact | None = None  # None where nothing was looked up

    def __len__(self) -> int:
        return 0 if self.counts is None else len(self.counts)

    def is_at(self, row: Consumer, position: Position) -> bool:
        """Whether the consumer stands where it stood last time, and still waits for something or for nothing."""
        return self.read_at == position and bool(row.pending) == (self.lag.pending is not None)

    def is_of_another(self, row: Consumer) -> bool:
        """Whether the consumer was recreated, was reset, or wants other messages than it did."""
        if row.incarnation != self._incarnation and not row.incarnation.same(self._incarnation):
            return True
        if row.settings is not None and row.settings.filters != self._filters:
            return True
        return (row.deliveries or 0) < self.deliveries

    def remember(self, row: Consumer, found: LookedUp, readings: Sequence[Reading]) -> None:
        """Take what was looked up for it since the last scrapes read its stream."""
        if self.exact is None:
            self.exact = Exact()
        if self.exact.remember(found.messages if is_about(found, row) else (), readings):
            self.position = ()

    def passed_by(self, first: int, delivered: int) -> int:
        """How many messages the first one of the stream passed before they were delivered, at the most.

        What was read of the stream last time is older than what was read of the consumer.
        """
        passed = min(self.delivered_before, self.delivered, delivered)
        return max(0, first - max(self.first, passed + 1))

    def still_waiting(self, row: Consumer, gone: int) -> int:
        """How many of the messages that waited last time wait now, at least, where so many are gone by now."""
        taken = (row.deliveries or 0) - self.deliveries
        return max(0, self.waited - (gone - self.gone) - taken)

    def count(
        self, matched: int, gone: int, removed_before: int, stored: float, settled: float
    ) -> None:
        """So many had matched by `stored`, and those of the last time by `settled`.

        Of what is `gone` by now the consumer may have counted all that was there when the last scrape began.
        """
        least = matched + removed_before + self.evicted_before
        if self.counts is None:
            self.counts = Counts()
        if not self.counts.add(least, matched + gone, stored, settled):
            # It was more before, and nothing explains that: the consumer wants other messages now.
            self.pending, self.above_floor, self.own, self.position = (
                Earliest(),
                Earliest(),
                None,
                (),
            )
            self.counts = Counts()
            self.counts.add(least, least, stored, settled)

    def counted_by(self, number: int) -> float | None:
        """A time by which the message of this number was there."""
        return None if self.counts is None else self.counts.stored_by(number)
