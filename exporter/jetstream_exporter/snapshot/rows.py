"""The rows of a snapshot, in Prometheus' base units. None is: not said, unlimited, or led by nobody."""

from collections.abc import Sequence

import msgspec

from jetstream_exporter.snapshot.identity import Identity


class Row(msgspec.Struct, gc=False):
    """One object of the merged truth."""


class Place(Row):
    """Where a stream stands, which servers' whole lists were heard there, and which of these know best."""

    cluster: str
    account: str  # the label
    account_id: str
    stream: str
    heard: frozenset[str]
    knowing: frozenset[str]


class Store(Row):
    """A server's file or memory store, bytes."""

    used: int
    limit: int | None
    reserved: int | None


class Process(Row):
    """What varz says of the server's process. Counters count since the server's start."""

    server_id: str
    version: str
    domain: str
    start: float | None
    config_load: float | None
    cores: int
    cpu_cores_used: float
    memory: int
    connections: int
    max_connections: int | None
    subscriptions: int
    routes: int
    leafnodes: int
    accepted_connections: int
    slow_consumers: int
    stale_connections: int | None
    stalled_clients: int | None
    received_messages: int
    received_bytes: int
    sent_messages: int
    sent_bytes: int
    certificates: dict[str, float]  # listener: expiry


class JetStream(Row):
    """What jsz says of the server itself: replicas held here, not objects of the cluster."""

    enabled: bool
    file: Store
    memory: Store
    ha_assets: int
    streams: int
    consumers: int
    api_requests: int
    api_errors: int
    api_inflight: int
    api_pending: int | None
    meta_leader: str | None  # "" is: knows none; None is: has no meta group


class Server(Row):
    cluster: str
    name: str
    up: bool
    healthy: bool | None = None
    check: str = ""
    complete: bool = False
    process: Process | None = None
    jetstream: JetStream | None = None
    stream_leaders: int | None = None
    consumer_leaders: int | None = None


class MetaPeer(Row):
    """A member of the meta group other than its leader, in the leader's word."""

    cluster: str
    server: str
    current: bool
    offline: bool
    lag: int
    last_seen: float | None


class Meta(Row):
    cluster: str
    leader: str | None
    named: str | None  # the leader that followers name, where no leader spoke for itself
    named_by: int
    has_leader: bool
    has_quorum: bool | None
    peers: int
    peers_current: int | None
    quorum_needed: int
    members: Sequence[MetaPeer] = ()
    snapshot_pending_entries: int | None = None
    snapshot_pending_bytes: int | None = None
    snapshot_duration: float | None = None
    snapshot_time: float | None = None
    rescue: bool | None = None
    leader_changes: int = 0

    @property
    def fault_tolerance(self) -> int | None:
        return None if self.peers_current is None else self.peers_current - self.quorum_needed


class AccountStore(Row):
    used: int
    limit: int | None
    reserved: int | None = None


class AccountTier(Row):
    """Use and limits by number of replicas, for accounts that are limited so; None is unlimited."""

    cluster: str
    account: str
    tier: str
    file: AccountStore
    memory: AccountStore
    streams: int
    consumers: int
    max_streams: int | None
    max_consumers: int | None


class Account(Row):
    cluster: str
    id: str
    name: str
    file: AccountStore
    memory: AccountStore
    api_requests: int
    api_errors: int
    streams: int | None = None
    consumers: int | None = None
    max_streams: int | None = None
    max_consumers: int | None = None
    tiers: Sequence[AccountTier] = ()


class Replica(Row):
    """A follower of a stream, in the leader's word."""

    cluster: str
    account: str
    stream: str
    server: str
    current: bool
    offline: bool
    lag: int
    last_seen: float | None


class StreamSource(Row):
    """An origin that a stream mirrors or sources from; several of one name are shown as the worst of them."""

    cluster: str
    account: str
    stream: str
    origin: str
    kind: str
    lag: int | None
    last_seen: float | None
    healthy: bool


class Raft(Row):
    """Who leads, and whether a majority stands behind it. `size` is None where nothing is replicated.

    `disputed` says that a server speaks of one replica where the configuration that was read has several, or of
    several where it has one: it was changed since, or the server is starting.
    """

    leader: str | None
    leader_since: float | None
    named: str | None
    named_by: int
    has_leader: bool
    has_quorum: bool | None
    size: int | None = None
    current: int | None = None
    quorum_needed: int | None = None
    changes: int = 0
    disputed: bool = False

    @property
    def fault_tolerance(self) -> int | None:
        if self.current is None or self.quorum_needed is None:
            return None
        return self.current - self.quorum_needed


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
    required_level: int = (
        0  # of the JetStream API; a version of a lower one does not serve the stream
    )


class StreamFigures(Row):
    """A stream's state by its leader."""

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
    """The consumers that nobody named, counted together. Pending is None while none of them has a leader's figure."""

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


class ConsumerSettings(Row):
    """A consumer's configuration; None is unlimited."""

    durable: bool
    push: bool
    filtered: bool
    ack_policy: str
    deliver_policy: str
    ack_wait: float | None
    max_deliver: int | None
    max_ack_pending: int | None
    max_waiting: int | None
    replicas: int = 0  # 0 is the stream's number
    sampled: bool = False


class Histogram(Row):
    """Observations in seconds: how many fell below each bound (the last is without one), and their sum."""

    bounds: tuple[float, ...]
    counts: tuple[int, ...]
    sum: float = 0.0


class Heard(Row):
    """What events said of a consumer; None where nobody listens for it."""

    max_deliveries: int | None = None
    naks: int | None = None
    terminations: int | None = None
    excess: int | None = None
    quorum_lost: int | None = None
    ack_times: Histogram | None = None


class Consumer(Row):
    """A consumer. The figures are its leader's; all of them are None while nobody leads it.

    `pending` alone can be missing beside the others: the first figure of a leader just elected is not believed.
    """

    cluster: str
    account: str
    account_id: str
    stream: str
    name: str
    identity: Identity
    raft: Raft
    settings: ConsumerSettings | None
    pending: int | None = None
    ack_pending: int | None = None
    redelivered: int | None = None
    ack_floor_lag: int | None = None
    delivered_sequence: int | None = None
    ack_floor_sequence: int | None = None
    deliveries: int | None = None
    acknowledged: int | None = None
    waiting_pulls: int | None = None
    push_bound: bool | None = None
    paused: bool | None = None
    last_delivery: float | None = None
    last_ack: float | None = None
    unsupported: str | None = None  # why this version of the server does not serve it
    heard: Heard | None = None

    @property
    def key(self) -> tuple[str, str, str, str]:
        return (self.cluster, self.account_id, self.stream, self.name)


class Asking(Row):
    """How one source's asking of one target went; seconds and bytes."""

    source: str
    target: str
    up: bool
    duration: float
    received: int


class Listening(Row):
    """One connection on which events are heard."""

    target: str
    connected: bool
    gaps: int


class EventKind(Row):
    cluster: str
    kind: str
    count: int


class Exporter(Row):
    """What the exporter says of itself. Times are seconds since the epoch, durations seconds."""

    version: str
    python_version: str
    collect_duration: float = 0.0
    last_success: float | None = None
    snapshot_age: float = 0.0
    config_age: float | None = None
    reload_successful: bool = True
    reload_time: float | None = None
    objects: dict[str, int] = {}
    dropped: dict[str, int] = {}
    unknown: int = 0  # objects whose configuration was not read yet
    doubted: int = 0  # figures that are believed when they are seen again


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
