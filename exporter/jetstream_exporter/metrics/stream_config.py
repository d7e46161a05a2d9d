"""Families of a stream's configuration, which any of its replicas can report."""

from collections.abc import Callable

from jetstream_exporter.metrics.families import Table, Value, gauge
from jetstream_exporter.metrics.streams import LABELS
from jetstream_exporter.snapshot import Stream
from jetstream_exporter.snapshot.rows import StreamSettings

PREFIXES = {"KV_": "kv", "OBJ_": "object", "$MQTT_": "mqtt"}


def _config(read: Callable[[StreamSettings], Value]) -> Callable[[Stream], Value]:
    return lambda stream: None if stream.settings is None else read(stream.settings)


def kind(stream: Stream) -> str:
    """What the stream is used as, by the prefix of its name: kv, object, mqtt or stream."""
    for prefix, name in PREFIXES.items():
        if stream.name.startswith(prefix):
            return name
    return "stream"


CONFIG: Table[Stream] = Table(
    name="Streams: configuration",
    rows=lambda snapshot: snapshot.streams,
    labels=LABELS,
    families=(
        gauge(
            "jetstream_stream_max_bytes",
            "Most bytes that the stream may hold; absent when unlimited.",
            _config(lambda c: c.max_bytes),
            "config.max_bytes",
            "jetstream_stream_max_bytes",
        ),
        gauge(
            "jetstream_stream_max_messages",
            "Most messages that the stream may hold; absent when unlimited.",
            _config(lambda c: c.max_messages),
            "config.max_msgs",
            "jetstream_stream_max_messages",
        ),
        gauge(
            "jetstream_stream_max_age_seconds",
            "Age at which a message is removed; absent when unlimited.",
            _config(lambda c: c.max_age),
            "config.max_age",
            "jetstream_stream_max_age_seconds",
        ),
        gauge(
            "jetstream_stream_max_consumers",
            "Most consumers that the stream may have; absent when unlimited by its configuration.",
            _config(lambda c: c.max_consumers),
            "config.max_consumers",
            "jetstream_stream_consumers / jetstream_stream_max_consumers > 0.9",
        ),
        gauge(
            "jetstream_stream_max_message_bytes",
            "Largest message that the stream takes; absent when unlimited.",
            _config(lambda c: c.max_message_bytes),
            "config.max_msg_size",
            "jetstream_stream_max_message_bytes",
        ),
        gauge(
            "jetstream_stream_max_messages_per_subject",
            "Most messages kept for one subject; absent when unlimited.",
            _config(lambda c: c.max_messages_per_subject),
            "config.max_msgs_per_subject",
            "jetstream_stream_max_messages_per_subject",
        ),
        gauge(
            "jetstream_stream_duplicate_window_seconds",
            "How long a Nats-Msg-Id is remembered.",
            _config(lambda c: c.duplicate_window),
            "config.duplicate_window",
            "jetstream_stream_duplicate_window_seconds",
        ),
        gauge(
            "jetstream_stream_replicas",
            "Replicas that the stream is configured with.",
            _config(lambda c: c.replicas),
            "config.num_replicas",
            "jetstream_stream_replicas == 1",
        ),
        gauge(
            "jetstream_stream_created_timestamp_seconds",
            "When the stream was created.",
            lambda s: s.identity.created,
            "created",
            "jetstream_stream_created_timestamp_seconds",
        ),
    ),
)

INFO: Table[Stream] = Table(
    name="Streams: info",
    rows=lambda snapshot: (row for row in snapshot.streams if row.settings is not None),
    labels={
        **LABELS,
        "retention": lambda s: s.settings.retention if s.settings else "",
        "storage": lambda s: s.settings.storage if s.settings else "",
        "discard": lambda s: s.settings.discard if s.settings else "",
        "kind": kind,
        "role": lambda s: "dead_letter" if s.dead_letter else "",
    },
    families=(
        gauge(
            "jetstream_stream_info",
            "Always 1; carries the stream's retention, storage and discard policy, its kind (stream, kv, object, "
            "mqtt) and its role (dead_letter or empty).",
            lambda _: 1,
            "config",
            'jetstream_stream_info{discard="new"}',
        ),
    ),
)

TABLES = (CONFIG, INFO)
