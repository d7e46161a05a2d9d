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
from jetstream_exporter.state.backlog import Backlog, Unfinished, earlier
from jetstream_exporter.state.beside import lags_beside
from jetstream_exporter.state.counts import Counts, CountTimes
from jetstream_exporter.state.exact import Reading, looked_up, or_exact
from jetstream_exporter.state.rings import LARGEST
from jetstream_exporter.state.stream_times import StreamTimes
from jetstream_exporter.state.stream_view import StreamView

NOTHING: Mapping[str, LookedUp] = {}


class StreamLag:
    """What is remembered of one incarnation of a stream and of what waits for its consumers."""

    __slots__ = ("_backlogs", "_ended", "_looked_up", "_readings", "_times")

    def __init__(self) -> None:
        self._times = StreamTimes()
        self._ended = -inf  # when the last scrape that was remembered had ended, on our clock
        self._backlogs: dict[str, Backlog] = {}
        self._readings: tuple[Reading, ...] = ()  # by the last two scrapes, newest first
        self._looked_up: Mapping[str, LookedUp] = {}

    def __len__(self) -> int:
        """How many points are held."""
        return len(self._times.ends) + sum(map(len, self._backlogs.values()))

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
            return lags_beside(self._times, self._backlogs, stream, consumers)
        self._ended = now
        self._looked_up = messages
        is_needed = bool(self._backlogs) or any(map(_waits, consumers))
        if self._times.is_of_another(stream):
            self._times, self._backlogs, self._readings = StreamTimes(), {}, ()
        self._times.note(stream, (everybody or consumers) if is_needed else ())
        found = self._lags(consumers, stream)
        if len(self._backlogs) > len(found) - found.count(NO_LAG):
            self._forget_all_but(consumers, stream)
        self._forget_ends(stream)
        self._forget_counts()
        self._times.stream, self._looked_up = stream, NOTHING
        reading = Reading(now, self._times.removed, self._times.gone)
        self._readings = (reading, *self._readings[:1])
        return found

    def _lags(self, consumers: Sequence[Consumer], stream: StreamView) -> list[Lag]:
        """In one loop: a call for each would cost about as much as all that is asked of most of them."""
        times, remembered = self._times, self._backlogs.get
        looked_up, is_steady = bool(self._looked_up), times.is_steady
        found = []
        for row in consumers:
            if row.pending == 0 == row.ack_pending:
                found.append(NO_LAG)
                continue
            backlog = remembered(row.name)
            if looked_up and backlog is not None:
                self._remember(backlog, row)
            if is_steady and backlog is not None and backlog.goes_on(row, times):
                found.append(backlog.lag)
            else:
                found.append(self._found(backlog, row, stream))
        return found

    def _found(self, backlog: Backlog | None, row: Consumer, stream: StreamView) -> Lag:
        """The lag of a consumer of which something may be new."""
        times, settings = self._times, row.settings
        if settings is None or not _is_led(row):
            if backlog is not None:  # nobody leads it
                backlog.is_sure = None
            return NO_LAG
        if stream.last_stored is None:
            return NO_LAG  # the consumer was read later than the stream
        if backlog is None or backlog.is_of_another(row, settings):
            first = stream.first if times.stream is None else times.stream.first
            backlog = self._backlogs[row.name] = Backlog(row, settings, first, times.removed)
            self._remember(backlog, row)
        acknowledges = settings.ack_policy != "none"
        if backlog.counts is None:
            backlog.is_sure = self._by_sequence(backlog, row, stream, acknowledges)
        else:
            backlog.is_sure = self._by_count(backlog, backlog.counts, row, stream, acknowledges)
        backlog.note(row, settings, stream, times)
        return backlog.lag

    def _remember(self, backlog: Backlog, row: Consumer) -> None:
        """Take what was looked up for a consumer, if anything was."""
        found = self._looked_up.get(row.name)
        if found is not None:
            backlog.remember(row, found, self._readings)

    def _by_sequence(
        self, backlog: Backlog, row: Consumer, stream: StreamView, acknowledges: bool
    ) -> bool:
        """Find the lag of an unfiltered consumer. Whether it holds while the consumer does not move."""
        times, waits = self._times, row.pending or 0
        still = backlog.still_waiting(row, times.gone) if stream.deleted else 0
        start = max((row.delivered_sequence or 0) + 1, stream.first)
        floor = max((row.ack_floor_sequence or 0) + 1, stream.first)
        pending = error = above = above_error = None
        if waits > 0:
            pending = times.or_read(times.first_from(start, still, stream))
            if start == max(backlog.delivered_sequence + 1, backlog.first):
                pending = backlog.earliest_pending(pending, times.removed)
            error = times.error(start, pending, stream)
        if acknowledges:
            above = times.first_from(floor, still, stream)
            above = times.or_read(self._above_floor(backlog, row, stream, above))
            above_error = times.error(floor, above, stream)
        if backlog.exact is not None:
            next_up, next_done = looked_up(backlog.exact, row, stream, times.removed, times.gone)
            pending, error = or_exact(pending, error, next_up if waits > 0 else None)
            above, above_error = or_exact(above, above_error, next_done if acknowledges else None)
        backlog.lag = _lag(pending, error, above, above_error)
        # Something may begin to wait behind what is only in flight.
        return waits > 0 and stream.deleted == 0 and start <= stream.last

    def _by_count(
        self,
        backlog: Backlog,
        counts: Counts,
        row: Consumer,
        stream: StreamView,
        acknowledges: bool,
    ) -> bool:
        """The same of a filtered one: deliveries are numbered. Redeliveries make messages look younger, never older."""
        times = self._times
        deliveries, delivered = row.deliveries or 0, row.delivered_sequence or 0
        pending, is_held = row.pending or 0, bool(row.ack_pending)
        if stream.first != backlog.first and (stream.evicts or not stream.is_worked_off):
            counts.evicted += backlog.passed_by(stream.first, delivered)
        gone = times.removed + counts.evicted
        if deliveries + pending + gone > LARGEST:
            backlog.lag = NO_LAG
            return False
        if times.stream is not None or stream.messages == stream.last:  # nothing was ever removed
            self._count(backlog, counts, deliveries + pending, deliveries + gone)
        stored = oldest = above = None
        if pending > 0:
            stored = counts.stored_by(deliveries + 1 + gone, times.counted)
            oldest = times.or_read(stored)
            if delivered == backlog.delivered_sequence:
                oldest = backlog.earliest_pending(oldest, gone)
        if acknowledges:
            # The last message delivered is one that it wants, so a sequence does tell when it was stored.
            above = times.at(delivered, stream) if is_held else oldest
            above = times.or_read(self._above_floor(backlog, row, stream, above))
        # What a count says may be known better once the stream was read again.
        is_settled = stored is not None and stored < times.consumers_read
        error = above_error = None
        if backlog.exact is not None:
            next_up, next_done = looked_up(backlog.exact, row, stream, times.removed, times.gone)
            oldest, error = or_exact(oldest, None, next_up if pending > 0 else None)
            above, above_error = or_exact(above, None, next_done if acknowledges else None)
        backlog.lag = _lag(oldest, error, above, above_error)
        return is_settled

    def _count(self, backlog: Backlog, counts: Counts, matched: int, passed: int) -> None:
        times = self._times
        place = times.place_of_counts()
        if not counts.add(matched, times.removed, times.removed_before, place):
            # It was more before, and nothing explains that: the consumer wants other messages now.
            backlog.lag, backlog.unfinished = NO_LAG, None
            counts.forget(passed)
            counts.add(matched, times.removed, times.removed_before, place)

    def _above_floor(
        self, backlog: Backlog, row: Consumer, stream: StreamView, stored: float | None
    ) -> float | None:
        """The earliest time that was found for the first message above the floor, while it is the same one.

        Any message that is gone may be that one, except on a work queue whose consumer finished none meanwhile.
        """
        times, floor = self._times, row.ack_floor_sequence or 0
        if stream.is_worked_off and not stream.is_shared:
            backlog.unfinished = known = backlog.unfinished or Unfinished()
            finished = (row.deliveries or 0) - (row.ack_pending or 0)
            before = backlog.finished, times.removed_before
            stored = known.of(floor, (finished, times.removed), before, stored)
        if row.ack_floor_sequence == backlog.ack_floor_sequence and times.gone == backlog.gone:
            stored = earlier(backlog.lag.unacknowledged, stored)
        return stored

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
        ends = self._times.ends
        if self._backlogs and not ends.is_full:
            return  # what is too low by now is dropped together with what is too close
        needed = min([each.needs for each in self._backlogs.values()], default=stream.last)
        ends.forget_below(max(needed, stream.first), now=stream.read_from)

    def _forget_counts(self) -> None:
        if not self._times.counted.is_full:
            return
        counting = [
            (counts, each.passed(self._times))
            for each in self._backlogs.values()
            if (counts := each.counts) is not None
        ]
        if not counting:
            self._times.counted = CountTimes()
            return
        places = self._times.counted.thin(
            min(counts.needed(passed + 1) for counts, passed in counting)
        )
        for counts, passed in counting:
            counts.keep(places, passed)


def _waits(row: Consumer) -> bool:
    """Whether anything waits for a consumer, or may."""
    return row.pending != 0 or row.ack_pending != 0


def _is_led(row: Consumer) -> bool:
    return not (row.pending is None or row.ack_pending is None or row.settings is None)


def _lag(
    pending: float | None, error: float | None, above: float | None, above_error: float | None
) -> Lag:
    """Where nothing is in flight, both are alike and become the same objects."""
    if pending == above:
        above = pending
    if error == above_error:
        above_error = error
    return Lag(pending, error, above, above_error)
