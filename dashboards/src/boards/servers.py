"""Servers: room on their disks, load, balance, restarts."""

from __future__ import annotations

from dashboards.src import shared, states
from dashboards.src.board import JOB, Board, Row, chosen, cluster
from dashboards.src.panels import BAD, OK, WARN, Look, Query, Step, dashed
from dashboards.src.promql import CLUSTER, SERVER, Scope
from dashboards.src.shapes import bars, timeseries
from dashboards.src.tables import Column, table

DAY = 86400
RENEW, LATE = 14, 3  # days; what is left when a certificate of three months is usually renewed

SERVERS = Scope(SERVER, (*CLUSTER, "server"))
LISTENERS = Scope((*SERVER, "listener"), SERVERS.variables)
FILE = 'store="file"'
USED = SERVERS.now("jetstream_server_store_used_bytes", FILE)
LIMIT = SERVERS.now("jetstream_server_store_limit_bytes", FILE)
RESERVED = SERVERS.now("jetstream_server_store_reserved_bytes", FILE)
ON = f"on ({SERVERS.by()})"

NOW = Row(
    "Now",
    (
        table(
            "Servers",
            "State, version and age of each selected server. The state is the one of the status "
            "page. Good: up, one version, no restart in the selected time. Bad: down (neither the "
            "exporter nor the meta leader hears it), not reachable (the exporter does not), "
            "unhealthy (its health check fails), an unexpected restart, or different versions for "
            "a long time.",
            SERVERS.labels,
            (
                Column("State", states.server(SERVERS), states.SERVERS),
                Column(
                    "Running for",
                    SERVERS.seconds_since("nats_server_start_timestamp_seconds"),
                    shared.SECONDS,
                ),
                Column(
                    "Restarts in this time (good: 0)",
                    SERVERS.over("changes", "nats_server_start_timestamp_seconds", "$__range"),
                    Look("short", [Step(1, WARN)], decimals=0),
                ),
                Column(
                    "Configuration read",
                    SERVERS.seconds_since("nats_server_config_load_timestamp_seconds"),
                    shared.SECONDS,
                ),
                Column("Raft groups", SERVERS.now("jetstream_server_ha_assets"), shared.PLAIN),
                Column("", SERVERS.each(SERVERS.select("nats_server_info"), "version")),
            ),
            sort="Server",
            descending=False,
            texts=(("version", "Version"),),
        ),
    ),
)

STORE = Row(
    "File store",
    (
        timeseries(
            "Headroom of the file store",
            "Bytes that the file store can still take. Good: constant. Bad: near 0. Every "
            "stream with a replica on the server then rejects new messages.",
            (Query(f"{LIMIT} - {ON} {USED}", "{{nats_cluster}} {{server}}"),),
            look=Look("bytes", minimum=0),
            width=8,
        ),
        timeseries(
            "Used share",
            "Used bytes divided by the limit of the file store. Good: below "
            f"{shared.percent(shared.STORE_WARN)}. Bad: above {shared.percent(shared.STORE_BAD)}.",
            (
                Query(
                    SERVERS.now("jetstream_server_store_ratio", FILE), "{{nats_cluster}} {{server}}"
                ),
            ),
            look=shared.STORE_RATIO,
            width=8,
        ),
        timeseries(
            "Used, reserved, limit",
            "Bytes that the streams use, the sum of their max_bytes, and the limit (dashed). "
            "Streams without max_bytes reserve nothing. Good: the reserved bytes are below "
            "the limit. Bad: they are above it, so that the store can be full before the "
            "streams reach their limits.",
            (
                Query(USED, "{{nats_cluster}} {{server}} used"),
                Query(RESERVED, "{{nats_cluster}} {{server}} reserved"),
                Query(LIMIT, "{{nats_cluster}} {{server}} limit"),
            ),
            look=Look("bytes", minimum=0),
            many=True,
            width=8,
            overrides=[dashed(".* limit", pattern=True)],
        ),
        table(
            "Forecast",
            "Forecast of the used share in 24 h from the growth of the last hours, limited to "
            "100 %. The forecast is inaccurate while there is little history. Good: below "
            f"{shared.percent(shared.STORE_WARN)}. Bad: above "
            f"{shared.percent(shared.STORE_WARN)}. The Overview board shows the stream that "
            "grows.",
            SERVERS.labels,
            (
                Column(
                    f"Used (warns at {shared.percent(shared.STORE_WARN)})",
                    SERVERS.now("jetstream_server_store_ratio", FILE),
                    shared.STORE_RATIO,
                ),
                Column(
                    f"In 24 h (warns at {shared.percent(shared.STORE_WARN)})",
                    shared.share(
                        shared.forecast(SERVERS, "jetstream_server_store_used_bytes", FILE),
                        SERVERS,
                        LIMIT,
                    ),
                    shared.STORE_RATIO,
                ),
                Column(
                    "Reserved (good: below 100 %)",
                    f"{RESERVED} / {ON} {LIMIT}",
                    Look("percentunit", [Step(1, WARN)]),
                ),
                Column("Bytes", USED, shared.BYTES),
                Column("Limit", LIMIT, shared.BYTES),
            ),
            sort="Server",
            descending=False,
        ),
    ),
)

