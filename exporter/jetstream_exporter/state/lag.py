"""How long ago the oldest waiting message was stored, bounded from the figures of successive scrapes. Pure.

A scrape reads of each stream its last sequence, when that message was stored, and when the server read it, on one
clock. A message above the last sequence of one scrape and not above that of the next was stored after the first was
read and not after the second's last message: no longer than one interval between scrapes, however long the stream was
silent. Where the next message of a filtered consumer stands, no sequence tells; the number of messages that matched so
far takes its place.

A stream and its consumers are read at different moments, often by different servers. What is said is true of the moment
at which the stream was read, or of that at which the consumer was.

A message is never said to be older than it is. `pending` is a time at which it was certainly there; `pending_error` is
by how much it may have been stored earlier, and None where nothing bounds that. One thing is taken on trust: on
work-queue and interest streams a message that disappears was acknowledged, as far as deliveries account for it, unless
the stream's configuration lets messages disappear otherwise (`acknowledged.py`).

This runs for every consumer of every scrape, so it does nothing where nothing waits, and little where nothing moved.
"""

from collections.abc import Mapping, Sequence
from math import inf

from jetstream_exporter.report import LookedUp
from jetstream_exporter.snapshot import Consumer
from jetstream_exporter.snapshot.rows import NO_LAG, Lag
from jetstream_exporter.state.acknowledged import Acknowledged
from jetstream_exporter.state.backlog import POSITION, Backlog, Earliest, Position
from jetstream_exporter.state.beside import Known, lags_beside
from jetstream_exporter.state.exact import Reading, looked_up, or_exact
from jetstream_exporter.state.rings import LARGEST, Ends
from jetstream_exporter.state.stream_view import (
    StreamView,
    is_after,
    is_another,
    removed,
    removed_within,
)

NOTHING: Mapping[str, LookedUp] = {}


