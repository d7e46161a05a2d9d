"""The series of nats-surveyor, without `nats_`."""

from jetstream_exporter.migrate.surveyor import connections, objects, servers
from jetstream_exporter.migrate.surveyor.missing import MISSING

ROWS = (*servers.ROWS, *objects.ROWS, *connections.ROWS)

__all__ = ["MISSING", "ROWS"]
