"""The lag of one consumer, from what is known of its stream, of its backlog, and from what a scrape read of both. Pure.

Each function finds it for `backlog.lag` and returns whether it holds while the consumer does not move.
"""

from jetstream_exporter.snapshot import Consumer
from jetstream_exporter.snapshot.rows import NO_LAG, Lag
from jetstream_exporter.state.backlog import Backlog, Unfinished, earlier
from jetstream_exporter.state.counts import Counts
from jetstream_exporter.state.exact import looked_up, or_exact
from jetstream_exporter.state.rings import LARGEST
from jetstream_exporter.state.stream_times import StreamTimes
from jetstream_exporter.state.stream_view import StreamView


def by_sequence(
    times: StreamTimes, backlog: Backlog, row: Consumer, stream: StreamView, *, acknowledges: bool
) -> bool:
    """Of an unfiltered consumer, whose next message stands behind the last one that was delivered."""
    waits = row.pending or 0
    still = backlog.still_waiting(row, times.gone) if stream.deleted else 0
    start = max((row.delivered_sequence or 0) + 1, stream.first)
    floor = max((row.ack_floor_sequence or 0) + 1, stream.first)
    pending = error = above = above_error = None
    first = times.first_from(start, still, stream)
    if waits > 0:
        pending = times.or_read(first)
        if start == max(backlog.delivered_sequence + 1, backlog.first):
            pending = backlog.earliest_pending(pending, times.removed)
        error = times.error(start, pending, stream)
    if acknowledges:
        above = first if floor == start else times.first_from(floor, still, stream)
        above = times.or_read(_above_floor(times, backlog, row, stream, above))
        is_alike = floor == start and above == pending
        above_error = error if is_alike else times.error(floor, above, stream)
    if backlog.exact is not None:
        next_up, next_done = looked_up(backlog.exact, row, stream, times.removed, times.gone)
        pending, error = or_exact(pending, error, next_up if waits > 0 else None)
        above, above_error = or_exact(above, above_error, next_done if acknowledges else None)
    backlog.lag = _lag(pending, error, above, above_error)
    # Something may begin to wait behind what is only in flight.
    return waits > 0 and stream.deleted == 0 and start <= stream.last


def by_count(
    times: StreamTimes,
    backlog: Backlog,
    counts: Counts,
    row: Consumer,
    stream: StreamView,
    *,
    acknowledges: bool,
) -> bool:
    """Of a filtered one: deliveries are numbered. Redeliveries make messages look younger, never older."""
    deliveries, delivered = row.deliveries or 0, row.delivered_sequence or 0
    pending = row.pending or 0
    if stream.first != backlog.first and (stream.evicts or not stream.is_worked_off):
        counts.evicted += backlog.passed_by(counts, stream.first, delivered)
    gone = times.removed + counts.evicted
    if deliveries + pending + gone > LARGEST:
        backlog.lag = NO_LAG
        return False
    if times.stream is not None or stream.messages == stream.last:  # nothing was ever removed
        _count(times, backlog, counts, deliveries + pending, deliveries + gone)
    stored = oldest = above = error = above_error = None
    if pending > 0:
        stored = counts.stored_by(times.counted, deliveries + 1 + gone)
        oldest = times.or_read(stored)
        if delivered == backlog.delivered_sequence:
            oldest = backlog.earliest_pending(oldest, gone)
    if acknowledges:
        # The last message delivered is one that it wants, so a sequence does tell when it was stored.
        above = times.at(delivered, stream) if row.ack_pending else oldest
        above = times.or_read(_above_floor(times, backlog, row, stream, above))
    # What a count says may be known better once the stream was read again.
    is_settled = stored is not None and stored < times.consumers_read
    if backlog.exact is not None:
        next_up, next_done = looked_up(backlog.exact, row, stream, times.removed, times.gone)
        oldest, error = or_exact(oldest, None, next_up if pending > 0 else None)
        above, above_error = or_exact(above, None, next_done if acknowledges else None)
    backlog.lag = _lag(oldest, error, above, above_error)
    return is_settled


def _count(times: StreamTimes, backlog: Backlog, counts: Counts, matched: int, passed: int) -> None:
    table = times.counting()
    if not counts.add(table, matched, times.removed, times.removed_before):
        # It was more before, and nothing explains that: the consumer wants other messages now.
        backlog.lag, backlog.unfinished = NO_LAG, None
        counts.forget(passed)
        counts.add(table, matched, times.removed, times.removed_before)


def _above_floor(
    times: StreamTimes,
    backlog: Backlog,
    row: Consumer,
    stream: StreamView,
    stored: float | None,
) -> float | None:
    """The earliest time that was found for the first message above the floor, while it is the same one.

    Any message that is gone may be that one, except on a work queue whose consumer finished none meanwhile.
    """
    if stream.is_worked_off and not stream.is_shared:
        backlog.unfinished = known = backlog.unfinished or Unfinished()
        finished = (row.deliveries or 0) - (row.ack_pending or 0)
        there, before = (finished, times.removed), (backlog.finished, times.removed_before)
        stored = known.of(row.ack_floor_sequence or 0, there, before, stored)
    if row.ack_floor_sequence == backlog.ack_floor_sequence and times.gone == backlog.gone:
        stored = earlier(backlog.lag.unacknowledged, stored)
    return stored


def _lag(
    pending: float | None, error: float | None, above: float | None, above_error: float | None
) -> Lag:
    """Where nothing is in flight, the times of both are alike and become one object."""
    if pending == above:
        above = pending
    if error == above_error:
        above_error = error
    return Lag(pending, error, above, above_error)
