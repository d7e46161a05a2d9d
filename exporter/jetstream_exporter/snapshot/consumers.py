"""Rows of consumers, each from its own leader, which is often not the stream's."""

from collections.abc import Sequence

from jetstream_exporter.snapshot.identity import Identity, latest, settled
from jetstream_exporter.snapshot.known import KnownStream
from jetstream_exporter.snapshot.presence import present
from jetstream_exporter.snapshot.quorum import Speaker, elect
from jetstream_exporter.snapshot.rows import Consumer, ConsumerSettings, Ephemerals, Place, Raft
from jetstream_exporter.snapshot.settings import consumer_replicas
from jetstream_exporter.snapshot.units import timestamp
from jetstream_exporter.wire import ConsumerDetail, StreamDetail

Word = tuple[Speaker, ConsumerDetail]


def merge_consumers(
    place: Place,
    words: Sequence[tuple[Speaker, StreamDetail]],
    known: KnownStream | None,
    last_sequence: int | None,
) -> list[Consumer]:
    """Merge the reports of one stream's consumers. `last_sequence` is what the stream's leader reports."""
    said: dict[str, list[Word]] = {}
    for who, detail in words:
        for consumer in detail.consumer_detail:
            said.setdefault(consumer.name, []).append((who, consumer))
    there = ((name, present(said[name], place.knowing)) for name in sorted(said))
    return [_merge(place, name, about, known, last_sequence) for name, about in there if about]


def _merge(
    place: Place,
    name: str,
    words: Sequence[Word],
    known: KnownStream | None,
    last_sequence: int | None,
) -> Consumer:
    reason = max([consumer.unsupported for _, consumer in words]) or None
    incarnation, words = latest(words)
    entry = known.consumer(name, incarnation) if known else None
    settings = entry[1] if entry else None
    wanted = consumer_replicas(settings, known.settings if known else None)
    index, raft = elect([(who, consumer.cluster) for who, consumer in words], wanted, place.heard)
    leader = words[index][1] if index >= 0 else None
    identity = settled(incarnation, entry[0] if entry else None, leader if words[1:] else None)
    if leader is None:
        return Consumer(
            cluster=place.cluster,
            account=place.account,
            account_id=place.account_id,
            stream=place.stream,
            name=name,
            identity=identity,
            raft=raft,
            settings=settings,
            unsupported=reason,
        )
    return _led(place, leader, raft, settings, last_sequence, identity=identity)


def _led(
    place: Place,
    said: ConsumerDetail,
    raft: Raft,
    settings: ConsumerSettings | None,
    last_sequence: int | None,
    *,
    identity: Identity,
) -> Consumer:
    delivered, floor = said.delivered, said.ack_floor
    return Consumer(
        cluster=place.cluster,
        account=place.account,
        account_id=place.account_id,
        stream=place.stream,
        name=said.name,
        identity=identity,
        raft=raft,
        settings=settings,
        pending=said.num_pending,
        ack_pending=said.num_ack_pending,
        redelivered=said.num_redelivered,
        ack_floor_lag=None if last_sequence is None else max(0, last_sequence - floor.stream_seq),
        delivered_sequence=delivered.stream_seq,
        ack_floor_sequence=floor.stream_seq,
        deliveries=delivered.consumer_seq,
        acknowledged=floor.consumer_seq,
        waiting_pulls=said.num_waiting if settings is not None and not settings.push else None,
        push_bound=said.push_bound if settings is not None and settings.push else None,
        paused=said.paused,
        last_delivery=timestamp(delivered.last_active),
        last_ack=timestamp(floor.last_active),
    )


def ephemerals(consumers: Sequence[Consumer], *, led: bool) -> Ephemerals:
    """Count the consumers known to be ephemeral; one whose configuration was not read yet is not counted.

    The count is 0 only where the stream has a leader and all its consumers are known, and None otherwise.
    """
    found = [row for row in consumers if row.settings is not None and not row.settings.durable]
    pending = [row.pending for row in found if row.pending is not None]
    if not found:
        sure = led and all(row.settings is not None for row in consumers)
        return _NONE if sure else _UNSURE
    return Ephemerals(len(found), sum(pending) if pending else None, max(pending, default=None))


_NONE = Ephemerals(0, 0, 0)
_UNSURE = Ephemerals(None, None, None)
