"""Consumer: one consumer, what waits for it, how fast it works, what it failed at."""

from __future__ import annotations

from dashboards.src import shared
from dashboards.src.board import JOB, Board, Row, chosen, cluster
from dashboards.src.panels import BAD, OK, WARN, Look, Query, Step, Word, dashed
from dashboards.src.promql import CLUSTER, CONSUMER, STREAM, Scope, marked
from dashboards.src.shapes import setting, stat, timeline, timeseries
from dashboards.src.thresholds import limit

CHOSEN = (*CLUSTER, "account", "stream")
ITS = 'account="$account", stream="$stream"'  # alerts; those of no stream are the cluster's
IT = Scope(CONSUMER, (*CHOSEN, "consumer"), one=True)
ITS_STREAM = Scope(STREAM, CHOSEN, one=True)
PLACES = Scope((*CONSUMER, "server"), IT.variables, one=True)
ON = f"on ({IT.by()})"

PENDING = IT.now("jetstream_consumer_pending_messages")
UNACKED = IT.now("jetstream_consumer_ack_pending_messages")
MOST_UNACKED = IT.now("jetstream_consumer_max_ack_pending")
LED = IT.now("jetstream_consumer_has_leader")
PAUSED = IT.now("jetstream_consumer_paused")
FULL = limit("JetStreamConsumerAckPendingSaturated", "(jetstream_consumer_max_ack_pending > 1)")

# The first that is true names the state. Values are those of `STATES`.
STATE = (
    f"(({LED} == 0) + 4) or ({PAUSED} == 1) or (({shared.stalled(IT)}) * 0 + 3) "
    f"or (({shared.unattended(IT)}) * 0 + 2) or (({LED} == 1) * 0)"
)
STATES = Look(
    words=[
        Word(0, 0, "ok", OK),
        Word(1, 1, "paused", "blue"),
        Word(2, 2, "no subscriber", WARN),
        Word(3, 3, "stalled", BAD),
        Word(4, 4, "no leader", "purple"),
    ]
)
INFO = "jetstream_consumer_info"

