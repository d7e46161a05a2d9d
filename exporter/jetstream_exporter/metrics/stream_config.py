"""Families of a stream's configuration, which any of its replicas can report."""

from collections.abc import Callable

from jetstream_exporter.metrics.families import Table, Value, flag, gauge
from jetstream_exporter.metrics.streams import LABELS
from jetstream_exporter.snapshot import Stream
from jetstream_exporter.snapshot.rows import StreamFeatures, StreamSettings
from jetstream_exporter.snapshot.rows.streams import NO_FEATURES

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
            "Maximum size of the stream in bytes. Absent if unlimited.",
            _config(lambda c: c.max_bytes),
            "config.max_bytes",
            "jetstream_stream_max_bytes",
        ),
        gauge(
            "jetstream_stream_max_messages",
            "Maximum number of messages in the stream. Absent if unlimited.",
            _config(lambda c: c.max_messages),
            "config.max_msgs",
            "jetstream_stream_max_messages",
        ),
        gauge(
            "jetstream_stream_max_age_seconds",
            "Maximum age of messages; older messages are removed. Absent if unlimited.",
            _config(lambda c: c.max_age),
            "config.max_age",
            "jetstream_stream_max_age_seconds",
        ),
        gauge(
            "jetstream_stream_max_consumers",
            "Maximum number of consumers in the configuration of the stream. Absent if unlimited there.",
            _config(lambda c: c.max_consumers),
            "config.max_consumers",
            "jetstream_stream_consumers / jetstream_stream_max_consumers > 0.9",
        ),
        gauge(
            "jetstream_stream_max_message_bytes",
            "Maximum size of a message. Absent if unlimited.",
            _config(lambda c: c.max_message_bytes),
            "config.max_msg_size",
            "jetstream_stream_max_message_bytes",
            in_lean=False,
        ),
        gauge(
            "jetstream_stream_max_messages_per_subject",
            "Maximum number of messages for each subject. Absent if unlimited.",
            _config(lambda c: c.max_messages_per_subject),
            "config.max_msgs_per_subject",
            "jetstream_stream_max_messages_per_subject",
        ),
        gauge(
            "jetstream_stream_duplicate_window_seconds",
            "Duration for which message IDs (Nats-Msg-Id) are tracked to detect duplicates.",
            _config(lambda c: c.duplicate_window),
            "config.duplicate_window",
            "jetstream_stream_duplicate_window_seconds",
            in_lean=False,
        ),
        gauge(
            "jetstream_stream_replicas",
            "Configured number of replicas.",
            _config(lambda c: c.replicas),
            "config.num_replicas",
            "jetstream_stream_replicas == 1",
        ),
        gauge(
            "jetstream_stream_created_timestamp_seconds",
            "Creation time of the stream.",
            lambda s: s.incarnation.created,
            "created",
            "jetstream_stream_created_timestamp_seconds",
        ),
        gauge(
            "jetstream_stream_monitoring_enabled",
            "Whether the stream and its consumers can raise alerts: 0 if the metadata "
            "`io.jetstream-exporter.monitor` is false. Absent if the metadata has no such key.",
            _config(lambda c: c.monitored),
            "config.metadata",
            "jetstream_stream_monitoring_enabled == 0",
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
            "Always 1. The labels hold the retention, storage and discard policy of the stream, its kind "
            "(stream, kv, object, mqtt) and its role (dead_letter or empty).",
            lambda _: 1,
            "config",
            'jetstream_stream_info{discard="new"}',
        ),
    ),
)


def _features(stream: Stream) -> StreamFeatures:
    return stream.settings.features if stream.settings else NO_FEATURES


FEATURES: Table[Stream] = Table(
    name="Streams: features",
    rows=lambda snapshot: (row for row in snapshot.streams if row.settings is not None),
    labels={
        **LABELS,
        "compression": lambda s: _features(s).compression,
        "allow_direct": lambda s: flag(_features(s).allow_direct),
        "mirror_direct": lambda s: flag(_features(s).mirror_direct),
        "allow_msg_ttl": lambda s: flag(s.settings is not None and s.settings.message_ttl),
        "allow_msg_counter": lambda s: flag(_features(s).allow_msg_counter),
        "allow_atomic_publish": lambda s: flag(_features(s).allow_atomic_publish),
        "allow_rollup": lambda s: flag(s.settings is not None and s.settings.rollups),
        "deny_delete": lambda s: flag(_features(s).deny_delete),
        "deny_purge": lambda s: flag(_features(s).deny_purge),
        "sealed": lambda s: flag(_features(s).sealed),
        "subject_transform": lambda s: flag(_features(s).subject_transform),
        "republish": lambda s: flag(_features(s).republish),
        "placement_cluster": lambda s: _features(s).placement_cluster,
        "placement_tags": lambda s: _features(s).placement_tags,
    },
    families=(
        gauge(
            "jetstream_stream_features_info",
            "Always 1. The labels hold the compression and the placement of the stream, and whether it "
            "serves reads from any replica (allow_direct, mirror_direct), lets message headers remove older "
            "messages (allow_rollup) or set an expiry time (allow_msg_ttl), counts (allow_msg_counter), "
            "accepts batches (allow_atomic_publish), refuses deletions (deny_delete, deny_purge) or any "
            "change (sealed), and rewrites or republishes subjects. Texts are cut after 128 characters.",
            lambda _: 1,
            "config",
            'jetstream_stream_features_info{allow_rollup="true"}',
        ),
    ),
)

TABLES = (CONFIG, INFO, FEATURES)
