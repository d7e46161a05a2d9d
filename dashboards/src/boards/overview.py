"""Overview: is everything served, and if not, which board tells more."""

from __future__ import annotations

from dashboards.src import shared
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
SERIOUS = alerts('severity!="none"')
STALLED = CONSUMERS.recorded(shared.STANDING)
WATCHDOG = alerts('alertname="JetStreamWatchdog"')
UP = SERVERS.now("nats_server_up")
FILE_STORE = SERVERS.now("jetstream_server_store_ratio", 'store="file"')

NOW = Row(
    "Now",
    (
        stat(
            "Servers",
            "Servers that answer the exporter, of those that are configured, found by DNS or known to the meta "
            "group. Good: none missing. Bad: one is missing; the Servers board names it.",
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
            "The server that leads the meta group, in its own word. Good: one name for each cluster. Bad: no "
            "leader; nothing can be created or changed. A server that runs alone has no meta group.",
            (Query(SERVERS.now("jetstream_meta_leader"), "{{nats_cluster}} {{server}}"),),
            look=Look("short", base=QUIET),
            width=3,
            empty="no leader",
            names_only=True,
        ),
        stat(
            "Without leader or quorum",
            "Streams and consumers that nobody leads, or whose leader reaches no majority. Good: 0. Bad: any for "
            "more than a minute; elections take 4 to 9 seconds. They neither store nor deliver.",
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
                        CONSUMERS.now("jetstream_consumer_has_leader"),
                    ),
                    "consumers (good: 0)",
                ),
            ),
            look=shared.ANY_IS_BAD,
            width=6,
        ),
        stat(
            "Stalled consumers",
            "Consumers that had work for the whole of the alert's window and neither delivered nor finished any, as "
            "the rules record it. Good: 0. Bad: any; the workers are gone or hang. Paused consumers do not count. "
            "Without the rules in this Prometheus it says so.",
            (Query(counted(STALLED, WATCHDOG), "good: 0"),),
            look=shared.ANY_IS_BAD,
            width=3,
            empty="rules not loaded",
        ),
        stat(
            "Exhausted messages",
            "Messages that used up their deliveries and will not be delivered again; at least so many. Good: 0. "
            "Bad: growing; a standing number waits for somebody to look at the messages.",
            (
                Query(
                    f"sum({shared.exhausted(CONSUMERS)}) or 0 * count("
                    f"{CONSUMERS.now('jetstream_consumer_has_leader')})",
                    "good: 0",
                ),
            ),
            look=Look("short", [Step(1, WARN)], decimals=0),
            width=3,
        ),
        stat(
            "Age of the data",
            "Seconds since a collection last brought a server's report. Good: below the scrape interval. Bad: "
            "above the limit named here; every other panel then shows the past.",
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
            "Used share of the fullest stream that has max_bytes, and of the fullest server's file store. Good: "
            "below the shares named here. Bad: above; a full store refuses writes. A stream that discards old "
            "messages may live near 100 % by design.",
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
            "Alerts of the JetStream rules that fire now, by severity. Good: 0 and 0. Bad: a critical one means "
            "data unavailable, being lost or refused. Without the rules in this Prometheus it says so.",
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
            "Streams and consumers in the figures below. Good: what you expect. Bad: fewer than there are; see "
            "dropped objects on the Exporter board, and the filters in its configuration.",
            (
                Query(f"count({STREAMS.now('jetstream_stream_has_leader')})", "streams"),
                Query(f"count({CONSUMERS.now('jetstream_consumer_has_leader')})", "consumers"),
            ),
            look=Look("short", base=QUIET, decimals=0),
            width=8,
        ),
    ),
)

PACE = Row(
    "Alerts and pace",
    (
        timeline(
            "Alerts",
            "When each alert of the JetStream rules fired. Good: empty. Bad: a long bar; its description and "
            "runbook say what to do. The watchdog, which always fires, is left out.",
            (
                Query(
                    f"max by (alertname, severity) ({SERIOUS})",
                    "{{alertname}} ({{severity}})",
                ),
            ),
            look=Look(words=[Word(1, 1, "firing", BAD)]),
            empty="No alert fired",
            height=9,
        ),
        timeseries(
            "Published, delivered, acknowledged",
            "Messages a second over all chosen streams and consumers. Good: each consumer of a stream delivers "
            "and acknowledges what is published, so with several consumers those two lie above. Bad: published "
            "without acknowledged (nobody finishes work), or delivered far above acknowledged (redelivery).",
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
FULLEST = STREAMS.top(10, STREAMS.now("jetstream_stream_storage_ratio"))
_LIMIT = STREAMS.now("jetstream_stream_max_bytes")
_CORES = SERVERS.now("nats_server_cores")

LISTS = Row(
    "Where to look",
    (
        table(
            "Consumers with the longest backlog",
            "The ten consumers that need longest to finish what waits, at the present pace of acknowledgement. "
            f"Good: empty or seconds. Bad: above {shared.duration(shared.DRAIN_LIMIT)}, or nothing acked. "
            "Paused consumers are left out.",
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
                    "Acked a second",
                    CONSUMERS.each(f"{shared.pace(CONSUMERS)} and on ({CONSUMERS.by()}) {SLOWEST}"),
                    Look("mps", base=QUIET),
                ),
            ),
            width=24,
            link=CONSUMER_LINK,
            sort="Drain time",
            empty="no consumer has a backlog",
        ),
        table(
            "Fullest streams",
            "The ten streams nearest to their max_bytes, and where the line through the last hours leads in 24 h, "
            "at most to 100 %. "
            f"Good: below {shared.percent(shared.STREAM_WARN)}, and so in 24 h. Bad: above "
            f"{shared.percent(shared.STREAM_BAD)} with discard new: publishers are about to be refused.",
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
                    "",
                    f"{STREAMS.each(STREAMS.select('jetstream_stream_info'), 'discard')} and on "
                    f"({STREAMS.by()}) {FULLEST}",
                ),
            ),
            width=24,
            link=STREAM_LINK,
            sort=f"Used (warns at {shared.percent(shared.STREAM_WARN)})",
            texts=(("discard", "Discards"),),
            empty="no stream has max_bytes",
        ),
        table(
            "Servers",
            "Each server of the chosen clusters. Good: up, healthy, one version. Bad: down or failing, or one "
            "that leads nothing while others lead much. A server that is down has no further figures.",
            SERVERS.labels,
            (
                Column("State", UP, shared.UP),
                Column("Health", SERVERS.now("nats_server_healthy"), shared.HEALTHY),
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
    "Is every stream and consumer of the chosen clusters served, and if not, where to look.",
    (
        JOB,
        cluster(several=True),
        chosen("account", "Account", "jetstream_stream_has_leader", "nats_cluster", several=True),
    ),
    (NOW, PACE, LISTS),
)
