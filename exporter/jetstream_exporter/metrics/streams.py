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


def ratio(used: int | None, limit: int | None) -> float | None:
    """None where either is not known, or there is no limit."""
    return used / limit if limit and used is not None else None


def storage_ratio(stream: Stream) -> float | None:
    if stream.figures is None or stream.settings is None:
        return None
    return ratio(stream.figures.bytes, stream.settings.max_bytes)


def messages_ratio(stream: Stream) -> float | None:
    if stream.figures is None or stream.settings is None:
        return None
    return ratio(stream.figures.messages, stream.settings.max_messages)


STATE: Table[Stream] = Table(
    name="Streams",
    rows=lambda snapshot: snapshot.streams,
    labels=LABELS,
    families=(
        gauge(
            "jetstream_stream_messages",
            "Number of messages in the stream.",
            _state(lambda f: f.messages),
            "state.messages",
            "jetstream_stream_messages",
        ),
        gauge(
            "jetstream_stream_bytes",
            "Size of the stream in bytes, for one replica.",
            _state(lambda f: f.bytes),
            "state.bytes",
            "topk(10, jetstream_stream_bytes)",
        ),
        gauge(
            "jetstream_stream_first_sequence",
            "Sequence of the oldest message. In an empty stream it is the last sequence plus one, and 0 if "
            "the stream never had a message.",
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
            "Messages ever stored in the stream, including those removed since.",
            _state(lambda f: f.last_sequence),
            "state.last_seq",
            "rate(jetstream_stream_stored_messages_total[5m])",
        ),
        gauge(
            "jetstream_stream_subjects",
            "Number of distinct subjects of the messages in the stream.",
            _state(lambda f: f.subjects),
            "state.num_subjects",
            "jetstream_stream_subjects",
        ),
        gauge(
            "jetstream_stream_deleted_messages",
            "Number of deleted messages between the first and the last message.",
            _state(lambda f: f.deleted),
            "state.num_deleted",
            "jetstream_stream_deleted_messages",
        ),
        gauge(
            "jetstream_stream_lost_messages",
            "Number of messages that were lost on the disk of the leader.",
            _state(lambda f: f.lost),
            "state.lost",
            "jetstream_stream_lost_messages > 0",
        ),
        gauge(
            "jetstream_stream_consumers",
            "Number of consumers of the stream on all servers, including ephemeral consumers.",
            lambda s: s.consumers,
            "counted over all reports",
            "jetstream_stream_consumers",
        ),
        gauge(
            "jetstream_stream_sources",
            "Number of sources of the stream; several of one origin count each. Absent without sources.",
            lambda s: s.source_count or None,
            "sources",
            "jetstream_stream_sources",
        ),
        gauge(
            "jetstream_stream_first_message_timestamp_seconds",
            "Time when the oldest message was stored. Absent while the stream is empty.",
            _state(lambda f: f.first_time),
            "state.first_ts",
            "time() - jetstream_stream_first_message_timestamp_seconds",
        ),
        gauge(
            "jetstream_stream_first_message_age_seconds",
            "Age of the oldest message, by the clock of the server that stores it. Absent while the stream is empty.",
            _state(lambda f: f.first_age),
            "jsz now - state.first_ts",
            "jetstream_stream_first_message_age_seconds / jetstream_stream_max_age_seconds > 0.75",
        ),
        gauge(
            "jetstream_stream_last_message_timestamp_seconds",
            "Time when the newest message was stored. Absent while the stream is empty.",
            _state(lambda f: f.last_time),
            "state.last_ts",
            "time() - jetstream_stream_last_message_timestamp_seconds",
            in_lean=False,
        ),
        gauge(
            "jetstream_stream_storage_ratio",
            "Size of the stream divided by max_bytes. Absent if the stream has no such limit.",
            storage_ratio,
            "state.bytes / config.max_bytes",
            "jetstream_stream_storage_ratio > 0.8",
        ),
        gauge(
            "jetstream_stream_messages_ratio",
            "Number of messages divided by max_msgs. Absent if the stream has no such limit.",
            messages_ratio,
            "state.messages / config.max_msgs",
            "jetstream_stream_messages_ratio > 0.8",
        ),
        gauge(
            "jetstream_stream_ephemeral_consumers",
            "Number of ephemeral consumers of the stream.",
            lambda s: s.ephemerals.count,
            "consumers without durable_name",
            "jetstream_stream_ephemeral_consumers > 100",
            in_lean=False,
        ),
        gauge(
            "jetstream_stream_ephemeral_pending_messages",
            "Number of messages that are not delivered yet, summed over the ephemeral consumers of the stream.",
            lambda s: s.ephemerals.pending,
            "num_pending, summed",
            "jetstream_stream_ephemeral_pending_messages",
            in_lean=False,
        ),
        gauge(
            "jetstream_stream_ephemeral_pending_messages_max",
            "Number of messages that are not delivered yet, for the ephemeral consumer with the most of them.",
            lambda s: s.ephemerals.pending_max,
            "num_pending, highest",
            "jetstream_stream_ephemeral_pending_messages_max",
            in_lean=False,
        ),
    ),
)

TABLES = (STATE,)
