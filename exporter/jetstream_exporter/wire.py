"""What a server says, in the server's own names and units, and only the fields that are read.

Durations are nanoseconds, -1 and 2^64-1 mean "unlimited", and the year 1 means "never": all of that ends in
`snapshot`, nothing of it may leave this room unexplained. Field names follow nats-server's `monitor.go`, `stream.go`
and `consumer.go` (2.10 to 2.15); what a version omits has the default written here.
"""

from datetime import datetime

import msgspec


class Wire(msgspec.Struct, gc=False):
    """A part of an answer. Without cycles, so the garbage collector need not look at a hundred thousand of them."""


class Peer(Wire):
    """One other member of a Raft group, as the member that reports it sees it."""

    name: str = ""
    current: bool = False
    offline: bool = False
    active: int = 0  # ns since last heard; 0 also stands for "never"
    lag: int = 0
    peer: str = ""  # base62 of the SHA-256 of the server's name
    pending: bool = False  # 2.15: assigned, but not in the group yet


class Cluster(Wire):
    """The Raft group of a stream or a consumer. Without replication only `leader` is set, and no `raft_group`."""

    name: str = ""
    raft_group: str = ""
    leader: str = ""
    leader_since: datetime | None = None  # only in the leader's own report, 2.11.9 and newer
    replicas: list[Peer] = []


class LostData(Wire):
    msgs: list[int] | None = None


class StreamState(Wire):
    messages: int = 0
    bytes: int = 0
    first_seq: int = 0
    first_ts: datetime | None = None
    last_seq: int = 0
    last_ts: datetime | None = None
    num_subjects: int = 0
    num_deleted: int = 0
    consumer_count: int = 0
    lost: LostData | None = None


class Metadata(Wire):
    """What the servers note in a configuration (2.11 and newer); numbers as text."""

    required_level: str = msgspec.field(name="_nats.req.level", default="")


class StreamConfig(Wire):
    name: str = ""
    subjects: list[str] = []
    retention: str = ""
    storage: str = ""
    discard: str = ""
    max_consumers: int = -1
    max_msgs: int = -1
    max_bytes: int = -1
    max_age: int = 0  # ns
    max_msgs_per_subject: int = -1
    max_msg_size: int = -1
    num_replicas: int = 1
    duplicate_window: int = 0  # ns
    metadata: Metadata | None = None


class ApiError(Wire):
    code: int = 0
    err_code: int = 0
    description: str = ""


class Source(Wire):
    """A mirror's or a source's state; only the stream's leader knows it."""

    name: str = ""
    lag: int = 0
    active: int = -1  # ns since last contact; -1 is never
    error: ApiError | None = None


class ConsumerConfig(Wire):
    durable_name: str = ""
    deliver_subject: str = ""
    deliver_policy: str = ""
    ack_policy: str = ""
    ack_wait: int = 0  # ns
    max_deliver: int = -1
    filter_subject: str = ""
    filter_subjects: list[str] = []
    max_waiting: int = 0
    max_ack_pending: int = 0
    num_replicas: int = 0  # 0 is the stream's
    sample_freq: str = ""


class Position(Wire):
    consumer_seq: int = 0
    stream_seq: int = 0
    last_active: datetime | None = None


class ConsumerDetail(Wire):
    name: str
    created: datetime | None = None
    config: ConsumerConfig | None = None
    delivered: Position = msgspec.field(default_factory=Position)
    ack_floor: Position = msgspec.field(default_factory=Position)
    num_ack_pending: int = 0
    num_redelivered: int = 0
    num_waiting: int = 0  # true on the leader only, like num_pending and push_bound
    num_pending: int = 0
    push_bound: bool = False
    paused: bool = False
    cluster: Cluster | None = None  # absent where the server runs alone
    unsupported: str = ""  # not said here: the reason that a list gives


class StreamDetail(Wire):
    name: str
    created: datetime | None = None
    cluster: Cluster | None = None
    config: StreamConfig | None = None
    state: StreamState | None = None
    mirror: Source | None = None
    sources: list[Source] = []
    consumer_detail: list[ConsumerDetail] = []
    unsupported: str = ""  # not said here: the reason that a list gives


class ApiStats(Wire):
    total: int = 0
    errors: int = 0
    inflight: int = 0
    level: int = 0  # of the API that this version serves, 2.11 and newer


class AccountDetail(Wire):
    """An account's use. `reserved_*` are its *limits*; `memory`, `storage` and `api` count the whole cluster."""

    name: str = ""
    id: str = ""
    memory: int = 0
    storage: int = 0
    reserved_memory: int = 0
    reserved_storage: int = 0
    api: ApiStats = msgspec.field(default_factory=ApiStats)
    stream_detail: list[StreamDetail] = []


class JetStreamConfig(Wire):
    max_memory: int = 0
    max_storage: int = 0
    domain: str = ""


class MetaSnapshot(Wire):
    pending_entries: int = 0
    pending_size: int = 0
    last_time: datetime | None = None
    last_duration: int = 0  # ns


class MetaCluster(Wire):
    name: str = ""
    leader: str = ""
    replicas: list[Peer] = []
    cluster_size: int = 0
    pending: int = 0  # this server's queue of API requests
    quorum_needed: int | None = None  # 2.15
    rescue: bool = False  # 2.15: quorum lowered by hand
    snapshot: MetaSnapshot | None = None


class Jsz(Wire):
    server_id: str = ""
    now: datetime | None = None
    disabled: bool = False
    config: JetStreamConfig | None = None
    memory: int = 0
    storage: int = 0
    reserved_memory: int = 0
    reserved_storage: int = 0
    ha_assets: int = 0
    streams: int = 0
    consumers: int = 0
    api: ApiStats = msgspec.field(default_factory=ApiStats)
    meta_cluster: MetaCluster | None = None
    account_details: list[AccountDetail] = []


