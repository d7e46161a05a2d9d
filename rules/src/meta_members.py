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
    Alert(
        name="JetStreamStreamLeadersFlapping",
        severity="warning",
        scope="cluster",
        board="jetstream-raft",
        comment=(
            "A rolling restart changes the leader of a stream up to three times, and each server that started within "
            "these 30 minutes is allowed one more. changes() counts a restart of the exporter once."
        ),
        expr="""
            count by ($cluster) (
              (
                max by ($stream) (changes(jetstream_stream_leader_changes_total[30m]))
                $unless_stream_excluded
              )
              > on ($cluster) group_left ()
              (
                $threshold + count by ($cluster) (max by ($server) (time() - nats_server_start_timestamp_seconds) < 1800)
                or on ($cluster)
                $threshold * group by ($cluster) (nats_server_up)
              )
            )
        """,
        values={"threshold": "3"},
        keep="30m",
        summary="Leaders of JetStream streams change often",
        description=(
            "In cluster {nats_cluster} the leader of {value | humanize} streams changed several times within 30 "
            "minutes. Each election interrupts publishes and deliveries for some seconds."
        ),
    ),
    _slow("warning", "5"),
    _slow("critical", "30"),
)