LOAD = Row(
    "Load",
    (
        bars(
            "Leaders",
            "Streams and consumers that each server leads. Good: about equal numbers. Bad: "
            "one server leads most of them. Leaders do not move back after a restart; use "
            "`nats server cluster balance`.",
            (
                Query(
                    SERVERS.now("jetstream_server_stream_leaders"),
                    "{{nats_cluster}} {{server}} streams",
                ),
                Query(
                    SERVERS.now("jetstream_server_consumer_leaders"),
                    "{{nats_cluster}} {{server}} consumers",
                ),
            ),
            look=Look("short", minimum=0, decimals=0),
        ),
        timeseries(
            "CPU",
            "Share of its CPU cores that the server uses. Good: below 50 %, so that a server "
            "can take the load of another one. Bad: near 100 %. Raft heartbeats are then late "
            "and leaders change.",
            (
                Query(
                    f"{SERVERS.now('nats_server_cpu_cores_used')} / {ON} "
                    f"{SERVERS.now('nats_server_cores')}",
                    "{{nats_cluster}} {{server}}",
                ),
            ),
            look=Look("percentunit", minimum=0),
            width=8,
        ),
        timeseries(
            "Memory",
            "Resident memory of the server process. Good: constant. Bad: growing towards the "
            "limit of the container.",
            (Query(SERVERS.now("nats_server_memory_bytes"), "{{nats_cluster}} {{server}}"),),
            look=Look("bytes", minimum=0),
            width=8,
        ),
        timeseries(
            "Connections",
            "Number of client connections. Good: distributed over the servers. Bad: near "
            "max_connections, or repeated drops because clients reconnect.",
            (Query(SERVERS.now("nats_server_connections"), "{{nats_cluster}} {{server}}"),),
            look=Look("short", minimum=0),
            width=8,
        ),
        timeseries(
            "Traffic",
            "Messages per second that the server received from and sent to clients, routes "
            "and leaf nodes. Messages between servers are counted too, so that the sum over "
            "all servers exceeds the messages of the clients. Good: as usual. Bad: a sudden "
            "change.",
            (
                Query(
                    SERVERS.rate("nats_server_received_messages_total"),
                    "{{nats_cluster}} {{server}} received",
                ),
                Query(
                    SERVERS.rate("nats_server_sent_messages_total"),
                    "{{nats_cluster}} {{server}} sent",
                ),
            ),
            look=Look("mps", minimum=0),
            many=True,
            width=8,
        ),
        timeseries(
            "Disconnected and stalled clients",
            "Slow consumers (connections that the server closed because the client read too "
            "slowly; not JetStream consumers), stale connections and stalled publishers. "
            "Good: 0. Bad: any increase.",
            (
                Query(
                    SERVERS.increase("nats_server_slow_consumers_total"),
                    "{{nats_cluster}} {{server}} slow",
                ),
                Query(
                    SERVERS.increase("nats_server_stale_connections_total"),
                    "{{nats_cluster}} {{server}} stale",
                ),
                Query(
                    SERVERS.increase("nats_server_stalled_clients_total"),
                    "{{nats_cluster}} {{server}} stalled",
                ),
            ),
            look=Look("short", [Step(1, WARN)], minimum=0),
            many=True,
            width=8,
        ),
    ),
)

CERTIFICATES = Row(
    "Certificates",
    (
        table(
            "Certificates",
            "Time until the certificate of each listener expires, as read when the "
            "configuration was last loaded. Servers without TLS and servers before 2.11.12 "
            f"are not listed. Good: more than {RENEW} days. Bad: below {LATE} days, or "
            "renewed on disk but not reloaded.",
            LISTENERS.labels,
            (
                Column(
                    f"Expires in (renew below {RENEW} days)",
                    f"{LISTENERS.now('nats_server_tls_certificate_expiry_timestamp_seconds')} - time()",
                    Look("s", [Step(LATE * DAY, WARN), Step(RENEW * DAY, OK)], base=BAD),
                ),
            ),
            rows=3,
            empty="no TLS listener",
        ),
    ),
)

GATEWAYS = Scope((*SERVER, "remote_cluster", "direction"), SERVERS.variables)
LEAFNODES = Scope((*SERVER, "account", "remote"), SERVERS.variables)
CONFIGURED = Scope((*SERVER, "account"), SERVERS.variables)
ROUTES = Scope((*SERVER, "remote"), SERVERS.variables)
NO_LINKS = "no such links"

