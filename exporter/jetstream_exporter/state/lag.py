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
from jetstream_exporter.state.backlog import Backlog
from jetstream_exporter.state.beside import lags_beside
from jetstream_exporter.state.bounds import by_count, by_sequence
from jetstream_exporter.state.counts import CountTable
from jetstream_exporter.state.exact import Reading
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
        rows = (each.counts for each in self._backlogs.values() if each.counts is not None)
        return len(self._times.ends) + sum(row.different(self._times.counted) for row in rows)

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
        self._forget_counts()  # first: there must be room for this scrape
        self._times.note(stream, (everybody or consumers) if is_needed else ())
        found, waiting = self._lags(consumers, stream)
        if len(self._backlogs) > waiting:
            self._forget_all_but(consumers, stream)
        self._forget_ends(stream)
        self._times.stream, self._looked_up = stream, NOTHING
        reading = Reading(now, self._times.removed, self._times.gone)
        self._readings = (reading, *self._readings[:1])
        return found

    def _lags(self, consumers: Sequence[Consumer], stream: StreamView) -> tuple[list[Lag], int]:
        """The lags, and how many there are. In one loop: a call would cost about as much as what most of them need."""
        times, remembered = self._times, self._backlogs.get
        looked_up, is_steady = bool(self._looked_up), times.is_steady
        found: list[Lag] = []
        waiting = 0
        for row in consumers:
            if row.pending == 0 == row.ack_pending:
                found.append(NO_LAG)
                continue
            backlog = remembered(row.name)
            if looked_up and backlog is not None:
                self._remember(backlog, row)
            if is_steady and backlog is not None and backlog.goes_on(row, times):
                lag = backlog.lag
            else:
                lag = self._found(backlog, row, stream)
            found.append(lag)
            waiting += lag is not NO_LAG
        return found, waiting

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
        counts, acknowledges = backlog.counts, settings.ack_policy != "none"
        backlog.is_sure = (
            by_sequence(times, backlog, row, stream, acknowledges=acknowledges)
            if counts is None
            else by_count(times, backlog, counts, row, stream, acknowledges=acknowledges)
        )
        backlog.note(row, settings, stream, times)
        return backlog.lag

    def _remember(self, backlog: Backlog, row: Consumer) -> None:
        """Take what was looked up for a consumer, if anything was."""
        found = self._looked_up.get(row.name)
        if found is not None:
            backlog.remember(row, found, self._readings)

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
        rows = [
            (counts, each.passed(counts, self._times))
            for each in self._backlogs.values()
            if (counts := each.counts) is not None
        ]
        if rows:
            self._times.counted.thin(rows)
        else:
            self._times.counted = CountTable()


def _waits(row: Consumer) -> bool:
    """Whether anything waits for a consumer, or may."""
    return row.pending != 0 or row.ack_pending != 0


def _is_led(row: Consumer) -> bool:
    return not (row.pending is None or row.ack_pending is None or row.settings is None)
