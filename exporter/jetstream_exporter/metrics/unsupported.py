"""Families of what a server's version does not serve: it was made by a newer one."""

from jetstream_exporter.metrics import consumers, streams
from jetstream_exporter.metrics.families import Table, gauge
from jetstream_exporter.snapshot import Consumer, Stream

STREAMS: Table[Stream] = Table(
    name="Streams: not supported",
    rows=lambda snapshot: (row for row in snapshot.streams if row.unsupported is not None),
    labels={**streams.LABELS, "reason": lambda s: s.unsupported or ""},
    families=(
        gauge(
            "jetstream_stream_unsupported_info",
            "Always 1. The version of the servers does not support the stream; the label `reason` says why. "
            "In a cluster only the `accounts` source reports this; on a standalone server every source does.",
            lambda _: 1,
            "$JS.API.STREAM.LIST offline, or the level that the stream requires",
            "jetstream_stream_unsupported_info",
            in_lean=False,
        ),
    ),
)

CONSUMERS: Table[Consumer] = Table(
    name="Consumers: not supported",
    rows=lambda snapshot: (row for row in snapshot.consumers if row.unsupported is not None),
    labels={**consumers.LABELS, "reason": lambda c: c.unsupported or ""},
    families=(
        gauge(
            "jetstream_consumer_unsupported_info",
            "Always 1. The version of the servers does not support the consumer; the label `reason` says "
            "why. Only the `accounts` source reports this.",
            lambda _: 1,
            "$JS.API.CONSUMER.LIST offline",
            "jetstream_consumer_unsupported_info",
            in_lean=False,
        ),
    ),
)

TABLES = (STREAMS, CONSUMERS)
