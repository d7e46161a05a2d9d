"""Rows of consumers about which there is nothing to weigh, which are nearly all.

This is the hot path of the merge: whatever is the same for all consumers of a stream is found out once. Rows are made
by position, since names take as long as all the rest of a row.
"""

from collections.abc import Sequence

import msgspec

from jetstream_exporter.snapshot.config_cache import ConsumerConfig, StreamConfigs
from jetstream_exporter.snapshot.incarnation import Incarnation, incarnation_of
from jetstream_exporter.snapshot.member import Member
from jetstream_exporter.snapshot.quorum import leader_of, led, only_leader
from jetstream_exporter.snapshot.rows import Consumer, PinnedGroup, Raft, StreamRef
from jetstream_exporter.snapshot.settings import consumer_replicas
from jetstream_exporter.snapshot.units import OVERFLOW, count, duration, timestamp
from jetstream_exporter.wire import ConsumerDetail, PriorityGroup

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


class PlainRows:
    """The rows of one stream's consumers of which one server speaks, or all of one Raft group, of whom one leads."""

    def __init__(
        self, ref: StreamRef, configs: StreamConfigs | None, last_sequence: int | None
    ) -> None:
        self._ref = ref
        self._settings = settings = configs.settings if configs else None
        self._is_single = settings is not None and settings.replicas == 1
        self._consumers = configs.consumers if configs else {}
        self._last_sequence = last_sequence
        # Who leads what is not replicated, by who says so, whom it names, and how many replicas are wanted.
        self._sole: dict[tuple[str, str | None, int | None], Raft | None] = {}

    def of(self, claims: Sequence[Claim]) -> Consumer | None:
        """What the election makes of the reports of a consumer, sooner; None where there is anything to weigh."""
        index = 0
        if len(claims) > 1:
            index = only_leader(claims)
        if index < 0:
            return None
        member, detail = claims[index]
        if member is None:
            return None
        entry = self._consumers.get(detail.name)
        if entry is not None and entry.is_of(detail):
            incarnation = entry.incarnation
        else:
            incarnation = incarnation_of(detail)
            if entry is not None and (
                incarnation.raft_group == ""
                or entry.incarnation.raft_group != incarnation.raft_group
            ):
                return None
        wanted: int | None = 1
        if not self._is_single:
            wanted = consumer_replicas(entry.settings if entry else None, self._settings)
        if len(claims) > 1:
            raft: Raft | None = led(member, detail.cluster, wanted)
        elif incarnation.created is None or not (incarnation.raft_group or member.created_reliable):
            return None
        else:
            raft = self._alone(member, detail, wanted)
        if raft is None:
            return None
        return led_row(self._ref, detail, raft, entry, self._last_sequence, incarnation=incarnation)

    def _alone(self, member: Member, detail: ConsumerDetail, wanted: int | None) -> Raft | None:
        """The state of a group of which only this server speaks; None if it does not lead."""
        group = detail.cluster
        if group is not None and group.raft_group:
            return self._elected(member, detail, wanted)
        key = member.name, None if group is None else group.leader, wanted
        if key not in self._sole:
            self._sole[key] = self._elected(member, detail, wanted)
        return self._sole[key]

    def _elected(self, member: Member, detail: ConsumerDetail, wanted: int | None) -> Raft | None:
        views = ((member, detail.cluster),)
        index, raft = leader_of(views, wanted, self._ref.complete_servers)
        return raft if index >= 0 else None


def led_row(
    ref: StreamRef,
    detail: ConsumerDetail,
    raft: Raft,
    config: ConsumerConfig | None,
    last_sequence: int | None,
    *,
    incarnation: Incarnation,
) -> Consumer:
    """The row of a consumer as its leader reports it."""
    delivered, floor = detail.delivered, detail.ack_floor
    delivered_sequence, deliveries = delivered.stream_seq, delivered.consumer_seq
    floor_sequence, acknowledged = floor.stream_seq, floor.consumer_seq
    pending, ack_pending = detail.num_pending, detail.num_ack_pending
    redelivered, waiting = detail.num_redelivered, detail.num_waiting
    settings = config.settings if config is not None else None
    # With the name that is kept anyway: the one in the answer is let go of.
    key = (ref.cluster, ref.account_id, ref.stream, detail.name) if config is None else config.key
    row = Consumer(
        ref.cluster,
        ref.account,
        ref.account_id,
        ref.stream,
        key[3],
        key,
        incarnation,
        raft,
        settings,
        pending,
        ack_pending,
        redelivered,
        None if last_sequence is None else max(0, last_sequence - floor_sequence),
        delivered_sequence,
        floor_sequence,
        deliveries,
        acknowledged,
        waiting if settings is not None and not settings.push else None,
        detail.push_bound if settings is not None and settings.push else None,
        detail.paused,
        duration(detail.pause_remaining) if detail.paused else None,
        _unpinned(detail, settings.pinned_groups) if settings and settings.pinned_groups else None,
        _pinned(detail.priority_groups) if detail.priority_groups else (),
        timestamp(delivered.last_active),
        timestamp(floor.last_active),
    )
    everything = pending | ack_pending | redelivered | waiting
    everything |= delivered_sequence | deliveries | floor_sequence | acknowledged
    if not 0 <= everything < OVERFLOW:  # one test of all, as they hardly ever are
        return _counted(row)
    return row


def _counted(row: Consumer) -> Consumer:
    """The row without the figures that went below zero on the server."""
    values = {name: getattr(row, name) for name in COUNTS}
    counts = {name: None if value is None else count(value) for name, value in values.items()}
    lag = None if counts["ack_floor_sequence"] is None else row.ack_floor_lag
    return msgspec.structs.replace(row, ack_floor_lag=lag, **counts)


def _unpinned(said: ConsumerDetail, groups: int) -> int:
    """How many of the consumer's pinned groups serve no client."""
    return max(0, groups - sum(bool(group.pinned_client_id) for group in said.priority_groups))


def _pinned(groups: Sequence[PriorityGroup]) -> list[PinnedGroup]:
    """The groups that serve a pinned client. Servers report one group of a consumer (consumer.go)."""
    found = {
        group.group: PinnedGroup(group.group, timestamp(group.pinned_ts))
        for group in groups[:GROUPS]
        if group.pinned_client_id
    }
    return [found[name] for name in sorted(found)]
