"""Rows of servers and of the meta group that they form."""

from collections.abc import Mapping, Sequence

from jetstream_exporter.snapshot.rows.links import (
    AccountClients,
    Gateway,
    Leafnode,
    LeafRemotes,
    Route,
)
from jetstream_exporter.snapshot.rows.row import Row


class Store(Row, frozen=True):
    """A server's file or memory store, bytes."""

    used: int | None
    limit: int | None
    reserved: int | None


class Process(Row, frozen=True):
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
    max_procs: int | None = None
    memory_limit: int | None = None
    store_io_waits: int | None = None
    store_io_wait: float | None = None  # seconds
    slow_consumers_by_kind: Mapping[str, int] = {}
    stale_connections_by_kind: Mapping[str, int] = {}
    monitoring_requests: Mapping[str, int] = {}  # by path


class JetStream(Row, frozen=True):
    """What jsz says about the server itself. Streams and consumers are the replicas held here."""

    enabled: bool
    file: Store
    memory: Store
    ha_assets: int | None
    streams: int | None
    consumers: int | None
    api_requests: int | None
    api_errors: int | None
    api_inflight: int | None
    api_pending: int | None
    default_max_consumers: int | None  # of a stream that sets no limit of its own
    meta_leader: str | None  # "" is: knows none; None is: has no meta group
    max_ha_assets: int | None = None  # replicated streams and consumers that are placed here


class Server(Row, frozen=True):
    """A server that answered, or that a target or the meta group names.

    `configured`: whether a target stands for it; None where that cannot be told. `is_far`: the meta group names it, and
    it may be a server of another cluster behind a gateway.
    """

    cluster: str
    name: str
    up: bool
    configured: bool | None = None
    is_far: bool = False
    healthy: bool | None = None
    check: str = ""
    list_complete: bool = False
    process: Process | None = None
    jetstream: JetStream | None = None
    stream_leaders: int | None = None
    consumer_leaders: int | None = None
    gateway_remotes: Sequence[str] = ()  # the remote clusters that its configuration names
    gateways: Sequence[Gateway] = ()
    leafnodes: Sequence[Leafnode] = ()
    leaf_remotes: Sequence[LeafRemotes] = ()
    routes: Sequence[Route] = ()
    accounts: Sequence[AccountClients] = ()
    failing_part: str = ""  # of the health check
    now: float | None = None  # when it answered, by its own clock
    drain_blockers: Mapping[str, int] | None = None  # by reason; None where it cannot be judged

    @property
    def is_drainable(self) -> bool | None:
        return None if self.drain_blockers is None else not any(self.drain_blockers.values())


class MetaPeer(Row, frozen=True):
    """A member of the meta group other than its leader, as the leader reports it."""

    cluster: str
    server: str
    current: bool
    offline: bool
    lag: int | None
    last_seen: float | None


class Meta(Row, frozen=True):
    cluster: str
    leader: str | None
    reported_leader: str | None  # the leader that followers name, where no leader spoke for itself
    reported_by: int
    has_leader: bool | None
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
