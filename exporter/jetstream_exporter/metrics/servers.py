"""Families of servers."""

from collections.abc import Callable

from jetstream_exporter.metrics.families import Table, Value, counter, gauge
from jetstream_exporter.snapshot import Server
from jetstream_exporter.snapshot.rows import JetStream, Process

LABELS: dict[str, Callable[[Server], str]] = {
    "nats_cluster": lambda s: s.cluster,
    "server": lambda s: s.name,
}


def _process(read: Callable[[Process], Value]) -> Callable[[Server], Value]:
    return lambda server: None if server.process is None else read(server.process)


def _jetstream(read: Callable[[JetStream], Value]) -> Callable[[Server], Value]:
    return lambda server: None if server.jetstream is None else read(server.jetstream)


SERVERS: Table[Server] = Table(
    name="Servers",
    rows=lambda snapshot: snapshot.servers,
    labels=LABELS,
    families=(
        gauge(
            "nats_server_up",
            "Whether the server answered this scrape: every target, every address found by DNS, and every "
            "member of the meta group.",
            lambda s: s.up,
            "any answer",
            "nats_server_up == 0",
        ),
        gauge(
            "jetstream_server_enabled",
            "Whether JetStream runs on the server.",
            _jetstream(lambda j: j.enabled),
            "jsz disabled",
            "jetstream_server_enabled == 0",
        ),
        gauge(
            "jetstream_server_complete",
            "Whether the server's list of streams is whole: it is neither starting nor stopping.",
            lambda s: s.complete if s.up else None,
            "healthz, jsz",
            "jetstream_server_complete == 0",
        ),
        gauge(
            "nats_server_start_timestamp_seconds",
            "When the server process started.",
            _process(lambda p: p.start),
            "varz start",
            "time() - nats_server_start_timestamp_seconds",
        ),
        gauge(
            "nats_server_config_load_timestamp_seconds",
            "When the server last loaded its configuration.",
            _process(lambda p: p.config_load),
            "varz config_load_time",
            "changes(nats_server_config_load_timestamp_seconds[1h])",
        ),
        gauge(
            "nats_server_cores",
            "CPU cores that the server sees.",
            _process(lambda p: p.cores),
            "varz cores",
            "nats_server_cpu_cores_used / nats_server_cores",
        ),
        gauge(
            "nats_server_cpu_cores_used",
            "CPU used by the server process, in cores.",
            _process(lambda p: p.cpu_cores_used),
            "varz cpu / 100",
            "nats_server_cpu_cores_used / nats_server_cores > 0.8",
        ),
        gauge(
            "nats_server_memory_bytes",
            "Resident memory of the server process.",
            _process(lambda p: p.memory),
            "varz mem",
            "nats_server_memory_bytes",
        ),
        gauge(
            "nats_server_connections",
            "Client connections open now.",
            _process(lambda p: p.connections),
            "varz connections",
            "nats_server_connections / nats_server_max_connections",
        ),
        gauge(
            "nats_server_max_connections",
            "Most client connections that the server accepts.",
            _process(lambda p: p.max_connections),
            "varz max_connections",
            "nats_server_connections / nats_server_max_connections > 0.9",
        ),
        gauge(
            "nats_server_subscriptions",
            "Subscriptions that the server holds.",
            _process(lambda p: p.subscriptions),
            "varz subscriptions",
            "nats_server_subscriptions",
        ),
        gauge(
            "nats_server_routes",
            "Route connections to other servers of the cluster; several to each server are pooled.",
            _process(lambda p: p.routes),
            "varz routes",
            "nats_server_routes == 0",
        ),
        gauge(
            "nats_server_leafnodes",
            "Leafnode connections open now.",
            _process(lambda p: p.leafnodes),
            "varz leafnodes",
            "nats_server_leafnodes",
        ),
        counter(
            "nats_server_accepted_connections_total",
            "Client connections accepted since the server started.",
            _process(lambda p: p.accepted_connections),
            "varz total_connections",
            "rate(nats_server_accepted_connections_total[5m])",
        ),
        counter(
            "nats_server_slow_consumers_total",
            "Connections closed because the peer read too slowly (core NATS; not a JetStream consumer).",
            _process(lambda p: p.slow_consumers),
            "varz slow_consumers",
            "increase(nats_server_slow_consumers_total[10m]) > 0",
        ),
        counter(
            "nats_server_stale_connections_total",
            "Connections closed because the peer answered no ping. Servers from 2.12 on.",
            _process(lambda p: p.stale_connections),
            "varz stale_connections",
            "increase(nats_server_stale_connections_total[10m]) > 0",
        ),
        counter(
            "nats_server_stalled_clients_total",
            "Publishing clients that were made to wait for slow readers. Servers from 2.12 on.",
            _process(lambda p: p.stalled_clients),
            "varz stalled_clients",
            "increase(nats_server_stalled_clients_total[10m]) > 0",
        ),
        counter(
            "nats_server_received_messages_total",
            "Messages received from clients, routes, gateways and leafnodes.",
            _process(lambda p: p.received_messages),
            "varz in_msgs",
            "rate(nats_server_received_messages_total[5m])",
        ),
        counter(
            "nats_server_received_bytes_total",
            "Bytes received from clients, routes, gateways and leafnodes.",
            _process(lambda p: p.received_bytes),
            "varz in_bytes",
            "rate(nats_server_received_bytes_total[5m])",
        ),
        counter(
            "nats_server_sent_messages_total",
            "Messages sent to clients, routes, gateways and leafnodes.",
            _process(lambda p: p.sent_messages),
            "varz out_msgs",
            "rate(nats_server_sent_messages_total[5m])",
        ),
        counter(
            "nats_server_sent_bytes_total",
            "Bytes sent to clients, routes, gateways and leafnodes.",
            _process(lambda p: p.sent_bytes),
            "varz out_bytes",
            "rate(nats_server_sent_bytes_total[5m])",
        ),
        gauge(
            "jetstream_server_ha_assets",
            "Raft groups with a member on this server, the meta group included.",
            _jetstream(lambda j: j.ha_assets),
            "jsz ha_assets",
            "jetstream_server_ha_assets > 1000",
        ),
        gauge(
            "jetstream_server_streams",
            "Stream replicas held by this server; a stream with three replicas counts on three servers.",
            _jetstream(lambda j: j.streams),
            "jsz streams",
            "jetstream_server_streams",
        ),
        gauge(
            "jetstream_server_consumers",
            "Consumer replicas held by this server.",
            _jetstream(lambda j: j.consumers),
            "jsz consumers",
            "jetstream_server_consumers",
        ),
        gauge(
            "jetstream_server_stream_leaders",
            "Streams that this server leads, in the merged view.",
            lambda s: s.stream_leaders,
            "merged snapshot",
            "jetstream_server_stream_leaders",
        ),
        gauge(
            "jetstream_server_consumer_leaders",
            "Consumers that this server leads, in the merged view.",
            lambda s: s.consumer_leaders,
            "merged snapshot",
            "jetstream_server_consumer_leaders",
        ),
        counter(
            "jetstream_server_api_requests_total",
            "JetStream API requests handled by this server.",
            _jetstream(lambda j: j.api_requests),
            "jsz api.total",
            "rate(jetstream_server_api_requests_total[5m])",
        ),
        counter(
            "jetstream_server_api_errors_total",
            "JetStream API requests that this server answered with an error.",
            _jetstream(lambda j: j.api_errors),
            "jsz api.errors",
            "rate(jetstream_server_api_errors_total[5m])",
        ),
        gauge(
            "jetstream_server_api_inflight_requests",
            "JetStream API requests being handled now.",
            _jetstream(lambda j: j.api_inflight),
            "jsz api.inflight",
            "jetstream_server_api_inflight_requests",
        ),
        gauge(
            "jetstream_server_api_pending_requests",
            "JetStream API requests queued on this server; at 10,000 the server drops the whole queue.",
            _jetstream(lambda j: j.api_pending),
            "jsz meta_cluster.pending",
            "jetstream_server_api_pending_requests > 1000",
        ),
    ),
)

TABLES = (SERVERS,)
