"""The answers of the monitoring port: `varz`, `jsz` and `healthz`."""

import msgspec

from jetstream_exporter.wire.assets import Peer, StreamDetail
from jetstream_exporter.wire.part import (
    ApiStats,
    Moment,
    Name,
    Refusals,
    Signed,
    Unsigned,
    Wide,
    Wire,
    check_wide,
)


class AccountDetail(Wire):
    """An account's use. `reserved_*` are its *limits*; `memory`, `storage` and `api` count the whole cluster."""

    name: Name = ""
    id: Name = ""
    memory: Wide = 0
    storage: Wide = 0
    reserved_memory: Wide = 0
    reserved_storage: Wide = 0
    api: ApiStats = msgspec.field(default_factory=ApiStats)
    stream_detail: list[StreamDetail] = []

    def __post_init__(self) -> None:
        check_wide(self.memory, self.storage, self.reserved_memory, self.reserved_storage)


class JetStreamConfig(Wire):
    max_memory: Signed = 0
    max_storage: Signed = 0
    domain: Name = ""


class JetStreamLimits(Wire):
    default_max_consumers: Signed = 0  # of a stream that says none, since 2.15
    max_ha_assets: Signed = 0


class MetaSnapshot(Wire):
    pending_entries: Unsigned = 0
    pending_size: Unsigned = 0
    last_time: Moment | None = None
    last_duration: Signed = 0  # ns


class MetaCluster(Wire):
    name: Name = ""
    leader: Name = ""
    replicas: list[Peer] = []
    cluster_size: Unsigned = 0
    pending: Unsigned = 0  # this server's queue of API requests
    quorum_needed: Unsigned | None = None  # 2.15
    rescue: bool = False  # 2.15: quorum lowered by hand
    snapshot: MetaSnapshot | None = None


class Jsz(Refusals):
    server_id: Name = ""
    now: Moment | None = None
    disabled: bool = False
    config: JetStreamConfig | None = None
    limits: JetStreamLimits | None = None  # 2.11
    memory: Wide = 0
    storage: Wide = 0
    reserved_memory: Wide = 0
    reserved_storage: Wide = 0
    ha_assets: Unsigned = 0
    accounts: Unsigned = 0
    streams: Unsigned = 0
    consumers: Unsigned = 0
    api: ApiStats = msgspec.field(default_factory=ApiStats)
    meta_cluster: MetaCluster | None = None
    account_details: list[AccountDetail] = []

    def __post_init__(self) -> None:
        check_wide(self.memory, self.storage, self.reserved_memory, self.reserved_storage)


class Listener(Wire):
    """One of the server's listeners. That of clients has its fields at the root of varz."""

    name: Name = ""
    tls_cert_not_after: Moment | None = None


class GatewayRemote(Wire):
    name: Name = ""


class GatewayListener(Listener):
    """`gateways` are the clusters that the configuration names, often the server's own among them."""

    gateways: list[GatewayRemote] = []


class LeafRemote(Wire):
    """A connection that the configuration of this server says to make; one URL after the other is tried."""

    local_account: Name = ""
    urls: list[str] = []  # host:port


class LeafListener(Listener):
    remotes: list[LeafRemote] = []


class ByKind(Wire):
    """Connections of each kind, counted."""

    clients: Unsigned = 0
    routes: Unsigned = 0
    gateways: Unsigned = 0
    leafs: Unsigned = 0


class IoWaits(Wire):
    """How often and how long the server waited for its disk."""

    waits: Unsigned = 0
    wait_time: Signed = 0  # ns


class VarzJetStream(Wire):
    config: JetStreamConfig | None = None


class Varz(Wire):
    server_id: Name
    server_name: Name = ""
    version: Name = ""
    start: Moment | None = None
    config_load_time: Moment | None = None
    cores: Unsigned = 0
    cpu: float = 0.0  # percent of one core
    mem: Unsigned = 0
    connections: Unsigned = 0
    max_connections: Signed = 0
    total_connections: Unsigned = 0
    subscriptions: Unsigned = 0
    routes: Unsigned = 0
    leafnodes: Unsigned = 0
    in_msgs: Unsigned = 0
    out_msgs: Unsigned = 0
    in_bytes: Unsigned = 0
    out_bytes: Unsigned = 0
    slow_consumers: Unsigned = 0
    stale_connections: Unsigned | None = None  # 2.12
    stalled_clients: Unsigned | None = None  # 2.12
    slow_consumer_stats: ByKind | None = None
    stale_connection_stats: ByKind | None = None  # 2.12
    disk_io_wait_stats: IoWaits | None = None  # 2.12.14, 2.14.4
    http_req_stats: dict[str, Unsigned] | None = None  # by path
    gomaxprocs: Signed = 0
    gomemlimit: Signed = 0  # 2^63-1 is unlimited
    tls_cert_not_after: Moment | None = None
    cluster: Listener = msgspec.field(default_factory=Listener)
    gateway: GatewayListener = msgspec.field(default_factory=GatewayListener)
    leaf: LeafListener = msgspec.field(default_factory=LeafListener)
    mqtt: Listener = msgspec.field(default_factory=Listener)
    websocket: Listener = msgspec.field(default_factory=Listener)
    jetstream: VarzJetStream | None = None


class Healthz(Wire):
    status: str = ""
    status_code: Signed = 0
    error: str = ""
