"""How much of what disappears from a work-queue or interest stream its consumers' deliveries account for. Pure.

A stream and its consumers are read at different moments. What was acknowledged between the two is counted by one scrape
and gone in the next where the stream is read first, and gone one scrape before it is counted where the consumers are. A
server that leads both reads the stream first.
"""

from collections.abc import Sequence
from typing import NamedTuple

from jetstream_exporter.snapshot import Consumer
from jetstream_exporter.state.stream_view import StreamView


class Count(NamedTuple):
    """Deliveries that a consumer had finished, those in flight, and all messages that it still needed."""

    finished: int
    in_flight: int
    needed: int
    is_led: bool = True

    @property
    def open(self) -> int:
        """How many more it may have finished by the time the stream was read, as far as they were delivered by then."""
        return self.in_flight if self.is_led else self.needed


class Acknowledged:
    """What the consumers of one stream finished between its last two scrapes."""

    __slots__ = ("_counts", "_early", "_expected", "_finished", "_left", "_left_before")

    def __init__(self) -> None:
        self._counts: dict[str, Count] = {}
        self._finished = 0  # since the scrape before
        self._early = 0  # how many were finished then that may have been gone only later
        self._expected = 0  # how many were gone then that had yet to be finished
        self._left = self._left_before = 0  # messages that were needed yet, at the least

    def note(self, consumers: Sequence[Consumer], stream: StreamView) -> None:
        """Take in what a scrape read of the consumers."""
        before, self._counts = self._counts, {}
        finished = left = 0
        for row in consumers:
            then = before.get(row.name)
            if row.ack_pending is None or row.pending is None or row.settings is None:
                if then is not None:
                    self._counts[row.name] = then._replace(is_led=False)
                continue
            now = (row.deliveries or 0) - row.ack_pending
            finished += max(0, now if then is None else now - then.finished)
            needed = row.pending + row.ack_pending
            in_flight = row.ack_pending if row.settings.ack_policy != "none" else needed
            if row.raft.leader == stream.server:
                in_flight = 0
            self._counts[row.name] = Count(now, in_flight, needed)
            left = max(left, needed) if stream.is_shared else left + needed
        if not before:
            self._early = finished
        self._finished = finished
        self._left_before, self._left = self._left, left

    def removed(self, gone: int, before: StreamView, stream: StreamView) -> int:
        """How many were removed that nobody acknowledged, where so many are gone since the last scrape.

        What was in flight when the consumers were read may have been acknowledged by the time the stream was. If the
        next scrape does not say so, it was removed; of a consumer without a leader, the next one that reads it.
        """
        found = min(self._expected, self._finished)
        finished, missing = self._finished - found, self._expected - found
        # What was gone between the two readings of the last scrape was not needed any more.
        spare = before.messages - self._left_before + stream.last - before.last
        gone = max(0, gone - max(0, min(self._early, spare)))
        self._early, doubted = max(0, finished - gone), max(0, gone - finished)
        if not (missing or doubted):
            self._expected = 0
            return 0
        counts = self._counts.values()
        unread = sum(each.open for each in counts if not each.is_led)
        self._expected = min(min(missing, unread) + doubted, sum(each.open for each in counts))
        return missing + doubted - self._expected
