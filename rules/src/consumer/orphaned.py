"""Rules: messages that a stream keeps and no consumer will receive."""

from rules.src.model import Alert

ALERTS = (
    Alert(
        name="JetStreamStreamMessagesOrphaned",
        severity="warning",
        scope="stream",
        board="jetstream-stream",
        comment=(
            "A work-queue or interest stream removes the messages that its consumers have "
            "finished. Messages that it holds beyond those pending or in flight at a consumer "
            "will not be received by any: they reached max_deliver (with max_deliver 1 there "
            "is no other sign), or no filter matches them. A message that several consumers "
            "wait for is subtracted more than once, so that this is a lower bound. A stream is "
            "judged only if each of its consumers is exported with its values. Messages that "
            "JetStreamConsumerMaxDeliverExhausted has reported are not reported again. A "
            "number below what is stored in 3 seconds is not counted, because the values of a "
            "stream and of its consumers may be that far apart. During an upgrade to 2.14 or newer "
            "a server of an older version that leads a work queue keeps what a newer one, which "
            "leads the consumer, knows as acknowledged, until a newer one leads the stream too. "
            "Scheduled messages wait in their stream until they are due; a stream that may hold them is excluded."
        ),
        expr="""
            max by ($stream) (jetstream_stream_messages)
            - on ($stream)
            sum by ($stream) (
              max by ($consumer) (jetstream_consumer_pending_messages + jetstream_consumer_ack_pending_messages)
            )
            - on ($stream) (
              sum by ($stream) (
                nats_cluster_account_stream_consumer:jetstream_consumer_exhausted_messages:min
                and on ($consumer)
                max by ($consumer) (jetstream_consumer_max_deliver) > 1
              )
              or on ($stream)
              0 * max by ($stream) (jetstream_stream_messages)
            )
            > on ($stream)
            (
              3 * max by ($stream) (rate(jetstream_stream_stored_messages_total[5m]))
              or on ($stream)
              0 * max by ($stream) (jetstream_stream_messages)
            )
            and on ($stream)
            max by ($stream) (jetstream_stream_info{kind="stream",retention=~"workqueue|interest",role!="dead_letter"}) == 1
            and on ($stream)
            max by ($stream) (jetstream_stream_consumers)
            == on ($stream)
            count by ($stream) (
              max by ($consumer) (jetstream_consumer_pending_messages + jetstream_consumer_ack_pending_messages)
            )
            unless on ($cluster) (
              group by ($cluster) (nats_server_info{version=~"$older"})
              and on ($cluster)
              group by ($cluster) (nats_server_info{version!~"$older|"})
            )
            $unless_scheduled
            $unless_stream_excluded
        """,
        parts={"older": "2[.]([0-9]|1[0-3])[.].*"},
        wait="15m",
        keep="10m",
        summary="A JetStream stream keeps messages that no consumer will receive",
        description=(
            "Stream {stream} (account {account}, cluster {nats_cluster}) has held {value | "
            "humanize} messages for 15 minutes that are neither pending nor unacknowledged at "
            "any of its consumers. They reached max_deliver, or no consumer's filter matches "
            "them."
        ),
    ),
)