CONFIGURATION = Row(
    "Configuration",
    (
        setting(
            "Acknowledgement",
            "Whether and how messages are acknowledged. Good: explicit. Bad: none, where losses matter: a "
            "message counts as done when it is sent.",
            Query(IT.each(IT.select(INFO), "ack_policy"), "{{ack_policy}}"),
        ),
        setting(
            "Type",
            "Pull: workers fetch. Push: the server sends to a subscriber. Good: pull for work that takes time. "
            "Bad: push to a subscriber slower than the stream.",
            Query(IT.each(IT.select(INFO), "type"), "{{type}}"),
        ),
        setting(
            "Starts with",
            "The first message that the consumer was given. Good: what you meant. Bad: new, where older "
            "messages count too.",
            Query(IT.each(IT.select(INFO), "deliver_policy"), "{{deliver_policy}}"),
        ),
        setting(
            "Filtered",
            "Whether the consumer takes some subjects only. Good: as meant. Bad: a subject that nobody takes. "
            "A filtered consumer's ack floor stands still while nothing matches.",
            Query(IT.each(IT.select(INFO), "filtered"), "{{filtered}}"),
        ),
        setting(
            "Max deliveries",
            "Attempts after which a message is given up. Good: finite, with somebody who looks at what is left. "
            "Bad: unlimited; a poisonous message comes back for ever.",
            Query(IT.now("jetstream_consumer_max_deliver")),
        ),
        setting(
            "Ack wait",
            "Time after which an unacknowledged message is delivered again. Good: longer than the slowest "
            "handler. Bad: shorter; work is done twice.",
            Query(IT.now("jetstream_consumer_ack_wait_seconds")),
            "s",
        ),
        setting(
            "Max unacknowledged",
            "Unacknowledged messages at which delivery stops. Good: all workers together stay below it. Bad: 1 "
            "with many workers, or unlimited with slow ones.",
            Query(MOST_UNACKED),
        ),
        setting(
            "Max waiting pulls",
            "Fetch requests that may wait at a time. Good: more than there are workers. Bad: fewer; the oldest "
            "requests are refused. A push consumer has none.",
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
            "Good: ok. Bad: stalled (work waits, nothing moves), no subscriber (nobody asks for work) or no "
            "leader. Paused is on purpose.",
            (Query(STATE),),
            look=STATES,
            width=4,
            empty="in nobody's answer",
        ),
        stat(
            "Undelivered",
            "Messages that match the consumer and were not delivered yet (num_pending). Good: near 0, or falling. "
            "Bad: rising; workers are too few or too slow.",
            (Query(PENDING),),
            look=shared.PLAIN,
            width=4,
        ),
        stat(
            "Unacknowledged",
            "Messages delivered and not acknowledged yet (num_ack_pending). Good: what the workers hold now. Bad: "
            "at the limit; delivery has stopped.",
            (Query(UNACKED),),
            look=shared.PLAIN,
            width=4,
        ),
        stat(
            "Redelivered",
            "Messages delivered more than once and neither acknowledged nor gone. Good: 0. Bad: standing or "
            "rising; handlers fail or need longer than ack wait.",
            (Query(IT.now("jetstream_consumer_redelivered_messages"), "good: 0"),),
            look=Look("short", [Step(1, WARN)], decimals=0),
            width=4,
        ),
        stat(
            "Exhausted",
            "Messages that used up their deliveries; at least so many. Good: 0. Bad: any; nobody will process "
            "them. The ack floor tells the sequence before the first.",
            (Query(shared.exhausted(IT), "good: 0"),),
            look=Look("short", [Step(1, BAD)], decimals=0),
            width=4,
            empty="not counted",
        ),
        stat(
            "Drain time",
            "Time until the backlog is done at the present pace of acknowledgement. Good: seconds. Bad: above "
            f"{shared.duration(shared.DRAIN_LIMIT)}, or nothing acked.",
            (Query(shared.drain(IT), f"alert above {shared.duration(shared.DRAIN_LIMIT)}"),),
            look=shared.DRAIN_TIME,
            width=4,
            empty="no backlog",
        ),
        timeline(
            "State over time",
            "The state in words. Good: ok throughout. Bad: stalled, no subscriber, no leader. Stalled and no "
            "subscriber need their alert's window to be seen, so they begin some minutes late.",
            (Query(STATE, "state"),),
            look=STATES,
            width=12,
            height=5,
        ),
        timeline(
            "Leader",
            "Which server led the consumer. Good: one long bar. Bad: bars in turns, or a gap: nobody led.",
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
            "Undelivered and unacknowledged",
            "What waits for delivery, and what waits for an acknowledgement. Good: both near 0 or falling. Bad: "
            "undelivered rises (too slow), unacknowledged flat and high (acks are missing).",
            (Query(PENDING, "undelivered"), Query(UNACKED, "unacknowledged")),
            look=Look("short", minimum=0),
        ),
        timeseries(
            "Published, delivered, acknowledged",
            "Messages a second: stored in the stream (all subjects), delivered and acknowledged by this consumer. "
            "Good: the three follow each other. Bad: delivered above acknowledged (redelivery); both at 0 while "
            "something waits.",
            (
                Query(ITS_STREAM.rate("jetstream_stream_stored_messages_total"), "published"),
                Query(IT.rate("jetstream_consumer_deliveries_total"), "delivered"),
                Query(shared.acknowledged(IT), "acknowledged"),
            ),
            look=Look("mps", minimum=0),
        ),
        timeseries(
            "Drain time",
            "Time until the backlog is done at the present pace. Good: low and falling. Bad: above "
            f"{shared.duration(shared.DRAIN_LIMIT)}. A gap: nothing was acknowledged; see the state.",
            (
                Query(
                    IT.each(f"({shared.backlog(IT)}) / ({shared.pace(IT)} > 0)"),
                    "drain time",
                ),
            ),
            look=Look("s", [Step(shared.DRAIN_LIMIT, BAD)], minimum=0),
        ),
        timeseries(
            "Unacknowledged against the limit",
            f"Unacknowledged messages, their limit (dashed), and where the alert begins. Good: below "
            f"{shared.percent(FULL)} of it. Bad: at the limit; nothing more is delivered.",
            (
                Query(UNACKED, "unacknowledged"),
                Query(MOST_UNACKED, "limit"),
                Query(f"{FULL:g} * {MOST_UNACKED}", f"alert at {shared.percent(FULL)}"),
            ),
            look=Look("short", minimum=0),
            overrides=[dashed("limit"), dashed(f"alert at {shared.percent(FULL)}", WARN)],
        ),
        timeseries(
            "Ack floor lag, with what waits",
            "The stream's last sequence less the sequence up to which all is acknowledged, beside what waits. "
            "Good: both low. Bad: lag and unacknowledged rise together. Lag alone is not bad: a filter, or an "
            "exhausted message, holds the floor.",
            (
                Query(IT.now("jetstream_consumer_ack_floor_lag_messages"), "ack floor lag"),
                Query(PENDING, "undelivered"),
                Query(UNACKED, "unacknowledged"),
            ),
            look=Look("short", minimum=0),
        ),
        timeseries(
            "Waiting pulls or subscriber",
            "Pull: fetch requests that wait for messages. Push: 1 while somebody subscribes. Good: above 0. Bad: 0 "
            "for minutes while something waits: nobody asks for work. Busy workers show 0 now and then.",
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
            "Messages in redelivery, and those that used up their deliveries (at least so many). Good: 0. Bad: "
            "redelivered stands: handlers fail. Exhausted rises: messages are given up.",
            (
                Query(IT.now("jetstream_consumer_redelivered_messages"), "redelivered"),
                Query(shared.exhausted(IT), "exhausted"),
            ),
            look=Look("short", minimum=0),
            height=10,
        ),
        timeseries(
            "Refusals, from advisories",
            "NAK: a worker asks for redelivery. TERM: it gives a message up. Max deliveries: the server does. "
            "Excess: deliveries beyond the number set in the exporter. Good: 0. Bad: any max deliveries; NAKs "
            "without end. Without advisories in the exporter's configuration there is nothing here.",
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
            "Seconds since anything was delivered, and since the ack floor moved. Good: seconds on a busy stream. "
            "Bad: rising together while something waits. On a quiet stream both rise, and that is well.",
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
            "Stream sequences: the last stored, the last delivered, and up to where all is acknowledged. Good: "
            "three lines close together. Bad: the lowest stands while the others rise: look at the message after "
            "it.",
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
    "One consumer: what waits, how fast it works, what failed.",
    (
        JOB,
        cluster(several=False, metric="jetstream_consumer_has_leader"),
        *(
            chosen(name, name.title(), "jetstream_consumer_has_leader", *earlier, several=False)
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
