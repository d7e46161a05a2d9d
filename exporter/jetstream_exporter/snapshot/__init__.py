"""The merged truth of one moment: rows in Prometheus' base units, and the merge that makes them.

This room names no metric and reads no clock, no socket and no environment.
"""

from jetstream_exporter.snapshot.config_cache import (
    ConfigCache,
    StreamConfigs,
    read_configs,
)
from jetstream_exporter.snapshot.merge import LabelOptions, distinct, merge
from jetstream_exporter.snapshot.rows import Consumer, Meta, Server, Snapshot, Stream

__all__ = [
    "ConfigCache",
    "Consumer",
    "LabelOptions",
    "Meta",
    "Server",
    "Snapshot",
    "Stream",
    "StreamConfigs",
    "distinct",
    "merge",
    "read_configs",
]
