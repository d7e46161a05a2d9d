"""Rules: consumers: served, keeping up, and finishing what they take."""

from rules.src.consumer import (
    backlog,
    configuration,
    deliveries,
    lag,
    leader,
    loss,
    orphaned,
    position,
    stalled,
    standing,
)
from rules.src.model import Group, RuleFile

CONSUMER = Group(
    name="jetstream-consumer",
    interval="1m",
    rules=(
        *standing.PAUSED,
        *deliveries.RECORDS,
        *position.RECORDS,
        *standing.RECORDS,
        *stalled.RECORDS,
        *leader.RECORDS,
        *leader.ALERTS,
        *stalled.ALERTS,
        *position.ALERTS,
        *backlog.ALERTS,
        *deliveries.ALERTS,
    ),
)

CONSUMER_LOSS = Group(
    name="jetstream-consumer-loss",
    interval="1m",
    comment=(
        "Messages that consumers lose: either a limit of the stream removes them before they are "
        "delivered, or no consumer will receive them any more."
    ),
    rules=(*loss.RULES, *orphaned.ALERTS),
)

CONSUMER_TRENDS = Group(
    name="jetstream-consumer-trends",
    interval="2m",
    comment="Conditions that take 15 minutes and more to develop are evaluated less often.",
    rules=(*backlog.TRENDS, *deliveries.TRENDS),
)

CONSUMER_CONFIGURATION = Group(
    name="jetstream-consumer-configuration",
    interval="5m",
    rules=configuration.ALERTS,
)

FILE = RuleFile(
    subject="consumer",
    comment=(
        "These rules are about consumers: whether clients serve them, whether they keep up, and "
        "whether they finish the messages that they take.\n\n"
        "Key-value buckets, object store buckets and the streams of MQTT (KV_, OBJ_, $MQTT_) are "
        "excluded from the rules about a backlog: their consumers are watchers and inactive "
        "sessions.\n\n"
        "Values of one exporter are compared with each other first and aggregated afterwards, so "
        "that a pair of exporters gives the same result at half the cost. Only past values are "
        "taken from every exporter, because half an hour ago the exporter may have been another "
        "pod.\n\n"
        'No alert fires for a consumer whose metadata `io.jetstream-exporter.monitor` is "false", '
        "nor for the consumers of a stream with this metadata. To exclude others, put an "
        "expression into parentheses and append `unless on (nats_cluster, account, stream, "
        "consumer) group by (nats_cluster, account, stream, consumer) "
        "(jetstream_consumer_info{…})`."
    ),
    groups=(
        CONSUMER,
        CONSUMER_LOSS,
        lag.CONSUMER_LAG,
        CONSUMER_TRENDS,
        CONSUMER_CONFIGURATION,
    ),
)
