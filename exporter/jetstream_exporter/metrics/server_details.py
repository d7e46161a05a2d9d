"""Families of servers with a label more: build, health check, listener, store, view of the meta group."""

from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple

from jetstream_exporter.metrics.families import Table, counter, gauge
from jetstream_exporter.metrics.servers import LABELS, OF_SERVER
from jetstream_exporter.snapshot import Server, Snapshot
from jetstream_exporter.snapshot.rows import Process, Store

INFO: Table[Server] = Table(
    name="Servers: info",
    rows=lambda snapshot: (row for row in snapshot.servers if row.process is not None),
    labels={
        **LABELS,
        "server_id": lambda s: s.process.server_id if s.process else "",
        "version": lambda s: s.process.version if s.process else "",
        "domain": lambda s: s.process.domain if s.process else "",
    },
    families=(
        gauge(
            "nats_server_info",
            "Always 1. The labels hold the ID, version and JetStream domain of the server.",
            lambda _: 1,
            "varz",
            "count by (version) (nats_server_info)",
        ),
    ),
)

HEALTH: Table[Server] = Table(
    name="Servers: health",
    rows=lambda snapshot: (row for row in snapshot.servers if row.healthy is not None),
    labels={**LABELS, "check": lambda s: s.check},
    families=(
        gauge(
            "nats_server_healthy",
            "Whether the health check of the server passed. The label `check` is the option of the health "
            "check request.",
            lambda s: s.healthy,
            "healthz",
            "nats_server_healthy == 0",
        ),
    ),
)

HEALTH_ERRORS: Table[Server] = Table(
    name="Servers: failing health checks",
    rows=lambda snapshot: (row for row in snapshot.servers if row.failing_part),
    labels={**LABELS, "check": lambda s: s.check, "type": lambda s: s.failing_part},
    families=(
        gauge(
            "nats_server_health_error_info",
            "Always 1, while the health check of the server fails. The label `type` is the part that fails first: "
            "`connection`, `jetstream`, `account`, `stream`, `consumer` or `other`.",
            lambda _: 1,
            "healthz error",
            "nats_server_health_error_info",
        ),
    ),
)


class _Certificate(NamedTuple):
    server: Server
    listener: str
    expiry: float


def _certificates(snapshot: Snapshot) -> Iterator[_Certificate]:
    for server in snapshot.servers:
        for listener, expiry in server.process.certificates.items() if server.process else ():
            yield _Certificate(server, listener, expiry)


CERTIFICATES: Table[_Certificate] = Table(
    name="Servers: certificates",
    rows=_certificates,
    labels={
        **OF_SERVER,
        "listener": lambda c: c.listener,
    },
    families=(
        gauge(
            "nats_server_tls_certificate_expiry_timestamp_seconds",
            "Expiry time of the listener's certificate, as of the last configuration load. Servers 2.11.12 "
            "and newer.",
            lambda c: c.expiry,
            "varz tls_cert_not_after",
            "nats_server_tls_certificate_expiry_timestamp_seconds - time() < 14 * 86400",
        ),
    ),
)


class _Count(NamedTuple):
    server: Server
    label: str
    value: int


def _counts(
    read: Callable[[Process], Mapping[str, int]],
) -> Callable[[Snapshot], Iterator[_Count]]:
    return lambda snapshot: (
        _Count(server, label, value)
        for server in snapshot.servers
        if server.process is not None
        for label, value in read(server.process).items()
    )


def _labels(name: str) -> dict[str, Callable[[_Count], str]]:
    return {
        **OF_SERVER,
        name: lambda c: c.label,
    }


SLOW: Table[_Count] = Table(
    name="Servers: slow consumers by kind",
    rows=_counts(lambda p: p.slow_consumers_by_kind),
    labels=_labels("kind"),
    families=(
        counter(
            "nats_server_slow_consumers_by_kind_total",
            "Connections of each kind (client, route, gateway, leafnode) closed because the other side read "
            "too slowly.",
            lambda c: c.value,
            "varz slow_consumer_stats",
            'increase(nats_server_slow_consumers_by_kind_total{kind="route"}[10m]) > 0',
        ),
    ),
)

