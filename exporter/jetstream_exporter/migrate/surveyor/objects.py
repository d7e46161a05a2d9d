"""Series of nats-surveyor about accounts, streams and consumers, and what gives each."""

from __future__ import annotations

from jetstream_exporter.migrate.alike import consumer_rows, stream_rows
from jetstream_exporter.migrate.pne.kinds import STORES, UNLIMITED
from jetstream_exporter.migrate.shapes import Row
from jetstream_exporter.migrate.surveyor.kinds import (
    ACCOUNT,
    CONSUMER,
    EVENTS,
    STREAM,
    STREAM_EVENTS,
    STREAM_OF_ACCOUNT,
)

_EVENTS = "It requires `advisories` for the account in the configuration."

ACCOUNT_ROWS = (
    *(
        Row(
            kind=ACCOUNT,
            old=f"core_account_jetstream_{old}_{used}",
            new=f"jetstream_account_store_{new}_bytes",
            where=where,
            absent=None if used == "used" else ("", 0),
            note="" if used == "used" else UNLIMITED,
        )
        for old, where in STORES
        for used, new in (("used", "used"), ("reserved", "limit"))
    ),
    Row(
        kind=ACCOUNT,
        old="core_account_jetstream_stream_count",
        new="jetstream_stream_has_leader",
        form="count without (stream) ($x)",
        absent=("", 0),
        note="An account without a stream has no series.",
    ),
    Row(
        kind=STREAM_OF_ACCOUNT,
        old="core_account_jetstream_consumer_count",
        new="jetstream_stream_consumers",
    ),
    Row(
        kind=STREAM_OF_ACCOUNT,
        old="core_account_jetstream_replica_count",
        new="jetstream_stream_replicas",
    ),
)

EVENT_ROWS = (
    *(
        Row(kind=EVENTS, old=f"jetstream_{old}", new=new, rules=False, note=_EVENTS)
        for old, new in (
            ("delivery_exceeded_count", "jetstream_consumer_max_deliveries_total"),
            ("delivery_terminated_count", "jetstream_consumer_terminations_total"),
            ("consumer_nak", "jetstream_consumer_naks_total"),
            ("consumer_quorum_lost", "jetstream_consumer_quorum_lost_total"),
        )
    ),
    Row(
        kind=STREAM_EVENTS,
        old="jetstream_stream_quorum_lost",
        new="jetstream_stream_quorum_lost_total",
        rules=False,
        note=_EVENTS,
    ),
    Row(
        kind=STREAM_EVENTS,
        old="jetstream_stream_leader_elected",
        new="jetstream_stream_leader_changes_total",
        rules=False,
        note="It is counted from successive scrapes and not from events.",
    ),
    Row(
        kind=STREAM_EVENTS,
        old="jetstream_consumer_leader_elected",
        new="jetstream_consumer_leader_changes_total",
        rules=False,
        note="It is counted from successive scrapes and not from events.",
    ),
)

ROWS = (*ACCOUNT_ROWS, *stream_rows(STREAM), *consumer_rows(CONSUMER), *EVENT_ROWS)
