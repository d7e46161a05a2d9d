"""Rules: consumers that work, and whose backlog grows or ack floor stays."""

from rules.src.model import Alert, Record

ALERTS = (
    Alert(
        name="JetStreamConsumerAckPendingSaturated",
        severity="warning",
        scope="consumer",
        board="jetstream-consumer",
        comment=(
            "A consumer with max_ack_pending 1 is excluded, because it is at its limit "
            "whenever it works. A consumer without a limit has no divisor. A limit often is the "
            "number of jobs that may run at once: it is no trouble while new messages are "
            "delivered and no more of them wait than before. A paused consumer delivers nothing."
        ),
        expr="""
            max by ($consumer) (
              min_over_time(jetstream_consumer_ack_pending_messages[5m])
              / (jetstream_consumer_max_ack_pending > 1)
              > $threshold
              unless (
                changes(jetstream_consumer_delivered_sequence[5m]) > 0
                and jetstream_consumer_pending_messages <= max_over_time(jetstream_consumer_pending_messages[15m] offset 5m)
              )
            )
            unless on ($consumer)
            nats_cluster_account_stream_consumer:jetstream_consumer_paused:max
            unless on ($consumer)
            nats_cluster_account_stream_consumer:jetstream_consumer_stalled_messages:min10m
            $unless_consumer_excluded
        """,
        values={"threshold": "0.90"},
        wait="5m",
        keep="5m",
        summary="A JetStream consumer is close to its max_ack_pending",
        description=(
            "Consumer {consumer} of stream {stream} (account {account}, cluster "
            "{nats_cluster}) has had at least {value | humanizePercentage} of its "
            "max_ack_pending unacknowledged for 5 minutes. At the limit the server delivers no "
            "more messages."
        ),
    ),
)

