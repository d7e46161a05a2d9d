"""Consumer: one consumer, what waits for it, how fast it works, what it failed at."""

from __future__ import annotations

from dashboards.src import shared, states
from dashboards.src.board import JOB, Board, Row, chosen, cluster
from dashboards.src.panels import BAD, WARN, Look, Query, Step, Word, dashed
from dashboards.src.promql import CLUSTER, CONSUMER, STREAM, Scope, marked
from dashboards.src.shapes import setting, stat, timeline, timeseries
from dashboards.src.thresholds import threshold

CHOSEN = (*CLUSTER, "account", "stream")
ITS = 'account="$account", stream="$stream"'  # alerts; those of no stream are the cluster's
IT = Scope(CONSUMER, (*CHOSEN, "consumer"), one=True)
ITS_STREAM = Scope(STREAM, CHOSEN, one=True)
PLACES = Scope((*CONSUMER, "server"), IT.variables, one=True)
ON = f"on ({IT.by()})"

PENDING = IT.now("jetstream_consumer_pending_messages")
UNACKED = IT.now("jetstream_consumer_ack_pending_messages")
MOST_UNACKED = IT.now("jetstream_consumer_max_ack_pending")
FULL = threshold("JetStreamConsumerAckPendingSaturated")

STATE = states.consumer(IT)
INFO = "jetstream_consumer_info"

CONFIGURATION = Row(
    "Configuration",
    (
        setting(
            "Acknowledgement",
            "How messages are acknowledged. Good: explicit. Bad: none, if no message may be "
            "lost, because a message then counts as acknowledged when it is sent.",
            Query(IT.each(IT.select(INFO), "ack_policy"), "{{ack_policy}}"),
        ),
        setting(
            "Type",
            "Pull: workers fetch messages. Push: the server sends messages to a subscriber. "
            "Good: pull, if messages take time to process. Bad: push to a subscriber that is "
            "slower than the stream.",
            Query(IT.each(IT.select(INFO), "type"), "{{type}}"),
        ),
        setting(
            "Starts with",
            "The first message that the consumer delivers. Good: as intended. Bad: new, if "
            "older messages have to be processed too.",
            Query(IT.each(IT.select(INFO), "deliver_policy"), "{{deliver_policy}}"),
        ),
        setting(
            "Filtered",
            "Whether the consumer receives only some subjects. The ack floor of a filtered "
            "consumer does not change while no message matches. Good: as intended. Bad: no "
            "consumer of the stream receives some subject.",
            Query(IT.each(IT.select(INFO), "filtered"), "{{filtered}}"),
        ),
        setting(
            "Max deliveries",
            "Maximum number of deliveries of a message. Good: limited, and somebody handles "
            "the messages that reach the limit. Bad: unlimited, because a message that always "
            "fails is delivered for ever.",
            Query(IT.now("jetstream_consumer_max_deliver")),
        ),
        setting(
            "Ack wait",
            "Time after which an unacknowledged message is delivered again. Good: longer than "
            "the slowest handler. Bad: shorter, because messages are processed twice.",
            Query(IT.now("jetstream_consumer_ack_wait_seconds")),
            "s",
        ),
        setting(
            "Max unacknowledged",
            "Number of unacknowledged messages at which delivery stops. Good: all workers "
            "together stay below it. Bad: 1 with many workers, or unlimited with slow "
            "workers.",
            Query(MOST_UNACKED),
        ),
        setting(
            "Max waiting pulls",
            "Number of fetch requests that may wait at a time. A push consumer has no such "
            "limit. Good: more than the number of workers. Bad: fewer, because the server "
            "rejects some requests.",
            Query(IT.now("jetstream_consumer_max_waiting")),
            empty="none",
        ),
    ),
)

