"""Rules: consumers without progress that nothing explains, and those that no client serves."""

from rules.src.consumer.many import many
from rules.src.model import Alert, Record

STALLED = "nats_cluster_account_stream_consumer:jetstream_consumer_stalled_messages:min10m"
UNATTENDED = "nats_cluster_account_stream_consumer:jetstream_consumer_unattended_messages:min5m"
CUSTOMARY = "nats_cluster_account_stream_consumer:jetstream_consumer_customary_messages:min5m"
UNSERVED = f"{UNATTENDED} unless on ($consumer) {CUSTOMARY}"

RECORDS = (
    Record(
        name=STALLED,
        comment=(
            "Unfinished messages of the consumers that make no progress for none of these "
            "reasons, and messages that the leader does not count. Messages are held back until "
            "a delay is over for a day at most. A consumer with nothing in "
            "flight and no client is left to JetStreamConsumerNoSubscribers, and a consumer "
            "that is ahead of its stream to JetStreamConsumerAheadOfStream."
        ),
        expr="""
            nats_cluster_account_stream_consumer:jetstream_consumer_standing_messages:min10m
            unless on ($consumer)
            nats_cluster_account_stream_consumer:jetstream_consumer_recurring_seconds:max
            unless on ($consumer) (
              nats_cluster_account_stream_consumer:jetstream_consumer_delayed_messages:max
              unless on ($consumer)
              nats_cluster_account_stream_consumer:jetstream_consumer_standing_seconds:max > 86400
            )
            unless on ($consumer)
            nats_cluster_account_stream_consumer:jetstream_consumer_awaited_messages:max
            unless on ($consumer)
            nats_cluster_account_stream_consumer:jetstream_consumer_refused_messages:max
            unless on ($consumer) (
              nats_cluster_account_stream_consumer:jetstream_consumer_standing_subscribers:max10m == 0
              unless on ($consumer)
              max by ($consumer) (jetstream_consumer_ack_pending_messages) > 0
            )
            unless on ($consumer)
            nats_cluster_account_stream_consumer:jetstream_consumer_ahead_messages:max
            or
            nats_cluster_account_stream_consumer:jetstream_consumer_overlooked_messages:min10m
        """,
    ),
    Record(
        name=UNATTENDED,
        comment=(
            "Undelivered messages of consumers from which no client fetches and to which no "
            "client is bound. Workers that fetch in batches often have no request waiting, so "
            "that the rule also requires that nothing was delivered and that nothing is in "
            "flight, which a worker may be processing. Dead letters wait for people and are excluded."
        ),
        expr="""
            max by ($consumer) (
              min_over_time(jetstream_consumer_pending_messages{$backlog_streams}[5m]) > 0
              and (
                max_over_time(jetstream_consumer_waiting_pulls[5m])
                or
                max_over_time(jetstream_consumer_push_bound[5m])
              ) == 0
              and (jetstream_consumer_pending_messages >= 0 or jetstream_consumer_pending_messages offset 1m >= 0)
              and changes(jetstream_consumer_deliveries_total[5m]) == 0
              unless max_over_time(jetstream_consumer_ack_pending_messages[5m]) > 0
            )
            unless on ($consumer)
            nats_cluster_account_stream_consumer:jetstream_consumer_paused:max
            unless on ($consumer)
            nats_cluster_account_stream_consumer:jetstream_consumer_recurring_seconds:max
            unless on ($consumer)
            nats_cluster_account_stream_consumer:jetstream_consumer_ahead_messages:max
            $unless_dead_letters
            $unless_consumer_excluded
        """,
    ),
    Record(
        name=CUSTOMARY,
        comment=(
            "The same, of those consumers of which a day or a week ago it was so at this time, and which have "
            "delivered messages since: their workers run at some hours of the day or on some days of the week."
        ),
        expr=f"""
            {UNATTENDED}
            and on ($consumer) (
              {UNATTENDED} offset 1d
              and on ($consumer)
              max by ($consumer) (jetstream_consumer_deliveries_total)
              > on ($consumer)
              max by ($consumer) (jetstream_consumer_deliveries_total offset 1d)
              or
              {UNATTENDED} offset 1w
              and on ($consumer)
              max by ($consumer) (jetstream_consumer_deliveries_total)
              > on ($consumer)
              max by ($consumer) (jetstream_consumer_deliveries_total offset 1w)
            )
        """,
    ),
)

ALERTS = (
    Alert(
        name="JetStreamConsumerStalled",
        severity="critical",
        scope="consumer",
        board="jetstream-consumer",
        comment=(
            "If more than 10 consumers of one account are affected, "
            "JetStreamManyConsumersStalled fires instead."
        ),
        expr="""
            nats_cluster_account_stream_consumer:jetstream_consumer_stalled_messages:min10m > 0
            unless on ($account)
            $many
        """,
        parts={"many": many(STALLED)},
        wait="5m",
        keep="5m",
        summary="A JetStream consumer makes no progress",
        description=(
            "Consumer {consumer} of stream {stream} (account {account}, cluster "
            "{nats_cluster}) has had at least {value | humanize} undelivered or unacknowledged "
            "messages for 10 minutes. In this time none was delivered and none was "
            "acknowledged."
        ),
    ),
    Alert(
        name="JetStreamConsumerNoSubscribers",
        severity="warning",
        scope="consumer",
        board="jetstream-consumer",
        comment=(
            "The rule waits 10 minutes more for workers that run every few minutes. Workers that run at "
            "some hours of the day or on some days of the week are known from the second time on. If more "
            "than 10 consumers of one account are affected, JetStreamManyConsumersUnattended "
            "fires instead."
        ),
        expr=f"""
            {UNATTENDED} > 0
            unless on ($consumer)
            {CUSTOMARY}
            unless on ($account)
            $many
        """,
        parts={"many": many(UNSERVED)},
        wait="10m",
        keep="5m",
        summary="No client receives messages from a JetStream consumer",
        description=(
            "Consumer {consumer} of stream {stream} (account {account}, cluster "
            "{nats_cluster}) has undelivered messages, but for 5 minutes no client has fetched "
            "from it or been bound to it, and no message was delivered."
        ),
    ),
    Alert(
        name="JetStreamManyConsumersStalled",
        severity="critical",
        scope="cluster",
        board="jetstream-overview",
        comment="The consumers probably share a cause: a database, a deployment or a release.",
        expr=many(STALLED),
        wait="5m",
        keep="5m",
        summary="Many JetStream consumers of one account make no progress",
        description=(
            "In account {account} (cluster {nats_cluster}) {value | humanize} consumers have "
            "undelivered or unacknowledged messages and have made no progress for 10 minutes."
        ),
    ),
    Alert(
        name="JetStreamManyConsumersUnattended",
        severity="warning",
        scope="cluster",
        board="jetstream-overview",
        comment=(
            "Either the consumers are no longer used, or one deployment that serves all of "
            "them is down."
        ),
        expr=many(UNSERVED),
        wait="10m",
        keep="5m",
        summary="No client receives messages from many JetStream consumers of one account",
        description=(
            "In account {account} (cluster {nats_cluster}) {value | humanize} consumers have "
            "undelivered messages, but for 5 minutes no client has fetched from them or been "
            "bound to them, and no message was delivered."
        ),
    ),
)
