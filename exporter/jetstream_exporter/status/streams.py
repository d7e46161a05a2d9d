"""Conditions of streams. Each is the expression of its rule for one moment."""

from collections.abc import Iterator

from jetstream_exporter.metrics.stream_config import kind
from jetstream_exporter.metrics.streams import messages_ratio, ratio, storage_ratio
from jetstream_exporter.snapshot import Stream
from jetstream_exporter.snapshot.rows import StreamFigures, StreamSettings
from jetstream_exporter.status.alerts import threshold
from jetstream_exporter.status.facts import Facts, Seen, of_stream

NEAR_FULL = threshold("JetStreamStreamStorageHigh", "warning")
FULL = threshold("JetStreamStreamStorageHigh", "critical")
CONSUMERS_NEAR = threshold("JetStreamStreamConsumersNearLimit", "warning")
AGING = threshold("JetStreamStreamMessagesAgingOut", "critical")
LAGGING = threshold("JetStreamStreamReplicaLagging", "warning")
SOURCE_LAGGING = threshold("JetStreamSourceOrMirrorLagging", "warning")
HALF_FULL = 0.5  # above it a stream may lack room for a message of mean size
# A stream above the first that stored something within the last and nothing for the second rejects what is larger.
NEARLY_FULL = 0.9
STANDING, STORED_LATELY = 900.0, 21_600.0  # seconds
WORK = ("workqueue", "interest")
BUCKET_KINDS = ("kv", "object")


def no_leader(facts: Facts) -> Iterator[Seen]:
    for row in facts.watched_streams():
        if row.raft.has_leader is False and row.cluster not in facts.without_meta_leader:
            yield Seen(of_stream(row))


def no_tolerance(facts: Facts) -> Iterator[Seen]:
    """A server that does not answer has an alert of its own, and one that has just started catches up."""
    late = facts.down | facts.just_started
    for row in facts.watched_streams():
        tolerance = row.raft.fault_tolerance
        if tolerance is None or tolerance > 0 or row.raft.has_leader is False:
            continue
        behind = ((r.cluster, r.server) for r in row.replicas if not r.current)
        if not any(server in late for server in behind):
            yield Seen(of_stream(row), tolerance)


def unplaceable(facts: Facts) -> Iterator[Seen]:
    """More replicas than servers, judged while every server of the cluster answers."""
    servers = {
        cluster: sum(row.jetstream is not None and row.jetstream.enabled for row in rows)
        for cluster, rows in facts.servers.items()
        if all(row.up for row in rows)
    }
    for row in facts.watched_streams():
        count = servers.get(row.cluster, 0)
        if row.settings is not None and count and row.settings.replicas > count:
            yield Seen(of_stream(row), row.settings.replicas)


def diverged(facts: Facts) -> Iterator[Seen]:
    for row in facts.watched_streams():
        if row.diverged:
            yield Seen(of_stream(row), row.diverged)


def damaged(facts: Facts) -> Iterator[Seen]:
    """A replica whose content differs says it already."""
    for row in facts.watched_streams():
        if row.figures is not None and row.figures.lost > 0 and not row.diverged:
            yield Seen(of_stream(row), row.figures.lost)


def replica_lagging(facts: Facts) -> Iterator[Seen]:
    for row in facts.watched_streams():
        for replica in row.replicas:
            is_down = (replica.cluster, replica.server) in facts.down
            if replica.lag is not None and replica.lag > LAGGING and not is_down:
                yield Seen(of_stream(row), replica.lag, labels=(("server", replica.server),))


def storage_high(facts: Facts) -> Iterator[Seen]:
    """A stream that drops its oldest messages for new ones, and has no max_age, is full by design."""
    for row in facts.watched_streams():
        share, settings = storage_ratio(row), row.settings
        if share is None or settings is None or share <= NEAR_FULL or settings.features.sealed:
            continue
        by_design = settings.discard == "old" and settings.retention == "limits"
        if not by_design or settings.max_age is not None:
            yield Seen(of_stream(row), share)


def storage_full(facts: Facts) -> Iterator[Seen]:
    for row in facts.watched_streams():
        share, settings = storage_ratio(row), row.settings
        if (
            share is not None
            and settings is not None
            and share > FULL
            and settings.discard == "new"
            and not settings.features.sealed
        ):
            yield Seen(of_stream(row), share)


def rejecting(facts: Facts) -> Iterator[Seen]:
    for row in facts.watched_streams():
        settings, figures = row.settings, row.figures
        if settings is None or figures is None or settings.discard != "new":
            continue
        if settings.max_messages != 1 and not settings.features.sealed:
            share = _full_share(row, figures) or _standing_share(row, figures, facts.now)
            if share is not None:
                yield Seen(of_stream(row), share)


