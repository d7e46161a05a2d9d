"""Families of the meta group, the Raft group that decides what streams and consumers there are."""

from typing import NamedTuple

from jetstream_exporter.metrics.families import Table, counter, gauge
from jetstream_exporter.snapshot import Meta
from jetstream_exporter.snapshot.rows import MetaPeer

META: Table[Meta] = Table(
    name="Meta group",
    rows=lambda snapshot: snapshot.metas,
    labels={"nats_cluster": lambda m: m.cluster},
    families=(
        gauge(
            "jetstream_meta_has_leader",
            "Whether the meta group has a leader. Without a leader, no stream or consumer can be created, "
            "changed or placed. Absent while members name a leader that has never answered the exporter.",
            lambda m: m.has_leader,
            "jsz meta_cluster.leader",
            "jetstream_meta_has_leader == 0",
        ),
        gauge(
            "jetstream_meta_has_quorum",
            "Whether the meta leader reaches a majority of the members. Absent while an election may be in "
            "progress.",
            lambda m: m.has_quorum,
            "the leader's replicas",
            "jetstream_meta_has_quorum == 0",
        ),
        gauge(
            "jetstream_meta_peers",
            "Number of members of the meta group, including the leader.",
            lambda m: m.peers,
            "jsz meta_cluster.cluster_size",
            "jetstream_meta_peers",
        ),
        gauge(
            "jetstream_meta_peers_current",
            "Number of members that are up to date, as reported by the leader and including it.",
            lambda m: m.peers_current,
            "the leader's replicas",
            "jetstream_meta_peers_current < jetstream_meta_peers",
        ),
        gauge(
            "jetstream_meta_quorum_needed",
            "Number of members required for a majority.",
            lambda m: m.quorum_needed,
            "jsz meta_cluster.quorum_needed, or half of the members and one",
            "jetstream_meta_quorum_needed",
        ),
        gauge(
            "jetstream_meta_fault_tolerance",
            "Number of members that are up to date, minus the majority. At 0, the next failure stops the "
            "meta group.",
            lambda m: m.fault_tolerance,
            "peers_current - quorum_needed",
            "jetstream_meta_fault_tolerance <= 0",
        ),
        counter(
            "jetstream_meta_leader_changes_total",
            "Changes of the meta leader seen by this exporter.",
            lambda m: m.leader_changes,
            "counted by the exporter",
            "increase(jetstream_meta_leader_changes_total[15m]) > 3",
        ),
        gauge(
            "jetstream_meta_snapshot_pending_entries",
            "Raft entries of the meta group that are not in a snapshot yet. Servers 2.11.11 and newer.",
            lambda m: m.snapshot_pending_entries,
            "jsz meta_cluster.snapshot.pending_entries",
            "jetstream_meta_snapshot_pending_entries",
        ),
        gauge(
            "jetstream_meta_snapshot_pending_bytes",
            "Size of the Raft entries of the meta group that are not in a snapshot yet.",
            lambda m: m.snapshot_pending_bytes,
            "jsz meta_cluster.snapshot.pending_size",
            "jetstream_meta_snapshot_pending_bytes",
        ),
        gauge(
            "jetstream_meta_snapshot_duration_seconds",
            "Duration of the last snapshot of the meta group.",
            lambda m: m.snapshot_duration,
            "jsz meta_cluster.snapshot.last_duration",
            "jetstream_meta_snapshot_duration_seconds",
        ),
        gauge(
            "jetstream_meta_snapshot_timestamp_seconds",
            "Time of the last snapshot of the meta group. Absent before the first snapshot.",
            lambda m: m.snapshot_time,
            "jsz meta_cluster.snapshot.last_time",
            "time() - jetstream_meta_snapshot_timestamp_seconds",
        ),
        gauge(
            "jetstream_meta_rescue",
            "Whether the quorum of the meta group was lowered by an operator (META.RESCUE), which is unsafe. "
            "Servers 2.15 and newer.",
            lambda m: m.rescue,
            "jsz meta_cluster.rescue",
            "jetstream_meta_rescue == 1",
        ),
    ),
)


class _Leader(NamedTuple):
    cluster: str
    server: str


META_LEADER: Table[_Leader] = Table(
    name="Meta group: leader",
    rows=lambda snapshot: (
        _Leader(row.cluster, row.leader) for row in snapshot.metas if row.leader is not None
    ),
    labels={"nats_cluster": lambda row: row.cluster, "server": lambda row: row.server},
    families=(
        gauge(
            "jetstream_meta_leader",
            "Always 1. The label `server` is the leader of the meta group, as reported by the leader itself.",
            lambda _: 1,
            "jsz meta_cluster.leader",
            "jetstream_meta_leader",
        ),
    ),
)

META_PEERS: Table[MetaPeer] = Table(
    name="Meta group: members",
    rows=lambda snapshot: (peer for meta in snapshot.metas for peer in meta.members),
    labels={"nats_cluster": lambda p: p.cluster, "server": lambda p: p.server},
    families=(
        gauge(
            "jetstream_meta_peer_current",
            "Whether this member is up to date, as reported by the leader. The leader itself has no series.",
            lambda p: p.current,
            "jsz meta_cluster.replicas.current",
            "jetstream_meta_peer_current == 0",
        ),
        gauge(
            "jetstream_meta_peer_offline",
            "Whether the leader considers the server of this member offline. After a crash this takes some minutes.",
            lambda p: p.offline,
            "jsz meta_cluster.replicas.offline",
            "jetstream_meta_peer_offline == 1",
        ),
        gauge(
            "jetstream_meta_peer_lag_entries",
            "Number of Raft entries that this member is behind the leader.",
            lambda p: p.lag,
            "jsz meta_cluster.replicas.lag",
            "jetstream_meta_peer_lag_entries > 100",
        ),
        gauge(
            "jetstream_meta_peer_last_seen_seconds",
            "Seconds since the leader last received a message from this member. Absent if it never did.",
            lambda p: p.last_seen,
            "jsz meta_cluster.replicas.active",
            "jetstream_meta_peer_last_seen_seconds > 10",
        ),
    ),
)

TABLES = (META, META_LEADER, META_PEERS)
