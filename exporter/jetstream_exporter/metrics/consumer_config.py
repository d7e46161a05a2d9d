"""Families of the configuration of consumers."""

from collections.abc import Callable
from operator import attrgetter

from jetstream_exporter.metrics.consumers import LABELS
from jetstream_exporter.metrics.families import Table, Value, flag, gauge
from jetstream_exporter.snapshot import Consumer
from jetstream_exporter.snapshot.rows import ConsumerSettings


def _config(read: Callable[[ConsumerSettings], Value]) -> Callable[[Consumer], Value]:
    return lambda consumer: None if consumer.settings is None else read(consumer.settings)


CONFIG: Table[Consumer] = Table(
    name="Consumers: configuration",
    rows=lambda snapshot: snapshot.consumers,
    labels=LABELS,
    made_of=(attrgetter("settings"), attrgetter("incarnation")),
    families=(
        gauge(
            "jetstream_consumer_max_ack_pending",
            "Maximum number of unacknowledged messages; the server stops delivering there. Absent if unlimited.",
            _config(lambda c: c.max_ack_pending),
            "config.max_ack_pending",
            "jetstream_consumer_ack_pending_messages >= jetstream_consumer_max_ack_pending",
        ),
        gauge(
            "jetstream_consumer_max_deliver",
            "Maximum number of deliveries of a message. Absent if unlimited.",
            _config(lambda c: c.max_deliver),
            "config.max_deliver",
            "jetstream_consumer_max_deliver",
        ),
        gauge(
            "jetstream_consumer_ack_wait_seconds",
            "Time after which an unacknowledged message is delivered again.",
            _config(lambda c: c.ack_wait),
            "config.ack_wait",
            "jetstream_consumer_ack_wait_seconds",
        ),
        gauge(
            "jetstream_consumer_backoff_max_seconds",
            "Longest step of the consumer's backoff: the longest time between two deliveries of an "
            "unacknowledged message. Absent without a backoff.",
            _config(lambda c: c.backoff_max),
            "config.backoff",
            "jetstream_consumer_backoff_max_seconds > 3600",
        ),
        gauge(
            "jetstream_consumer_backoff_steps",
            "Number of steps of the consumer's backoff. Absent without a backoff.",
            _config(lambda c: c.backoff_steps),
            "config.backoff",
            "jetstream_consumer_backoff_steps > jetstream_consumer_max_deliver",
            in_lean=False,
        ),
        gauge(
            "jetstream_consumer_inactive_threshold_seconds",
            "Time without a client after which the server deletes the consumer. Absent for a consumer that is "
            "never deleted.",
            _config(lambda c: c.inactive_threshold),
            "config.inactive_threshold",
            "jetstream_consumer_inactive_threshold_seconds < 3600",
            in_lean=False,
        ),
        gauge(
            "jetstream_consumer_max_waiting",
            "Maximum number of waiting pull requests. Only for pull consumers.",
            _config(lambda c: c.max_waiting),
            "config.max_waiting",
            "jetstream_consumer_waiting_pulls / jetstream_consumer_max_waiting > 0.9",
            in_lean=False,
        ),
        gauge(
            "jetstream_consumer_created_timestamp_seconds",
            "Creation time of the consumer.",
            lambda c: c.incarnation.created,
            "created",
            "jetstream_consumer_created_timestamp_seconds",
        ),
        gauge(
            "jetstream_consumer_monitoring_enabled",
            "Whether the consumer can raise alerts: 0 if the metadata `io.jetstream-exporter.monitor` is "
            "false. Absent if the metadata has no such key.",
            _config(lambda c: c.monitored),
            "config.metadata",
            "jetstream_consumer_monitoring_enabled == 0",
        ),
    ),
)

INFO: Table[Consumer] = Table(
    name="Consumers: info",
    rows=lambda snapshot: snapshot.consumers,
    base=LABELS,
    labels={
        **LABELS,
        "ack_policy": lambda c: c.settings.ack_policy if c.settings else "",
        "deliver_policy": lambda c: c.settings.deliver_policy if c.settings else "",
        "type": lambda c: "push" if c.settings and c.settings.push else "pull",
        "durable": lambda c: flag(c.settings is not None and c.settings.durable),
        "filtered": lambda c: flag(c.settings is not None and c.settings.filtered),
        "role": lambda c: c.settings.role if c.settings else "",
    },
    added=attrgetter("settings"),
    families=(
        gauge(
            "jetstream_consumer_info",
            "Always 1. The labels hold the policies of the consumer, its type (pull, push), whether it is "
            "durable and filtered, and its role: mirror or source if another stream copies through it (2.14 "
            "and newer), otherwise empty.",
            _config(lambda _: 1),
            "config",
            'jetstream_consumer_info{ack_policy="none",durable="true"}',
        ),
    ),
)

TABLES = (CONFIG, INFO)
