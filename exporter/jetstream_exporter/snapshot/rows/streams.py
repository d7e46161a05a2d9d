"""Rows of streams, their replicas and their origins."""

from collections.abc import Mapping, Sequence

from jetstream_exporter.snapshot.incarnation import Incarnation
from jetstream_exporter.snapshot.rows.metadata import NO_METADATA, ObjectMetadata
from jetstream_exporter.snapshot.rows.raft import Raft
from jetstream_exporter.snapshot.rows.row import Row


class StreamRef(Row, frozen=True):
    """Which stream, whose complete lists were received from its cluster, and which of these overrule the others."""

    cluster: str
    account: str  # the label
    account_id: str
    stream: str
    complete_servers: frozenset[str]
    authoritative: frozenset[str]


class Replica(Row, frozen=True):
    """A follower of a stream, as the leader reports it."""

    cluster: str
    account: str
    stream: str
    server: str
    current: bool
    offline: bool
    lag: int | None
    last_seen: float | None


class Difference(Row, frozen=True):
    """What a follower holds at its leader's last sequence, beside what the leader does.

    Messages that are stored change none of these figures, at either end; a message that is removed does.
    """

    first_sequence: int
    deleted: int
    other_first_sequence: int
    other_deleted: int
    more_messages: int
    more_bytes: int


class Standing(Row, frozen=True):
    """What a follower holds whose last sequence is not its leader's, although the leader calls it current."""

    first_sequence: int
    last_sequence: int
    deleted: int
    messages: int
    bytes: int


class StreamSource(Row, frozen=True):
    """An origin that a stream mirrors or sources from; several of one name are merged to the worst figures."""

    cluster: str
    account: str
    stream: str
    origin: str
    kind: str
    lag: int | None
    last_seen: float | None
    healthy: bool


class StreamFeatures(Row, frozen=True):
    """What the configuration of a stream switches on. The texts are cut, since a tenant wrote them."""

    compression: str = ""
    allow_direct: bool = False
    mirror_direct: bool = False
    allow_msg_counter: bool = False
    allow_atomic_publish: bool = False
    deny_delete: bool = False
    deny_purge: bool = False
    sealed: bool = False
    subject_transform: bool = False
    republish: bool = False
    placement_cluster: str = ""
    placement_tags: str = ""  # sorted, with commas between them


NO_FEATURES = StreamFeatures()


class StreamSettings(Row, frozen=True):
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
    monitored: bool | None = None  # as the operator's metadata says; None where nothing is said
    metadata: ObjectMetadata = NO_METADATA
    # A publisher may remove what is older by a header, or let a message expire before its stream says so.
    rollups: bool = False
    message_ttl: bool = False
    features: StreamFeatures = NO_FEATURES


class StreamFigures(Row, frozen=True):
    """A stream's state, as its leader reports it; None where the server's own count went below zero."""

    messages: int | None
    bytes: int | None
    first_sequence: int | None
    last_sequence: int | None
    first_time: float | None
    last_time: float | None
    first_age: float | None  # by the clock of the server that reported it
    subjects: int | None
    deleted: int | None
    lost: int
    read: float | None = None  # when its server began to answer, by its own clock


class Ephemerals(Row, frozen=True):
    """A stream's ephemeral consumers together. Pending is None while no leader reports it for any of them."""

    count: int | None
    pending: int | None
    pending_max: int | None


class Stream(Row, frozen=True):
    cluster: str
    account: str
    account_id: str
    name: str
    incarnation: Incarnation
    raft: Raft
    figures: StreamFigures | None
    settings: StreamSettings | None
    consumers: int | None  # None is: its servers do not serve it, nor list any
    ephemerals: Ephemerals
    replicas: Sequence[Replica] = ()
    sources: Sequence[StreamSource] = ()
    source_count: int | None = None  # with those of one name each; None while no leader reports it
    dead_letter: bool = False
    unsupported: str | None = None  # why this version of the server does not serve it
    # Of followers that differ from the leader, and None of those that cannot be compared; None if there are none.
    differences: Mapping[str, Difference | Standing | None] | None = None
    diverged: int | None = None  # followers that differed in the same way for some time
    quorum_lost: int | None = None  # events received; None while nobody subscribes

    @property
    def key(self) -> tuple[str, str, str]:
        return (self.cluster, self.account_id, self.name)
