"""Families of consumers: the hot tables, a line a consumer each."""

from collections.abc import Callable

from jetstream_exporter.metrics.families import Table, Value, counter, gauge
from jetstream_exporter.snapshot import Consumer
from jetstream_exporter.snapshot.rows import ConsumerSettings

LABELS: dict[str, Callable[[Consumer], str]] = {
    "nats_cluster": lambda c: c.cluster,
    "account": lambda c: c.account,
    "stream": lambda c: c.stream,
    "consumer": lambda c: c.name,
}


def _config(read: Callable[[ConsumerSettings], Value]) -> Callable[[Consumer], Value]:
    return lambda consumer: None if consumer.settings is None else read(consumer.settings)


def _flag(value: bool) -> str:
    return "true" if value else "false"


STATE: Table[Consumer] = Table(
    name="Consumers",
    rows=lambda snapshot: snapshot.consumers,
    labels=LABELS,
    families=(
        gauge(
            "jetstream_consumer_pending_messages",
            "Messages that match the consumer and were not delivered yet.",
            lambda c: c.pending,
            "num_pending",
            "jetstream_consumer_pending_messages > 1000",
        ),
        gauge(
            "jetstream_consumer_ack_pending_messages",
            "Messages delivered and not acknowledged yet.",
            lambda c: c.ack_pending,
            "num_ack_pending",
            "jetstream_consumer_ack_pending_messages / jetstream_consumer_max_ack_pending > 0.9",
        ),
        gauge(
            "jetstream_consumer_redelivered_messages",
            "Messages delivered more than once and neither acknowledged nor gone: a level, not a counter.",
            lambda c: c.redelivered,
            "num_redelivered",
            "jetstream_consumer_redelivered_messages > 0",
        ),
        gauge(
            "jetstream_consumer_ack_floor_lag_messages",
            "The stream's last sequence less the consumer's acknowledgement floor. Read it beside "
            "jetstream_consumer_pending_messages: a filter or a message that nobody acknowledges holds the floor.",
            lambda c: c.ack_floor_lag,
            "state.last_seq - ack_floor.stream_seq",
            "jetstream_consumer_ack_floor_lag_messages and jetstream_consumer_ack_pending_messages > 0",
        ),
        gauge(
            "jetstream_consumer_delivered_sequence",
            "Stream sequence of the last message delivered.",
            lambda c: c.delivered_sequence,
            "delivered.stream_seq",
            "changes(jetstream_consumer_delivered_sequence[15m]) == 0",
        ),
        gauge(
            "jetstream_consumer_ack_floor_sequence",
            "Stream sequence up to which everything is acknowledged.",
            lambda c: c.ack_floor_sequence,
            "ack_floor.stream_seq",
            "changes(jetstream_consumer_ack_floor_sequence[30m]) == 0",
        ),
        counter(
            "jetstream_consumer_deliveries_total",
            "Deliveries, redeliveries included.",
            lambda c: c.deliveries,
            "delivered.consumer_seq",
            "rate(jetstream_consumer_deliveries_total[5m])",
        ),
        counter(
            "jetstream_consumer_acknowledged_deliveries_total",
            "Deliveries up to which everything is acknowledged.",
            lambda c: c.acknowledged,
            "ack_floor.consumer_seq",
            "rate(jetstream_consumer_acknowledged_deliveries_total[5m])",
        ),
        gauge(
            "jetstream_consumer_waiting_pulls",
            "Fetch requests waiting for messages. Pull consumers only.",
            lambda c: c.waiting_pulls,
            "num_waiting",
            "max_over_time(jetstream_consumer_waiting_pulls[5m]) == 0",
        ),
        gauge(
            "jetstream_consumer_push_bound",
            "Whether somebody subscribes to the delivery subject. Push consumers only.",
            lambda c: c.push_bound,
            "push_bound",
            "jetstream_consumer_push_bound == 0",
        ),
        gauge(
            "jetstream_consumer_paused",
            "Whether the consumer is paused; its pending messages grow by design then.",
            lambda c: c.paused,
            "paused",
            "jetstream_consumer_paused == 1",
        ),
        gauge(
            "jetstream_consumer_last_delivery_timestamp_seconds",
            "When the last message was delivered; absent before the first.",
            lambda c: c.last_delivery,
            "delivered.last_active",
            "time() - jetstream_consumer_last_delivery_timestamp_seconds",
        ),
        gauge(
            "jetstream_consumer_last_ack_timestamp_seconds",
            "When the acknowledgement floor last moved; a purge moves it too.",
            lambda c: c.last_ack,
            "ack_floor.last_active",
            "time() - jetstream_consumer_last_ack_timestamp_seconds",
        ),
    ),
)

