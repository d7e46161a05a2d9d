"""The series of prometheus-nats-exporter, without their prefixes."""

from jetstream_exporter.migrate.pne import connections, rows
from jetstream_exporter.migrate.pne.missing import MISSING

ROWS = (*rows.ROWS, *connections.ROWS)

__all__ = ["MISSING", "ROWS"]
