"""Rules: consumers without a leader."""

from rules.src.consumer.many import many
from rules.src.model import Alert, Record

LEADERLESS = "nats_cluster_account_stream_consumer:jetstream_consumer_leaderless:max"

RECORDS = (
    Record(
        name=LEADERLESS,
        comment=(
            "Consumers without a leader, each with the value 0. If the stream or the meta "
            "group has no leader either, only the alert about that fires."
        ),
        expr="""
            max by ($consumer) (jetstream_consumer_has_leader) == 0
            unless on ($stream)
            max by ($stream) (jetstream_stream_has_leader) == 0
            unless on ($cluster)
            max by ($cluster) (jetstream_meta_has_leader) == 0
            $unless_consumer_excluded
        """,
    ),
)

ALERTS = (
    Alert(
        name="JetStreamConsumerNoLeader",
        severity="critical",
        scope="consumer",
        board="jetstream-consumer",
        comment=(
            "If more than 10 consumers of one account are affected, "
            "JetStreamManyConsumersNoLeader fires instead."
        ),
        expr="""
            nats_cluster_account_stream_consumer:jetstream_consumer_leaderless:max == 0
            unless on ($account)
            $many
        """,
        parts={"many": many(LEADERLESS)},
        wait="1m",
        real_time=True,
        keep="5m",
        summary="A JetStream consumer has no leader",
        description=(
            "Consumer {consumer} of stream {stream} (account {account}, cluster "
            "{nats_cluster}) has no leader, although its stream has one. It delivers no "
            "messages."
        ),
    ),
    Alert(
        name="JetStreamManyConsumersNoLeader",
        severity="critical",
        scope="cluster",
        board="jetstream-raft",
        comment=(
            "The consumers probably share a server: a consumer with one replica is unavailable "
            "while its server is down."
        ),
        expr=many(LEADERLESS),
        wait="1m",
        real_time=True,
        keep="5m",
        summary="Many JetStream consumers of one account have no leader",
        description=(
            "In account {account} (cluster {nats_cluster}) {value | humanize} consumers have "
            "no leader, although their streams have one. These consumers deliver no messages."
        ),
    ),
)
