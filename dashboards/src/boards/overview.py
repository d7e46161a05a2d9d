"""Overview: is everything served, and if not, which board tells more."""

from __future__ import annotations

from dashboards.src import shared, states
from dashboards.src.board import JOB, Board, Row, chosen, cluster
from dashboards.src.panels import BAD, QUIET, WARN, Look, Query, Step, Word, appear
from dashboards.src.promql import CONSUMERS, SERVERS, STREAMS, Scope, alerts, counted
from dashboards.src.shapes import stat, timeline, timeseries
from dashboards.src.tables import Column, Link, table

EXPORTER = Scope(("job",))
STREAM_LINK = Link("Stream", "jetstream-stream", ("nats_cluster", "account", "stream"))
CONSUMER_LINK = Link(
    "Consumer", "jetstream-consumer", ("nats_cluster", "account", "stream", "consumer")
)
SERVER_LINK = Link("Server", "jetstream-servers", ("nats_cluster", "server"))
# Told apart by their value, and so by a shade and a word.
SEVERITIES = (
    f"""2 * max by (alertname, severity) ({alerts('severity="critical"')}) """
    f"""or max by (alertname, severity) ({alerts('severity!~"none|critical"')})"""
)
SEVERITY = Look(words=[Word(1, 1, "warning", "light-orange"), Word(2, 2, "critical", "dark-red")])
STALLED = shared.stalled(CONSUMERS)
WATCHDOG = alerts('alertname="JetStreamWatchdog"')
UP = SERVERS.now("nats_server_up")
FILE_STORE = SERVERS.now("jetstream_server_store_ratio", 'store="file"')

NOW = Row(
    "Now",
    (
        stat(
            "Servers",
            "Servers that answer the exporter, out of those that are configured, found by DNS "
            "or known to the meta group. Good: no server is missing. Bad: a server is "
            "missing. The Servers board names it.",
            (
                Query(f"sum({UP})", "answer"),
                Query(f"count({UP})", "expected"),
                Query(f"count({UP}) - sum({UP})", "missing (good: 0)"),
            ),
            look=Look("short", base=QUIET, decimals=0),
            width=6,
            overrides=[appear("missing (good: 0)", shared.ANY_IS_BAD)],
        ),
        stat(
            "Meta leader",
            "The server that leads the meta group, as reported by that server. Good: one name "
            "for each cluster. Bad: there is no leader, so streams and consumers cannot be "
            "created or changed. A standalone server has no meta group.",
            (Query(SERVERS.now("jetstream_meta_leader"), "{{nats_cluster}} {{server}}"),),
            look=Look("short", base=QUIET),
            width=3,
            empty="no leader",
            names_only=True,
        ),
        stat(
            "Without leader or quorum",
            "Streams and consumers that have no leader, or whose leader has no quorum. They "
            "neither store nor deliver messages. Good: 0. Bad: above 0 for more than a "
            "minute. An election takes 4 to 9 seconds.",
            (
                Query(
                    counted(
                        shared.unled(STREAMS, "stream"), STREAMS.now("jetstream_stream_has_leader")
                    ),
                    "streams (good: 0)",
                ),
                Query(
                    counted(
                        shared.unled(CONSUMERS, "consumer"),
                        shared.known(CONSUMERS),
                    ),
                    "consumers (good: 0)",
                ),
            ),
            look=shared.ANY_IS_BAD,
            width=6,
        ),
        stat(
            "Stalled consumers",
            "Consumers that had unfinished messages for 10 minutes and neither delivered nor "
            "finished any, as the alert rules record it. Paused consumers are not counted. "
            "Good: 0. Bad: above 0, because the workers have stopped or hang. If the rules "
            "are not loaded in this Prometheus, the panel says so.",
            (Query(counted(STALLED, WATCHDOG), "good: 0"),),
            look=shared.ANY_IS_BAD,
            width=3,
            empty="rules not loaded",
        ),
        stat(
            "Exhausted messages",
            "The minimum number of messages that reached max_deliver and are not delivered "
            "again. Good: 0. Bad: the number grows. If it stays above 0, somebody has to look "
            "at these messages.",
            (
                Query(
                    f"sum({shared.exhausted(CONSUMERS)}) or 0 * count({shared.known(CONSUMERS)})",
                    "good: 0",
                ),
            ),
            look=shared.ANY_IS_BAD,
            width=3,
        ),
        stat(
            "Age of the data",
            "Time since the last collection that returned data from a server. Good: below the "
            "scrape interval. Bad: above the limit in this panel. All other panels then show "
            "old data.",
            (
                Query(
                    f"time() - max({EXPORTER.select('jetstream_exporter_last_success_timestamp_seconds')})",
                    f"alert above {shared.duration(shared.STALE)}",
                ),
            ),
            look=Look("s", [Step(shared.STALE, BAD)], decimals=0),
            width=3,
        ),
        stat(
            "Fullest storage",
            "Used share of the fullest stream with max_bytes, and of the fullest file store "
            "of a server. Good: below the warning levels in this panel. Bad: above them. A "
            "full store rejects new messages. A stream with discard old may be near 100 % by "
            "design.",
            (
                Query(
                    f"max({STREAMS.now('jetstream_stream_storage_ratio')})",
                    f"stream (warns at {shared.percent(shared.STREAM_WARN)})",
                ),
                Query(
                    f"max({FILE_STORE})",
                    f"server (warns at {shared.percent(shared.STORE_WARN)})",
                ),
            ),
            look=shared.STREAM_RATIO,
            width=8,
        ),
        stat(
            "Firing alerts",
            "Alerts of the JetStream rules that are firing, by severity. Good: 0 and 0. Bad: "
            "a critical alert, which means that data is unavailable, being lost or rejected. "
            "If the rules are not loaded in this Prometheus, the panel says so.",
            (
                Query(counted(alerts('severity="critical"'), WATCHDOG), "critical (good: 0)"),
                Query(counted(alerts('severity="warning"'), WATCHDOG), "warning (good: 0)"),
            ),
            look=shared.ANY_IS_BAD,
            width=8,
            empty="rules not loaded",
            overrides=[appear("warning (good: 0)", Look("short", [Step(1, WARN)], decimals=0))],
        ),
        stat(
            "Exported",
            "Streams and consumers that the metrics include. Good: the numbers that you "
            "expect. Bad: fewer than exist. Check the objects left out on the Exporter board, "
            "and the filters in the exporter's configuration.",
            (
                Query(f"count({STREAMS.now('jetstream_stream_has_leader')})", "streams"),
                Query(f"count({shared.known(CONSUMERS)})", "consumers"),
            ),
            look=Look("short", base=QUIET, decimals=0),
            width=8,
        ),
    ),
)

