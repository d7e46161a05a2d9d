"""The answers of the monitoring port: `varz`, `jsz` and `healthz`."""

from datetime import datetime

import msgspec

from jetstream_exporter.wire.assets import Peer, StreamDetail
from jetstream_exporter.wire.part import ApiStats, Wire


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
    """One of the server's listeners. That of clients has its fields at the root of varz."""

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
    status_code: int = 0
    error: str = ""
