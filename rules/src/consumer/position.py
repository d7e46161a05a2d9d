"""Rules: consumers that are ahead of the end of their stream."""

from rules.src.model import Alert, Record

RECORDS = (
    Record(
        name="nats_cluster_account_stream_consumer:jetstream_consumer_ahead_messages:max",
        comment=(
            "The number of sequences by which a consumer is ahead of the last sequence of its "
            "stream, for example after the stream was restored from an old copy of its store. "
            "A busy consumer may be read a moment after its stream, so that only consumers "
            "whose position does not change are counted."
        ),
        expr="""
            max by ($consumer) (
              jetstream_consumer_delivered_sequence and changes(jetstream_consumer_delivered_sequence[3m]) == 0
            )
            - on ($stream) group_left ()
            max by ($stream) (jetstream_stream_last_sequence)
            > 0
            or
            max by ($consumer) (
              jetstream_consumer_ack_floor_sequence and changes(jetstream_consumer_ack_floor_sequence[3m]) == 0
            )
            - on ($stream) group_left ()
            max by ($stream) (jetstream_stream_last_sequence)
            > 0
        """,
    ),
)

ALERTS = (
    Alert(
        name="JetStreamConsumerAheadOfStream",
        severity="critical",
        scope="consumer",
        board="jetstream-consumer",
        comment=(
            "nats-server repairs such a consumer from version 2.15 on. With older versions the "
            "consumer waits for sequences that its stream may reach only after years."
        ),
        expr="""
            nats_cluster_account_stream_consumer:jetstream_consumer_ahead_messages:max > 0
            $unless_consumer_excluded
        """,
        wait="10m",
        keep="5m",
        summary="A JetStream consumer is ahead of the end of its stream",
        description=(
            "Consumer {consumer} of stream {stream} (account {account}, cluster "
            "{nats_cluster}) has delivered or acknowledged a sequence that is {value | "
            "humanize} above the last sequence of its stream. It receives no message until the "
            "stream has stored that many more."
        ),
    ),
)
