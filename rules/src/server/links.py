"""Rules: connections between servers."""

from rules.src.model import Alert

ALERTS = (
    Alert(
        name="NatsGatewayDown",
        severity="critical",
        scope="cluster",
        board="jetstream-servers",
        comment=(
            "A server reports 0 only for a remote cluster that its configuration names. One that does not answer "
            "reports nothing and has an alert of its own. A connection that breaks again and again is never gone "
            "for 2 minutes: it counts if it was there for less than half of 15 minutes. A remote cluster of which "
            "no server answers is left to the alerts about its servers."
        ),
        expr="""
            count by ($cluster, remote_cluster) (
              max by ($server, remote_cluster) (nats_gateway_connections{direction="outbound"}) == 0
              or
              max by ($server, remote_cluster) (avg_over_time(nats_gateway_connections{direction="outbound"}[15m])) < $threshold
              and on ($server, remote_cluster)
              max by ($server, remote_cluster) (changes(nats_gateway_connections{direction="outbound"}[15m])) > 3
            )
            unless on (remote_cluster)
            label_replace(
              max by ($cluster) (nats_server_up{nats_cluster!=""}) == 0,
              "remote_cluster", "$$1", "nats_cluster", "(.+)"
            )
        """,
        values={"threshold": "0.5"},
        wait="2m",
        real_time=True,
        keep="5m",
        summary="A NATS cluster has no gateway connection to another cluster",
        description=(
            "Servers of cluster {nats_cluster} have no gateway connection to cluster {remote_cluster}, "
            "which their configuration names, or lose it again and again; their number is {value | "
            "humanize}. Their clients do not reach that cluster, and streams that mirror or source another "
            "across do not advance."
        ),
    ),
)
