"""Rules: requests to the JetStream API that fail."""

from rules.src.model import Alert

ALERTS = (
    Alert(
        name="JetStreamApiErrorRateHigh",
        severity="warning",
        scope="server",
        board="jetstream-raft",
        comment=(
            "The share without the rate would make the alert fire for a single failed request "
            "at a quiet time. Both are computed for the cluster, because its servers share the "
            "requests and leaders move; the alert fires for each server whose own share is at "
            "least half of the cluster's. Each connect of an MQTT client causes a request that "
            "fails (its session does not exist yet), which is not a fault: if there are MQTT "
            "streams, as many errors as clients connected are subtracted, and half as many "
            "again because both are not counted at the same moment."
        ),
        expr="""
            (
              max by ($server) (rate(jetstream_server_api_errors_total[10m]))
              / on ($server)
              (max by ($server) (rate(jetstream_server_api_requests_total[10m])) > 0)
              >= on ($cluster) group_left ()
              0.5 * (
                sum by ($cluster) (max by ($server) (rate(jetstream_server_api_errors_total[10m])))
                / on ($cluster)
                (sum by ($cluster) (max by ($server) (rate(jetstream_server_api_requests_total[10m]))) > 0)
                > $threshold
              )
              and on ($cluster)
              sum by ($cluster) (max by ($server) (rate(jetstream_server_api_errors_total[10m]))) > 0.1
              unless on ($cluster) (
                group by ($cluster) (jetstream_stream_info{kind="mqtt"})
                unless on ($cluster)
                (
                  sum by ($cluster) (max by ($server) (rate(jetstream_server_api_errors_total[10m])))
                  - on ($cluster)
                  1.5 * sum by ($cluster) (max by ($server) (rate(nats_server_accepted_connections_total[10m])))
                  > on ($cluster)
                  0.05 * sum by ($cluster) (max by ($server) (rate(jetstream_server_api_requests_total[10m])))
                  > 0.1
                )
                unless on ($cluster)
                (
                  sum by ($cluster) (max by ($server) (rate(jetstream_server_api_errors_total[10m])))
                  > on ($cluster)
                  0.60 * sum by ($cluster) (max by ($server) (rate(jetstream_server_api_requests_total[10m])))
                  unless on ($cluster)
                  group by ($cluster) (nats_server_accepted_connections_total)
                )
              )
            )
            unless on ($cluster)
            max by ($cluster) (jetstream_meta_has_leader) == 0
        """,
        values={"threshold": "0.05"},
        wait="10m",
        real_time=True,
        keep="10m",
        summary="Many JetStream API requests fail",
        description=(
            "Server {server} of cluster {nats_cluster} answered {value | humanizePercentage} "
            "of its JetStream API requests with an error, over 10 minutes."
        ),
    ),
)
