"""Families of what keeps a stream alive: its leader, its replicas, and the origins it copies from."""

from jetstream_exporter.metrics.families import Table, counter, gauge
from jetstream_exporter.metrics.streams import LABELS
from jetstream_exporter.snapshot import Stream
from jetstream_exporter.snapshot.rows import Replica, StreamSource

RAFT: Table[Stream] = Table(
    name="Streams: leadership",
    rows=lambda snapshot: snapshot.streams,
    labels=LABELS,
    families=(
        gauge(
            "jetstream_stream_has_leader",
            "Whether the stream has a leader; without one nothing is stored or delivered, and no figure is exported.",
            lambda s: s.raft.has_leader,
            "cluster.leader",
            "jetstream_stream_has_leader == 0",
        ),
        gauge(
            "jetstream_stream_has_quorum",
            "Whether the leader reaches a majority of the replicas; absent while an election may be running.",
            lambda s: s.raft.has_quorum,
            "the leader's cluster.replicas",
            "jetstream_stream_has_quorum == 0",
        ),
        gauge(
            "jetstream_stream_replicas_current",
            "Replicas that are up to date, the leader included. Replicated streams only.",
            lambda s: s.raft.current,
            "the leader's cluster.replicas",
            "jetstream_stream_replicas_current < jetstream_stream_replicas",
        ),
        gauge(
            "jetstream_stream_quorum_needed",
            "Replicas that make a majority. Replicated streams only.",
            lambda s: s.raft.quorum_needed,
            "half of the replicas and one",
            "jetstream_stream_quorum_needed",
        ),
        gauge(
            "jetstream_stream_fault_tolerance",
            "Current replicas less the majority needed; at 0 the next failure stops the stream.",
            lambda s: s.raft.fault_tolerance,
            "replicas_current - quorum_needed",
            "jetstream_stream_fault_tolerance <= 0",
        ),
        counter(
            "jetstream_stream_leader_changes_total",
            "Changes of the stream's leader that this exporter saw.",
            lambda s: s.raft.changes,
            "counted by the exporter",
            "increase(jetstream_stream_leader_changes_total[15m]) > 3",
        ),
    ),
)

LEADER: Table[Stream] = Table(
    name="Streams: leader",
    rows=lambda snapshot: (row for row in snapshot.streams if row.raft.leader is not None),
    labels={**LABELS, "server": lambda s: s.raft.leader or ""},
    families=(
        gauge(
            "jetstream_stream_leader",
            "Always 1; `server` leads the stream, in its own word.",
            lambda _: 1,
            "cluster.leader",
            "count by (server) (jetstream_stream_leader)",
        ),
    ),
)

REPLICAS: Table[Replica] = Table(
    name="Streams: replicas",
    rows=lambda snapshot: (replica for row in snapshot.streams for replica in row.replicas),
    labels={
        "nats_cluster": lambda r: r.cluster,
        "account": lambda r: r.account,
        "stream": lambda r: r.stream,
        "server": lambda r: r.server,
    },
    families=(
        gauge(
            "jetstream_stream_replica_current",
            "Whether this replica (not the leader's own) is up to date, in the leader's word.",
            lambda r: r.current,
            "the leader's cluster.replicas.current",
            "jetstream_stream_replica_current == 0",
        ),
        gauge(
            "jetstream_stream_replica_offline",
            "Whether the leader takes this replica's server for gone; after a crash that takes some minutes.",
            lambda r: r.offline,
            "the leader's cluster.replicas.offline",
            "jetstream_stream_replica_offline == 1",
        ),
        gauge(
            "jetstream_stream_replica_lag_entries",
            "Raft entries (not messages) that this replica is behind the leader.",
            lambda r: r.lag,
            "the leader's cluster.replicas.lag",
            "jetstream_stream_replica_lag_entries > 1000",
        ),
        gauge(
            "jetstream_stream_replica_last_seen_seconds",
            "Seconds since the leader heard this replica; absent where it never did.",
            lambda r: r.last_seen,
            "the leader's cluster.replicas.active",
            "jetstream_stream_replica_last_seen_seconds > 10",
        ),
    ),
)

SOURCES: Table[StreamSource] = Table(
    name="Streams: mirrors and sources",
    rows=lambda snapshot: (source for row in snapshot.streams for source in row.sources),
    labels={
        "nats_cluster": lambda s: s.cluster,
        "account": lambda s: s.account,
        "stream": lambda s: s.stream,
        "source": lambda s: s.origin,
        "kind": lambda s: s.kind,
    },
    families=(
        gauge(
            "jetstream_stream_source_lag_messages",
            "Messages that the stream is behind its origin, as of the last message that arrived; absent before any "
            "contact. Of several origins of one name the worst.",
            lambda s: s.lag,
            "mirror.lag, sources.lag",
            "jetstream_stream_source_lag_messages > 1000",
        ),
        gauge(
            "jetstream_stream_source_last_seen_seconds",
            "Seconds since the origin was heard; absent before any contact.",
            lambda s: s.last_seen,
            "mirror.active, sources.active",
            "jetstream_stream_source_last_seen_seconds > 30",
        ),
        gauge(
            "jetstream_stream_source_healthy",
            "Whether the origin was heard within 30 s and reported no error.",
            lambda s: s.healthy,
            "mirror.error, sources.error, active",
            "jetstream_stream_source_healthy == 0",
        ),
    ),
)

TABLES = (RAFT, LEADER, REPLICAS, SOURCES)
