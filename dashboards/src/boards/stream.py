"""Stream: one stream, its limits, its replicas and who reads it."""

from __future__ import annotations

from dashboards.src import shared
from dashboards.src.board import JOB, Board, Row, chosen, cluster
from dashboards.src.panels import WARN, Look, Query, Step, Word, appear, dashed, right
from dashboards.src.promql import CLUSTER, CONSUMER, STREAM, Scope, marked
from dashboards.src.shapes import setting, stat, timeline, timeseries
from dashboards.src.tables import Column, Link, table
from dashboards.src.thresholds import factor, limit

CHOSEN = (*CLUSTER, "account", "stream")
ITS = 'account="$account", stream="$stream"'  # alerts; those of no stream are the cluster's
IT = Scope(STREAM, CHOSEN, one=True)
REPLICAS = Scope((*STREAM, "server"), CHOSEN, one=True)
CONSUMERS = Scope(CONSUMER, CHOSEN, one=True)
ORIGINS = Scope((*STREAM, "source", "kind"), CHOSEN, one=True)
ON = f"on ({IT.by()})"

BYTES, MAX_BYTES = IT.now("jetstream_stream_bytes"), IT.now("jetstream_stream_max_bytes")
MESSAGES = IT.now("jetstream_stream_messages")
GROWTH = IT.over("deriv", "jetstream_stream_bytes", "15m")
TIME_TO_FULL = f"({MAX_BYTES} - {ON} {BYTES}) / {ON} ({GROWTH} > 0)"
STORED = IT.rate("jetstream_stream_stored_messages_total")
AGED = factor("JetStreamStreamMessagesAgingOut", "jetstream_stream_max_age_seconds")
MAX_AGE = IT.now("jetstream_stream_max_age_seconds")
LEADERS = CONSUMERS.now("jetstream_consumer_has_leader")
PENDING = CONSUMERS.now("jetstream_consumer_pending_messages")
# A consumer that nobody leads has no backlog to rank by: it comes first.
MOST = CONSUMERS.top(
    50, f"(1e12 * ({LEADERS} == 0) + 1e12) or {CONSUMERS.each(shared.backlog(CONSUMERS))}"
)
CONSUMER_LINK = Link("Consumer", "jetstream-consumer", CONSUMER)
SOURCE_LAG = limit("JetStreamSourceOrMirrorLagging", "jetstream_stream_source_lag_messages")


CONFIGURATION = Row(
    "Configuration",
    (
        setting(
            "Retention",
            "What lets go of messages: limits, the interest of consumers, or a work queue's acknowledgement. Good: "
            "what you meant. Bad: limits on a queue that nobody empties.",
            Query(IT.each(IT.select("jetstream_stream_info"), "retention"), "{{retention}}"),
        ),
        setting(
            "Storage",
            "Where messages are kept. Good: file for what must survive. Bad: memory for it.",
            Query(IT.each(IT.select("jetstream_stream_info"), "storage"), "{{storage}}"),
        ),
        setting(
            "When full, discards",
            "Old drops the oldest messages, new refuses publishers. Good: what you meant. Bad: old where unread "
            "messages matter.",
            Query(IT.each(IT.select("jetstream_stream_info"), "discard"), "{{discard}}"),
        ),
        setting(
            "Replicas",
            "Copies of the stream on different servers. Good: 3 for what must survive a server. Bad: 1 for it; 2 "
            "survives no more than 1.",
            Query(IT.now("jetstream_stream_replicas")),
        ),
        setting(
            "Max bytes",
            "Limit of bytes. Good: set. Bad: unlimited, unless an age or a number of messages bounds the stream.",
            Query(MAX_BYTES),
            "bytes",
        ),
        setting(
            "Max messages",
            "Limit of messages. Good: set, or another limit is. Bad: no limit at all.",
            Query(IT.now("jetstream_stream_max_messages")),
        ),
        setting(
            "Max age",
            "Age at which messages are deleted. Good: longer than any outage of the readers. Bad: shorter.",
            Query(MAX_AGE),
            "s",
        ),
        setting(
            "Duplicate window",
            "How long message ids are remembered, so that a publisher may repeat. Good: longer than its retries. "
            "Bad: shorter; a repeated message is stored twice.",
            Query(IT.now("jetstream_stream_duplicate_window_seconds")),
            "s",
        ),
    ),
)