NOW = Row(
    "Now",
    (
        stat(
            "State",
            "State of the consumer, in the words of the status page: the worst that holds. Good: "
            "ok. Bad: stalled (there are messages, but no progress), nobody fetches (no client "
            "requests messages), exhausted messages (they reached max_deliver) or no leader. "
            "Paused is intended.",
            (Query(STATE),),
            look=states.CONSUMER,
            width=4,
            empty="not reported",
        ),
        stat(
            "Undelivered",
            "Messages that match the consumer and are not delivered yet (num_pending). Good: "
            "near 0, or falling. Bad: rising, because there are too few workers or they are "
            "too slow.",
            (Query(PENDING),),
            look=shared.PLAIN,
            width=4,
        ),
        stat(
            "Unacknowledged",
            "Messages that are delivered and not acknowledged yet (num_ack_pending). Good: "
            "the messages that the workers are processing. Bad: at the limit, because "
            "delivery has stopped.",
            (Query(UNACKED),),
            look=shared.PLAIN,
            width=4,
        ),
        stat(
            "Redelivered",
            "Messages that were delivered more than once and are neither acknowledged nor "
            "deleted. Good: 0. Bad: constant above 0, or rising. Handlers fail or need longer "
            "than the ack wait.",
            (Query(IT.now("jetstream_consumer_redelivered_messages"), "good: 0"),),
            look=Look("short", [Step(1, WARN)], decimals=0),
            width=4,
        ),
        stat(
            "Exhausted",
            "The minimum number of messages that reached max_deliver. Good: 0. Bad: above 0, "
            "because no worker will process them.",
            (Query(shared.exhausted(IT), "good: 0"),),
            look=shared.ANY_IS_BAD,
            width=4,
            empty="not counted",
        ),
        stat(
            "Drain time",
            "Time until the backlog is processed at the present rate of acknowledgements. "
            f"Good: seconds. Bad: above {shared.duration(shared.DRAIN_LIMIT)}, or nothing is "
            "acknowledged.",
            (Query(shared.drain(IT), f"alert above {shared.duration(shared.DRAIN_LIMIT)}"),),
            look=shared.DRAIN_TIME,
            width=4,
            empty="no backlog",
        ),
        timeline(
            "State over time",
            "State of the consumer over time. Good: always ok. Bad: stalled, nobody fetches, "
            "exhausted messages or no leader. Stalled and nobody fetches start some minutes late, because the rules "
            "look at several minutes.",
            (Query(STATE, "state"),),
            look=states.CONSUMER,
            width=12,
            height=5,
        ),
        timeline(
            "Leader",
            "Which server led the consumer. Good: one long bar. Bad: many short bars, or a "
            "gap without a leader.",
            (Query(PLACES.now("jetstream_consumer_leader"), "{{server}}"),),
            look=Look(words=[Word(1, 1, "leads", "blue")]),
            width=12,
            height=5,
        ),
    ),
)

WORK = Row(
    "Work",
    (
        timeseries(
            "Delivery lag",
            "How long ago the oldest undelivered message was stored: at least, and at most where "
            "that is known (dashed). Good: near 0. Bad: above "
            f"{shared.duration(shared.LAG_WARN)} or rising, because messages are delivered late. "
            "After a restart of the exporter the value starts at 0, if the message is not the "
            "first of the stream.",
            (
                Query(IT.recorded(shared.LAG), "at least"),
                Query(
                    f"{IT.recorded(shared.LAG)} + on ({IT.by()}) "
                    f"{IT.now('jetstream_consumer_oldest_pending_error_seconds')}",
                    "at most",
                ),
            ),
            look=shared.DELIVERY_LAG,
            overrides=[dashed("at most")],
            width=24,
        ),
        timeseries(
            "Undelivered and unacknowledged",
            "Messages that wait for delivery, and messages that wait for an acknowledgement. "
            "Good: both are near 0 or falling. Bad: undelivered rises (workers are too slow), "
            "or unacknowledged stays high (acknowledgements are missing).",
            (Query(PENDING, "undelivered"), Query(UNACKED, "unacknowledged")),
            look=Look("short", minimum=0),
        ),
        timeseries(
            "Published, delivered, acknowledged",
            "Messages per second that were stored in the stream (all subjects), and that this "
            "consumer delivered and acknowledged. Good: the three rates are similar. Bad: "
            "delivered is above acknowledged (redeliveries), or both are 0 while messages "
            "wait.",
            (
                Query(ITS_STREAM.rate("jetstream_stream_stored_messages_total"), "published"),
                Query(IT.rate("jetstream_consumer_deliveries_total"), "delivered"),
                Query(shared.acknowledged(IT), "acknowledged"),
            ),
            look=Look("mps", minimum=0),
        ),
        timeseries(
            "Drain time",
            "Time until the backlog is processed at the present rate. A gap means that "
            "nothing was acknowledged; look at the state. Good: low and falling. Bad: above "
            f"{shared.duration(shared.DRAIN_LIMIT)}.",
            (
                Query(
                    IT.each(f"({shared.backlog(IT)}) / ({shared.pace(IT)} > 0)"),
                    "drain time",
                ),
            ),
            look=Look("s", [Step(shared.DRAIN_LIMIT, BAD)], minimum=0),
        ),
        timeseries(
            "Unacknowledged and the limit",
            "Unacknowledged messages, their limit (dashed), and the threshold of the alert. "
            f"Good: below {shared.percent(FULL)} of the limit. Bad: at the limit, because no "
            "more messages are delivered.",
            (
                Query(UNACKED, "unacknowledged"),
                Query(MOST_UNACKED, "limit"),
                Query(f"{FULL:g} * {MOST_UNACKED}", f"alert at {shared.percent(FULL)}"),
            ),
            look=Look("short", minimum=0),
            overrides=[dashed("limit"), dashed(f"alert at {shared.percent(FULL)}", WARN)],
        ),
        timeseries(
            "Ack floor lag and backlog",
            "The stream's last sequence minus the ack floor, with the undelivered and "
            "unacknowledged messages. Good: all are low. Bad: the lag and unacknowledged rise "
            "together. A lag without waiting messages is normal: the ack floor stays behind "
            "with a filter, or after a message that reached max_deliver.",
            (
                Query(IT.now("jetstream_consumer_ack_floor_lag_messages"), "ack floor lag"),
                Query(PENDING, "undelivered"),
                Query(UNACKED, "unacknowledged"),
            ),
            look=Look("short", minimum=0),
        ),
        timeseries(
            "Waiting pulls or subscriber",
            "Pull consumer: fetch requests that wait for messages. Push consumer: 1 while a "
            "client is subscribed. Busy workers show 0 from time to time. Good: above 0. Bad: "
            "0 for minutes while messages wait, because no client requests them.",
            (
                Query(IT.now("jetstream_consumer_waiting_pulls"), "waiting pulls"),
                Query(IT.now("jetstream_consumer_push_bound"), "subscriber bound"),
            ),
            look=Look("short", minimum=0),
        ),
    ),
)

