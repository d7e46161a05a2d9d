"""Servers: room on their disks, load, balance, restarts."""

from __future__ import annotations

from dashboards.src import shared
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
UP = SERVERS.now("nats_server_up")
ON = f"on ({SERVERS.by()})"

NOW = Row(
    "Now",
    (
        table(
            "Servers",
            "State, health check, version and age of each chosen server. Good: up, healthy, one version, no restart "
            "in the chosen time. Bad: down or failing, a restart nobody made, versions mixed for long.",
            SERVERS.labels,
            (
                Column("State", UP, shared.UP),
                Column("Health", SERVERS.now("nats_server_healthy"), shared.HEALTHY),
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
            height=7,
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
            "Headroom before writes are refused",
            "Bytes that the file store may still take. Good: level. Bad: near 0; every stream with a replica on "
            "the server then refuses writes.",
            (Query(f"{LIMIT} - {ON} {USED}", "{{nats_cluster}} {{server}}"),),
            look=Look("bytes", minimum=0),
            width=8,
        ),
        timeseries(
            "Used share",
            "Used bytes by the file store's limit. Good: below "
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
            "What the streams use, what their max_bytes add up to, and the limit (dashed). Good: reserved below the "
            "limit. Bad: reserved above it; not all limits can be honoured. Streams without max_bytes reserve "
            "nothing.",
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
            "Where the straight line through the last hours leads in a day, at most to 100 %. Good: below. Bad: above "
            f"{shared.percent(shared.STORE_WARN)}; find the growing stream on the Overview board. A young history "
            "makes a rough forecast.",
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
            height=6,
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
            "Streams and consumers that each server leads. Good: about equal. Bad: one leads most; after a "
            "restart leaders do not move back by themselves (`nats server cluster balance`).",
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
            "Share of its cores that the server uses. Good: below a half, so that one can take over another's "
            "load. Bad: near 100 %; Raft heartbeats come late and leaders change.",
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
            "Resident memory of the server process. Good: level. Bad: growing to the container's limit.",
            (Query(SERVERS.now("nats_server_memory_bytes"), "{{nats_cluster}} {{server}}"),),
            look=Look("bytes", minimum=0),
            width=8,
        ),
        timeseries(
            "Connections",
            "Client connections now. Good: spread over the servers. Bad: near max_connections, or a saw-tooth of "
            "clients that connect anew.",
            (Query(SERVERS.now("nats_server_connections"), "{{nats_cluster}} {{server}}"),),
            look=Look("short", minimum=0),
            width=8,
        ),
        timeseries(
            "Traffic",
            "Messages a second received from and sent to clients, routes and leafnodes. Good: as usual. Bad: a "
            "sudden step; route traffic counts too, so the sum over servers exceeds what clients send.",
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
            "Clients cut off or held up",
            "Slow consumers (connections closed because the client read too slowly; not JetStream consumers), "
            "stale connections and stalled publishers. Good: zero. Bad: any step.",
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
            "Time until the certificate of each listener expires, as read at the last configuration load. Good: "
            f"more than {RENEW} days. Bad: below {LATE} days, or renewed on disk and not reloaded. Servers without "
            "TLS and before 2.11.12 have none here.",
            LISTENERS.labels,
            (
                Column(
                    f"Expires in (renew below {RENEW} days)",
                    f"{LISTENERS.now('nats_server_tls_certificate_expiry_timestamp_seconds')} - time()",
                    Look("s", [Step(LATE * DAY, WARN), Step(RENEW * DAY, OK)], base=BAD),
                ),
            ),
            height=6,
            empty="no TLS listener",
        ),
    ),
)

BOARD = Board(
    "jetstream-servers",
    "Servers",
    "Room, load, balance and age of each NATS server.",
    (
        JOB,
        cluster(several=True),
        chosen("server", "Server", "nats_server_up", "nats_cluster", several=True),
    ),
    (NOW, STORE, LOAD, CERTIFICATES),
)