NOW = Row(
    "Now",
    (
        stat(
            "State",
            "Whether somebody leads the stream and reaches a majority. Good: led, quorum. Bad: no leader or no "
            "quorum for more than a minute; nothing is stored or delivered.",
            (
                Query(IT.now("jetstream_stream_has_leader"), "leader"),
                Query(IT.now("jetstream_stream_has_quorum"), "majority"),
            ),
            look=shared.LED,
            width=6,
            overrides=[appear("majority", shared.QUORUM)],
            empty="in nobody's answer",
        ),
        stat(
            "Servers that may still fail",
            "Current replicas less the majority needed. Good: 1 or more. Bad: none; the next failure stops the "
            "stream. A stream with one replica fails with its server.",
            (Query(IT.now("jetstream_stream_fault_tolerance")),),
            look=shared.TOLERANCE,
            width=4,
            empty="unreplicated",
        ),
        stat(
            "Contents",
            "Messages and bytes of the stream, one replica's, in its leader's word. Good: within the limits. Bad: "
            "growing without a limit.",
            (
                Query(MESSAGES, "messages"),
                Query(BYTES, "bytes"),
                Query(IT.now("jetstream_stream_subjects"), "subjects"),
            ),
            look=shared.PLAIN,
            width=8,
            overrides=[appear("bytes", shared.BYTES)],
        ),
        stat(
            "Used of max bytes",
            f"Bytes by max_bytes. Good: below {shared.percent(shared.STREAM_WARN)}. Bad: above "
            f"{shared.percent(shared.STREAM_BAD)} with discard new. With discard old a stream may live at its limit.",
            (
                Query(
                    IT.now("jetstream_stream_storage_ratio"),
                    f"warns at {shared.percent(shared.STREAM_WARN)}",
                ),
            ),
            look=shared.STREAM_RATIO,
            width=3,
            empty="unlimited",
        ),
        stat(
            "Lost messages",
            "Messages that the servers found missing when they recovered the store from disk. Good: 0. Bad: any; "
            "data is gone, look at the disk.",
            (Query(IT.now("jetstream_stream_lost_messages"), "good: 0"),),
            look=shared.ANY_IS_BAD,
            width=3,
        ),
    ),
)

LIMITS = Row(
    "Contents and limits",
    (
        timeseries(
            "Messages",
            "Messages stored, and the limit (dashed). Good: level. Bad: at the limit with discard new.",
            (Query(MESSAGES, "messages"), Query(IT.now("jetstream_stream_max_messages"), "limit")),
            look=Look("short", minimum=0),
            overrides=[dashed("limit")],
        ),
        timeseries(
            "Bytes",
            "Bytes of one replica, and the limit (dashed). Good: level. Bad: at the limit with discard new.",
            (Query(BYTES, "bytes"), Query(MAX_BYTES, "limit")),
            look=Look("bytes", minimum=0),
            overrides=[dashed("limit")],
        ),
        timeseries(
            "Headroom and time to full",
            "Bytes left below max_bytes and, on the right, how long they last at the pace of the last 15 minutes. "
            "Good: no time to full, the stream does not grow. Bad: less time than it takes to react.",
            (
                Query(f"{MAX_BYTES} - {ON} {BYTES}", "headroom"),
                Query(TIME_TO_FULL, "time to full"),
            ),
            look=Look("bytes", minimum=0),
            overrides=[right("time to full", "s")],
            empty="no max_bytes",
        ),
        timeseries(
            "Age of the oldest message",
            "Age of the first message, the limit (dashed), and where the alert for work queues begins. Good: well "
            "below. Bad: near the limit with retention by interest or work queue: unfinished work is deleted.",
            (
                Query(
                    IT.seconds_since("jetstream_stream_first_message_timestamp_seconds"), "oldest"
                ),
                Query(MAX_AGE, "limit"),
                Query(f"{AGED:g} * {MAX_AGE}", f"alert at {shared.percent(AGED)}"),
            ),
            look=Look("s", minimum=0),
            overrides=[dashed("limit"), dashed(f"alert at {shared.percent(AGED)}", WARN)],
        ),
        timeseries(
            "Published and removed",
            "Messages a second that were stored, and that left by limits, acknowledgement or purge. Good: both "
            "alike in the long run. Bad: published drops to zero on a full stream; nothing removed from a queue.",
            (
                Query(STORED, "published"),
                Query(
                    f"clamp_min({STORED} - {ON} "
                    f"{IT.over('deriv', 'jetstream_stream_messages', '$__rate_interval')}, 0)",
                    "removed",
                ),
            ),
            look=Look("mps", minimum=0),
            width=24,
        ),
    ),
)

