"""Rows of servers and of the meta group that they form."""

from collections.abc import Sequence

from jetstream_exporter.snapshot.rows.row import Row


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
    """What jsz says about the server itself. Streams and consumers are the replicas held here."""

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
    """A member of the meta group other than its leader, as the leader reports it."""

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
