"""All rows of one moment together."""

from collections.abc import Sequence

from jetstream_exporter.snapshot.rows.accounts import Account
from jetstream_exporter.snapshot.rows.consumers import Consumer
from jetstream_exporter.snapshot.rows.exporter import Asking, EventKind, Exporter, Listening
from jetstream_exporter.snapshot.rows.row import Row
from jetstream_exporter.snapshot.rows.servers import Meta, Server
from jetstream_exporter.snapshot.rows.streams import Stream


class Snapshot(Row):
    """The merged truth of one moment, every list sorted by identity."""

    servers: Sequence[Server] = ()
    metas: Sequence[Meta] = ()
    accounts: Sequence[Account] = ()
    streams: Sequence[Stream] = ()
    consumers: Sequence[Consumer] = ()
    conflicts: Sequence[str] = ()  # names that stand for several things, in sentences
    joined: frozenset[frozenset[str]] = frozenset()  # pairs of clusters that are one JetStream
    askings: Sequence[Asking] = ()
    listenings: Sequence[Listening] = ()
    event_kinds: Sequence[EventKind] = ()
    exporter: Exporter | None = None