PACE = Row(
    "Alerts and rates",
    (
        timeline(
            "Alerts",
            "The times when each alert of the JetStream rules was firing. The watchdog, which "
            "always fires, is not shown. Good: no alert. Bad: a long bar. The description and "
            "the runbook of the alert say what to do.",
            (Query(SEVERITIES, "{{alertname}} ({{severity}})"),),
            look=SEVERITY,
            empty="No alert fired",
            height=9,
        ),
        timeseries(
            "Published, delivered, acknowledged",
            "Messages per second of all selected streams and consumers. Good: each consumer "
            "delivers and acknowledges what is published. With several consumers for one "
            "stream, these two rates are higher than the published rate. Bad: messages are "
            "published and not acknowledged, or the delivered rate is far above the "
            "acknowledged rate (redeliveries).",
            (
                Query(
                    f"sum({STREAMS.rate('jetstream_stream_stored_messages_total')})", "published"
                ),
                Query(shared.total(shared.pace(CONSUMERS, shared.DELIVERED)), "delivered"),
                Query(shared.total(shared.pace(CONSUMERS)), "acknowledged"),
            ),
            look=Look("mps", minimum=0),
            height=9,
            points=40,
        ),
    ),
)

SLOWEST = CONSUMERS.top(10, shared.drain(CONSUMERS))
LATEST = CONSUMERS.top(10, f"{CONSUMERS.recorded(shared.LAG)} > 0")
FULLEST = STREAMS.top(10, STREAMS.now("jetstream_stream_storage_ratio"))
_LIMIT = STREAMS.now("jetstream_stream_max_bytes")
_CORES = SERVERS.now("nats_server_cores")


