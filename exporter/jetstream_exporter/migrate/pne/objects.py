"""Series of prometheus-nats-exporter about accounts, streams and consumers, and what gives each."""

from __future__ import annotations

from jetstream_exporter.migrate.pne.kinds import (
    ACCOUNT,
    CONSUMER,
    FILE,
    MEMORY,
    MIRROR,
    MIRRORS,
    SOURCE,
    SOURCES,
    STREAM,
    UNLIMITED,
)
from jetstream_exporter.migrate.shapes import Row, plain

ROWS = (
    Row(
        kind=ACCOUNT,
        old="account_storage_used",
        new="jetstream_account_store_used_bytes",
        where=FILE,
    ),
    Row(
        kind=ACCOUNT,
        old="account_memory_used",
        new="jetstream_account_store_used_bytes",
        where=MEMORY,
    ),
    Row(
        kind=ACCOUNT,
        old="account_max_storage",
        new="jetstream_account_store_limit_bytes",
        where=FILE,
        absent=("", -1),
        note=UNLIMITED,
    ),
    Row(
        kind=ACCOUNT,
        old="account_max_memory",
        new="jetstream_account_store_limit_bytes",
        where=MEMORY,
        absent=("", -1),
        note=UNLIMITED,
    ),
    Row(
        kind=STREAM,
        old="stream_total_messages",
        new="jetstream_stream_messages",
        rate="jetstream_stream_stored_messages_total",
    ),
    Row(
        kind=STREAM,
        old="stream_last_seq",
        new="jetstream_stream_last_sequence",
        rate="jetstream_stream_stored_messages_total",
    ),
    *plain(
        STREAM,
        """stream_total_bytes jetstream_stream_bytes
stream_first_seq jetstream_stream_first_sequence
stream_consumer_count jetstream_stream_consumers
stream_subject_count jetstream_stream_subjects""",
    ),
    *(
        Row(
            kind=STREAM,
            old=f"stream_limit_{what}",
            new=f"jetstream_stream_max_{what}",
            absent=("jetstream_stream_replicas", -1),
            note=UNLIMITED,
        )
        for what in ("bytes", "messages")
    ),
    Row(
        kind=SOURCES,
        old="stream_source_lag",
        new="jetstream_stream_source_lag_messages",
        where=SOURCE,
    ),
    Row(
        kind=MIRRORS,
        old="stream_mirror_lag",
        new="jetstream_stream_source_lag_messages",
        where=MIRROR,
    ),
    *(
        Row(
            kind=kind,
            old=f"stream_{name}_active_duration_ns",
            new="jetstream_stream_source_last_seen_seconds",
            form="$x * 1e9",
            where={"kind": name},
            absent=("", -1),
            note="It is absent instead of -1 if the origin was never seen.",
        )
        for kind, name in ((SOURCES, "source"), (MIRRORS, "mirror"))
    ),
    *plain(
        CONSUMER,
        """consumer_delivered_consumer_seq jetstream_consumer_deliveries_total
consumer_delivered_stream_seq jetstream_consumer_delivered_sequence
consumer_ack_floor_consumer_seq jetstream_consumer_acknowledged_deliveries_total
consumer_ack_floor_stream_seq jetstream_consumer_ack_floor_sequence
consumer_num_ack_pending jetstream_consumer_ack_pending_messages
consumer_num_redelivered jetstream_consumer_redelivered_messages
consumer_num_pending jetstream_consumer_pending_messages""",
    ),
    Row(
        kind=CONSUMER,
        old="consumer_num_waiting",
        new="jetstream_consumer_waiting_pulls",
        absent=("jetstream_consumer_push_bound", 0),
        note="Push consumers have no series; the value was 0.",
    ),
    *(
        Row(
            kind=CONSUMER,
            old=f"consumer_last_{what}_seconds",
            new=f"jetstream_consumer_last_{what}_timestamp_seconds",
            form="time() - $x",
        )
        for what in ("delivery", "ack")
    ),
)
