"""What successive scrapes tell of a stream's messages: by when they were stored, and how many are gone. Pure."""

from collections.abc import Sequence
from math import inf

from jetstream_exporter.snapshot import Consumer
from jetstream_exporter.state.acknowledged import Acknowledged
from jetstream_exporter.state.counts import CountTable
from jetstream_exporter.state.rings import Ends, known
from jetstream_exporter.state.stream_view import (
    StreamView,
    is_after,
    is_another,
    removed,
    removed_within,
)


class StreamTimes:
    """What is remembered of one incarnation of a stream. `stream` is as the last scrape that was remembered read it."""

    __slots__ = (
        "_acknowledged",
        "consumers_read",
        "counted",
        "ends",
        "gone",
        "gone_before",
        "is_steady",
        "removed",
        "removed_before",
        "settled",
        "stream",
    )

    def __init__(self) -> None:
        self.ends = Ends()
        self.counted = CountTable()
        self._acknowledged = Acknowledged()
        self.removed = 0  # messages that may have been removed from within, since it is watched
        self.gone = 0  # all that were removed, from wherever
        self.removed_before = self.gone_before = 0  # both, when the last scrape read the stream
        self.stream: StreamView | None = None
        self.is_steady = False  # nothing was removed since the last scrape
        self.consumers_read = inf  # by when what this scrape's consumers counted was stored
        self.settled = inf  # by when what the last scrape's consumers counted was stored

    def is_of_another(self, stream: StreamView) -> bool:
        """Whether what is remembered is of other messages than the stream has now."""
        return self.stream is not None and is_another(self.stream, stream, self.ends)

    def note(self, stream: StreamView, consumers: Sequence[Consumer]) -> None:
        """Take in what a scrape read of the stream, and of the consumers that explain what is gone."""
        before = self.stream
        if stream.is_worked_off:
            self._acknowledged.note(consumers, stream)
        self.settled, self.is_steady = inf, False
        if before is not None:
            self._note_removed(before, stream)
            if stream.server != before.server:
                self.ends.forget_clock()
            if is_after(stream, before):
                self.settled = stream.last_stored or inf
        self.consumers_read = stream.consumers_read
        if self.counted:
            self.counted.add(self.consumers_read, self.settled)
        if stream.last_stored is not None:
            self.ends.add(stream.last, stream.last_stored, stream.read_from)
        elif stream.read is not None and not stream.is_mirror:
            self.ends.still(stream.last, stream.read)

    def counting(self) -> CountTable:
        """Where this scrape's counts belong."""
        if not self.counted:
            self.counted.add(self.consumers_read, inf)
        return self.counted

    def _note_removed(self, before: StreamView, stream: StreamView) -> None:
        gone = removed(before, stream)
        within = removed_within(before, stream)
        if stream.is_worked_off:
            within = self._acknowledged.removed(gone, before, stream)
        self.gone_before, self.removed_before = self.gone, self.removed
        self.gone += gone
        self.removed += within
        self.is_steady = (
            gone == within == 0 and before.first == stream.first and stream.last_stored is not None
        )

    def first_from(self, lowest: int, still: int, stream: StreamView) -> float | None:
        """By when the first message from this sequence on was stored, where at least `still` wait there."""
        if lowest == stream.first and stream.first_stored is not None:
            return stream.first_stored
        highest = lowest + stream.deleted
        if still > 0:
            highest = max(lowest, min(highest, stream.last - still + 1))
        return self.at(lowest, stream) if lowest > stream.last else self.ends.stored_by(highest)

    def at(self, sequence: int, stream: StreamView) -> float | None:
        """Of a message at this sequence. Its consumer knew of it later than the stream, if the stream does not."""
        if sequence > stream.last >= stream.first:
            return known(self.consumers_read)
        return self.ends.stored_by(sequence)

    def or_read(self, stored: float | None) -> float | None:
        """Whatever waits was there when its consumer was read, but another message may be next by now."""
        return known(self.consumers_read) if stored is None else stored

    def error(self, lowest: int, stored: float | None, stream: StreamView) -> float | None:
        """By how many seconds the first message from this sequence on may be older; None where nothing bounds that."""
        if stored is None:
            return None
        if lowest == stream.first and stored == stream.first_stored:
            return 0.0
        after = self.ends.stored_after(lowest)
        return None if after is None else max(0.0, stored - after)
