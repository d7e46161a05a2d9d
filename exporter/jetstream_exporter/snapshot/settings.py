"""Configurations of streams and consumers as rows."""

from collections.abc import Sequence

from jetstream_exporter.snapshot.metadata import object_metadata
from jetstream_exporter.snapshot.rows import ConsumerSettings, StreamFeatures, StreamSettings
from jetstream_exporter.snapshot.thresholds import (
    consumer_thresholds,
    monitored,
    stream_thresholds,
)
from jetstream_exporter.snapshot.units import duration, limit
from jetstream_exporter.wire import ConsumerConfig, Metadata, StreamConfig

LEVEL_KEY, LEVEL_DIGITS = "_nats.req.level", 9
PINNED = "pinned_client"
LONGEST_TEXT = 128  # characters of a text that becomes a label


def stream_settings(config: StreamConfig, keys: Sequence[str] = ()) -> StreamSettings:
    """`keys` are the metadata keys whose values become labels."""
    return StreamSettings(
        retention=config.retention,
        storage=config.storage,
        discard=config.discard,
        subjects=tuple(config.subjects),
        replicas=config.num_replicas,
        max_bytes=limit(config.max_bytes),
        max_messages=limit(config.max_msgs),
        max_age=duration(config.max_age),
        max_consumers=limit(config.max_consumers),
        max_message_bytes=limit(config.max_msg_size),
        max_messages_per_subject=limit(config.max_msgs_per_subject),
        duplicate_window=duration(config.duplicate_window),
        required_level=_level(config.metadata),
        monitored=monitored(config.metadata or {}),
        metadata=object_metadata(config.metadata, stream_thresholds, keys),
        rollups=config.allow_rollup_hdrs,
        message_ttl=config.allow_msg_ttl,
        features=_features(config),
    )


def _features(config: StreamConfig) -> StreamFeatures:
    placement = config.placement
    tags = sorted(placement.tags or ()) if placement else ()
    return StreamFeatures(
        compression=config.compression[:LONGEST_TEXT],
        allow_direct=config.allow_direct,
        mirror_direct=config.mirror_direct,
        allow_msg_counter=config.allow_msg_counter,
        allow_atomic_publish=config.allow_atomic,
        deny_delete=config.deny_delete,
        deny_purge=config.deny_purge,
        sealed=config.sealed,
        subject_transform=config.subject_transform is not None,
        republish=config.republish is not None,
        placement_cluster=placement.cluster[:LONGEST_TEXT] if placement else "",
        placement_tags=",".join(tags)[:LONGEST_TEXT],
    )


def _level(metadata: Metadata | None) -> int:
    text = metadata.get(LEVEL_KEY, "") if metadata else ""
    # Before 2.11 whoever creates the stream may write any text there.
    return int(text) if text.isdecimal() and len(text) <= LEVEL_DIGITS else 0


def _role(config: ConsumerConfig) -> str:
    """Which kind of copy the consumer serves; empty for a consumer that a client made."""
    if not config.sourcing:
        return ""
    return "mirror" if config.durable_name.startswith("JS_MIRROR_") else "source"


def consumer_settings(config: ConsumerConfig, keys: Sequence[str] = ()) -> ConsumerSettings:
    """`keys` are the metadata keys whose values become labels."""
    push = bool(config.deliver_subject)
    return ConsumerSettings(
        durable=bool(config.durable_name),
        push=push,
        filtered=bool(config.filter_subject or config.filter_subjects),
        ack_policy=config.ack_policy,
        deliver_policy=config.deliver_policy,
        ack_wait=duration(config.ack_wait),
        max_deliver=limit(config.max_deliver),
        max_ack_pending=limit(config.max_ack_pending),
        max_waiting=None if push else limit(config.max_waiting),
        replicas=config.num_replicas,
        sampled=config.sample_freq not in ("", "0", "0%"),
        backoff_max=duration(max(config.backoff, default=0)),
        backoff_steps=len(config.backoff) or None,
        inactive_threshold=duration(config.inactive_threshold),
        role=_role(config),
        monitored=monitored(config.metadata or {}),
        metadata=object_metadata(config.metadata, consumer_thresholds, keys),
        pinned_groups=len(config.priority_groups) if config.priority_policy == PINNED else 0,
        filters=hash((config.filter_subject, *config.filter_subjects)),
    )


def consumer_replicas(
    consumer: ConsumerSettings | None, stream: StreamSettings | None
) -> int | None:
    """How many replicas a consumer should have (`ConsumerConfig.replicas`, consumer.go).

    0 is the stream's number, except that an ephemeral of a stream with limits retention has one replica.
    """
    if stream is None or stream.replicas == 1:
        return None if stream is None else 1
    if consumer is None:
        return None
    if consumer.replicas:
        return min(consumer.replicas, stream.replicas)
    return 1 if not consumer.durable and stream.retention == "limits" else stream.replicas
