"""All rows of one moment together."""

from collections.abc import Mapping, Sequence, Set

from jetstream_exporter.snapshot.rows.accounts import Account
from jetstream_exporter.snapshot.rows.consumers import Consumer, ConsumerKey, Lag
from jetstream_exporter.snapshot.rows.expected import ExpectedObject
from jetstream_exporter.snapshot.rows.exporter import (
    EventKind,
    EventRefusal,
    Exporter,
    Listening,
    Shard,
    TargetResult,
)
from jetstream_exporter.snapshot.rows.row import Row
from jetstream_exporter.snapshot.rows.servers import Meta, Server
from jetstream_exporter.snapshot.rows.streams import Stream


class Snapshot(Row, frozen=True):
    """The merged truth of one moment, every list sorted by identity."""

    servers: Sequence[Server] = ()
    metas: Sequence[Meta] = ()
    accounts: Sequence[Account] = ()
    streams: Sequence[Stream] = ()
    consumers: Sequence[Consumer] = ()
    lags: Sequence[Lag] = ()  # of the consumers, in their order; empty where none is told
    delivered_lately: Set[ConsumerKey] = frozenset()  # for the lean profile
    conflicts: Sequence[str] = ()  # names that stand for several things, in sentences
    name_conflicts: Mapping[str, int] = {}  # how many there are, by cluster
    joined: frozenset[frozenset[str]] = frozenset()  # pairs of clusters that are one JetStream
    expected: Sequence[ExpectedObject] = ()
    target_results: Sequence[TargetResult] = ()
    listenings: Sequence[Listening] = ()
    event_kinds: Sequence[EventKind] = ()
    event_refusals: Sequence[EventRefusal] = ()
    exporter: Exporter | None = None
    shard: Shard | None = None  # None is: all objects
