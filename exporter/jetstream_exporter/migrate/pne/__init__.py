"""The series of prometheus-nats-exporter, without their prefixes."""

from jetstream_exporter.migrate.pne import connections, objects, servers
from jetstream_exporter.migrate.pne.missing import MISSING

ROWS = (*servers.ROWS, *objects.ROWS, *connections.ROWS)

__all__ = ["MISSING", "ROWS"]
