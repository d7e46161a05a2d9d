"""Optional rules: sums by stream and by account, for a store that keeps them longer than the series of each consumer."""

from __future__ import annotations

from rules.src.model import Group, Record, RuleFile

RATE = "5m"
# The lean profile has no 0 of redelivered messages, and does not say of a consumer that has other values that it has a
# leader.
REDELIVERED = (
    "jetstream_consumer_redelivered_messages or 0 * jetstream_consumer_ack_pending_messages"
)
HAS_LEADER = "jetstream_consumer_has_leader or 0 * jetstream_consumer_ack_pending_messages + 1"


def _of_consumers(metric: str, how: str = "sum", series: str = "", comment: str = "") -> Record:
    """By stream. Exporters of one cluster say the same, so that of each consumer one series counts."""
    return Record(
        name=f"nats_cluster_account_stream:jetstream_consumer_{metric}:{how}",
        expr=f"{how} by ($stream) (max by ($consumer) ({series or f'jetstream_consumer_{metric}'}))",
        comment=comment,
    )


def _rate_of_consumers(counter: str) -> Record:
    return Record(
        name=f"nats_cluster_account_stream:jetstream_consumer_{counter}:rate{RATE}",
        expr=f"sum by ($stream) (max by ($consumer) (rate(jetstream_consumer_{counter}_total[$rate])))",
        values={"rate": RATE},
    )


def _of_streams(metric: str) -> Record:
    return Record(
        name=f"nats_cluster_account:jetstream_stream_{metric}:sum",
        expr=f"sum by ($account) (max by ($stream) (jetstream_stream_{metric}))",
    )


STREAM = Group(
    name="jetstream-aggregates-stream",
    interval="1m",
    rules=(
        *map(_of_consumers, ("pending_messages", "ack_pending_messages")),
        _of_consumers("redelivered_messages", series=REDELIVERED),
        Record(
            name="nats_cluster_account_stream:jetstream_consumer_delivery_lag_seconds:max",
            expr="max by ($stream) (nats_cluster_account_stream_consumer:jetstream_consumer_delivery_lag_seconds:max)",
        ),
        *map(_rate_of_consumers, ("deliveries", "acknowledged_deliveries")),
        _of_consumers("has_leader", "count", HAS_LEADER),
        _of_consumers(
            "has_leader",
            series=HAS_LEADER,
            comment="Consumers with a leader. Less than the count: some are unavailable.",
        ),
    ),
)
ACCOUNT = Group(
    name="jetstream-aggregates-account",
    interval="1m",
    rules=(
        *map(_of_streams, ("messages", "bytes", "consumers")),
        Record(
            name=f"nats_cluster_account:jetstream_stream_stored_messages:rate{RATE}",
            expr="sum by ($account) (max by ($stream) (rate(jetstream_stream_stored_messages_total[$rate])))",
            values={"rate": RATE},
        ),
        Record(
            name="nats_cluster_account:jetstream_consumer_pending_messages:sum",
            expr="sum by ($account) (nats_cluster_account_stream:jetstream_consumer_pending_messages:sum)",
        ),
        Record(
            name="nats_cluster_account:jetstream_consumer_delivery_lag_seconds:max",
            expr="max by ($account) (nats_cluster_account_stream:jetstream_consumer_delivery_lag_seconds:max)",
        ),
    ),
)
FILES = (
    RuleFile(
        subject="scale/aggregates",
        comment=(
            "Optional: the consumers of each stream together, and the streams of each account. A store that keeps "
            "data for long needs a few series for each stream then, in place of some 20 for each consumer: "
            "docs/scale.md. The rules of consumer.yaml have to be loaded too."
        ),
        groups=(STREAM, ACCOUNT),
    ),
)
