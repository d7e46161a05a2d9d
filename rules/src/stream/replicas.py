"""Rules: replicas of streams: too few, not placeable, or behind."""

from rules.src.model import Alert
from rules.src.starts import JUST_STARTED

ALERTS = (
    Alert(
        name="JetStreamStreamNoFaultTolerance",
        severity="warning",
        scope="stream",
        board="jetstream-raft",
        comment=(
            "A replica on a server that does not answer is left to the alert about the server, "
            "and a stream without a leader to JetStreamStreamNoLeader. The new replicas of a "
            "stream that was scaled up have an hour to copy it, and a server that has just started "
            "has 10 minutes more to catch up, unless it started more than once within the hour."
        ),
        expr="""
            max by ($stream) (jetstream_stream_fault_tolerance) <= 0
            unless on ($stream)
            max by ($stream) (jetstream_stream_has_leader) == 0
            unless on ($stream) (
              max by ($stream, server) (jetstream_stream_replica_current) == 0
              and on ($server) (
                max by ($server) (nats_server_up) == 0
                or
                $just_started
              )
            )
            unless on ($stream)
            max by ($stream) (jetstream_stream_replicas > min_over_time(jetstream_stream_replicas[1h]))
            $unless_stream_excluded
        """,
        parts={"just_started": JUST_STARTED},
        wait="5m",
        real_time=True,
        keep="5m",
        summary="A JetStream stream cannot lose another replica",
        description=(
            "Stream {stream} (account {account}, cluster {nats_cluster}) has only as many "
            "current replicas as its quorum needs. If one more replica fails, the stream is "
            "unavailable."
        ),
    ),
    Alert(
        name="JetStreamStreamReplicasUnplaceable",
        severity="warning",
        scope="stream",
        board="jetstream-raft",
        comment="The rule judges the configuration, and only while every server answers.",
        expr="""
            max by ($stream) (jetstream_stream_replicas)
            > on ($cluster) group_left ()
            count by ($cluster) (max by ($server) (jetstream_server_enabled) == 1)
            unless on ($cluster)
            group by ($cluster) (max by ($server) (nats_server_up) == 0)
            $unless_stream_excluded
        """,
        wait="15m",
        real_time=True,
        keep="5m",
        summary="A JetStream stream is configured with more replicas than there are servers",
        description=(
            "Stream {stream} (account {account}, cluster {nats_cluster}) is configured with "
            "{value | humanize} replicas, but the cluster has fewer servers with JetStream."
        ),
    ),
    Alert(
        name="JetStreamStreamReplicaLagging",
        severity="warning",
        scope="stream",
        board="jetstream-raft",
        comment=(
            "The lag counts Raft entries. A replica that catches up after a restart has a "
            "large lag that falls by more than it fluctuates; a lag that fluctuates around one "
            "level does not fall. A lag that the stream stores in 10 seconds is that of a busy "
            "stream. The current lag is required because ranges still hold "
            "replicas that were deleted, or moved to another server, a moment ago."
        ),
        expr="""
            (
              max by ($stream, server) (
                min_over_time(jetstream_stream_replica_lag_entries[10m]) > $threshold
                and jetstream_stream_replica_lag_entries >= 0
              )
              and on ($stream, server)
              max by ($stream, server) (
                avg_over_time(jetstream_stream_replica_lag_entries[10m])
                + stddev_over_time(jetstream_stream_replica_lag_entries[20m])
              )
              >= on ($stream, server)
              max by ($stream, server) (
                avg_over_time(jetstream_stream_replica_lag_entries[10m] offset 10m)
              )
              unless on ($stream, server)
              max by ($stream, server) (jetstream_stream_replica_lag_entries)
              < on ($stream) group_left ()
              10 * max by ($stream) (rate(jetstream_stream_stored_messages_total[5m]))
            )
            unless on ($server)
            max by ($server) (nats_server_up) == 0
            $unless_stream_excluded
        """,
        values={"threshold": "1000"},
        wait="5m",
        real_time=True,
        keep="5m",
        summary="A replica of a JetStream stream does not catch up",
        description=(
            "The replica of stream {stream} (account {account}, cluster {nats_cluster}) on "
            "server {server} has been at least {value | humanize} Raft entries behind for 10 "
            "minutes and does not catch up."
        ),
    ),
)