LISTS = Row(
    "Details",
    (
        table(
            "Consumers with the longest backlog",
            "The ten consumers that need the longest time for their backlog, at the present "
            "rate of acknowledgements. Paused consumers are not shown. Good: no consumer, or "
            f"a few seconds. Bad: above {shared.duration(shared.DRAIN_LIMIT)}, or nothing is "
            "acknowledged.",
            CONSUMERS.labels,
            (
                Column("Drain time", SLOWEST, shared.DRAIN_TIME),
                Column(
                    "Undelivered",
                    CONSUMERS.few("jetstream_consumer_pending_messages", SLOWEST),
                    shared.PLAIN,
                ),
                Column(
                    "Unacknowledged",
                    CONSUMERS.few("jetstream_consumer_ack_pending_messages", SLOWEST),
                    shared.PLAIN,
                ),
                Column(
                    "Acks per second",
                    CONSUMERS.each(f"{shared.pace(CONSUMERS)} and on ({CONSUMERS.by()}) {SLOWEST}"),
                    Look("mps", base=QUIET),
                ),
            ),
            width=24,
            rows=10,
            link=CONSUMER_LINK,
            sort="Drain time",
            empty="no consumer has a backlog",
        ),
        table(
            "Consumers with the highest delivery lag",
            "The ten consumers whose oldest undelivered message was stored the longest time ago, "
            "at least. Paused consumers are included. Good: no consumer, or a few seconds. Bad: "
            f"above {shared.duration(shared.LAG_WARN)}, because messages are delivered late.",
            CONSUMERS.labels,
            (
                Column(
                    f"Lag (warns at {shared.duration(shared.LAG_WARN)})",
                    LATEST,
                    shared.DELIVERY_LAG,
                ),
                Column(
                    "Undelivered",
                    CONSUMERS.few("jetstream_consumer_pending_messages", LATEST),
                    shared.PLAIN,
                ),
                Column(
                    "Deliveries per second",
                    CONSUMERS.each(
                        f"{shared.pace(CONSUMERS, shared.DELIVERED)} and on ({CONSUMERS.by()}) "
                        f"{LATEST}"
                    ),
                    Look("mps", base=QUIET),
                ),
            ),
            width=24,
            rows=10,
            link=CONSUMER_LINK,
            sort=f"Lag (warns at {shared.duration(shared.LAG_WARN)})",
            empty="nothing waits",
        ),
        table(
            "Fullest streams",
            "The ten streams that are closest to their max_bytes, and the forecast for 24 h "
            "from the growth of the last hours, limited to 100 %. Good: below "
            f"{shared.percent(shared.STREAM_WARN)}, also in 24 h. Bad: above "
            f"{shared.percent(shared.STREAM_BAD)} with discard new, because the stream will "
            "reject messages. The state is the one of the status page; refusing means that it "
            "rejects them now.",
            STREAMS.labels,
            (
                Column(
                    f"Used (warns at {shared.percent(shared.STREAM_WARN)})",
                    FULLEST,
                    shared.STREAM_RATIO,
                ),
                Column(
                    f"In 24 h (warns at {shared.percent(shared.STREAM_WARN)})",
                    STREAMS.only(
                        shared.share(
                            shared.forecast(STREAMS, "jetstream_stream_bytes"), STREAMS, _LIMIT
                        ),
                        FULLEST,
                    ),
                    shared.STREAM_RATIO,
                ),
                Column(
                    "Bytes",
                    STREAMS.only(STREAMS.now("jetstream_stream_bytes"), FULLEST),
                    shared.BYTES,
                ),
                Column("Limit", STREAMS.only(_LIMIT, FULLEST), shared.BYTES),
                Column(
                    "State",
                    STREAMS.only(f"({states.stream(STREAMS)})", FULLEST),
                    states.STREAM,
                ),
                Column(
                    "",
                    f"{STREAMS.each(STREAMS.select('jetstream_stream_info'), 'discard')} and on "
                    f"({STREAMS.by()}) {FULLEST}",
                ),
            ),
            width=24,
            rows=10,
            link=STREAM_LINK,
            sort=f"Used (warns at {shared.percent(shared.STREAM_WARN)})",
            texts=(("discard", "Discards"),),
            empty="no stream has max_bytes",
        ),
        table(
            "Servers",
            "All servers of the selected clusters. Good: all are up and run one version. Bad: a "
            "server is down, not reachable or unhealthy (its health check fails), or it leads "
            "nothing while others lead many streams. A server that is down has no other values.",
            SERVERS.labels,
            (
                Column("State", states.server(SERVERS), states.SERVERS),
                Column(
                    "CPU",
                    f"{SERVERS.now('nats_server_cpu_cores_used')} / on ({SERVERS.by()}) {_CORES}",
                    Look("percentunit", base=QUIET, decimals=1),
                ),
                Column("Memory", SERVERS.now("nats_server_memory_bytes"), shared.BYTES),
                Column("Connections", SERVERS.now("nats_server_connections"), shared.PLAIN),
                Column(
                    f"File store (warns at {shared.percent(shared.STORE_WARN)})",
                    FILE_STORE,
                    shared.STORE_RATIO,
                ),
                Column("Streams led", SERVERS.now("jetstream_server_stream_leaders"), shared.PLAIN),
                Column(
                    "Consumers led", SERVERS.now("jetstream_server_consumer_leaders"), shared.PLAIN
                ),
                Column("", SERVERS.each(SERVERS.select("nats_server_info"), "version")),
            ),
            width=24,
            link=SERVER_LINK,
            sort="Server",
            descending=False,
            texts=(("version", "Version"),),
        ),
    ),
)

BOARD = Board(
    "jetstream-overview",
    "Overview",
    "Whether every stream and consumer of the selected clusters works, and which dashboard "
    "shows more.",
    (
        JOB,
        cluster(several=True),
        chosen("account", "Account", "jetstream_stream_has_leader", "nats_cluster", several=True),
    ),
    (NOW, PACE, LISTS),
)
