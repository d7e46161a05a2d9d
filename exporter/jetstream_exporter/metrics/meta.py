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
            "Whether the meta group has a leader; without one nothing can be created, changed or placed.",
            lambda m: m.has_leader,
            "jsz meta_cluster.leader",
            "jetstream_meta_has_leader == 0",
        ),
        gauge(
            "jetstream_meta_has_quorum",
            "Whether the meta leader reaches a majority; absent while an election may be running.",
            lambda m: m.has_quorum,
            "the leader's replicas",
            "jetstream_meta_has_quorum == 0",
        ),
        gauge(
            "jetstream_meta_peers",
            "Members of the meta group, the leader included.",
            lambda m: m.peers,
            "jsz meta_cluster.cluster_size",
            "jetstream_meta_peers",
        ),
        gauge(
            "jetstream_meta_peers_current",
            "Members that are up to date, the leader included, in the leader's word.",
            lambda m: m.peers_current,
            "the leader's replicas",
            "jetstream_meta_peers_current < jetstream_meta_peers",
        ),
        gauge(
            "jetstream_meta_quorum_needed",
            "Members that make a majority.",
            lambda m: m.quorum_needed,
            "jsz meta_cluster.quorum_needed, or half of the members and one",
            "jetstream_meta_quorum_needed",
        ),
        gauge(
            "jetstream_meta_fault_tolerance",
            "Current members less the majority needed; at 0 the next failure stops the meta group.",
            lambda m: m.fault_tolerance,
            "peers_current - quorum_needed",
            "jetstream_meta_fault_tolerance <= 0",
        ),
        counter(
            "jetstream_meta_leader_changes_total",
            "Changes of the meta leader that this exporter saw.",
            lambda m: m.leader_changes,
            "counted by the exporter",
            "increase(jetstream_meta_leader_changes_total[15m]) > 3",
        ),
        gauge(
            "jetstream_meta_snapshot_pending_entries",
            "Raft entries of the meta group not in a snapshot yet. Servers from 2.11.11 on.",
            lambda m: m.snapshot_pending_entries,
            "jsz meta_cluster.snapshot.pending_entries",
            "jetstream_meta_snapshot_pending_entries",
        ),
        gauge(
            "jetstream_meta_snapshot_pending_bytes",
            "Bytes of those entries.",
            lambda m: m.snapshot_pending_bytes,
            "jsz meta_cluster.snapshot.pending_size",
            "jetstream_meta_snapshot_pending_bytes",
        ),
        gauge(
            "jetstream_meta_snapshot_duration_seconds",
            "How long the last snapshot of the meta group took.",
            lambda m: m.snapshot_duration,
            "jsz meta_cluster.snapshot.last_duration",
            "jetstream_meta_snapshot_duration_seconds",
        ),
        gauge(
            "jetstream_meta_snapshot_timestamp_seconds",
            "When the last snapshot of the meta group was made; absent before the first.",
            lambda m: m.snapshot_time,
            "jsz meta_cluster.snapshot.last_time",
            "time() - jetstream_meta_snapshot_timestamp_seconds",
        ),
        gauge(
            "jetstream_meta_rescue",
            "Whether the majority was lowered by hand (META.RESCUE), which is unsafe. Servers from 2.15 on.",
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
            "Always 1; `server` leads the meta group, in its own word.",
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
            "Whether this member (not the leader itself) is up to date, in the leader's word.",
            lambda p: p.current,
            "jsz meta_cluster.replicas.current",
            "jetstream_meta_peer_current == 0",
        ),
        gauge(
            "jetstream_meta_peer_offline",
            "Whether the leader takes this member's server for gone; after a crash that takes some minutes.",
            lambda p: p.offline,
            "jsz meta_cluster.replicas.offline",
            "jetstream_meta_peer_offline == 1",
        ),
        gauge(
            "jetstream_meta_peer_lag_entries",
            "Raft entries that this member is behind the leader.",
            lambda p: p.lag,
            "jsz meta_cluster.replicas.lag",
            "jetstream_meta_peer_lag_entries > 100",
        ),
        gauge(
            "jetstream_meta_peer_last_seen_seconds",
            "Seconds since the leader heard this member; absent where it never did.",
            lambda p: p.last_seen,
            "jsz meta_cluster.replicas.active",
            "jetstream_meta_peer_last_seen_seconds > 10",
        ),
    ),
)

TABLES = (META, META_LEADER, META_PEERS)
