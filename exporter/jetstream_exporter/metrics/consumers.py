"""Families of consumers: the hot table, a line a consumer each. What its siblings hold has the same labels."""

from collections.abc import Callable
from operator import attrgetter

from jetstream_exporter.metrics.families import Table, counter, gauge
from jetstream_exporter.snapshot import Consumer

LABELS: dict[str, Callable[[Consumer], str]] = {
    "nats_cluster": attrgetter("cluster"),
    "account": attrgetter("account"),
    "stream": attrgetter("stream"),
    "consumer": attrgetter("name"),
}

STATE: Table[Consumer] = Table(
    name="Consumers",
    rows=lambda snapshot: snapshot.consumers,
    labels=LABELS,
    named_by=(attrgetter("account"), attrgetter("key")),
    families=(
        gauge(
            "jetstream_consumer_pending_messages",
            "Number of messages that match the consumer and are not delivered yet.",
            attrgetter("pending"),
            "num_pending",
            "jetstream_consumer_pending_messages > 1000",
        ),
        gauge(
            "jetstream_consumer_ack_pending_messages",
            "Number of messages that are delivered and not acknowledged yet.",
            attrgetter("ack_pending"),
            "num_ack_pending",
            "jetstream_consumer_ack_pending_messages / jetstream_consumer_max_ack_pending > 0.9",
        ),
        gauge(
            "jetstream_consumer_redelivered_messages",
            "Number of messages that were delivered more than once and are neither acknowledged nor removed. "
            "This is a gauge, not a counter.",
            attrgetter("redelivered"),
            "num_redelivered",
            "jetstream_consumer_redelivered_messages > 0",
        ),
        gauge(
            "jetstream_consumer_ack_floor_lag_messages",
            "Last sequence of the stream minus the acknowledgement floor of the consumer. Compare it with "
            "jetstream_consumer_pending_messages: a filter or a single unacknowledged message keeps the "
            "floor low.",
            attrgetter("ack_floor_lag"),
            "state.last_seq - ack_floor.stream_seq",
            "jetstream_consumer_ack_floor_lag_messages and jetstream_consumer_ack_pending_messages > 0",
            in_lean=False,
        ),
        gauge(
            "jetstream_consumer_delivered_sequence",
            "Stream sequence of the last delivered message.",
            attrgetter("delivered_sequence"),
            "delivered.stream_seq",
            "changes(jetstream_consumer_delivered_sequence[15m]) == 0",
        ),
        gauge(
            "jetstream_consumer_ack_floor_sequence",
            "Acknowledgement floor: stream sequence up to which all messages are acknowledged.",
            attrgetter("ack_floor_sequence"),
            "ack_floor.stream_seq",
            "changes(jetstream_consumer_ack_floor_sequence[30m]) == 0",
        ),
        counter(
            "jetstream_consumer_deliveries_total",
            "Deliveries, including redeliveries.",
            attrgetter("deliveries"),
            "delivered.consumer_seq",
            "rate(jetstream_consumer_deliveries_total[5m])",
        ),
        counter(
            "jetstream_consumer_acknowledged_deliveries_total",
            "Consumer sequence up to which all deliveries are acknowledged.",
            attrgetter("acknowledged"),
            "ack_floor.consumer_seq",
            "rate(jetstream_consumer_acknowledged_deliveries_total[5m])",
        ),
        gauge(
            "jetstream_consumer_waiting_pulls",
            "Number of waiting pull requests. Only for pull consumers.",
            attrgetter("waiting_pulls"),
            "num_waiting",
            "max_over_time(jetstream_consumer_waiting_pulls[5m]) == 0",
        ),
        gauge(
            "jetstream_consumer_push_bound",
            "Whether a client subscribes to the delivery subject. Only for push consumers.",
            attrgetter("push_bound"),
            "push_bound",
            "jetstream_consumer_push_bound == 0",
        ),
        gauge(
            "jetstream_consumer_paused",
            "Whether the consumer is paused. Its pending messages grow while it is.",
            attrgetter("paused"),
            "paused",
            "jetstream_consumer_paused == 1",
        ),
        gauge(
            "jetstream_consumer_pause_remaining_seconds",
            "Time until the consumer delivers again. Absent while the consumer is not paused. Servers 2.11 "
            "and newer.",
            attrgetter("pause_remaining"),
            "pause_remaining",
            "jetstream_consumer_pause_remaining_seconds > 86400",
            in_lean=False,
        ),
        gauge(
            "jetstream_consumer_unpinned_groups",
            "Number of priority groups without a pinned client. Only for consumers of the priority policy "
            "pinned_client (2.11 and newer).",
            attrgetter("unpinned_groups"),
            "config.priority_groups, priority_groups",
            "jetstream_consumer_unpinned_groups > 0",
        ),
        gauge(
            "jetstream_consumer_last_delivery_timestamp_seconds",
            "Time when the consumer last delivered a message or a client last reported a message as in "
            "progress. Absent before the first delivery, and also after a restart of the consumer leader's "
            "server until the next one.",
            attrgetter("last_delivery"),
            "delivered.last_active",
            "time() - jetstream_consumer_last_delivery_timestamp_seconds",
        ),
        gauge(
            "jetstream_consumer_last_ack_timestamp_seconds",
            "Time when the acknowledgement floor last changed. A purge changes it too.",
            attrgetter("last_ack"),
            "ack_floor.last_active",
            "time() - jetstream_consumer_last_ack_timestamp_seconds",
        ),
    ),
)

TABLES = (STATE,)
