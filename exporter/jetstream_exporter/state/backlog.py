"""What is remembered of one consumer while something waits for it. Pure."""

from collections.abc import Sequence
from operator import attrgetter

import msgspec

from jetstream_exporter.report import LookedUp
from jetstream_exporter.snapshot import Consumer
from jetstream_exporter.snapshot.incarnation import UNKNOWN
from jetstream_exporter.snapshot.rows import NO_LAG
from jetstream_exporter.snapshot.rows.consumers import ConsumerSettings
from jetstream_exporter.state.counts import Counts
from jetstream_exporter.state.exact import Exact, Reading, is_about
from jetstream_exporter.state.rings import LARGEST
from jetstream_exporter.state.stream_times import StreamTimes
from jetstream_exporter.state.stream_view import StreamView

POSITION = attrgetter(
    "delivered_sequence",
    "deliveries",
    "ack_floor_sequence",
    "ack_pending",
    "settings",
    "incarnation",
)


class Unfinished(msgspec.Struct, eq=False, gc=False):
    """By when the first message above the floor was stored, while it is certainly the same one.

    That is while the floor stays, the consumer finishes nothing and nothing is removed. The stream may have been read
    after the consumer, so what counts is what was so a reading before.
    """

    floor: int = -1
    gone: tuple[int, int] = (-1, -1)  # finished by the consumer, removed from the stream
    stored: float | None = None

    def of(
        self,
        floor: int,
        gone: tuple[int, int],
        gone_before: tuple[int, int],
        stored: float | None,
    ) -> float | None:
        """Take in what this scrape knows, and return the earliest."""
        if (floor, gone) == (self.floor, self.gone):
            stored = earlier(self.stored, stored)
        self.floor, self.gone, self.stored = floor, gone_before, stored
        return stored


