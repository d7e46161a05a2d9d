"""Rows that both exporters have under the same names: what they say of streams and consumers is the servers' own."""

from __future__ import annotations

from jetstream_exporter.migrate.shapes import Kind, Row, plain


def stream_rows(kind: Kind) -> tuple[Row, ...]:
    stored = "jetstream_stream_stored_messages_total"
    return (
        Row(kind=kind, old="stream_total_messages", new="jetstream_stream_messages", rate=stored),
        Row(kind=kind, old="stream_last_seq", new="jetstream_stream_last_sequence", rate=stored),
        *plain(
            kind,
            """total_bytes jetstream_stream_bytes
first_seq jetstream_stream_first_sequence
consumer_count jetstream_stream_consumers
subject_count jetstream_stream_subjects""",
            "stream_",
        ),
    )


def consumer_rows(kind: Kind) -> tuple[Row, ...]:
    return (
        *plain(
            kind,
            """delivered_consumer_seq jetstream_consumer_deliveries_total
delivered_stream_seq jetstream_consumer_delivered_sequence
ack_floor_consumer_seq jetstream_consumer_acknowledged_deliveries_total
ack_floor_stream_seq jetstream_consumer_ack_floor_sequence
num_ack_pending jetstream_consumer_ack_pending_messages
num_redelivered jetstream_consumer_redelivered_messages
num_pending jetstream_consumer_pending_messages""",
            "consumer_",
        ),
        Row(
            kind=kind,
            old="consumer_num_waiting",
            new="jetstream_consumer_waiting_pulls",
            absent=("jetstream_consumer_push_bound", 0),
            note="Push consumers have no series; the value was 0.",
        ),
    )
