"""Rules: routes between the servers of a cluster."""

from rules.src.model import Alert

ALERTS = (
    Alert(
        name="NatsRoutesMissing",
        severity="critical",
        scope="cluster",
        board="jetstream-servers",
        comment=(
            "The exporter reports 0 only for two servers of one cluster that both answered it. A server that is "
            "down, not started yet or no target is left to the alerts about servers, and a server that was removed "
            "has no series. A pool of routes counts as one. A server that starts has its routes within seconds, so "
            "that a rolling restart never lasts as long as `for`. A route that breaks again and again counts if it "
            "was missing in more than 7 of 15 minutes."
        ),
        expr="""
            count by ($cluster) (
              group by ($server) (
                max by ($server, remote) (nats_route_connections) == 0
                or
                count_over_time((max by ($server, remote) (nats_route_connections) == 0)[15m:1m]) > $threshold
              )
            )
        """,
        values={"threshold": "7"},
        wait="2m",
        real_time=True,
        keep="5m",
        summary="NATS servers of one cluster have no route to each other",
        description=(
            "{value | humanize} servers of cluster {nats_cluster} run without a route to another server of the "
            "cluster that runs as well, or lose it again and again. Messages between their clients are lost, and "
            "replicas on these servers cannot keep up."
        ),
    ),
)