class Listener(Wire):
    """A listening side of the server (clients' own facts stand at the root of varz)."""

    name: str = ""
    tls_cert_not_after: datetime | None = None


class VarzJetStream(Wire):
    config: JetStreamConfig | None = None


class Varz(Wire):
    server_id: str
    server_name: str = ""
    version: str = ""
    start: datetime | None = None
    config_load_time: datetime | None = None
    cores: int = 0
    cpu: float = 0.0  # percent of one core
    mem: int = 0
    connections: int = 0
    max_connections: int = 0
    total_connections: int = 0
    subscriptions: int = 0
    routes: int = 0
    leafnodes: int = 0
    in_msgs: int = 0
    out_msgs: int = 0
    in_bytes: int = 0
    out_bytes: int = 0
    slow_consumers: int = 0
    stale_connections: int | None = None  # 2.12
    stalled_clients: int | None = None  # 2.12
    tls_cert_not_after: datetime | None = None
    cluster: Listener = msgspec.field(default_factory=Listener)
    gateway: Listener = msgspec.field(default_factory=Listener)
    leaf: Listener = msgspec.field(default_factory=Listener)
    mqtt: Listener = msgspec.field(default_factory=Listener)
    websocket: Listener = msgspec.field(default_factory=Listener)
    jetstream: VarzJetStream | None = None


class Healthz(Wire):
    status: str = ""
    error: str = ""


class ApiStream(Wire):
    """A stream in the JetStream API's words (`STREAM.LIST`, `STREAM.INFO`); its name stands in the configuration."""

    config: StreamConfig = msgspec.field(default_factory=StreamConfig)
    created: datetime | None = None
    state: StreamState | None = None
    cluster: Cluster | None = None
    mirror: Source | None = None
    sources: list[Source] = []
    error: ApiError | None = None


class ApiStreams(Wire):
    """A page of `STREAM.LIST`. What is in `missing` did not answer, even if it stands in `streams`."""

    total: int = 0
    streams: list[ApiStream] | None = None
    missing: list[str] | None = None
    offline: dict[str, str] | None = None  # 2.11.9, 2.12: not supported by this version
    error: ApiError | None = None


class ApiConsumer(ConsumerDetail):
    name: str = ""
    error: ApiError | None = None


class ApiConsumers(Wire):
    """A page of `CONSUMER.LIST`, as of `STREAM.LIST`."""

    total: int = 0
    consumers: list[ApiConsumer] | None = None
    missing: list[str] | None = None
    offline: dict[str, str] | None = None
    error: ApiError | None = None


class ApiNames(Wire):
    """A page of `STREAM.NAMES` or `CONSUMER.NAMES`."""

    total: int = 0
    streams: list[str] | None = None
    consumers: list[str] | None = None
    error: ApiError | None = None


class AccountLimits(Wire):
    max_memory: int = -1
    max_storage: int = -1
    max_streams: int = -1
    max_consumers: int = -1
    max_ack_pending: int = -1
    memory_max_stream_bytes: int = -1
    storage_max_stream_bytes: int = -1


class Tier(Wire):
    """An account's use of one tier (`R1`, `R3`), or of everything."""

    memory: int = 0
    storage: int = 0
    reserved_memory: int = 0  # before 2.11 the sum of max_bytes, in which each -1 counts: 2^64-2
    reserved_storage: int = 0
    streams: int = 0
    consumers: int = 0
    limits: AccountLimits = msgspec.field(default_factory=AccountLimits)


class AccountInfo(Tier):
    """`$JS.API.INFO`; `account` and `name` are not said there."""

    domain: str = ""
    api: ApiStats = msgspec.field(default_factory=ApiStats)
    tiers: dict[str, Tier] | None = None
    error: ApiError | None = None
    account: str = ""
    name: str = ""


class UserData(Wire):
    account: str = ""
    account_name: str = ""  # 2.11


class UserInfo(Wire):
    """`$SYS.REQ.USER.INFO`: who the connection's user is."""

    data: UserData = msgspec.field(default_factory=UserData)


class ServerName(Wire):
    """Who answered, in the envelope of the system account's answers."""

    name: str = ""
    id: str = ""
    cluster: str = ""
    ver: str = ""


class ServerError(Wire):
    code: int = 0
    description: str = ""


class Statsz(Wire):
    start: datetime | None = None
    active_servers: int = 0


class StatszAnswer(Wire):
    error: ServerError | None = None
    server: ServerName = msgspec.field(default_factory=ServerName)
    statsz: Statsz = msgspec.field(default_factory=Statsz)


class VarzAnswer(Wire):
    server: ServerName = msgspec.field(default_factory=ServerName)
    data: Varz | None = None
    error: ServerError | None = None


class HealthzData(Wire):
    status: str = ""
    status_code: int = 0
    error: str = ""


class HealthzAnswer(Wire):
    server: ServerName = msgspec.field(default_factory=ServerName)
    data: HealthzData | None = None
    error: ServerError | None = None


class JszAnswer(Wire):
    server: ServerName = msgspec.field(default_factory=ServerName)
    data: Jsz | None = None
    error: ServerError | None = None


class Advisory(Wire):
    """An event of `$JS.EVENT.>`, of any type: only the fields that are counted by."""

    type: str = ""
    id: str = ""
    account: str = ""  # in the system account's copies
    domain: str = ""
    stream: str = ""
    consumer: str = ""
    stream_seq: int = 0
    deliveries: int = 0
    ack_time: int = 0  # ns
    action: str = ""  # of a stream or consumer: create, modify, delete