STALE: Table[_Count] = Table(
    name="Servers: stale connections by kind",
    rows=_counts(lambda p: p.stale_connections_by_kind),
    labels=_labels("kind"),
    families=(
        counter(
            "nats_server_stale_connections_by_kind_total",
            "Connections of each kind (client, route, gateway, leafnode) closed because the other side did "
            "not answer pings. Servers 2.12 and newer.",
            lambda c: c.value,
            "varz stale_connection_stats",
            'increase(nats_server_stale_connections_by_kind_total{kind="route"}[10m]) > 0',
        ),
    ),
)

REQUESTS: Table[_Count] = Table(
    name="Servers: monitoring requests",
    rows=_counts(lambda p: p.monitoring_requests),
    labels=_labels("path"),
    families=(
        counter(
            "nats_server_monitoring_requests_total",
            "Requests to the monitoring port of the server, by path. Includes the requests of this exporter.",
            lambda c: c.value,
            "varz http_req_stats",
            "rate(nats_server_monitoring_requests_total[5m])",
        ),
    ),
)


class _ServerStore(NamedTuple):
    server: Server
    kind: str
    store: Store


def _stores(snapshot: Snapshot) -> Iterator[_ServerStore]:
    for server in snapshot.servers:
        if server.jetstream is not None and server.jetstream.enabled:
            yield _ServerStore(server, "file", server.jetstream.file)
            yield _ServerStore(server, "memory", server.jetstream.memory)


STORES: Table[_ServerStore] = Table(
    name="Servers: store",
    rows=_stores,
    labels={
        **OF_SERVER,
        "store": lambda s: s.kind,
    },
    families=(
        gauge(
            "jetstream_server_store_used_bytes",
            "Bytes that JetStream uses in this store of the server.",
            lambda s: s.store.used,
            "jsz storage, memory",
            "jetstream_server_store_used_bytes",
        ),
        gauge(
            "jetstream_server_store_limit_bytes",
            "Maximum size of this store in bytes (max_file_store, max_memory_store).",
            lambda s: s.store.limit,
            "jsz config.max_storage, max_memory",
            "jetstream_server_store_limit_bytes",
        ),
        gauge(
            "jetstream_server_store_reserved_bytes",
            "Bytes reserved by streams with max_bytes that are placed on this server.",
            lambda s: s.store.reserved,
            "jsz reserved_storage, reserved_memory",
            "jetstream_server_store_reserved_bytes > jetstream_server_store_limit_bytes",
        ),
        gauge(
            "jetstream_server_store_ratio",
            "Used bytes of the store divided by its limit. At 1, every stream on the server rejects writes.",
            lambda s: (
                s.store.used / s.store.limit if s.store.limit and s.store.used is not None else None
            ),
            "used / limit",
            "jetstream_server_store_ratio > 0.8",
        ),
    ),
)

META_VIEW: Table[Server] = Table(
    name="Servers: view of the meta group",
    rows=lambda snapshot: (
        row
        for row in snapshot.servers
        if row.jetstream is not None and row.jetstream.meta_leader is not None
    ),
    labels={**LABELS, "leader": lambda s: (s.jetstream.meta_leader or "") if s.jetstream else ""},
    families=(
        gauge(
            "jetstream_server_meta_leader_info",
            "Always 1. The label `leader` is the meta leader as reported by this server. It is empty if the "
            "server knows none.",
            lambda _: 1,
            "jsz meta_cluster.leader",
            "count by (nats_cluster) (count by (nats_cluster, leader) (jetstream_server_meta_leader_info)) > 1",
        ),
    ),
)

DRAIN: Table[_Count] = Table(
    name="Servers: what prevents a drain",
    rows=lambda snapshot: (
        _Count(server, reason, count)
        for server in snapshot.servers
        for reason, count in (server.drain_blockers or {}).items()
    ),
    labels=_labels("reason"),
    families=(
        gauge(
            "jetstream_server_drain_blockers",
            "Streams, durable consumers and the meta group that prevent stopping this server now, by reason: "
            "`majority` (it would be lost), `single_replica` (its only replica is on this server), `no_leader`, "
            "`new_leader` (elected just now, and it has not heard all replicas yet), `no_majority` (it has none "
            "already), `replica_behind` (the other replicas lack messages), `store_full` (it could only be led by "
            "servers whose store is full).",
            lambda c: c.value,
            "derived from jsz cluster, meta_cluster",
            "jetstream_server_drain_blockers > 0",
        ),
    ),
)

TABLES = (
    INFO,
    HEALTH,
    HEALTH_ERRORS,
    CERTIFICATES,
    SLOW,
    STALE,
    REQUESTS,
    STORES,
    META_VIEW,
    DRAIN,
)