TRENDS = (
    Record(
        name="nats_cluster_account_stream_consumer:jetstream_consumer_acknowledged_deliveries:rate5m",
        expr="""
            max by ($consumer) (rate(jetstream_consumer_acknowledged_deliveries_total[5m]))
        """,
    ),
    Record(
        name="nats_cluster_account_stream_consumer:jetstream_consumer_drain_seconds:ratio5m",
        comment=(
            "Seconds until the backlog is finished at the present rate; absent while nothing "
            "is acknowledged."
        ),
        expr="""
            max by ($consumer) (jetstream_consumer_pending_messages + jetstream_consumer_ack_pending_messages)
            / on ($consumer)
            (nats_cluster_account_stream_consumer:jetstream_consumer_acknowledged_deliveries:rate5m > 0)
        """,
    ),
    Alert(
        name="JetStreamConsumerPendingRising",
        severity="warning",
        scope="consumer",
        board="jetstream-consumer",
        comment=(
            "A consumer that replays a history has a large backlog, but a falling one. A burst "
            "that is being processed has no rising slope. A backlog that is finished within a "
            "minute at the present rate is that of a busy consumer. Dead letters wait for people."
        ),
        expr="""
            max by ($consumer) (
              jetstream_consumer_pending_messages{$backlog_streams}
              and min_over_time(jetstream_consumer_pending_messages[15m]) > $threshold
              and deriv(jetstream_consumer_pending_messages[15m]) > 0
            )
            > on ($consumer)
            1.2 * max by ($consumer) (jetstream_consumer_pending_messages offset 15m)
            unless on ($consumer)
            nats_cluster_account_stream_consumer:jetstream_consumer_paused:max
            unless on ($consumer)
            nats_cluster_account_stream_consumer:jetstream_consumer_stalled_messages:min10m
            unless on ($consumer)
            nats_cluster_account_stream_consumer:jetstream_consumer_unattended_messages:min5m
            unless on ($consumer)
            nats_cluster_account_stream_consumer:jetstream_consumer_recurring_seconds:max
            unless on ($consumer)
            nats_cluster_account_stream_consumer:jetstream_consumer_drain_seconds:ratio5m < 60
            $unless_dead_letters
            $unless_late
            $unless_consumer_excluded
        """,
        values={"threshold": "100"},
        wait="10m",
        keep="10m",
        summary="The backlog of a JetStream consumer is growing",
        description=(
            "Consumer {consumer} of stream {stream} (account {account}, cluster {nats_cluster}) "
            "has {value | humanize} undelivered messages, over 20% more than 15 minutes ago."
        ),
    ),
    Alert(
        name="JetStreamConsumerFallingBehind",
        severity="critical",
        scope="consumer",
        board="jetstream-consumer",
        comment=(
            "A consumer that acknowledges nothing has no drain time and is left to "
            "JetStreamConsumerStalled. A batch that is being worked off is larger than what waited "
            "30 minutes ago, but shrinks."
        ),
        expr="""
            (
              nats_cluster_account_stream_consumer:jetstream_consumer_drain_seconds:ratio5m{$backlog_streams} > $threshold
              and on ($consumer)
              max by ($consumer) (jetstream_consumer_pending_messages)
              > on ($consumer)
              max by ($consumer) (jetstream_consumer_pending_messages offset 30m)
              and on ($consumer)
              max by ($consumer) (deriv(jetstream_consumer_pending_messages[10m])) > 0
            )
            unless on ($consumer)
            nats_cluster_account_stream_consumer:jetstream_consumer_paused:max
            $unless_late
            $unless_consumer_excluded
        """,
        values={"threshold": "900"},
        wait="15m",
        keep="10m",
        summary="A JetStream consumer keeps falling behind",
        description=(
            "Consumer {consumer} of stream {stream} (account {account}, cluster "
            "{nats_cluster}) needs {value | humanizeDuration} for its backlog at the present "
            "rate, and the backlog is larger than it was 30 minutes ago."
        ),
    ),
    Alert(
        name="JetStreamConsumerAckFloorStuck",
        severity="warning",
        scope="consumer",
        board="jetstream-consumer",
        comment=(
            "The ack floor of a filtered consumer does not move while no message matches, so "
            "that the rule also requires unacknowledged messages and deliveries. The value is the "
            "number of messages that the stream stored meanwhile. A message "
            "that reached max_deliver holds back the floor too, and has an alert of its own. "
            "Until its ack wait or the longest backoff has passed since the floor last moved, a "
            "message may still be processed. "
            "The consumer must have been reported 25 or 26 minutes ago, by any exporter, so "
            "that a new consumer is not judged; an election hides at most one of the two "
            "times."
        ),
        expr="""
            max by ($consumer) (
              changes(jetstream_consumer_acknowledged_deliveries_total[30m]) == 0
              and min_over_time(jetstream_consumer_ack_pending_messages[30m]) > 0
              and (jetstream_consumer_ack_pending_messages >= 0 or jetstream_consumer_ack_pending_messages offset 1m >= 0)
              and changes(jetstream_consumer_deliveries_total[30m]) > 0
              unless time() - jetstream_consumer_last_ack_timestamp_seconds <= jetstream_consumer_ack_wait_seconds
              unless time() - jetstream_consumer_last_ack_timestamp_seconds <= jetstream_consumer_backoff_max_seconds
            )
            + on ($stream) group_left ()
            (max by ($stream) (delta(jetstream_stream_last_sequence[30m])) > 0)
            and on ($consumer)
            group by ($consumer) (
              jetstream_consumer_ack_pending_messages offset 25m or jetstream_consumer_ack_pending_messages offset 26m
            )
            unless on ($consumer) (
              max by ($consumer) (increase(jetstream_consumer_max_deliveries_total[30m])) > 0
              or
              (
                nats_cluster_account_stream_consumer:jetstream_consumer_exhausted_messages:min > 0
                unless on ($consumer)
                nats_cluster_account_stream_consumer:jetstream_consumer_exhausted_messages:min
                <= on ($consumer)
                (nats_cluster_account_stream_consumer:jetstream_consumer_exhausted_messages:min offset 30m)
              )
            )
            unless on ($consumer)
            nats_cluster_account_stream_consumer:jetstream_consumer_standing_messages:min10m
            $unless_consumer_excluded
        """,
        wait="15m",
        keep="5m",
        summary="One message holds back the ack floor of a JetStream consumer",
        description=(
            "Consumer {consumer} of stream {stream} (account {account}, cluster "
            "{nats_cluster}) delivers messages, but its lowest unacknowledged message has been "
            'the same for 30 minutes, while about {value | printf "%.0f"} newer messages arrived.'
        ),
    ),
)
