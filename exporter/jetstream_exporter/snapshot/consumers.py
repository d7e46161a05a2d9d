"""Rows of consumers, each from its own leader, which is often not the stream's."""

from collections.abc import Sequence

import msgspec

from jetstream_exporter.snapshot.config_cache import ConsumerConfig, StreamConfigs
from jetstream_exporter.snapshot.incarnation import Incarnation, incarnation_of, latest, settled
from jetstream_exporter.snapshot.member import Member
from jetstream_exporter.snapshot.presence import is_authoritative, present
from jetstream_exporter.snapshot.quorum import leader_of, led, only_leader
from jetstream_exporter.snapshot.rows import (
    Consumer,
    Ephemerals,
    PinnedGroup,
    Raft,
    StreamRef,
)
from jetstream_exporter.snapshot.settings import consumer_replicas
from jetstream_exporter.snapshot.units import OVERFLOW, count, duration, timestamp
from jetstream_exporter.wire import ConsumerDetail, PriorityGroup, StreamDetail

Claim = tuple[Member | None, ConsumerDetail]
GROUPS = 16  # of one consumer that are read: a server could make up any number
COUNTS = (
    "pending",
    "ack_pending",
    "redelivered",
    "delivered_sequence",
    "ack_floor_sequence",
    "deliveries",
    "acknowledged",
    "waiting_pulls",
)


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
    return [
        _plain(ref, claims, configs, last_sequence) or _merge(ref, claims, configs, last_sequence)
        for claims in there
    ]


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


def _plain(
    ref: StreamRef,
    claims: Sequence[Claim],
    configs: StreamConfigs | None,
    last_sequence: int | None,
) -> Consumer | None:
    """What `_merge` makes of nearly every consumer, sooner; None where there is anything to weigh.

    That is a consumer of which one server speaks, or all of one Raft group, of whom one leads.
    """
    index = (
        only_leader([(member, consumer.cluster) for member, consumer in claims])
        if claims[1:]
        else 0
    )
    if index < 0:
        return None
    member, detail = claims[index]
    if member is None:
        return None
    entry = configs.consumers.get(detail.name) if configs else None
    if entry is not None and entry.is_of(detail):
        incarnation = entry.incarnation
    else:
        incarnation = incarnation_of(detail)
        if entry is not None and (
            incarnation.raft_group == "" or entry.incarnation.raft_group != incarnation.raft_group
        ):
            return None
    settings = entry.settings if entry else None
    wanted = consumer_replicas(settings, configs.settings if configs else None)
    if claims[1:]:
        raft = led(member, detail.cluster, wanted)
    elif incarnation.created is None or not (incarnation.raft_group or member.created_reliable):
        return None
    else:
        index, raft = leader_of(((member, detail.cluster),), wanted, ref.complete_servers)
    if index < 0:
        return None
    return _led(ref, detail, raft, entry, last_sequence, incarnation=incarnation)


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
    return _led(ref, leader, raft, entry, last_sequence, incarnation=incarnation)


def _led(
    ref: StreamRef,
    detail: ConsumerDetail,
    raft: Raft,
    config: ConsumerConfig | None,
    last_sequence: int | None,
    *,
    incarnation: Incarnation,
) -> Consumer:
    delivered, floor = detail.delivered, detail.ack_floor
    settings = config.settings if config else None
    row = Consumer(
        cluster=ref.cluster,
        account=ref.account,
        account_id=ref.account_id,
        stream=ref.stream,
        name=detail.name,
        key=config.key if config else (ref.cluster, ref.account_id, ref.stream, detail.name),
        incarnation=incarnation,
        raft=raft,
        settings=settings,
        pending=detail.num_pending,
        ack_pending=detail.num_ack_pending,
        redelivered=detail.num_redelivered,
        ack_floor_lag=None if last_sequence is None else max(0, last_sequence - floor.stream_seq),
        delivered_sequence=delivered.stream_seq,
        ack_floor_sequence=floor.stream_seq,
        deliveries=delivered.consumer_seq,
        acknowledged=floor.consumer_seq,
        waiting_pulls=detail.num_waiting if settings is not None and not settings.push else None,
        push_bound=detail.push_bound if settings is not None and settings.push else None,
        paused=detail.paused,
        pause_remaining=duration(detail.pause_remaining) if detail.paused else None,
        unpinned_groups=_unpinned(detail, settings.pinned_groups) if settings else None,
        pinned=_pinned(detail.priority_groups) if detail.priority_groups else (),
        last_delivery=timestamp(delivered.last_active),
        last_ack=timestamp(floor.last_active),
    )
    everything = (
        detail.num_pending | detail.num_ack_pending | detail.num_redelivered | detail.num_waiting
    )
    everything |= delivered.stream_seq | delivered.consumer_seq | floor.stream_seq
    everything |= floor.consumer_seq
    if not 0 <= everything < OVERFLOW:  # one test of all, as they hardly ever are
        return _counted(row)
    return row


def _counted(row: Consumer) -> Consumer:
    """The row without the figures that went below zero on the server."""
    values = {name: getattr(row, name) for name in COUNTS}
    counts = {name: None if value is None else count(value) for name, value in values.items()}
    lag = None if counts["ack_floor_sequence"] is None else row.ack_floor_lag
    return msgspec.structs.replace(row, ack_floor_lag=lag, **counts)


def _unpinned(said: ConsumerDetail, groups: int) -> int | None:
    """How many of the consumer's pinned groups serve no client; None where it has none."""
    if not groups:
        return None
    return max(0, groups - sum(bool(group.pinned_client_id) for group in said.priority_groups))


def _pinned(groups: Sequence[PriorityGroup]) -> list[PinnedGroup]:
    """The groups that serve a pinned client. Servers report one group of a consumer (consumer.go)."""
    found = {
        group.group: PinnedGroup(group.group, timestamp(group.pinned_ts))
        for group in groups[:GROUPS]
        if group.pinned_client_id
    }
    return [found[name] for name in sorted(found)]


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
