"""Conditions of consumers. Each is the expression of its rule for one moment."""

from collections.abc import Iterator

from jetstream_exporter.metrics.streams import ratio
from jetstream_exporter.snapshot import Consumer, Stream
from jetstream_exporter.status.alerts import threshold
from jetstream_exporter.status.facts import Facts, Seen, has_backlog, of_consumer
from jetstream_exporter.status.streams import is_at_limit

SATURATED = threshold("JetStreamConsumerAckPendingSaturated", "warning")
CLOCKS_APART = 90.0  # seconds that the clocks of a server and of whoever reads may differ
LONGEST_DELAY = 86400.0  # seconds
# Share of a stream's messages that are pending where its first one is near the consumer.
OVERTAKEN = 0.5


def no_leader(facts: Facts) -> Iterator[Seen]:
    """Where the stream or the meta group has no leader either, only that is said."""
    for row in facts.leaderless:
        if row.cluster in facts.without_meta_leader or not _is_stream_led(row, facts):
            continue
        if facts.is_watched(row):
            yield Seen(of_consumer(row))


def _is_stream_led(row: Consumer, facts: Facts) -> bool:
    stream = facts.stream_of(row)
    return stream is None or stream.raft.has_leader is not False


def subscribers(row: Consumer) -> int | None:
    """Waiting fetch requests, or 1 for a bound push consumer; None where neither is known."""
    if row.waiting_pulls is not None:
        return row.waiting_pulls
    return None if row.push_bound is None else int(row.push_bound)


def may_stall(row: Consumer, facts: Facts) -> bool:
    """Whether a backlog of this consumer says that something is wrong."""
    is_idle = row.paused or not has_backlog(row.stream) or not _is_stream_led(row, facts)
    return not is_idle and facts.is_watched(row)


def idle_since(row: Consumer, facts: Facts) -> float | None:
    """Since when the servers themselves say that there is work and no progress; None where they do not."""
    if row.last_delivery is None:
        return None
    last = max(row.last_delivery, row.last_ack or 0.0)
    if row.ack_pending:
        return last
    waiting = _oldest_waiting(row, facts)
    return None if waiting is None else max(last, waiting)


def _oldest_waiting(row: Consumer, facts: Facts) -> float | None:
    """By when the oldest message that waits for the consumer was stored; None where it is not known."""
    stored, stream = facts.lag_of(row).pending, facts.stream_of(row)
    if stored is not None:
        return stored
    unfiltered = row.settings is not None and not row.settings.filtered
    if not unfiltered or stream is None or stream.figures is None or row.delivered_sequence is None:
        return None
    first = stream.figures.first_sequence
    is_next = first is not None and row.delivered_sequence < first
    return stream.figures.first_time if is_next else None


def excuse(row: Consumer, facts: Facts) -> str | None:
    """Why a consumer without progress is not stalled, in a word of its state; None if nothing explains it."""
    count = subscribers(row)
    if is_ahead(row, facts):
        return "ahead of its stream"
    if count == 0 and not row.ack_pending:
        return "nobody fetches"
    if _is_delayed(row, count, facts.now) or _is_refused(row, facts):
        return "delayed"
    return "working" if _is_awaited(row, count, facts.now) else None


def _is_delayed(row: Consumer, count: int | None, now: float) -> bool:
    """Whether all that could be delivered is in flight, although somebody waits: held back, for a day at most."""
    if row.last_delivery is not None and now - row.last_delivery > LONGEST_DELAY:
        return False
    limit = row.settings.max_ack_pending if row.settings is not None else None
    in_flight = row.ack_pending or 0
    is_at_limit = limit is not None and in_flight >= limit
    return bool(count) and in_flight > 0 and (not row.pending or is_at_limit)


def _is_refused(row: Consumer, facts: Facts) -> bool:
    """Whether a refusal (NAK) came after the last delivery of all messages."""
    refused = facts.refused.get(of_consumer(row))
    if refused is None or not row.ack_pending or row.pending:
        return False
    return refused >= (row.last_delivery or 0.0) - CLOCKS_APART


def _is_awaited(row: Consumer, count: int | None, now: float) -> bool:
    """Whether a worker may still be busy: neither the ack wait nor the longest backoff has passed."""
    if row.settings is None or row.last_delivery is None or count or not row.ack_pending:
        return False
    longest = max(row.settings.ack_wait or 0.0, row.settings.backoff_max or 0.0)
    return now - row.last_delivery <= longest


