"""Rules: messages that are delivered again and again, or reached max_deliver."""

from rules.src.model import Alert, Record

RECORDS = (
    Record(
        name="nats_cluster_account_stream_consumer:jetstream_consumer_exhausted_messages:min",
        comment=(
            "A message that reached max_deliver leaves ack_pending and stays in redelivered. "
            "Messages in flight hide some of them, so that this is a lower bound. The series "
            "is absent instead of 0: few consumers have such messages, and the alert looks "
            "back over a day."
        ),
        expr="""
            max by ($consumer) (jetstream_consumer_redelivered_messages - jetstream_consumer_ack_pending_messages > 0)
        """,
    ),
    Record(
        name="nats_cluster_account_stream_consumer:jetstream_consumer_given_up_messages:delta15m",
        comment=(
            "Messages that the server gave up within 15 minutes according to advisories, "
            "exactly; absent if there was none. The expression uses differences, because "
            "increase() extrapolates (11 instead of 10). The counter starts at 0 whenever the "
            "exporter starts, so that the counts before and after a restart are added."
        ),
        expr="""
            max by ($consumer) (
              jetstream_consumer_max_deliveries_total - (jetstream_consumer_max_deliveries_total offset 15m)
              unless resets(jetstream_consumer_max_deliveries_total[15m]) > 0
              or
              (max_over_time(jetstream_consumer_max_deliveries_total[15m]) > jetstream_consumer_max_deliveries_total)
              + jetstream_consumer_max_deliveries_total - (jetstream_consumer_max_deliveries_total offset 15m)
              or
              jetstream_consumer_max_deliveries_total - min_over_time(jetstream_consumer_max_deliveries_total[15m])
            )
            > 0
        """,
    ),
)

ALERTS = (
    Alert(
        name="JetStreamConsumerMaxDeliverExhausted",
        severity="critical",
        scope="consumer",
        board="jetstream-consumer",
        comment=(
            "The count is exact if the exporter receives advisories. Without them, the lower "
            "bound must exceed every value of the previous day, because messages in flight "
            "hide and uncover old cases; a cluster that was not monitored 15 minutes ago (or, "
            "after a gap, an hour ago) is not judged, because its cases may be old. Or the "
            "lower bound exceeds the lowest number of redelivered messages in the last 15 "
            "minutes: every such message counts as redelivered, so that at least one of them "
            "is new, however many there were before a purge. The lean profile has no 0 of "
            "redelivered messages: where some of the 15 minutes' samples are missing, the lowest "
            "number is 0."
        ),
        expr="""
            (
              nats_cluster_account_stream_consumer:jetstream_consumer_given_up_messages:delta15m > 0
              or
              (
                (
                  (
                    nats_cluster_account_stream_consumer:jetstream_consumer_exhausted_messages:min > 0
                    unless on ($consumer)
                    nats_cluster_account_stream_consumer:jetstream_consumer_exhausted_messages:min
                    <= on ($consumer)
                    max_over_time(nats_cluster_account_stream_consumer:jetstream_consumer_exhausted_messages:min[1d] offset 15m)
                  )
                  and on ($cluster)
                  group by ($cluster) (nats_server_up offset 15m or nats_server_up offset 1h)
                  or
                  nats_cluster_account_stream_consumer:jetstream_consumer_exhausted_messages:min
                  unless on ($consumer)
                  nats_cluster_account_stream_consumer:jetstream_consumer_exhausted_messages:min
                  <= on ($consumer)
                  max by ($consumer) (
                    min_over_time(jetstream_consumer_redelivered_messages[15m])
                    unless
                    count_over_time(jetstream_consumer_redelivered_messages[15m])
                    < count_over_time(jetstream_consumer_ack_pending_messages[15m])
                  )
                )
                and on ($consumer)
                max by ($consumer) (jetstream_consumer_max_deliver) > 1
              )
            )
            $unless_consumer_excluded
        """,
        keep="15m",
        summary="A JetStream message reached its maximum number of deliveries",
        description=(
            "Consumer {consumer} of stream {stream} (account {account}, cluster "
            '{nats_cluster}) gave up about {value | printf "%.0f"} messages that reached '
            "max_deliver. The server does not deliver them again."
        ),
    ),
)

TRENDS = (
    Alert(
        name="JetStreamConsumerRedeliveryLoop",
        severity="warning",
        scope="consumer",
        board="jetstream-consumer",
        comment=(
            "The count is exact if the exporter receives advisories. Without them: while no "
            "new message is delivered, every delivery is a redelivery, and the number of "
            "deliveries divided by the number of redelivered messages is the mean number of "
            "attempts. Messages that reached max_deliver are not redelivered any more and are "
            "left out. While new messages are delivered, there are at most as many of them as "
            "sequences, and the deliveries for each sequence are a lower bound of the mean. "
            "The expression uses differences, because increase() extrapolates (3.1 "
            "instead of 3). The lean profile has no 0 of redelivered messages."
        ),
        expr="""
            (
              max by ($consumer) (increase(jetstream_consumer_excess_deliveries_total[15m])) > 0
              or
              max by ($consumer) (
                (jetstream_consumer_deliveries_total - (jetstream_consumer_deliveries_total offset 15m))
                / (
                  max_over_time(jetstream_consumer_redelivered_messages[15m])
                  - (
                    clamp_min(jetstream_consumer_redelivered_messages - jetstream_consumer_ack_pending_messages, 0)
                    or
                    0 * max_over_time(jetstream_consumer_redelivered_messages[15m])
                  )
                  > 0
                )
                > 3
                and changes(jetstream_consumer_delivered_sequence[15m]) == 0
              )
              or
              max by ($consumer) (
                (jetstream_consumer_deliveries_total - (jetstream_consumer_deliveries_total offset 15m) > 10)
                / (jetstream_consumer_delivered_sequence - (jetstream_consumer_delivered_sequence offset 15m) > 0)
                > 3
                and jetstream_consumer_redelivered_messages > 0
                unless resets(jetstream_consumer_delivered_sequence[15m]) > 0
              )
            )
            $unless_consumer_excluded
        """,
        keep="15m",
        summary="A JetStream message is redelivered again and again",
        description=(
            "Consumer {consumer} of stream {stream} (account {account}, cluster "
            "{nats_cluster}) redelivers the same messages: in the last 15 minutes more than 3 "
            "times on average or, according to the server's advisories, more often than the "
            "configured number."
        ),
    ),
)
