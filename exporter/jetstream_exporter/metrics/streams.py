"""Families of a stream's state, as its leader reports it."""

from collections.abc import Callable

from jetstream_exporter.metrics.families import Table, Value, counter, gauge
from jetstream_exporter.snapshot import Stream
from jetstream_exporter.snapshot.rows import StreamFigures

LABELS: dict[str, Callable[[Stream], str]] = {
    "nats_cluster": lambda s: s.cluster,
    "account": lambda s: s.account,
    "stream": lambda s: s.name,
}


def _state(read: Callable[[StreamFigures], Value]) -> Callable[[Stream], Value]:
    return lambda stream: None if stream.figures is None else read(stream.figures)


def _ratio(used: int, limit: int | None) -> float | None:
    return used / limit if limit else None


def _storage_ratio(stream: Stream) -> float | None:
    if stream.figures is None or stream.settings is None:
        return None
    return _ratio(stream.figures.bytes, stream.settings.max_bytes)


def _messages_ratio(stream: Stream) -> float | None:
    if stream.figures is None or stream.settings is None:
        return None
    return _ratio(stream.figures.messages, stream.settings.max_messages)


STATE: Table[Stream] = Table(
    name="Streams",
    rows=lambda snapshot: snapshot.streams,
    labels=LABELS,
    families=(
        gauge(
            "jetstream_stream_messages",
            "Messages in the stream.",
            _state(lambda f: f.messages),
            "state.messages",
            "jetstream_stream_messages",
        ),
        gauge(
            "jetstream_stream_bytes",
            "Bytes of the stream, one replica's.",
            _state(lambda f: f.bytes),
            "state.bytes",
            "topk(10, jetstream_stream_bytes)",
        ),
        gauge(
            "jetstream_stream_first_sequence",
            "Sequence of the oldest message; one above the last sequence while the stream is empty, 0 while it is new.",
            _state(lambda f: f.first_sequence),
            "state.first_seq",
            "changes(jetstream_stream_first_sequence[1h]) == 0",
        ),
        gauge(
            "jetstream_stream_last_sequence",
            "Sequence of the newest message.",
            _state(lambda f: f.last_sequence),
            "state.last_seq",
            "jetstream_stream_last_sequence",
        ),
        counter(
            "jetstream_stream_stored_messages_total",
            "Messages ever stored in the stream, those that were removed since included.",
            _state(lambda f: f.last_sequence),
            "state.last_seq",
            "rate(jetstream_stream_stored_messages_total[5m])",
        ),
        gauge(
            "jetstream_stream_subjects",
            "Distinct subjects among the stream's messages.",
            _state(lambda f: f.subjects),
            "state.num_subjects",
            "jetstream_stream_subjects",
        ),
        gauge(
            "jetstream_stream_deleted_messages",
            "Messages deleted from between the first and the last.",
            _state(lambda f: f.deleted),
            "state.num_deleted",
            "jetstream_stream_deleted_messages",
        ),
        gauge(
            "jetstream_stream_lost_messages",
            "Messages that the leader's disk lost.",
            _state(lambda f: f.lost),
            "state.lost",
            "jetstream_stream_lost_messages > 0",
        ),
        gauge(
            "jetstream_stream_consumers",
            "Consumers of the stream, ephemeral ones included, over all servers.",
            lambda s: s.consumers,
            "counted over all reports",
            "jetstream_stream_consumers",
        ),
        gauge(
            "jetstream_stream_first_message_timestamp_seconds",
            "When the oldest message was stored; absent while the stream is empty.",
            _state(lambda f: f.first_time),
            "state.first_ts",
            "time() - jetstream_stream_first_message_timestamp_seconds",
        ),
        gauge(
            "jetstream_stream_last_message_timestamp_seconds",
            "When the newest message was stored; absent while the stream is empty.",
            _state(lambda f: f.last_time),
            "state.last_ts",
            "time() - jetstream_stream_last_message_timestamp_seconds",
        ),
        gauge(
            "jetstream_stream_storage_ratio",
            "Bytes of the stream by max_bytes; absent without that limit.",
            _storage_ratio,
            "state.bytes / config.max_bytes",
            "jetstream_stream_storage_ratio > 0.8",
        ),
        gauge(
            "jetstream_stream_messages_ratio",
            "Messages of the stream by max_msgs; absent without that limit.",
            _messages_ratio,
            "state.messages / config.max_msgs",
            "jetstream_stream_messages_ratio > 0.8",
        ),
        gauge(
            "jetstream_stream_ephemeral_consumers",
            "Ephemeral consumers of the stream.",
            lambda s: s.ephemerals.count,
            "consumers without durable_name",
            "jetstream_stream_ephemeral_consumers > 100",
        ),
        gauge(
            "jetstream_stream_ephemeral_pending_messages",
            "Messages not delivered yet, summed over the stream's ephemeral consumers.",
            lambda s: s.ephemerals.pending,
            "num_pending, summed",
            "jetstream_stream_ephemeral_pending_messages",
        ),
        gauge(
            "jetstream_stream_ephemeral_pending_messages_max",
            "Messages not delivered yet to the ephemeral consumer that is furthest behind.",
            lambda s: s.ephemerals.pending_max,
            "num_pending, highest",
            "jetstream_stream_ephemeral_pending_messages_max",
        ),
    ),
)

TABLES = (STATE,)
