"""Rules: settings of consumers that lose messages or repeat them for ever."""

from rules.src.model import Alert

ALERTS = (
    Alert(
        name="JetStreamConsumerUnlimitedRedelivery",
        severity="info",
        scope="consumer",
        board="jetstream-consumer",
        comment=(
            "Consumers with a role are excluded: servers create them for a stream that mirrors "
            "or sources another, and users cannot configure them."
        ),
        expr="""
            max by ($consumer) (jetstream_consumer_info{ack_policy=~"explicit|all",durable="true",role="",$backlog_streams}) == 1
            unless on ($consumer)
            max by ($consumer) (jetstream_consumer_max_deliver)
            $unless_consumer_excluded
        """,
        wait="1h",
        summary="A JetStream consumer has no limit of redeliveries",
        description=(
            "Consumer {consumer} of stream {stream} (account {account}, cluster "
            "{nats_cluster}) has no max_deliver. A message that cannot be processed is "
            "delivered again for ever."
        ),
    ),
    Alert(
        name="JetStreamConsumerAckNone",
        severity="info",
        scope="consumer",
        board="jetstream-consumer",
        expr="""
            max by ($consumer) (jetstream_consumer_info{ack_policy="none",durable="true",role="",$backlog_streams}) == 1
            $unless_consumer_excluded
        """,
        wait="1h",
        summary="A durable JetStream consumer has ack policy none",
        description=(
            "Consumer {consumer} of stream {stream} (account {account}, cluster "
            "{nats_cluster}) is durable and has ack policy none. If its client loses a "
            "message, the message is not delivered again, and no metric shows the loss."
        ),
    ),
)
