"""Rules: streams without a leader, or whose server is gone."""

from rules.src.model import Alert, Record

RULES = (
    Record(
        name="nats_cluster_server:nats_server_up:last",
        comment=(
            "The time of the last sample, which stays after the series ended. With it the "
            "rules can distinguish a stream that disappeared together with a server from a "
            "stream that was deleted while a server was down."
        ),
        expr="max by ($server) (timestamp(nats_server_up == 1))",
    ),
    Record(
        name="nats_cluster_account_stream:jetstream_stream_has_leader:last",
        expr="max by ($stream) (timestamp(jetstream_stream_has_leader))",
    ),
    Record(
        name="nats_cluster_account_stream_server:jetstream_stream_leader:last",
        expr="max by ($stream, server) (timestamp(jetstream_stream_leader))",
    ),
    Alert(
        name="JetStreamStreamNoLeader",
        severity="critical",
        scope="stream",
        board="jetstream-stream",
        comment=(
            "While the meta group has no leader, JetStreamMetaNoLeader fires once for all streams."
        ),
        expr="""
            max by ($stream) (jetstream_stream_has_leader) == 0
            unless on ($cluster)
            max by ($cluster) (jetstream_meta_has_leader) == 0
            $unless_stream_excluded
        """,
        wait="1m",
        real_time=True,
        keep="5m",
        summary="A JetStream stream has no leader",
        description=(
            "Stream {stream} (account {account}, cluster {nats_cluster}) has no leader. It "
            "accepts no messages and delivers none."
        ),
    ),
    Record(
        name="nats_cluster_account_stream:jetstream_stream_vanished:max",
        comment=(
            "No server reports a stream whose only replica is on a dead server. The only sign "
            "is that the series of the stream ended within 2 minutes of those of the server. "
            "The server is the one that led the stream; if that is not known, the first or the "
            "last of the servers that are down. A stream with several replicas disappears only "
            "when as many servers are down. The series of a deleted stream end while its "
            "server answers, or at another time. A server that has never answered, such as one "
            "in another region, is not taken into account. A server may restart between two "
            "scrapes, and a stream in memory or on a volume that is not kept does not come back: "
            "a stream with one replica that ended within 2 minutes of the start of its server "
            "disappeared with it too."
        ),
        expr="""
            (
              group by ($stream) (
                abs(
                  $led
                  - on ($server) group_left ()
                  (
                    $down
                  )
                ) < 120
              )
              or
              group by ($stream) (
                abs(
                  last_over_time(nats_cluster_account_stream:jetstream_stream_has_leader:last[1h])
                  - on ($cluster) group_left ()
                  max by ($cluster) (
                    $down
                  )
                ) < 120
                or
                abs(
                  last_over_time(nats_cluster_account_stream:jetstream_stream_has_leader:last[1h])
                  - on ($cluster) group_left ()
                  min by ($cluster) (
                    $down
                  )
                ) < 120
              )
              unless on ($stream)
              group by ($stream) (
                last_over_time(nats_cluster_account_stream_server:jetstream_stream_leader:last[1h])
              )
            )
            unless on ($stream)
            group by ($stream) (jetstream_stream_has_leader)
            unless on ($stream)
            (
              max by ($stream) (last_over_time(jetstream_stream_replicas[1h]))
              or
              1 + count by ($stream) (
                max by ($stream, server) (last_over_time(jetstream_stream_replica_current[1h]))
              )
            )
            > on ($cluster) group_left ()
            count by ($cluster) (max by ($server) (nats_server_up) == 0)
            or
            (
              group by ($stream) (
                abs(
                  $led
                  - on ($server) group_left ()
                  max by ($server) (nats_server_start_timestamp_seconds)
                ) < 120
              )
              or
              group by ($stream) (
                abs(
                  last_over_time(nats_cluster_account_stream:jetstream_stream_has_leader:last[1h])
                  - on ($cluster) group_left ()
                  max by ($cluster) (nats_server_start_timestamp_seconds)
                ) < 120
              )
              unless on ($stream)
              group by ($stream) (
                last_over_time(nats_cluster_account_stream_server:jetstream_stream_leader:last[1h])
              )
            )
            unless on ($stream)
            group by ($stream) (jetstream_stream_has_leader)
            unless on ($stream)
            max by ($stream) (last_over_time(jetstream_stream_replicas[1h])) > 1
            unless on ($stream)
            group by ($stream) (last_over_time(jetstream_stream_replica_current[1h]))
        """,
        parts={
            "led": """
                group by ($stream, server) (
                  last_over_time(nats_cluster_account_stream_server:jetstream_stream_leader:last[1h])
                )
                * on ($stream) group_left ()
                last_over_time(nats_cluster_account_stream:jetstream_stream_has_leader:last[1h])
            """,
            "down": """
                last_over_time(nats_cluster_server:nats_server_up:last[1h])
                and on ($server)
                max by ($server) (nats_server_up) == 0
            """,
        },
    ),
    Alert(
        name="JetStreamStreamUnavailable",
        severity="critical",
        scope="stream",
        board="jetstream-stream",
        comment=(
            "The stream is missed for an hour after its server came back, because the server may "
            "have come back without it."
        ),
        expr="""
            last_over_time(nats_cluster_account_stream:jetstream_stream_vanished:max[1h])
            unless on ($stream)
            group by ($stream) (jetstream_stream_has_leader)
            unless on ($stream)
            max by ($stream) (last_over_time(jetstream_stream_monitoring_enabled[1h])) == 0
        """,
        wait="3m",
        real_time=True,
        keep="5m",
        summary="A JetStream stream disappeared together with a server",
        description=(
            "No server reports stream {stream} (account {account}, cluster {nats_cluster}) any "
            "more, and a server of the cluster is down, or came back without it. That server "
            "probably held the stream's only replica."
        ),
    ),
)
