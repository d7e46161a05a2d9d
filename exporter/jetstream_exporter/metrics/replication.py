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
            "Whether the stream has a leader. Without a leader, no message is stored or delivered, and the "
            "values of the stream are absent. Absent while replicas name a leader that has never answered "
            "the exporter.",
            lambda s: s.raft.has_leader,
            "cluster.leader",
            "jetstream_stream_has_leader == 0",
        ),
        gauge(
            "jetstream_stream_has_quorum",
            "Whether the leader reaches a majority of the replicas. Absent while an election may be in progress.",
            lambda s: s.raft.has_quorum,
            "the leader's cluster.replicas",
            "jetstream_stream_has_quorum == 0",
        ),
        gauge(
            "jetstream_stream_replicas_current",
            "Number of replicas that are up to date, including the leader. Only for replicated streams.",
            lambda s: s.raft.current,
            "the leader's cluster.replicas",
            "jetstream_stream_replicas_current < jetstream_stream_replicas",
            in_lean=False,
        ),
        gauge(
            "jetstream_stream_quorum_needed",
            "Number of replicas required for a majority. Only for replicated streams.",
            lambda s: s.raft.quorum_needed,
            "half of the replicas and one",
            "jetstream_stream_quorum_needed",
            in_lean=False,
        ),
        gauge(
            "jetstream_stream_fault_tolerance",
            "Number of replicas that are up to date, minus the majority. At 0, the next failure stops the stream.",
            lambda s: s.raft.fault_tolerance,
            "replicas_current - quorum_needed",
            "jetstream_stream_fault_tolerance <= 0",
        ),
        gauge(
            "jetstream_stream_replicas_diverged",
            "Number of replicas that hold another content than their leader: in three scrapes, 5 seconds apart or "
            "more, they named its last sequence, and the same other messages, bytes or first sequence, found only "
            "while no message is removed from the stream; or they stood at another last sequence for 5 minutes "
            "while the leader called them current. Absent while no server of another replica answers.",
            lambda s: s.diverged,
            "state.messages, bytes, first_seq, last_seq of all replicas",
            "jetstream_stream_replicas_diverged > 0",
        ),
        counter(
            "jetstream_stream_leader_changes_total",
            "Changes of the stream leader seen by this exporter.",
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
            "Always 1. The label `server` is the leader of the stream, as reported by the leader itself.",
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
            "Whether this replica is up to date, as reported by the leader. The leader's own replica has no series.",
            lambda r: r.current,
            "the leader's cluster.replicas.current",
            "jetstream_stream_replica_current == 0",
        ),
        gauge(
            "jetstream_stream_replica_offline",
            "Whether the leader considers the server of this replica offline. After a crash this takes some "
            "minutes.",
            lambda r: r.offline,
            "the leader's cluster.replicas.offline",
            "jetstream_stream_replica_offline == 1",
        ),
        gauge(
            "jetstream_stream_replica_lag_entries",
            "Number of Raft entries (not messages) that this replica is behind the leader.",
            lambda r: r.lag,
            "the leader's cluster.replicas.lag",
            "jetstream_stream_replica_lag_entries > 1000",
        ),
        gauge(
            "jetstream_stream_replica_last_seen_seconds",
            "Seconds since the leader last received a message from this replica. Absent if it never did.",
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
            "Number of messages that the stream is behind its origin, as of the last message received. "
            "Absent before the first contact. If several origins have the same name, the largest value.",
            lambda s: s.lag,
            "mirror.lag, sources.lag",
            "jetstream_stream_source_lag_messages > 1000",
        ),
        gauge(
            "jetstream_stream_source_last_seen_seconds",
            "Seconds since the last contact with the origin. Absent before the first contact.",
            lambda s: s.last_seen,
            "mirror.active, sources.active",
            "jetstream_stream_source_last_seen_seconds > 30",
        ),
        gauge(
            "jetstream_stream_source_healthy",
            "Whether the last contact with the origin was at most 30 s ago and no error is reported.",
            lambda s: s.healthy,
            "mirror.error, sources.error, active",
            "jetstream_stream_source_healthy == 0",
        ),
    ),
)

TABLES = (RAFT, LEADER, REPLICAS, SOURCES)
