"""Stream: one stream, its limits, its replicas and who reads it."""

from __future__ import annotations

from dashboards.src import shared, states
from dashboards.src.board import JOB, Board, Row, chosen, cluster
from dashboards.src.panels import WARN, Look, Query, Step, Word, appear, dashed, right
from dashboards.src.promql import CLUSTER, CONSUMER, STREAM, Scope, marked
from dashboards.src.shapes import setting, stat, timeline, timeseries
from dashboards.src.tables import Column, Link, table
from dashboards.src.thresholds import threshold, value

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
AGED = float(value("JetStreamStreamMessagesAgingOut", "share"))
MAX_AGE = IT.now("jetstream_stream_max_age_seconds")
LEADERS = CONSUMERS.now("jetstream_consumer_has_leader")
PENDING = CONSUMERS.now("jetstream_consumer_pending_messages")
# A consumer that nobody leads has no backlog to rank by: it comes first.
MOST = CONSUMERS.top(
    50, f"(1e12 * ({LEADERS} == 0) + 1e12) or {CONSUMERS.each(shared.backlog(CONSUMERS))}"
)
CONSUMER_LINK = Link("Consumer", "jetstream-consumer", CONSUMER)
SOURCE_LAG = threshold("JetStreamSourceOrMirrorLagging")


CONFIGURATION = Row(
    "Configuration",
    (
        setting(
            "Retention",
            "Which event removes messages: limits, acknowledgements of all interested "
            "consumers, or the first acknowledgement in a work queue. Good: as intended. Bad: "
            "limits for a work queue, because old messages are deleted unprocessed.",
            Query(IT.each(IT.select("jetstream_stream_info"), "retention"), "{{retention}}"),
        ),
        setting(
            "Storage",
            "Where the messages are stored. Good: file, if the messages must survive a "
            "restart. Bad: memory for such messages.",
            Query(IT.each(IT.select("jetstream_stream_info"), "storage"), "{{storage}}"),
        ),
        setting(
            "When full, discards",
            "Old deletes the oldest messages at a limit, new rejects new messages. Good: as "
            "intended. Bad: old, if unprocessed messages must not be deleted.",
            Query(IT.each(IT.select("jetstream_stream_info"), "discard"), "{{discard}}"),
        ),
        setting(
            "Replicas",
            "Number of copies of the stream on different servers. Good: 3, if the stream must "
            "survive the failure of a server. Bad: 1 or 2 for such a stream, because 2 "
            "replicas do not tolerate a failure either.",
            Query(IT.now("jetstream_stream_replicas")),
        ),
        setting(
            "Max bytes",
            "Maximum size of the stream in bytes. Good: set. Bad: unlimited, unless the age "
            "or the number of messages is limited.",
            Query(MAX_BYTES),
            "bytes",
        ),
        setting(
            "Max messages",
            "Maximum number of messages in the stream. Good: set, or another limit is set. "
            "Bad: no limit is set.",
            Query(IT.now("jetstream_stream_max_messages")),
        ),
        setting(
            "Max age",
            "Age at which the server deletes messages. Good: longer than any outage of the "
            "consumers. Bad: shorter.",
            Query(MAX_AGE),
            "s",
        ),
        setting(
            "Duplicate window",
            "Time for which the server remembers message ids, so that a publisher may send a "
            "message again. Good: longer than the retries of the publisher. Bad: shorter, "
            "because a repeated message is stored twice.",
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
            "State of the stream, in the words of the status page: the worst that holds. Good: "
            "ok. Bad: no leader or no quorum for more than a minute, because the stream then "
            "neither stores nor delivers messages; refusing (it is full and rejects new "
            "messages); losing messages (it is full and deletes what a consumer has not "
            "received).",
            (Query(states.stream(IT)),),
            look=states.STREAM,
            width=6,
            empty="not reported",
        ),
        stat(
            "Servers that may still fail",
            "Number of current replicas minus the majority. A stream with one replica is "
            "unavailable when its server fails. Good: 1 or more. Bad: none, because the "
            "stream is unavailable after the next failure.",
            (Query(IT.now("jetstream_stream_fault_tolerance")),),
            look=shared.TOLERANCE,
            width=4,
            empty="unreplicated",
        ),
        stat(
            "Contents",
            "Messages and bytes of one replica of the stream, as reported by the leader. "
            "Good: within the limits. Bad: growing without a limit.",
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
            f"Size divided by max_bytes. Good: below {shared.percent(shared.STREAM_WARN)}. "
            f"Bad: above {shared.percent(shared.STREAM_BAD)} with discard new. A stream with "
            "discard old may be at its limit by design.",
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
            "Messages that were missing when the servers recovered the store from disk. Good: "
            "0. Bad: above 0. These messages are lost, so check the disk.",
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
            "Number of stored messages, and the limit (dashed). Good: constant. Bad: at the "
            "limit with discard new.",
            (Query(MESSAGES, "messages"), Query(IT.now("jetstream_stream_max_messages"), "limit")),
            look=Look("short", minimum=0),
            overrides=[dashed("limit")],
        ),
        timeseries(
            "Bytes",
            "Bytes of one replica, and the limit (dashed). Good: constant. Bad: at the limit "
            "with discard new.",
            (Query(BYTES, "bytes"), Query(MAX_BYTES, "limit")),
            look=Look("bytes", minimum=0),
            overrides=[dashed("limit")],
        ),
        timeseries(
            "Headroom and time to full",
            "Bytes left below max_bytes and, on the right axis, the time until the stream is "
            "full at the rate of the last 15 minutes. Good: no time to full, because the "
            "stream does not grow. Bad: less time than you need to react.",
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
            "Age of the first message, the limit (dashed), and the threshold of the alert for "
            "work queues. Good: far below. Bad: near the limit with retention interest or "
            "work queue, because unprocessed messages are deleted.",
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
            "Messages per second that were stored, and that were removed by limits, "
            "acknowledgements or purges. Good: both rates are equal in the long run. Bad: the "
            "published rate falls to 0 for a full stream, or nothing is removed from a work "
            "queue.",
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
            "The fifty consumers with the largest backlog. Good: no undelivered messages for "
            "a long time, and no exhausted ones. Bad: a drain time above "
            f"{shared.duration(shared.DRAIN_LIMIT)}, exhausted messages, or a state other than ok "
            "and paused, which is the one of the status page.",
            ("nats_cluster", "account", "stream", "consumer"),
            (
                Column(
                    "State",
                    CONSUMERS.only(f"({states.consumer(CONSUMERS)})", MOST),
                    states.CONSUMER,
                ),
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
                    shared.ANY_IS_BAD,
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
            rows=10,
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
            "Which server led the stream. Good: one long bar. Bad: many short bars, or a gap "
            "without a leader.",
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
            "The other replicas, as reported by the leader. Good: current, with no lag. Bad: "
            "behind for minutes, or offline.",
            REPLICAS.labels,
            (
                Column("State", states.replica(REPLICAS), states.REPLICA),
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
            rows=4,
            sort="Server",
            descending=False,
            empty="unreplicated",
        ),
        table(
            "Mirror and sources",
            "The streams that this stream copies. Good: healthy, with no lag. Bad: unhealthy, "
            "or a lag that does not fall. The lag does not change while the origin is "
            "unreachable, so check when it was last seen.",
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
            rows=2,
            empty="neither mirror nor sources",
        ),
    ),
)

BOARD = Board(
    "jetstream-stream",
    "Stream",
    "Contents, limits, replicas and consumers of one stream.",
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
