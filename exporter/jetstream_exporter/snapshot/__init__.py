"""The merged truth of one moment: rows in Prometheus' base units, and the merge that makes them.

This room names no metric and reads no clock, no socket and no environment.
"""

from jetstream_exporter.snapshot.known import Known, KnownStream, cluster_label, read_configurations
from jetstream_exporter.snapshot.merge import Naming, distinct, merge
from jetstream_exporter.snapshot.rows import Consumer, Meta, Server, Snapshot, Stream

__all__ = [
    "Consumer",
    "Known",
    "KnownStream",
    "Meta",
    "Naming",
    "Server",
    "Snapshot",
    "Stream",
    "cluster_label",
    "distinct",
    "merge",
    "read_configurations",
]
