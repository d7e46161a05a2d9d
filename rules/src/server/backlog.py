"""Rules: requests to the JetStream API that wait."""

from rules.src.model import Alert

ALERTS = (
    Alert(
        name="JetStreamApiBacklog",
        severity="warning",
        scope="server",
        board="jetstream-raft",
        comment=(
            "A burst, such as many clients that start, is worked off within seconds. At 10,000 waiting requests a "
            "server drops them all (JetStreamAdvisoryServerTrouble, kind api_limit_reached). Without a meta leader "
            "requests wait for it, and JetStreamMetaNoLeader fires."
        ),
        expr="""
            (
              max by ($server) (min_over_time(jetstream_server_api_pending_requests[5m])) > $threshold
              or
              max by ($server) (min_over_time(jetstream_server_api_inflight_requests[5m])) > $threshold
            )
            unless on ($cluster)
            max by ($cluster) (jetstream_meta_has_leader) == 0
        """,
        values={"threshold": "100"},
        wait="5m",
        real_time=True,
        keep="5m",
        summary="Requests to the JetStream API wait",
        description=(
            "On server {server} of cluster {nats_cluster} at least {value | humanize} requests to the JetStream API "
            "have been waiting or in progress for more than 5 minutes. Clients that create or look up streams and "
            "consumers get no answer in time."
        ),
    ),
)