class StreamLag:
    """What is remembered of one incarnation of a stream and of what waits for its consumers."""

    __slots__ = (
        "_acknowledged",
        "_backlogs",
        "_consumers_read",
        "_ended",
        "_ends",
        "_gone",
        "_gone_before",
        "_is_steady",
        "_looked_up",
        "_readings",
        "_removed",
        "_removed_before",
        "_settled",
        "_stream",
    )

    def __init__(self) -> None:
        self._ends = Ends()
        self._ended = -inf  # when the last scrape that was remembered had ended, on our clock
        self._backlogs: dict[str, Backlog] = {}
        self._acknowledged = Acknowledged()
        self._removed = 0  # messages that may have been removed from within, since it is watched
        self._gone = 0  # all that were removed, from wherever
        self._removed_before = self._gone_before = 0  # both, when the last scrape read the stream
        self._stream: StreamView | None = None
        self._is_steady = False  # nothing was removed since the last scrape
        self._consumers_read = inf  # by when what this scrape's consumers counted was stored
        self._settled = inf  # by when what the last scrape's consumers counted was stored
        self._readings: tuple[Reading, ...] = ()  # by the last two scrapes, newest first
        self._looked_up: Mapping[str, LookedUp] = {}

    def __len__(self) -> int:
        """How many points are held."""
        return len(self._ends) + sum(map(len, self._backlogs.values()))

    def observe(
        self,
        stream: StreamView,
        consumers: Sequence[Consumer],
        messages: Mapping[str, LookedUp] = NOTHING,
        now: float = 0.0,
        *,
        begun: float = inf,
        everybody: Sequence[Consumer] | None = None,
    ) -> Sequence[Lag]:
        """Take in one scrape and return the lag of each consumer, in their order; NO_LAG of those that have none.

        What is remembered of a consumer is kept while no leader reports it, and as long as something waits for it.
        `messages` were looked up for consumers, `now` the time on the same monotonic clock, and `begun` when the
        collection began. `everybody` are all consumers of the stream, if lags are wanted of some: what the others
        acknowledge explains what is gone.

        All that is concluded from two scrapes needs the second to begin after the first one ended. Of one that did
        not, nothing is remembered.
        """
        if begun <= self._ended:
            known = Known(self._stream, self._ends, self._backlogs, self._removed)
            return lags_beside(known, stream, consumers)
        self._ended = now
        self._looked_up = messages
        is_needed = bool(self._backlogs) or any(map(_waits, consumers))
        self._note(stream, (everybody or consumers) if is_needed else ())
        lag = self._lag
        found = [
            NO_LAG if row.pending == 0 == row.ack_pending else lag(row, stream) for row in consumers
        ]
        if len(self._backlogs) > len(found) - found.count(NO_LAG):
            self._forget_all_but(consumers, stream)
        self._forget_ends(stream)
        self._stream, self._looked_up = stream, NOTHING
        self._readings = (Reading(now, self._removed, self._gone), *self._readings[:1])
        return found

    def _note(self, stream: StreamView, consumers: Sequence[Consumer]) -> None:
        before = self._stream
        if before is not None and is_another(before, stream, self._ends):
            self._ends, self._backlogs, self._acknowledged = Ends(), {}, Acknowledged()
            self._stream = before = None
            self._readings = ()
        if stream.is_worked_off:
            self._acknowledged.note(consumers, stream)
        self._settled, self._is_steady = inf, False
        if before is not None:
            self._note_removed(before, stream)
            if stream.server != before.server:
                self._ends.forget_clock()
            if is_after(stream, before):
                self._settled = stream.last_stored or inf
        self._consumers_read = stream.consumers_read
        if stream.last_stored is not None:
            self._ends.add(stream.last, stream.last_stored, stream.read_from)
        elif stream.read is not None and not stream.is_mirror:
            self._ends.still(stream.last, stream.read)

    def _note_removed(self, before: StreamView, stream: StreamView) -> None:
        gone = removed(before, stream)
        within = removed_within(before, stream)
        if stream.is_worked_off:
            within = self._acknowledged.removed(gone, before, stream)
        self._gone_before, self._removed_before = self._gone, self._removed
        self._gone += gone
        self._removed += within
        self._is_steady = (
            gone == within == 0 and before.first == stream.first and stream.last_stored is not None
        )

    def _lag(self, row: Consumer, stream: StreamView) -> Lag:
        position = POSITION(row)
        backlog = self._backlogs.get(row.name)
        if (
            self._is_steady
            and backlog is not None
            and backlog.position == position
            and row.name not in self._looked_up
            and self._goes_on(backlog, row)
        ):
            return backlog.lag
        return self._found(backlog, row, position, stream)

    def _found(
        self, backlog: Backlog | None, row: Consumer, position: Position, stream: StreamView
    ) -> Lag:
        """The lag of a consumer of which something may be new."""
        settings = row.settings
        if settings is None or not _is_led(row):
            if backlog is not None:  # nobody leads it
                backlog.position = backlog.read_at = ()
            return NO_LAG
        if stream.last_stored is None:
            return NO_LAG  # the consumer was read later than the stream
        if backlog is None or (backlog.position != position and backlog.is_of_another(row)):
            first = stream.first if self._stream is None else self._stream.first
            backlog = self._backlogs[row.name] = Backlog(row, first)
        if row.name in self._looked_up:
            backlog.remember(row, self._looked_up[row.name], self._readings)
        acknowledges = settings.ack_policy != "none"
        by = self._by_count if settings.filtered else self._by_sequence
        is_sure = by(backlog, row, stream, acknowledges)
        backlog.position = position if is_sure else ()
        backlog.read_at = position
        backlog.delivered_before, backlog.delivered = backlog.delivered, row.delivered_sequence or 0
        backlog.deliveries = row.deliveries or 0
        if self._stream is not None:
            backlog.waited, backlog.gone = row.pending or 0, self._gone_before
        backlog.first, backlog.evicted_before = stream.first, backlog.evicted
        return backlog.lag

    def _goes_on(self, backlog: Backlog, row: Consumer) -> bool:
        """Note what came behind a message that is still the next one. False if the counts say that it is another."""
        pending = row.pending
        if not pending:
            return False
        counts = backlog.counts
        if counts is None:
            backlog.waited, backlog.gone = pending, self._gone_before
            return True
        backlog.delivered_before = backlog.delivered
        matched = backlog.deliveries + pending
        most = matched + self._removed + backlog.evicted
        least = matched + self._removed_before + backlog.evicted_before
        return most <= LARGEST and counts.add(least, most, self._consumers_read, self._settled)

    def _by_sequence(
        self, backlog: Backlog, row: Consumer, stream: StreamView, acknowledges: bool
    ) -> bool:
        """Find the lag of an unfiltered consumer. Whether it holds while the consumer does not move."""
        waits = row.pending or 0
        still = backlog.still_waiting(row, self._gone) if stream.deleted else 0
        start = max((row.delivered_sequence or 0) + 1, stream.first)
        floor = max((row.ack_floor_sequence or 0) + 1, stream.first)
        pending = error = above = above_error = None
        if waits > 0:
            pending = self._or_read(self._first_from(start, still, stream))
            pending = backlog.pending.of(start, self._removed, self._removed_before, pending)
            error = self._error(start, pending, stream)
        if acknowledges:
            above = self._first_from(floor, still, stream)
            above = self._or_read(self._above_floor(backlog, row, stream, above))
            above_error = self._error(floor, above, stream)
        if backlog.exact is not None:
            next_up, next_done = looked_up(backlog.exact, row, stream, self._removed, self._gone)
            pending, error = or_exact(pending, error, next_up if waits > 0 else None)
            above, above_error = or_exact(above, above_error, next_done if acknowledges else None)
        backlog.needs = floor if acknowledges else start
        backlog.lag = Lag(pending, error, above, above_error)
        # Something may begin to wait behind what is only in flight.
        return waits > 0 and stream.deleted == 0 and start <= stream.last

    def _first_from(self, lowest: int, still: int, stream: StreamView) -> float | None:
        """By when the first message from this sequence on was stored, where at least `still` wait there."""
        if lowest == stream.first and stream.first_stored is not None:
            return stream.first_stored
        highest = lowest + stream.deleted
        if still > 0:
            highest = max(lowest, min(highest, stream.last - still + 1))
        return self._at(lowest, stream) if lowest > stream.last else self._ends.stored_by(highest)

    def _at(self, sequence: int, stream: StreamView) -> float | None:
        """Of a message at this sequence. Its consumer knew of it later than the stream, if the stream does not."""
        if sequence > stream.last >= stream.first:
            return _known(self._consumers_read)
        return self._ends.stored_by(sequence)

    def _or_read(self, stored: float | None) -> float | None:
        """Whatever waits was there when its consumer was read, but another message may be next by now."""
        return _known(self._consumers_read) if stored is None else stored

    def _error(self, lowest: int, stored: float | None, stream: StreamView) -> float | None:
        if stored is None:
            return None
        if lowest == stream.first and stored == stream.first_stored:
            return 0.0
        after = self._ends.stored_after(lowest)
        return None if after is None else max(0.0, stored - after)

    def _by_count(
        self, backlog: Backlog, row: Consumer, stream: StreamView, acknowledges: bool
    ) -> bool:
        """The same of a filtered one: deliveries are numbered. Redeliveries make messages look younger, never older."""
        deliveries, delivered = row.deliveries or 0, row.delivered_sequence or 0
        pending, is_held = row.pending or 0, bool(row.ack_pending)
        if stream.first != backlog.first and (stream.evicts or not stream.is_worked_off):
            backlog.evicted += backlog.passed_by(stream.first, delivered)
        gone = self._removed + backlog.evicted
        if deliveries + pending + gone > LARGEST:
            backlog.lag = Lag()
            return False
        if self._stream is not None or stream.messages == stream.last:  # nothing was ever removed
            backlog.count(
                deliveries + pending,
                gone,
                self._removed_before,
                self._consumers_read,
                self._settled,
            )
        stored = oldest = above = None
        if pending > 0:
            before = self._removed_before + backlog.evicted_before
            stored = backlog.counted_by(deliveries + 1 + gone)
            oldest = backlog.pending.of(delivered, gone, before, self._or_read(stored))
        if acknowledges:
            # The last message delivered is one that it wants, so a sequence does tell when it was stored.
            above = self._at(delivered, stream) if is_held else oldest
            above = self._or_read(self._above_floor(backlog, row, stream, above))
        # What a count says may be known better once the stream was read again.
        is_settled = stored is not None and stored < self._consumers_read
        next_up, next_done = looked_up(backlog.exact, row, stream, self._removed, self._gone)
        oldest, error = or_exact(oldest, None, next_up if pending > 0 else None)
        above, above_error = or_exact(above, None, next_done if acknowledges else None)
        backlog.needs = delivered
        backlog.lag = Lag(oldest, error, above, above_error)
        return is_settled

    def _above_floor(
        self, backlog: Backlog, row: Consumer, stream: StreamView, stored: float | None
    ) -> float | None:
        """The earliest time that was found for the first message above the floor, while it is the same one.

        Any message that is gone may be that one, except on a work queue whose consumer finished none meanwhile.
        """
        floor = row.ack_floor_sequence or 0
        if stream.is_worked_off and not stream.is_shared:
            own = backlog.own = backlog.own or Earliest()
            finished = (row.deliveries or 0) - (row.ack_pending or 0)
            there = (finished, self._removed)
            stored = own.of(floor, there, (backlog.finished, self._removed_before), stored)
            backlog.finished = finished
        return backlog.above_floor.of(floor, self._gone, self._gone_before, stored)

    def _forget_all_but(self, consumers: Sequence[Consumer], stream: StreamView) -> None:
        """Of the others nothing waits any more. On an empty stream that is said of whatever has a leader."""
        kept = {
            row.name
            for row in consumers
            if _waits(row) and (stream.last_stored is not None or not _is_led(row))
        }
        for name in [name for name in self._backlogs if name not in kept]:
            del self._backlogs[name]

    def _forget_ends(self, stream: StreamView) -> None:
        if self._backlogs and not self._ends.is_full:
            return  # what is too low by now is dropped together with what is too close
        needed = min([each.needs for each in self._backlogs.values()], default=stream.last)
        self._ends.forget_below(max(needed, stream.first), now=stream.read_from)


def _waits(row: Consumer) -> bool:
    """Whether anything waits for a consumer, or may."""
    return row.pending != 0 or row.ack_pending != 0


def _is_led(row: Consumer) -> bool:
    return not (row.pending is None or row.ack_pending is None or row.settings is None)


def _known(time: float) -> float | None:
    return None if time == inf else time
