"""Families of the Raft groups of consumers: leader, quorum and replicas."""

from operator import attrgetter

from jetstream_exporter.metrics.consumers import LABELS
from jetstream_exporter.metrics.families import Table, counter, gauge
from jetstream_exporter.snapshot import Consumer

RAFT: Table[Consumer] = Table(
    name="Consumers: leadership",
    rows=lambda snapshot: snapshot.consumers,
    labels=LABELS,
    made_of=(attrgetter("raft"),),
    families=(
        gauge(
            "jetstream_consumer_has_leader",
            "Whether the consumer has a leader. Without a leader, no message is delivered, and the values of "
            "the consumer are absent. Absent while replicas name a leader that has never answered the "
            "exporter.",
            lambda c: c.raft.has_leader,
            "cluster.leader",
            "jetstream_consumer_has_leader == 0",
        ),
        gauge(
            "jetstream_consumer_has_quorum",
            "Whether the leader reaches a majority of the replicas. Absent while an election may be in progress.",
            lambda c: c.raft.has_quorum,
            "the leader's cluster.replicas",
            "jetstream_consumer_has_quorum == 0",
        ),
        gauge(
            "jetstream_consumer_fault_tolerance",
            "Number of replicas that are up to date, minus the majority. Only for replicated consumers.",
            lambda c: c.raft.fault_tolerance,
            "the leader's cluster.replicas",
            "jetstream_consumer_fault_tolerance <= 0",
            in_lean=False,
        ),
        counter(
            "jetstream_consumer_leader_changes_total",
            "Changes of the consumer leader seen by this exporter.",
            lambda c: c.raft.changes,
            "counted by the exporter",
            "increase(jetstream_consumer_leader_changes_total[15m]) > 3",
        ),
    ),
)

LEADER: Table[Consumer] = Table(
    name="Consumers: leader",
    rows=lambda snapshot: snapshot.consumers,
    base=LABELS,
    labels={**LABELS, "server": lambda c: c.raft.leader or ""},
    added=attrgetter("raft.leader"),
    families=(
        gauge(
            "jetstream_consumer_leader",
            "Always 1. The label `server` is the leader of the consumer, as reported by the leader itself.",
            lambda c: None if c.raft.leader is None else 1,
            "cluster.leader",
            "count by (server) (jetstream_consumer_leader)",
        ),
    ),
)

TABLES = (RAFT, LEADER)
