"""Rows of streams, their replicas and their origins."""

from collections.abc import Sequence

from jetstream_exporter.snapshot.identity import Identity
from jetstream_exporter.snapshot.rows.raft import Raft
from jetstream_exporter.snapshot.rows.row import Row


class Place(Row):
    """Which stream, whose complete lists were heard in its cluster, and which of these overrule the others."""

    cluster: str
    account: str  # the label
    account_id: str
    stream: str
    heard: frozenset[str]
    knowing: frozenset[str]


class Replica(Row):
    """A follower of a stream, as the leader reports it."""

    cluster: str
    account: str
    stream: str
    server: str
    current: bool
    offline: bool
    lag: int
    last_seen: float | None


class StreamSource(Row):
    """An origin that a stream mirrors or sources from; several of one name are merged to the worst figures."""

    cluster: str
    account: str
    stream: str
    origin: str
    kind: str
    lag: int | None
    last_seen: float | None
    healthy: bool


class StreamSettings(Row):
    """A stream's configuration; None is unlimited."""

    retention: str
    storage: str
    discard: str
    subjects: Sequence[str]
    replicas: int
    max_bytes: int | None
    max_messages: int | None
    max_age: float | None
    max_consumers: int | None
    max_message_bytes: int | None
    max_messages_per_subject: int | None
    duplicate_window: float | None
    # Of the JetStream API; a version of a lower one does not serve the stream.
    required_level: int = 0


class StreamFigures(Row):
    """A stream's state, as its leader reports it."""

    messages: int
    bytes: int
    first_sequence: int
    last_sequence: int
    first_time: float | None
    last_time: float | None
    subjects: int
    deleted: int
    lost: int


class Ephemerals(Row):
    """A stream's ephemeral consumers together. Pending is None while no leader reports it for any of them."""

    count: int | None
    pending: int | None
    pending_max: int | None


class Stream(Row):
    cluster: str
    account: str
    account_id: str
    name: str
    identity: Identity
    raft: Raft
    figures: StreamFigures | None
    settings: StreamSettings | None
    consumers: int | None  # None is: its servers do not serve it, nor list any
    ephemerals: Ephemerals
    replicas: Sequence[Replica] = ()
    sources: Sequence[StreamSource] = ()
    dead_letter: bool = False
    unsupported: str | None = None  # why this version of the server does not serve it
    quorum_lost: int | None = None  # events heard; None while nobody listens

    @property
    def key(self) -> tuple[str, str, str]:
        return (self.cluster, self.account_id, self.name)
