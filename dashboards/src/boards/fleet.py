"""Fleet: many clusters, a row each: which of them needs somebody."""

from __future__ import annotations

from dashboards.src import shared
from dashboards.src.board import JOB, Board, Row, cluster
from dashboards.src.panels import WARN, Look, Query, Step
from dashboards.src.promql import CLUSTER, CLUSTERS, CONSUMER, SERVERS, STREAM, Scope, alerts
from dashboards.src.shapes import timeseries
from dashboards.src.tables import Column, Link, table

STREAMS = Scope(STREAM, CLUSTER)
CONSUMERS = Scope(CONSUMER, CLUSTER)
UP = SERVERS.now("nats_server_up")
BY = "by (nats_cluster)"
GATEWAYS = Scope((*SERVERS.labels, "remote_cluster"), SERVERS.variables)
OUTBOUND = GATEWAYS.now("nats_gateway_connections", 'direction="outbound"')
FULLEST = SERVERS.now("jetstream_server_store_ratio", 'store="file"')
UNLED = (
    f"{STREAMS.now('jetstream_stream_has_leader')} == 0 "
    f"or {CONSUMERS.now('jetstream_consumer_has_leader')} == 0"
)
STORED = SERVERS.now("jetstream_server_store_used_bytes", 'store="file"')
LEGEND = "{{nats_cluster}}"
ANY_IS_WARNING = Look("short", [Step(1, WARN)], decimals=0)


def firing(severity: str) -> str:
    """Of clusters in which no alert fires there is no row: 0 comes from their servers."""
    found = alerts(f'severity="{severity}"', 'nats_cluster!=""')
    return f"count {BY} ({found}) or 0 * count {BY} ({UP})"


def total(condition: str, of: str) -> str:
    return f"count {BY} ({condition}) or 0 * count {BY} ({of})"


NOW = Row(
    "Now",
    (
        table(
            "Clusters",
            "Each cluster with its firing alerts, and with what most often needs somebody: servers that are down or "
            "fail their health check, streams and consumers without a leader, outbound gateways without a connection. "
            "Good: zeros. Bad: critical alerts. The link opens the Overview board of the cluster.",
            CLUSTERS.labels,
            (
                Column("Critical (good: 0)", firing("critical"), shared.ANY_IS_BAD),
                Column("Warning (good: 0)", firing("warning"), ANY_IS_WARNING),
                Column("Servers", f"count {BY} ({UP})", shared.PLAIN),
                Column("Down (good: 0)", total(f"{UP} == 0", UP), shared.ANY_IS_BAD),
                Column(
                    "Unhealthy (good: 0)",
                    total(f"{SERVERS.now('nats_server_healthy')} == 0", UP),
                    shared.ANY_IS_BAD,
                ),
                Column("Meta leader", CLUSTERS.now("jetstream_meta_has_leader"), shared.LED),
                Column("No leader (good: 0)", total(UNLED, UP), shared.ANY_IS_BAD),
                Column(
                    f"File store (warns at {shared.percent(shared.STORE_WARN)})",
                    f"max {BY} ({FULLEST})",
                    shared.STORE_RATIO,
                ),
                Column(
                    "Gateways cut (good: 0)",
                    total(
                        f"{OUTBOUND} == 0",
                        UP,
                    ),
                    shared.ANY_IS_BAD,
                ),
            ),
            rows=10,
            link=Link("Cluster", "jetstream-overview", CLUSTERS.labels),
            sort="Critical (good: 0)",
        ),
    ),
)

LOAD = Row(
    "Size and load",
    (
        timeseries(
            "Client connections",
            "Client connections of all servers of each cluster. Good: as usual. Bad: a sudden fall, because clients "
            "lost a cluster, or a sudden rise of another one, to which they went.",
            (Query(f"sum {BY} ({SERVERS.now('nats_server_connections')})", LEGEND),),
            look=Look("short", minimum=0),
            width=8,
        ),
        timeseries(
            "Messages stored",
            "Messages per second that the streams of each cluster store. Good: as usual. Bad: 0, because nobody "
            "publishes or streams reject messages.",
            (
                Query(
                    f"sum {BY} ({STREAMS.rate('jetstream_stream_stored_messages_total')})", LEGEND
                ),
            ),
            look=Look("mps", minimum=0),
            width=8,
        ),
        timeseries(
            "Waiting messages",
            "Messages that wait for the consumers of each cluster, summed. Good: near 0, or as usual. Bad: growing, "
            "because consumers do not keep up.",
            (Query(f"sum {BY} ({CONSUMERS.now('jetstream_consumer_pending_messages')})", LEGEND),),
            look=Look("short", minimum=0),
            width=8,
        ),
        timeseries(
            "File store",
            "Bytes that all servers of each cluster store in files, replicas included. Good: constant or growing "
            "slowly. Bad: growing towards the limits of the servers.",
            (
                Query(
                    f"sum {BY} ({STORED})",
                    LEGEND,
                ),
            ),
            look=Look("bytes", minimum=0),
            width=8,
        ),
        timeseries(
            "Streams and consumers",
            "Streams and consumers of each cluster. Good: constant. Bad: growing without end, because programs create "
            "them and delete none.",
            (
                Query(
                    f"count {BY} ({STREAMS.now('jetstream_stream_has_leader')})",
                    f"{LEGEND} streams",
                ),
                Query(
                    f"count {BY} ({shared.known(CONSUMERS)})",
                    f"{LEGEND} consumers",
                ),
            ),
            look=Look("short", minimum=0),
            width=8,
        ),
        timeseries(
            "JetStream API errors",
            "Share of the JetStream API requests of each cluster that were answered with an error. Good: near 0. Bad: "
            f"above {shared.percent(shared.API_ERRORS)}.",
            (
                Query(
                    f"sum {BY} ({SERVERS.rate('jetstream_server_api_errors_total')}) / on (nats_cluster) "
                    f"(sum {BY} ({SERVERS.rate('jetstream_server_api_requests_total')}) > 0)",
                    LEGEND,
                ),
            ),
            look=Look("percentunit", [Step(shared.API_ERRORS, WARN)], minimum=0),
            width=8,
        ),
    ),
)

BOARD = Board(
    "jetstream-fleet",
    "Fleet",
    "Many clusters, a row each: alerts, missing servers, leaders and links, size and load.",
    (JOB, cluster(several=True)),
    (NOW, LOAD),
)