def _full_share(row: Stream, figures: StreamFigures) -> float | None:
    """The share of the limit at which a message of mean size is refused; None where it fits."""
    by_number, by_size = messages_ratio(row), storage_ratio(row)
    if by_number is not None and by_number >= 1:
        return by_number
    if by_size is None or by_size >= 1:
        return by_size
    no_room = (1 - by_size) * (figures.messages or 0) < by_size
    return by_size if by_size > HALF_FULL and no_room and figures.messages is not None else None


def _standing_share(row: Stream, figures: StreamFigures, now: float) -> float | None:
    """The share of the limit of a nearly full stream that stored messages lately and stores none any more.

    A bucket of keys or objects is quiet after each upload.
    """
    stored = figures.last_time
    if kind(row) in BUCKET_KINDS or stored is None or not STANDING <= now - stored <= STORED_LATELY:
        return None
    shares = (storage_ratio(row), messages_ratio(row))
    return next((share for share in shares if share is not None and share > NEARLY_FULL), None)


def consumers_near_limit(facts: Facts) -> Iterator[Seen]:
    """The stream's own limit, or else the server's default; and the account's, which counts for each stream."""
    defaults = _default_limits(facts)
    accounts = {(a.cluster, a.id): a.max_consumers for a in facts.snapshot.accounts}
    for row in facts.watched_streams():
        own = row.settings.max_consumers if row.settings is not None else None
        limits = (own or defaults.get(row.cluster), accounts.get((row.cluster, row.account)))
        share = ratio(row.consumers, min((each for each in limits if each), default=None))
        if share is not None and share > CONSUMERS_NEAR:
            yield Seen(of_stream(row), share)


def _default_limits(facts: Facts) -> dict[str, int]:
    found: dict[str, int] = {}
    for row in facts.snapshot.servers:
        limit = row.jetstream.default_max_consumers if row.jetstream is not None else None
        if limit:
            found[row.cluster] = min(limit, found.get(row.cluster, limit))
    return found


def unbounded(facts: Facts) -> Iterator[Seen]:
    for row in facts.watched_streams():
        settings = row.settings
        if settings is None or kind(row) != "stream":
            continue
        if (
            settings.max_bytes is None
            and settings.max_age is None
            and settings.max_messages is None
        ):
            yield Seen(of_stream(row), 1)


def aging_out(facts: Facts) -> Iterator[Seen]:
    for row in facts.watched_streams():
        if row.settings is None or row.figures is None or not row.figures.messages:
            continue
        age = first_message_age(row.figures, facts.now)
        limit = row.settings.max_age
        if age is not None and limit and age > AGING * limit and row.settings.retention in WORK:
            yield Seen(of_stream(row), age)


def first_message_age(figures: StreamFigures, now: float) -> float | None:
    """By the clock of the server where it is known."""
    if figures.first_age is not None:
        return figures.first_age
    return None if figures.first_time is None else now - figures.first_time


def source_lost(facts: Facts) -> Iterator[Seen]:
    for row in facts.watched_streams():
        for source in row.sources:
            if not source.healthy:
                since = None if source.last_seen is None else facts.now - source.last_seen
                labels = (("source", source.origin), ("kind", source.kind))
                yield Seen(of_stream(row), source.lag or 0, since, labels=labels)


def source_lagging(facts: Facts) -> Iterator[Seen]:
    for row in facts.watched_streams():
        for source in row.sources:
            if source.healthy and source.lag is not None and source.lag > SOURCE_LAGGING:
                labels = (("source", source.origin), ("kind", source.kind))
                yield Seen(of_stream(row), source.lag, labels=labels)


def is_losing_by_design(settings: StreamSettings, figures: StreamFigures) -> bool:
    """Whether messages disappear from the middle: by limits for each subject, rollups, expiry, or by hand."""
    limited = settings.max_messages_per_subject is not None or settings.rollups
    return limited or settings.message_ttl or bool(figures.deleted)


def is_at_limit(row: Stream, now: float) -> bool:
    """Whether a stream removes its oldest message for each new one."""
    if row.settings is None or row.figures is None or row.settings.discard != "old":
        return False
    if kind(row) != "stream" or is_losing_by_design(row.settings, row.figures):
        return False
    age, limit = first_message_age(row.figures, now), row.settings.max_age
    old = age is not None and limit is not None and limit > 660 and age > 0.95 * limit
    return old or max(messages_ratio(row) or 0, storage_ratio(row) or 0) > 0.95
