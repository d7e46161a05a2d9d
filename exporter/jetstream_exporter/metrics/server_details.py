"""Families of servers with a label more: build, health check, listener, store, view of the meta group."""

from collections.abc import Iterator
from typing import NamedTuple

from jetstream_exporter.metrics.families import Table, gauge
from jetstream_exporter.metrics.servers import LABELS
from jetstream_exporter.snapshot import Server, Snapshot
from jetstream_exporter.snapshot.rows import Store

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
            "Always 1; carries the server's id, version and JetStream domain.",
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
            "Whether the server's own health check passed; `check` is the option it was asked with.",
            lambda s: s.healthy,
            "healthz",
            "nats_server_healthy == 0",
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
        "nats_cluster": lambda c: c.server.cluster,
        "server": lambda c: c.server.name,
        "listener": lambda c: c.listener,
    },
    families=(
        gauge(
            "nats_server_tls_certificate_expiry_timestamp_seconds",
            "When the listener's certificate expires, as of the last configuration load. Servers from 2.11.12 on.",
            lambda c: c.expiry,
            "varz tls_cert_not_after",
            "nats_server_tls_certificate_expiry_timestamp_seconds - time() < 14 * 86400",
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
        "nats_cluster": lambda s: s.server.cluster,
        "server": lambda s: s.server.name,
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
            "Most bytes that JetStream may use in this store (max_file_store, max_memory_store).",
            lambda s: s.store.limit,
            "jsz config.max_storage, max_memory",
            "jetstream_server_store_limit_bytes",
        ),
        gauge(
            "jetstream_server_store_reserved_bytes",
            "Bytes promised to streams with max_bytes that are placed here.",
            lambda s: s.store.reserved,
            "jsz reserved_storage, reserved_memory",
            "jetstream_server_store_reserved_bytes > jetstream_server_store_limit_bytes",
        ),
        gauge(
            "jetstream_server_store_ratio",
            "Used bytes of the store by its limit; at 1 every stream on the server refuses writes.",
            lambda s: s.store.used / s.store.limit if s.store.limit else None,
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
            "Always 1; `leader` is whom this server takes for the meta leader, empty where it knows none.",
            lambda _: 1,
            "jsz meta_cluster.leader",
            "count by (nats_cluster) (count by (nats_cluster, leader) (jetstream_server_meta_leader_info)) > 1",
        ),
    ),
)

TABLES = (INFO, HEALTH, CERTIFICATES, STORES, META_VIEW)