class Backlog:
    """The consumer's figures as they were last time, and what is known by them and by those before.

    There may be a hundred thousand of them, so what follows from something else is not kept.
    """

    __slots__ = (
        "ack_floor_sequence",
        "ack_pending",
        "counts",
        "delivered_sequence",
        "deliveries",
        "exact",
        "first",
        "gone",
        "incarnation",
        "is_sure",
        "lag",
        "removed",
        "settings",
        "unfinished",
        "waited",
    )

    def __init__(self, row: Consumer, settings: ConsumerSettings, first: int, removed: int) -> None:
        """`first` of the stream, and how many messages were `removed` from within it."""
        self.settings, self.incarnation = settings, row.incarnation
        self.delivered_sequence = row.delivered_sequence or 0
        self.deliveries = 0
        self.ack_floor_sequence: int | None = None
        self.ack_pending: int | None = None
        self.first = first
        self.waited = 0  # how many were pending
        # As the scrape before the last one read the stream: all messages that were gone, and those of them that may
        # have been the next one.
        self.gone = self.removed = 0
        self.lag = NO_LAG
        # Whether that holds while the consumer stands where it stood. None where it was not found last time, since
        # nobody led it.
        self.is_sure: bool | None = None
        passed, is_filtered = (row.deliveries or 0) + removed, settings.filtered
        self.counts = Counts(passed, self.delivered_sequence) if is_filtered else None
        self.unfinished: Unfinished | None = None  # only where what is finished is removed
        self.exact: Exact | None = None  # None where nothing was looked up

    @property
    def finished(self) -> int:
        """How many deliveries it had finished; none where that was not read yet."""
        return -1 if self.ack_pending is None else self.deliveries - self.ack_pending

    @property
    def needs(self) -> int:
        """The lowest sequence for which the stream's ends are needed."""
        if self.counts is not None:
            return self.delivered_sequence
        is_finished = self.settings.ack_policy == "none"
        return 1 + (self.delivered_sequence if is_finished else self.ack_floor_sequence or 0)

    def is_at(self, row: Consumer) -> bool:
        """Whether the consumer stands where it stood last time, and still waits for something or for nothing."""
        return (
            self.is_sure is not None
            and POSITION(row) == POSITION(self)
            and bool(row.pending) == (self.lag.pending is not None)
        )

    def goes_on(self, row: Consumer, times: StreamTimes) -> bool:
        """Note what came behind a message that is still the next one.

        False if it may be another, or if more may be known of it by now. Of most consumers this is all that is asked,
        so their positions are compared without a call.
        """
        pending, counts = row.pending, self.counts
        if not (
            self.is_sure
            and pending
            and row.delivered_sequence == self.delivered_sequence
            and row.ack_floor_sequence == self.ack_floor_sequence
            and row.ack_pending == self.ack_pending
            and row.deliveries == self.deliveries
            # Where these are equal, they are most often the same objects.
            and (row.settings is self.settings or row.settings == self.settings)
            and (row.incarnation is self.incarnation or row.incarnation == self.incarnation)
        ):
            return False
        if counts is None:
            self.waited, self.gone = pending, times.gone_before
            return True
        counts.delivered_before = self.delivered_sequence
        matched = self.deliveries + pending
        if matched + times.removed + counts.evicted > LARGEST:
            return False
        return counts.add(times.counted, matched, times.removed, times.removed_before)

    def note(
        self, row: Consumer, settings: ConsumerSettings, stream: StreamView, times: StreamTimes
    ) -> None:
        """Take where a consumer stands that has a leader. Numbers that are alike become one object."""
        removed, counts = times.removed_before, self.counts
        if counts is not None:
            removed += counts.evicted_before
            counts.evicted_before, counts.delivered_before = counts.evicted, self.delivered_sequence
        delivered, deliveries = row.delivered_sequence or 0, row.deliveries or 0
        floor, self.ack_pending = row.ack_floor_sequence, row.ack_pending
        self.delivered_sequence = delivered
        self.deliveries = delivered if deliveries == delivered else deliveries
        self.ack_floor_sequence = delivered if floor == delivered else floor
        self.settings = settings
        if row.incarnation != UNKNOWN:
            self.incarnation = row.incarnation
        self.waited = 0 if times.stream is None else row.pending or 0
        self.first, self.gone, self.removed = stream.first, times.gone_before, removed

    def is_of_another(self, row: Consumer, settings: ConsumerSettings) -> bool:
        """Whether the consumer was recreated, was reset, or wants other messages than it did."""
        is_filtered, before = self.counts is not None, self.settings
        if (settings.filters, settings.filtered) != (before.filters, is_filtered):
            return True
        if row.incarnation is not self.incarnation and not row.incarnation.same(self.incarnation):
            return True
        return (row.deliveries or 0) < self.deliveries

    def remember(self, row: Consumer, found: LookedUp, readings: Sequence[Reading]) -> None:
        """Take what was looked up for it since the last scrapes read its stream."""
        if self.exact is None:
            self.exact = Exact()
        if self.exact.remember(found.messages if is_about(found, row) else (), readings):
            self.is_sure = None if self.is_sure is None else False

    def earliest_pending(self, stored: float | None, removed: int) -> float | None:
        """The earliest time found for a next message at the same position. It is the same if none was `removed`."""
        return earlier(self.lag.pending, stored) if removed == self.removed else stored

    def passed_by(self, counts: Counts, first: int, delivered: int) -> int:
        """How many messages the first one of the stream passed before they were delivered, at the most.

        What was read of the stream last time is older than what was read of the consumer.
        """
        passed = min(counts.delivered_before, self.delivered_sequence, delivered)
        return max(0, first - max(self.first, passed + 1))

    def still_waiting(self, row: Consumer, gone: int) -> int:
        """How many of the messages that waited last time wait now, at least, where so many are gone by now."""
        taken = (row.deliveries or 0) - self.deliveries
        return max(0, self.waited - (gone - self.gone) - taken)

    def passed(self, counts: Counts, times: StreamTimes) -> int:
        """How many of the messages that it wants are not its next one any more, of which some may be gone."""
        return self.deliveries + times.removed + counts.evicted


def earlier(one: float | None, other: float | None) -> float | None:
    """The earlier of two times of which each may be unknown."""
    if one is None or other is None:
        return other if one is None else one
    return min(one, other)
