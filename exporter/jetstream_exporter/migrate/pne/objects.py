"""Series of prometheus-nats-exporter about accounts, streams and consumers, and what gives each."""

from __future__ import annotations

from jetstream_exporter.migrate.alike import consumer_rows, stream_rows
from jetstream_exporter.migrate.pne.kinds import (
    ACCOUNT,
    CONSUMER,
    MIRROR,
    MIRRORS,
    SOURCE,
    SOURCES,
    STORES,
    STREAM,
    UNLIMITED,
)
from jetstream_exporter.migrate.shapes import Row

ROWS = (
    *(
        Row(
            kind=ACCOUNT,
            old=f"account_{name}_used",
            new="jetstream_account_store_used_bytes",
            where=store,
        )
        for name, store in STORES
    ),
    *(
        Row(
            kind=ACCOUNT,
            old=f"account_max_{name}",
            new="jetstream_account_store_limit_bytes",
            where=store,
            absent=("", -1),
            note=UNLIMITED,
        )
        for name, store in STORES
    ),
    *stream_rows(STREAM),
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
    *consumer_rows(CONSUMER),
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
