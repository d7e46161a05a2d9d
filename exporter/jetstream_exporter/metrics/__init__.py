"""Every family as one typed line: name, type, help, and the function that reads it from a row.

The reference METRICS.md and the checks of rules and dashboards are made from `TABLES`.
"""

from jetstream_exporter.metrics import (
    accounts,
    consumers,
    events,
    exporter,
    meta,
    replication,
    server_details,
    servers,
    stream_config,
    streams,
    unsupported,
)
from jetstream_exporter.metrics.families import AnyTable, Family, Table

TABLES: tuple[AnyTable, ...] = (
    *servers.TABLES,
    *server_details.TABLES,
    *meta.TABLES,
    *accounts.TABLES,
    *streams.TABLES,
    *stream_config.TABLES,
    *replication.TABLES,
    *consumers.TABLES,
    *events.TABLES,
    *unsupported.TABLES,
    *exporter.TABLES,
)

__all__ = ["TABLES", "AnyTable", "Family", "Table"]
