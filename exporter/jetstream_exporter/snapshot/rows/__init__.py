"""The rows of a snapshot, in Prometheus' base units. None is: not said, unlimited, or led by nobody."""

from jetstream_exporter.snapshot.rows.accounts import Account, AccountStore, AccountTier
from jetstream_exporter.snapshot.rows.consumers import Consumer, ConsumerSettings, Heard, Histogram
from jetstream_exporter.snapshot.rows.exporter import Asking, EventKind, Exporter, Listening
from jetstream_exporter.snapshot.rows.raft import Raft
from jetstream_exporter.snapshot.rows.row import Row
from jetstream_exporter.snapshot.rows.servers import (
    JetStream,
    Meta,
    MetaPeer,
    Process,
    Server,
    Store,
)
from jetstream_exporter.snapshot.rows.snapshot import Snapshot
from jetstream_exporter.snapshot.rows.streams import (
    Ephemerals,
    Place,
    Replica,
    Stream,
    StreamFigures,
    StreamSettings,
    StreamSource,
)

__all__ = [
    "Account",
    "AccountStore",
    "AccountTier",
    "Asking",
    "Consumer",
    "ConsumerSettings",
    "Ephemerals",
    "EventKind",
    "Exporter",
    "Heard",
    "Histogram",
    "JetStream",
    "Listening",
    "Meta",
    "MetaPeer",
    "Place",
    "Process",
    "Raft",
    "Replica",
    "Row",
    "Server",
    "Snapshot",
    "Store",
    "Stream",
    "StreamFigures",
    "StreamSettings",
    "StreamSource",
]
