"""The rows of a snapshot, in Prometheus' base units. None is: not said, unlimited, or led by nobody."""

from jetstream_exporter.snapshot.rows.accounts import Account, AccountStore, AccountTier
from jetstream_exporter.snapshot.rows.consumers import (
    NO_LAG,
    Consumer,
    ConsumerSettings,
    Lag,
    PinnedGroup,
)
from jetstream_exporter.snapshot.rows.expected import ExpectedObject
from jetstream_exporter.snapshot.rows.exporter import (
    EventKind,
    EventRefusal,
    Exporter,
    Listening,
    Shard,
    TargetResult,
)
from jetstream_exporter.snapshot.rows.links import (
    AccountClients,
    Gateway,
    Leafnode,
    LeafRemotes,
    Route,
    Traffic,
)
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
    Difference,
    Ephemerals,
    Replica,
    Standing,
    Stream,
    StreamFeatures,
    StreamFigures,
    StreamRef,
    StreamSettings,
    StreamSource,
)

__all__ = [
    "NO_LAG",
    "Account",
    "AccountClients",
    "AccountStore",
    "AccountTier",
    "Consumer",
    "ConsumerSettings",
    "Difference",
    "Ephemerals",
    "EventKind",
    "EventRefusal",
    "ExpectedObject",
    "Exporter",
    "Gateway",
    "JetStream",
    "Lag",
    "LeafRemotes",
    "Leafnode",
    "Listening",
    "Meta",
    "MetaPeer",
    "PinnedGroup",
    "Process",
    "Raft",
    "Replica",
    "Route",
    "Row",
    "Server",
    "Shard",
    "Snapshot",
    "Standing",
    "Store",
    "Stream",
    "StreamFeatures",
    "StreamFigures",
    "StreamRef",
    "StreamSettings",
    "StreamSource",
    "TargetResult",
    "Traffic",
]
