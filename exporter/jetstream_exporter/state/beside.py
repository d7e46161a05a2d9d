"""The lag in a scrape that began before another one ended: it may bring the same answers again, or older ones.

What follows from two scrapes needs the second to begin after the first has ended. So nothing is remembered of such a
scrape, and it is told what is certain by what was remembered before.
"""

from collections.abc import Mapping, Sequence

from jetstream_exporter.snapshot import Consumer
from jetstream_exporter.snapshot.rows import NO_LAG, Lag
from jetstream_exporter.snapshot.rows.consumers import ConsumerSettings
from jetstream_exporter.state.backlog import Backlog
from jetstream_exporter.state.rings import known
from jetstream_exporter.state.stream_times import StreamTimes
from jetstream_exporter.state.stream_view import StreamView, removed, removed_within


def lags_beside(
    times: StreamTimes,
    backlogs: Mapping[str, Backlog],
    stream: StreamView,
    consumers: Sequence[Consumer],
) -> Sequence[Lag]:
    """The lag of each consumer, in their order; NO_LAG of those that have none."""
    if stream.last_stored is None:
        return [NO_LAG] * len(consumers)
    is_steady = times.stream is not None and _is_steady(times.stream, stream)
    return [
        _lag(times, backlogs.get(row.name), row, row.settings, stream, is_steady=is_steady)
        if row.settings is not None and (row.pending or row.ack_pending)
        else NO_LAG
        for row in consumers
    ]


def _is_steady(before: StreamView, stream: StreamView) -> bool:
    gone, within = removed(before, stream), removed_within(before, stream)
    return gone == within == 0 and before.first == stream.first


def _lag(
    times: StreamTimes,
    backlog: Backlog | None,
    row: Consumer,
    settings: ConsumerSettings,
    stream: StreamView,
    *,
    is_steady: bool,
) -> Lag:
    # What a filtered one waits for may be gone although neither moved: it was read at another moment.
    if is_steady and backlog is not None and not settings.filtered and backlog.is_at(row):
        return backlog.lag
    read, pending = known(stream.consumers_read), None
    if row.pending:
        stored = _stored(times, backlog, row, settings, stream)
        pending = read if stored is None else stored
    return Lag(pending, None, read if settings.ack_policy != "none" else None, None)


def _stored(
    times: StreamTimes,
    backlog: Backlog | None,
    row: Consumer,
    settings: ConsumerSettings,
    stream: StreamView,
) -> float | None:
    """By when the next message was stored; None where nothing tells that."""
    before = times.stream
    if before is None or times.is_of_another(stream):
        return None
    delivered = row.delivered_sequence or 0
    if not settings.filtered:
        start = max(delivered + 1, stream.first)
        # What lies behind the end is known to its consumer, and to the stream not yet.
        return None if start > stream.last else times.first_from(start, 0, stream)
    counts = None if backlog is None else backlog.counts
    if backlog is None or counts is None or backlog.is_of_another(row, settings):
        return None
    gone = times.removed + max(0, removed_within(before, stream))
    gone += counts.evicted + backlog.passed_by(counts, stream.first, delivered)
    return counts.stored_by(times.counted, (row.deliveries or 0) + 1 + gone)