LINKS = Row(
    "Links to other servers",
    (
        timeseries(
            "Gateway connections",
            "Gateway connections of each server to the remote clusters of its configuration. Good: 1. Bad: 0, so that "
            "clients of this server do not reach the remote cluster.",
            (
                Query(
                    GATEWAYS.now("nats_gateway_connections", 'direction="outbound"'),
                    "{{nats_cluster}} {{server}} to {{remote_cluster}}",
                ),
            ),
            look=Look("short", minimum=0, decimals=0),
            width=8,
            empty=NO_LINKS,
        ),
        timeseries(
            "Missing routes",
            "Routes of each server, as the number of servers that it has none to although they answer. Good: 0. Bad: "
            "above 0 for more than some seconds. Messages between clients of the two servers are then lost.",
            (
                Query(
                    f"count by (nats_cluster, server) ({ROUTES.now('nats_route_connections')} == 0) "
                    f"or 0 * count by (nats_cluster, server) ({ROUTES.now('nats_route_connections')})",
                    "{{nats_cluster}} {{server}}",
                ),
            ),
            look=Look("short", [Step(1, BAD)], minimum=0, decimals=0),
            width=8,
            empty=NO_LINKS,
        ),
        timeseries(
            "Leaf nodes",
            "Leaf node connections that each server has, and those that its configuration names and that are missing. "
            "Good: none is missing. Bad: some are, so that the accounts do not reach the hub.",
            (
                Query(
                    f"sum by (nats_cluster, server) ({LEAFNODES.now('nats_leafnode_connections')})",
                    "{{nats_cluster}} {{server}}",
                ),
                Query(
                    "sum by (nats_cluster, server) ("
                    f"{CONFIGURED.now('nats_leafnode_configured')} - on ({CONFIGURED.by()}) "
                    f"{CONFIGURED.now('nats_leafnode_configured_connections')})",
                    "{{nats_cluster}} {{server}} missing (good: 0)",
                ),
            ),
            look=Look("short", minimum=0, decimals=0),
            width=8,
            empty=NO_LINKS,
        ),
        timeseries(
            "Round-trip time",
            "Longest round-trip time of the connections to each remote cluster and leaf node, and of all routes. Good: "
            "constant. Bad: rising, because the network is congested or the other server is busy.",
            (
                Query(
                    GATEWAYS.now("nats_gateway_rtt_seconds"),
                    "{{nats_cluster}} {{server}} {{direction}} {{remote_cluster}}",
                ),
                Query(
                    f"max by (nats_cluster, server, remote) ({LEAFNODES.select('nats_leafnode_rtt_seconds')})",
                    "{{nats_cluster}} {{server}} leaf node {{remote}}",
                ),
                Query(SERVERS.now("nats_route_rtt_seconds"), "{{nats_cluster}} {{server}} routes"),
            ),
            look=Look("s", minimum=0),
            width=12,
            empty=NO_LINKS,
        ),
        timeseries(
            "Waiting to be sent",
            "Bytes that wait to be sent over gateways and routes. Good: near 0. Bad: growing, since the other end does "
            "not read fast enough; the server closes the connection in the end.",
            (
                Query(
                    GATEWAYS.now("nats_gateway_pending_bytes"),
                    "{{nats_cluster}} {{server}} {{direction}} {{remote_cluster}}",
                ),
                Query(
                    f"sum by (nats_cluster, server) ({ROUTES.now('nats_route_pending_bytes')})",
                    "{{nats_cluster}} {{server}} routes",
                ),
            ),
            look=Look("bytes", minimum=0),
            width=12,
            empty=NO_LINKS,
        ),
        timeseries(
            "Bytes over gateways and leaf nodes",
            "Bytes per second that each server sent to and received from other clusters and leaf nodes. Good: as "
            "usual. Bad: a sudden change, or nothing at all where there was traffic.",
            (
                Query(
                    f"sum by (nats_cluster, server) ({GATEWAYS.rate('nats_gateway_sent_bytes_total')})",
                    "{{nats_cluster}} {{server}} sent over gateways",
                ),
                Query(
                    f"sum by (nats_cluster, server) ({GATEWAYS.rate('nats_gateway_received_bytes_total')})",
                    "{{nats_cluster}} {{server}} received over gateways",
                ),
                Query(
                    f"sum by (nats_cluster, server) ({LEAFNODES.rate('nats_leafnode_sent_bytes_total')})",
                    "{{nats_cluster}} {{server}} sent to leaf nodes",
                ),
                Query(
                    f"sum by (nats_cluster, server) ({LEAFNODES.rate('nats_leafnode_received_bytes_total')})",
                    "{{nats_cluster}} {{server}} received from leaf nodes",
                ),
            ),
            look=Look("Bps", minimum=0),
            width=24,
            empty=NO_LINKS,
        ),
    ),
)

BOARD = Board(
    "jetstream-servers",
    "Servers",
    "Storage, load, balance and age of each NATS server.",
    (
        JOB,
        cluster(several=True),
        chosen("server", "Server", "nats_server_up", "nats_cluster", several=True),
    ),
    (NOW, STORE, LOAD, LINKS, CERTIFICATES),
)