def unattended(facts: Facts) -> Iterator[Seen]:
    """Messages wait, nothing is in flight, and no client fetches or is bound. Dead letters wait for people."""
    for row in facts.busy:
        if row.ack_pending or not row.pending or subscribers(row) != 0:
            continue
        if not may_stall(row, facts) or is_ahead(row, facts) or is_of_dead_letters(row, facts):
            continue
        yield Seen(of_consumer(row), row.pending, idle_since(row, facts), row.deliveries)


def is_of_dead_letters(row: Consumer, facts: Facts) -> bool:
    stream = facts.stream_of(row)
    return stream is not None and stream.dead_letter


def is_ahead(row: Consumer, facts: Facts) -> bool:
    stream = facts.stream_of(row)
    return stream is not None and _ahead_by(row, stream) > 0


def _ahead_by(row: Consumer, stream: Stream) -> int:
    """How many sequences a consumer is ahead of its stream."""
    last = stream.figures.last_sequence if stream.figures is not None else None
    reached = max(row.delivered_sequence or 0, row.ack_floor_sequence or 0)
    return 0 if last is None else max(0, reached - last)


def ahead(facts: Facts) -> Iterator[Seen]:
    """A busy consumer may be read a moment after its stream, so its position has to stay."""
    for stream, rows in facts.by_stream():
        last = stream.figures.last_sequence if stream is not None and stream.figures else None
        if last is None or stream is None:
            continue
        for row in rows:
            beyond = (row.delivered_sequence or 0) > last or (row.ack_floor_sequence or 0) > last
            if beyond and facts.is_watched(row):
                mark = (row.delivered_sequence, row.ack_floor_sequence)
                yield Seen(of_consumer(row), _ahead_by(row, stream), mark=mark)


def saturated(facts: Facts) -> Iterator[Seen]:
    """A consumer with max_ack_pending 1 is at its limit whenever it works."""
    for row in facts.busy:
        limit = row.settings.max_ack_pending if row.settings is not None else None
        if not row.ack_pending or limit is None or limit <= 1:
            continue
        share = ratio(row.ack_pending, limit)
        if share is not None and share > SATURATED and facts.is_watched(row):
            yield Seen(of_consumer(row), share)


def losing(facts: Facts) -> Iterator[Seen]:
    """A stream at its limit removed messages that this consumer has not received, by their sequences."""
    at_limit = {key for key, row in facts.streams.items() if is_at_limit(row, facts.now)}
    for row in facts.busy if at_limit else ():
        stream = facts.stream_of(row)
        if stream is None or (row.cluster, row.account, row.stream) not in at_limit:
            continue
        lost = _removed_before_delivery(row, stream)
        if lost > 0 and _is_overtaken(row, stream) and facts.is_watched(row):
            yield Seen(of_consumer(row), lost)


def _is_overtaken(row: Consumer, stream: Stream) -> bool:
    settings, figures = row.settings, stream.figures
    if settings is None or settings.filtered or settings.role or figures is None:
        return False
    if settings.deliver_policy == "last_per_subject":
        return False
    return (row.pending or 0) >= OVERTAKEN * max(figures.messages or 0, 1)


def _removed_before_delivery(row: Consumer, stream: Stream) -> int:
    first = stream.figures.first_sequence if stream.figures is not None else None
    if first is None or row.delivered_sequence is None:
        return 0
    return first - 1 - row.delivered_sequence


def given_up(row: Consumer) -> int:
    """At least so many messages reached max_deliver and will not be delivered again."""
    if row.settings is None or (row.settings.max_deliver or 0) <= 1:
        return 0
    return max(0, (row.redelivered or 0) - (row.ack_pending or 0))


def unlimited_redelivery(facts: Facts) -> Iterator[Seen]:
    for row in facts.snapshot.consumers:
        settings = row.settings
        if settings is None or settings.max_deliver is not None or not settings.durable:
            continue
        acknowledges = settings.ack_policy in ("explicit", "all") and not settings.role
        if acknowledges and has_backlog(row.stream) and facts.is_watched(row):
            yield Seen(of_consumer(row), 1)


def ack_none(facts: Facts) -> Iterator[Seen]:
    for row in facts.snapshot.consumers:
        settings = row.settings
        if settings is None or settings.ack_policy != "none" or not settings.durable:
            continue
        if not settings.role and has_backlog(row.stream) and facts.is_watched(row):
            yield Seen(of_consumer(row), 1)
