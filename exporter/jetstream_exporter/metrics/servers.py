"""Families of servers."""

from collections.abc import Callable
from typing import Any

from jetstream_exporter.metrics.families import Table, Value, counter, gauge
from jetstream_exporter.metrics.server_jetstream import JETSTREAM, of_jetstream
from jetstream_exporter.snapshot import Server
from jetstream_exporter.snapshot.links import OUTBOUND
from jetstream_exporter.snapshot.rows import Process

LABELS: dict[str, Callable[[Server], str]] = {
    "nats_cluster": lambda s: s.cluster,
    "server": lambda s: s.name,
}
# The same for rows about something of a server, each with its `server`.
OF_SERVER: dict[str, Callable[[Any], str]] = {
    "nats_cluster": lambda row: row.server.cluster,
    "server": lambda row: row.server.name,
}


def _process(read: Callable[[Process], Value]) -> Callable[[Server], Value]:
    return lambda server: None if server.process is None else read(server.process)


def _gateways(server: Server) -> Value:
    if not server.gateways:
        return None
    outbound = (each for each in server.gateways if each.direction == OUTBOUND)
    return sum(each.connections > 0 for each in outbound)


SERVERS: Table[Server] = Table(
    name="Servers",
    rows=lambda snapshot: snapshot.servers,
    labels=LABELS,
    families=(
        gauge(
            "nats_server_up",
            "Whether the server answered in this scrape. Includes every target, every address that DNS "
            "returned, and every member of the meta group that belongs to the cluster. A member that is not "
            "a target is 0 and has nats_server_configured 0.",
            lambda s: s.up,
            "any answer",
            "nats_server_up == 0",
        ),
        gauge(
            "nats_server_configured",
            "Whether the server is monitored: 1 if it is a target or was found through the system account, 0 "
            "if only the meta group names it. Absent while a target that never answered may be this server.",
            lambda s: s.configured,
            "the targets, jsz meta_cluster.replicas",
            "nats_server_configured == 0",
        ),
        gauge(
            "jetstream_server_enabled",
            "Whether JetStream runs on the server.",
            of_jetstream(lambda j: j.enabled),
            "jsz disabled",
            "jetstream_server_enabled == 0",
        ),
        gauge(
            "jetstream_server_complete",
            "Whether the server's list of streams is complete. It is not while the server starts or shuts down.",
            lambda s: s.list_complete if s.up else None,
            "healthz, jsz",
            "jetstream_server_complete == 0",
        ),
        gauge(
            "jetstream_server_drainable",
            "Whether the server can be stopped now: no stream, durable consumer or meta group loses its "
            "majority or its only replica. `jetstream_server_drain_blockers` says what prevents it. Absent "
            "while the server is down, starts or shuts down.",
            lambda s: s.is_drainable,
            "derived from jsz cluster, meta_cluster",
            "jetstream_server_drainable == 0",
        ),
        gauge(
            "nats_server_start_timestamp_seconds",
            "Start time of the server process.",
            _process(lambda p: p.start),
            "varz start",
            "time() - nats_server_start_timestamp_seconds",
        ),
        gauge(
            "nats_server_config_load_timestamp_seconds",
            "Time when the server last loaded its configuration.",
            _process(lambda p: p.config_load),
            "varz config_load_time",
            "changes(nats_server_config_load_timestamp_seconds[1h])",
        ),
        gauge(
            "nats_server_cores",
            "Number of CPU cores available to the server.",
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
            "nats_server_memory_limit_bytes",
            "Memory limit of the Go runtime of the server (GOMEMLIMIT). Absent if unlimited.",
            _process(lambda p: p.memory_limit),
            "varz gomemlimit",
            "nats_server_memory_bytes / nats_server_memory_limit_bytes > 0.9",
        ),
        gauge(
            "nats_server_max_procs",
            "Number of CPU cores that the Go runtime of the server uses at the same time (GOMAXPROCS).",
            _process(lambda p: p.max_procs),
            "varz gomaxprocs",
            "nats_server_max_procs > nats_server_cores",
        ),
        counter(
            "nats_server_store_io_waits_total",
            "How often the server waited to use its disk, because too many operations were in progress. "
            "Servers 2.12.14, 2.14.4 and newer.",
            _process(lambda p: p.store_io_waits),
            "varz disk_io_wait_stats.waits",
            "rate(nats_server_store_io_waits_total[5m])",
        ),
        counter(
            "nats_server_store_io_wait_seconds_total",
            "Time that the server waited to use its disk. Servers 2.12.14, 2.14.4 and newer.",
            _process(lambda p: p.store_io_wait),
            "varz disk_io_wait_stats.wait_time",
            "rate(nats_server_store_io_wait_seconds_total[5m])",
        ),
        gauge(
            "nats_server_connections",
            "Current number of client connections.",
            _process(lambda p: p.connections),
            "varz connections",
            "nats_server_connections / nats_server_max_connections",
        ),
        gauge(
            "nats_server_max_connections",
            "Maximum number of client connections.",
            _process(lambda p: p.max_connections),
            "varz max_connections",
            "nats_server_connections / nats_server_max_connections > 0.9",
        ),
        gauge(
            "nats_server_subscriptions",
            "Current number of subscriptions.",
            _process(lambda p: p.subscriptions),
            "varz subscriptions",
            "nats_server_subscriptions",
        ),
        gauge(
            "nats_server_routes",
            "Current number of route connections to other servers of the cluster, including all connections "
            "of a pool.",
            _process(lambda p: p.routes),
            "varz routes",
            "nats_server_routes == 0",
        ),
        gauge(
            "nats_server_leafnodes",
            "Current number of leaf node connections.",
            _process(lambda p: p.leafnodes),
            "varz leafnodes",
            "nats_server_leafnodes",
        ),
        gauge(
            "nats_server_gateways",
            "Current number of remote clusters to which the server has a gateway connection. Absent for a server "
            "without gateways.",
            _gateways,
            "gatewayz outbound_gateways",
            "nats_server_gateways < count by (nats_cluster, server) (nats_gateway_configured)",
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
            "Connections closed because the client read too slowly. This refers to core NATS, not to "
            "JetStream consumers.",
            _process(lambda p: p.slow_consumers),
            "varz slow_consumers",
            "increase(nats_server_slow_consumers_total[10m]) > 0",
        ),
        counter(
            "nats_server_stale_connections_total",
            "Connections closed because the client did not answer pings. Servers 2.12 and newer.",
            _process(lambda p: p.stale_connections),
            "varz stale_connections",
            "increase(nats_server_stale_connections_total[10m]) > 0",
        ),
        counter(
            "nats_server_stalled_clients_total",
            "How often a publishing client was delayed because of slow subscribers. Servers 2.12 and newer.",
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
        *JETSTREAM,
    ),
)

TABLES = (SERVERS,)
