"""Rules: the members of the meta group, and the snapshots of its state."""

from rules.src.model import Alert, Severity


def _slow(severity: Severity, threshold: str) -> Alert:
    return Alert(
        name="JetStreamMetaSnapshotSlow",
        severity=severity,
        scope="cluster",
        board="jetstream-raft",
        comment=(
            "While the meta leader writes a snapshot it answers nobody. One snapshot holds all streams and consumers."
            if severity == "warning"
            else ""
        ),
        expr="max by ($cluster) (jetstream_meta_snapshot_duration_seconds) > $threshold",
        values={"threshold": threshold},
        wait="1m",
        keep="15m",
        summary="Snapshots of the JetStream meta group take long",
        description=(
            "The last snapshot of the meta group of cluster {nats_cluster} took {value | humanizeDuration}. "
            "Meanwhile no stream or consumer can be created, changed or deleted."
        ),
    )


ALERTS = (
    Alert(
        name="JetStreamMetaGroupShrunk",
        severity="warning",
        scope="cluster",
        board="jetstream-raft",
        comment=(
            "A member that is down stays a member: only who removes a server makes the group smaller. The meta "
            "leader's count is compared with the last hour's, so that the alert of a cluster that was made smaller "
            "on purpose ends within an hour."
        ),
        expr="""
            max by ($cluster) (max_over_time(jetstream_meta_peers[1h]))
            - on ($cluster)
            max by ($cluster) (jetstream_meta_peers)
            > 0
            unless on ($cluster)
            max by ($cluster) (jetstream_meta_has_leader) == 0
        """,
        wait="2m",
        real_time=True,
        keep="5m",
        summary="A server was removed from the JetStream meta group",
        description=(
            "The meta group of cluster {nats_cluster} has {value | humanize} members less than an hour ago. What "
            "was stored on a removed server is created again on the others, and streams with a single replica "
            "there are lost."
        ),
    ),
    _slow("warning", "5"),
    _slow("critical", "30"),
)
