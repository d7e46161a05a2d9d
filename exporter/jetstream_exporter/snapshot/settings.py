"""Configurations of streams and consumers as rows."""

from jetstream_exporter.snapshot.rows import ConsumerSettings, StreamSettings
from jetstream_exporter.snapshot.units import duration, limit
from jetstream_exporter.wire import ConsumerConfig, Metadata, StreamConfig


def stream_settings(config: StreamConfig) -> StreamSettings:
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
    )


def _level(metadata: Metadata | None) -> int:
    text = metadata.required_level if metadata else ""
    return int(text) if text.isdecimal() else 0


def consumer_settings(config: ConsumerConfig) -> ConsumerSettings:
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