CONFIG: Table[Consumer] = Table(
    name="Consumers: configuration",
    rows=lambda snapshot: snapshot.consumers,
    labels=LABELS,
    families=(
        gauge(
            "jetstream_consumer_max_ack_pending",
            "Unacknowledged messages at which delivery stops; absent when unlimited.",
            _config(lambda c: c.max_ack_pending),
            "config.max_ack_pending",
            "jetstream_consumer_ack_pending_messages >= jetstream_consumer_max_ack_pending",
        ),
        gauge(
            "jetstream_consumer_max_deliver",
            "Deliveries after which a message is given up; absent when unlimited.",
            _config(lambda c: c.max_deliver),
            "config.max_deliver",
            "jetstream_consumer_max_deliver",
        ),
        gauge(
            "jetstream_consumer_ack_wait_seconds",
            "Time without acknowledgement after which a message is delivered again.",
            _config(lambda c: c.ack_wait),
            "config.ack_wait",
            "jetstream_consumer_ack_wait_seconds",
        ),
        gauge(
            "jetstream_consumer_max_waiting",
            "Most fetch requests that may wait at once. Pull consumers only.",
            _config(lambda c: c.max_waiting),
            "config.max_waiting",
            "jetstream_consumer_waiting_pulls / jetstream_consumer_max_waiting > 0.9",
        ),
        gauge(
            "jetstream_consumer_created_timestamp_seconds",
            "When the consumer was created.",
            lambda c: c.identity.created,
            "created",
            "jetstream_consumer_created_timestamp_seconds",
        ),
    ),
)

INFO: Table[Consumer] = Table(
    name="Consumers: info",
    rows=lambda snapshot: (row for row in snapshot.consumers if row.settings is not None),
    labels={
        **LABELS,
        "ack_policy": lambda c: c.settings.ack_policy if c.settings else "",
        "deliver_policy": lambda c: c.settings.deliver_policy if c.settings else "",
        "type": lambda c: "push" if c.settings and c.settings.push else "pull",
        "durable": lambda c: _flag(c.settings is not None and c.settings.durable),
        "filtered": lambda c: _flag(c.settings is not None and c.settings.filtered),
    },
    families=(
        gauge(
            "jetstream_consumer_info",
            "Always 1; carries the consumer's policies, its type (pull, push), and whether it is durable and filtered.",
            lambda _: 1,
            "config",
            'jetstream_consumer_info{ack_policy="none",durable="true"}',
        ),
    ),
)

RAFT: Table[Consumer] = Table(
    name="Consumers: leadership",
    rows=lambda snapshot: snapshot.consumers,
    labels=LABELS,
    families=(
        gauge(
            "jetstream_consumer_has_leader",
            "Whether the consumer has a leader; without one nothing is delivered, and no figure is exported.",
            lambda c: c.raft.has_leader,
            "cluster.leader",
            "jetstream_consumer_has_leader == 0",
        ),
        gauge(
            "jetstream_consumer_has_quorum",
            "Whether the leader reaches a majority; absent while an election may be running.",
            lambda c: c.raft.has_quorum,
            "the leader's cluster.replicas",
            "jetstream_consumer_has_quorum == 0",
        ),
        gauge(
            "jetstream_consumer_fault_tolerance",
            "Current replicas less the majority needed. Replicated consumers only.",
            lambda c: c.raft.fault_tolerance,
            "the leader's cluster.replicas",
            "jetstream_consumer_fault_tolerance <= 0",
        ),
        counter(
            "jetstream_consumer_leader_changes_total",
            "Changes of the consumer's leader that this exporter saw.",
            lambda c: c.raft.changes,
            "counted by the exporter",
            "increase(jetstream_consumer_leader_changes_total[15m]) > 3",
        ),
    ),
)

LEADER: Table[Consumer] = Table(
    name="Consumers: leader",
    rows=lambda snapshot: (row for row in snapshot.consumers if row.raft.leader is not None),
    labels={**LABELS, "server": lambda c: c.raft.leader or ""},
    families=(
        gauge(
            "jetstream_consumer_leader",
            "Always 1; `server` leads the consumer, in its own word.",
            lambda _: 1,
            "cluster.leader",
            "count by (server) (jetstream_consumer_leader)",
        ),
    ),
)

TABLES = (STATE, CONFIG, INFO, RAFT, LEADER)
