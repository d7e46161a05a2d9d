"""Rows of consumers, each from its own leader, which is often not the stream's."""

from collections.abc import Sequence

from jetstream_exporter.snapshot.config_cache import StreamConfigs
from jetstream_exporter.snapshot.incarnation import latest, settled
from jetstream_exporter.snapshot.member import Member
from jetstream_exporter.snapshot.plain import Claim, PlainRows, led_row
from jetstream_exporter.snapshot.presence import is_authoritative, present
from jetstream_exporter.snapshot.quorum import leader_of
from jetstream_exporter.snapshot.rows import Consumer, Ephemerals, StreamRef
from jetstream_exporter.snapshot.settings import consumer_replicas
from jetstream_exporter.wire import StreamDetail


def merge_consumers(
    ref: StreamRef,
    claims: Sequence[tuple[Member | None, StreamDetail]],
    configs: StreamConfigs | None,
    last_sequence: int | None,
) -> list[Consumer]:
    """Merge the reports of one stream's consumers. `last_sequence` is what the stream's leader reports."""
    authoritative = ref.authoritative
    all_authoritative = not authoritative or all(
        is_authoritative(member, authoritative) for member, _ in claims
    )
    by_name = _by_name(claims)
    about = [by_name[name] for name in sorted(by_name)]
    there = (
        about
        if all_authoritative
        else filter(None, (present(claims, authoritative) for claims in about))
    )
    plain = PlainRows(ref, configs, last_sequence)
    return [plain.of(claims) or _merge(ref, claims, configs, last_sequence) for claims in there]


def _by_name(claims: Sequence[tuple[Member | None, StreamDetail]]) -> dict[str, list[Claim]]:
    """What each server said of each consumer."""
    member, detail = claims[0]
    by_name = {consumer.name: [(member, consumer)] for consumer in detail.consumer_detail}
    if len(by_name) != len(detail.consumer_detail):
        by_name = {}  # a server that names one twice
    else:
        claims = claims[1:]
    for member, detail in claims:
        for consumer in detail.consumer_detail:
            if consumer.name in by_name:
                by_name[consumer.name].append((member, consumer))
            else:
                by_name[consumer.name] = [(member, consumer)]
    return by_name


def _merge(
    ref: StreamRef,
    claims: Sequence[Claim],
    configs: StreamConfigs | None,
    last_sequence: int | None,
) -> Consumer:
    name = claims[0][1].name
    reason = max([consumer.unsupported for _, consumer in claims]) or None
    incarnation, claims = latest(claims)
    entry = configs.consumer(name, incarnation) if configs else None
    settings = entry.settings if entry else None
    wanted = consumer_replicas(settings, configs.settings if configs else None)
    answered = [(member, consumer) for member, consumer in claims if member is not None]
    views = [(member, consumer.cluster) for member, consumer in answered]
    index, raft = leader_of(views, wanted, ref.complete_servers)
    leader = answered[index][1] if index >= 0 else None
    incarnation = settled(
        incarnation, entry.incarnation if entry else None, leader if claims[1:] else None
    )
    if leader is None:
        return Consumer(
            cluster=ref.cluster,
            account=ref.account,
            account_id=ref.account_id,
            stream=ref.stream,
            name=name,
            key=entry.key if entry else (ref.cluster, ref.account_id, ref.stream, name),
            incarnation=incarnation,
            raft=raft,
            settings=settings,
            unsupported=reason,
        )
    return led_row(ref, leader, raft, entry, last_sequence, incarnation=incarnation)


def ephemerals(consumers: Sequence[Consumer], *, led: bool) -> Ephemerals:
    """Count the consumers known to be ephemeral; one whose configuration was not read yet is not counted.

    The count is 0 only where the stream has a leader and all its consumers are known, and None otherwise.
    """
    found = [row for row in consumers if row.settings is not None and not row.settings.durable]
    pending = [row.pending for row in found if row.pending is not None]
    if not found:
        certain = led and all(row.settings is not None for row in consumers)
        return _NONE if certain else _UNSURE
    return Ephemerals(len(found), sum(pending) if pending else None, max(pending, default=None))


_NONE = Ephemerals(0, 0, 0)
_UNSURE = Ephemerals(None, None, None)
