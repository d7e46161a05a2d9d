"""The lag in a scrape that began before another one ended: it may bring the same answers again, or older ones.

What follows from two scrapes needs the second to begin after the first has ended. So nothing is remembered of such a
scrape, and it is told what is certain by what was remembered before.
"""

from collections.abc import Mapping, Sequence
from math import inf
from typing import NamedTuple

from jetstream_exporter.snapshot import Consumer
from jetstream_exporter.snapshot.rows import NO_LAG, Lag
from jetstream_exporter.snapshot.rows.consumers import ConsumerSettings
from jetstream_exporter.state.backlog import POSITION, Backlog
from jetstream_exporter.state.rings import Ends
from jetstream_exporter.state.stream_view import StreamView, is_another, removed, removed_within


class Known(NamedTuple):
    """What is remembered of a stream. `removed` are the messages that may have been removed from within."""

    stream: StreamView | None
    ends: Ends
    backlogs: Mapping[str, Backlog]
    removed: int


def lags_beside(known: Known, stream: StreamView, consumers: Sequence[Consumer]) -> Sequence[Lag]:
    """The lag of each consumer, in their order; NO_LAG of those that have none."""
    if stream.last_stored is None:
        return [NO_LAG] * len(consumers)
    is_steady = known.stream is not None and _is_steady(known.stream, stream)
    return [
        _lag(known, row, row.settings, stream, is_steady=is_steady)
        if row.settings is not None and (row.pending or row.ack_pending)
        else NO_LAG
        for row in consumers
    ]


def _is_steady(before: StreamView, stream: StreamView) -> bool:
    gone, within = removed(before, stream), removed_within(before, stream)
    return gone == within == 0 and before.first == stream.first


def _lag(
    known: Known,
    row: Consumer,
    settings: ConsumerSettings,
    stream: StreamView,
    *,
    is_steady: bool,
) -> Lag:
    backlog = known.backlogs.get(row.name)
    # What a filtered one waits for may be gone although neither moved: it was read at another moment.
    if (
        is_steady
        and backlog is not None
        and not settings.filtered
        and backlog.is_at(row, POSITION(row))
    ):
        return backlog.lag
    read, pending = _or_none(stream.consumers_read), None
    if row.pending:
        stored = _stored(known, row, settings, stream)
        pending = read if stored is None else stored
    return Lag(pending, None, read if settings.ack_policy != "none" else None, None)


def _stored(
    known: Known, row: Consumer, settings: ConsumerSettings, stream: StreamView
) -> float | None:
    """By when the next message was stored; None where nothing tells that."""
    if known.stream is None or is_another(known.stream, stream, known.ends):
        return None
    delivered = row.delivered_sequence or 0
    if not settings.filtered:
        return _from(known.ends, max(delivered + 1, stream.first), stream)
    backlog = known.backlogs.get(row.name)
    if backlog is None or backlog.counts is None or backlog.is_of_another(row):
        return None
    gone = known.removed + max(0, removed_within(known.stream, stream))
    gone += backlog.evicted + backlog.passed_by(stream.first, delivered)
    return backlog.counts.known_by((row.deliveries or 0) + 1 + gone)


def _from(ends: Ends, lowest: int, stream: StreamView) -> float | None:
    if lowest > stream.last:
        return None  # its consumer knows of it, the stream does not yet
    if lowest == stream.first and stream.first_stored is not None:
        return stream.first_stored
    return ends.stored_by(lowest + stream.deleted)


def _or_none(time: float) -> float | None:
    return None if time == inf else time
