"""Every family as one typed line: name, type, help, and the function that reads it from a row.

The reference METRICS.md and the checks of rules and dashboards are made from `TABLES`.
"""

from collections.abc import Sequence
from typing import Literal

from jetstream_exporter.metrics import (
    account_clients,
    accounts,
    consumer_config,
    consumer_groups,
    consumer_lag,
    consumer_raft,
    consumers,
    events,
    expected,
    exporter,
    links,
    meta,
    replication,
    server_details,
    servers,
    sources,
    stream_config,
    streams,
    thresholds,
    unsupported,
)
from jetstream_exporter.metrics.families import AnyTable, Family, Table
from jetstream_exporter.metrics.lean import lean

Profile = Literal["full", "lean"]

_TABLES: tuple[AnyTable, ...] = (
    *servers.TABLES,
    *server_details.TABLES,
    *links.TABLES,
    *meta.TABLES,
    *accounts.TABLES,
    *account_clients.TABLES,
    *streams.TABLES,
    *stream_config.TABLES,
    *replication.TABLES,
    *consumers.TABLES,
    *consumer_config.TABLES,
    *consumer_groups.TABLES,
    *consumer_lag.TABLES,
    *consumer_raft.TABLES,
    *events.TABLES,
    *unsupported.TABLES,
    *expected.TABLES,
    *exporter.TABLES,
    *sources.TABLES,
)


def tables(metadata_keys: Sequence[str] = (), profile: Profile = "full") -> tuple[AnyTable, ...]:
    """Every table of the profile; the metadata keys are those that the configuration exports as labels."""
    everything = (*_TABLES, *thresholds.tables(metadata_keys), exporter.SAMPLES)
    return lean(everything) if profile == "lean" else everything


def configuration(metadata_keys: Sequence[str] = ()) -> frozenset[str]:
    """Names of the families that tell how streams and consumers are configured."""
    of_objects = (*stream_config.TABLES, *consumer_config.TABLES)
    found: tuple[AnyTable, ...] = (*of_objects, *thresholds.tables(metadata_keys))
    return frozenset(family.name for table in found for family in table.families)


TABLES = tables()

__all__ = ["TABLES", "AnyTable", "Family", "Profile", "Table", "configuration", "tables"]