FAILURES = Row(
    "Failures",
    (
        timeseries(
            "Redelivered and exhausted",
            "Messages that are being redelivered, and the minimum number of those that "
            "reached max_deliver. Good: 0. Bad: redelivered stays above 0 (handlers fail), or "
            "exhausted rises.",
            (
                Query(IT.now("jetstream_consumer_redelivered_messages"), "redelivered"),
                Query(shared.exhausted(IT), "exhausted"),
            ),
            look=Look("short", minimum=0),
            height=10,
        ),
        timeseries(
            "NAKs and given-up messages",
            "NAK: a worker requests a redelivery. TERM: a worker ends the deliveries of a "
            "message. Max deliveries: a message reached max_deliver. Excess: deliveries above "
            "the number configured in the exporter. The panel is empty if the exporter's "
            "configuration has no advisories. Good: 0. Bad: any max deliveries, or NAKs that "
            "do not stop.",
            (
                Query(IT.increase("jetstream_consumer_naks_total"), "NAK"),
                Query(IT.increase("jetstream_consumer_terminations_total"), "TERM"),
                Query(IT.increase("jetstream_consumer_max_deliveries_total"), "max deliveries"),
                Query(IT.increase("jetstream_consumer_excess_deliveries_total"), "excess"),
            ),
            look=Look("short", minimum=0),
            height=10,
            empty="advisories are off",
        ),
        timeseries(
            "Since the last delivery and acknowledgement",
            "Time since the last delivery, and since the ack floor last changed. On a quiet "
            "stream both rise, which is normal. Good: seconds on a busy stream. Bad: both "
            "rise while messages wait.",
            (
                Query(
                    IT.seconds_since("jetstream_consumer_last_delivery_timestamp_seconds"),
                    "delivery",
                ),
                Query(
                    IT.seconds_since("jetstream_consumer_last_ack_timestamp_seconds"),
                    "acknowledgement",
                ),
            ),
            look=Look("s", minimum=0),
        ),
        timeseries(
            "Sequences",
            "Stream sequences: the last one stored, the last one delivered, and the ack "
            "floor. Good: the three lines are close together. Bad: the lowest line stays "
            "constant while the others rise. Look at the message after it.",
            (
                Query(ITS_STREAM.now("jetstream_stream_last_sequence"), "last stored"),
                Query(IT.now("jetstream_consumer_delivered_sequence"), "delivered"),
                Query(IT.now("jetstream_consumer_ack_floor_sequence"), "acknowledged"),
            ),
            look=Look("short"),
        ),
    ),
)

BOARD = Board(
    "jetstream-consumer",
    "Consumer",
    "Backlog, rates and failures of one consumer.",
    (
        JOB,
        cluster(several=False, metric="jetstream_consumer_info"),
        *(
            chosen(name, name.title(), "jetstream_consumer_info", *earlier, several=False)
            for name, earlier in (
                ("account", CHOSEN[:1]),
                ("stream", CHOSEN[:2]),
                ("consumer", CHOSEN),
            )
        ),
    ),
    (CONFIGURATION, NOW, WORK, FAILURES),
    Query(IT.over("increase", "jetstream_consumer_leader_changes_total", "2m"), "of {{consumer}}"),
    marked(f'{ITS}, consumer="$consumer"', f'{ITS}, consumer=""', 'stream=""'),
)