READERS = Row(
    "Consumers",
    (
        table(
            "Consumers",
            "The fifty consumers with the largest backlog. Good: nothing undelivered for long, none exhausted. Bad: a "
            f"drain time above {shared.duration(shared.DRAIN_LIMIT)}, exhausted messages, no leader.",
            ("nats_cluster", "account", "stream", "consumer"),
            (
                Column("State", CONSUMERS.only(LEADERS, MOST), shared.LED),
                Column("Undelivered", CONSUMERS.only(PENDING, MOST), shared.PLAIN),
                Column(
                    "Unacknowledged",
                    CONSUMERS.only(CONSUMERS.now("jetstream_consumer_ack_pending_messages"), MOST),
                    shared.PLAIN,
                ),
                Column(
                    "Redelivered",
                    CONSUMERS.only(CONSUMERS.now("jetstream_consumer_redelivered_messages"), MOST),
                    shared.PLAIN,
                ),
                Column(
                    "Exhausted (good: 0)",
                    f"({shared.exhausted(CONSUMERS)}) and on ({CONSUMERS.by()}) {MOST}",
                    Look("short", [Step(1, WARN)], decimals=0),
                ),
                Column(
                    "Ack floor lag",
                    CONSUMERS.only(
                        CONSUMERS.now("jetstream_consumer_ack_floor_lag_messages"), MOST
                    ),
                    shared.PLAIN,
                ),
                Column(
                    "Drain time", CONSUMERS.only(shared.drain(CONSUMERS), MOST), shared.DRAIN_TIME
                ),
            ),
            link=CONSUMER_LINK,
            sort="Undelivered",
            empty="no consumer",
        ),
    ),
)

PLACES = Row(
    "Replicas, mirror and sources",
    (
        timeline(
            "Leader",
            "Which server led the stream. Good: one long bar. Bad: bars in turns, or a gap: nobody led.",
            (
                Query(
                    REPLICAS.now("jetstream_stream_leader"),
                    "{{server}}",
                ),
            ),
            look=Look(words=[Word(1, 1, "leads", "blue")]),
            width=8,
        ),
        table(
            "Replicas",
            "The other replicas in the leader's word. Good: current, no lag. Bad: behind for minutes, or offline.",
            REPLICAS.labels,
            (
                Column("State", REPLICAS.now("jetstream_stream_replica_current"), shared.CURRENT),
                Column("Offline", REPLICAS.now("jetstream_stream_replica_offline"), shared.OFFLINE),
                Column(
                    f"Lag (warns at {shared.REPLICA_LAG:g})",
                    REPLICAS.now("jetstream_stream_replica_lag_entries"),
                    Look("short", [Step(shared.REPLICA_LAG, WARN)]),
                ),
                Column(
                    "Last seen",
                    REPLICAS.now("jetstream_stream_replica_last_seen_seconds"),
                    shared.SECONDS,
                ),
            ),
            width=16,
            height=7,
            sort="Server",
            descending=False,
            empty="unreplicated",
        ),
        table(
            "Mirror and sources",
            "Where the stream copies from. Good: healthy, no lag. Bad: failing, or a lag that does not fall; the lag "
            "alone lies when the origin is gone, last seen tells.",
            ORIGINS.labels,
            (
                Column("State", ORIGINS.now("jetstream_stream_source_healthy"), shared.HEALTHY),
                Column(
                    f"Lag (warns at {SOURCE_LAG:g})",
                    ORIGINS.now("jetstream_stream_source_lag_messages"),
                    Look("short", [Step(SOURCE_LAG, WARN)]),
                ),
                Column(
                    "Last seen",
                    ORIGINS.now("jetstream_stream_source_last_seen_seconds"),
                    shared.SECONDS,
                ),
            ),
            height=5,
            empty="neither mirror nor sources",
        ),
    ),
)

BOARD = Board(
    "jetstream-stream",
    "Stream",
    "One stream: contents, limits, replicas and consumers.",
    (
        JOB,
        cluster(several=False, metric="jetstream_stream_has_leader"),
        chosen("account", "Account", "jetstream_stream_has_leader", "nats_cluster", several=False),
        chosen(
            "stream",
            "Stream",
            "jetstream_stream_has_leader",
            "nats_cluster",
            "account",
            several=False,
        ),
    ),
    (CONFIGURATION, NOW, LIMITS, READERS, PLACES),
    Query(IT.over("increase", "jetstream_stream_leader_changes_total", "2m"), "of {{stream}}"),
    marked(ITS, 'stream=""'),
)
