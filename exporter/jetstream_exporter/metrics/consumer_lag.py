"""Families of how long messages wait for a consumer."""

from operator import attrgetter

from jetstream_exporter.metrics.consumers import LABELS
from jetstream_exporter.metrics.families import Table, gauge
from jetstream_exporter.snapshot import Consumer
from jetstream_exporter.snapshot.rows import NO_LAG

LAG: Table[Consumer] = Table(
    name="Consumers: age of what waits",
    rows=lambda snapshot: snapshot.consumers,
    labels=LABELS,
    parts=lambda snapshot: snapshot.lags,
    no_part=NO_LAG,
    families=(
        gauge(
            "jetstream_consumer_oldest_pending_timestamp_seconds",
            "Time by which the oldest message not delivered yet was stored; it may be older. Absent while nothing "
            "waits.",
            attrgetter("pending"),
            "derived from successive scrapes",
            "time() - jetstream_consumer_oldest_pending_timestamp_seconds > 300",
        ),
        gauge(
            "jetstream_consumer_oldest_unacknowledged_timestamp_seconds",
            "Time by which the first message above the acknowledgement floor was stored; it may be older. Absent for "
            "acknowledgement policy none.",
            attrgetter("unacknowledged"),
            "derived from successive scrapes",
            "time() - jetstream_consumer_oldest_unacknowledged_timestamp_seconds > 300",
            in_lean=False,
        ),
        gauge(
            "jetstream_consumer_oldest_pending_error_seconds",
            "How much earlier the oldest message not delivered yet may have been stored. Absent where nothing "
            "bounds it.",
            attrgetter("pending_error"),
            "derived from successive scrapes",
            "jetstream_consumer_oldest_pending_error_seconds",
            in_lean=False,
        ),
    ),
)

TABLES = (LAG,)
