"""Series of prometheus-nats-exporter about servers and the meta group, and what gives each."""

from __future__ import annotations

from jetstream_exporter.migrate.pne.kinds import FILE, MEMORY, META, SERVER, VARZ, VERSION
from jetstream_exporter.migrate.shapes import Row, plain

LEAFNODES = "Connections of leaf nodes are counted as well."

# Of a connection: theirs and ours.
KINDS = (
    ("clients", "client"),
    ("routes", "route"),
    ("gateways", "gateway"),
    ("leafs", "leafnode"),
)
PATHS = [
    "accountz",
    "accstatz",
    "connz",
    "gatewayz",
    "healthz",
    "jsz",
    "leafz",
    "routez",
    "subsz",
    "varz",
]

ROWS = (
    *plain(
        VARZ,
        """varz_mem nats_server_memory_bytes
varz_cores nats_server_cores
varz_connections nats_server_connections
varz_max_connections nats_server_max_connections
varz_total_connections nats_server_accepted_connections_total
varz_subscriptions nats_server_subscriptions
varz_routes nats_server_routes
varz_leafnodes nats_server_leafnodes
varz_slow_consumers nats_server_slow_consumers_total
varz_stale_connections nats_server_stale_connections_total
varz_stalled_clients nats_server_stalled_clients_total
varz_in_msgs nats_server_received_messages_total
varz_in_bytes nats_server_received_bytes_total
varz_out_msgs nats_server_sent_messages_total
varz_out_bytes nats_server_sent_bytes_total
varz_jetstream_stats_ha_assets jetstream_server_ha_assets
varz_jetstream_stats_api_total jetstream_server_api_requests_total
varz_jetstream_stats_api_errors jetstream_server_api_errors_total
varz_jetstream_stats_api_inflight jetstream_server_api_inflight_requests
varz_jetstream_limits_default_max_consumers jetstream_server_default_max_consumers
varz_jetstream_meta_pending jetstream_server_api_pending_requests
varz_disk_io_wait_stats_waits nats_server_store_io_waits_total
varz_gomaxprocs nats_server_max_procs
varz_gomemlimit nats_server_memory_limit_bytes
subsz_num_subscriptions nats_server_subscriptions
routez_num_routes nats_server_routes""",
    ),
    *(
        Row(
            kind=VARZ,
            old=f"connz_{old}",
            new="nats_server_connections",
            form="$x + nats_server_leafnodes",
            note=note,
        )
        for old, note in (
            ("num_connections", f"{LEAFNODES} It was at most 1024, the length of a page."),
            ("total", LEAFNODES),
        )
    ),
    Row(kind=VARZ, old="varz_cpu", new="nats_server_cpu_cores_used", form="$x * 100"),
    Row(
        kind=VARZ,
        old="varz_start",
        new="nats_server_start_timestamp_seconds",
        form="floor($x * 1000)",
    ),
    Row(
        kind=VARZ,
        old="varz_config_load_time",
        new="nats_server_config_load_timestamp_seconds",
        form="floor($x * 1000)",
    ),
    *(
        Row(
            kind=VARZ, old=f"varz_jetstream_{old}", new=f"jetstream_server_store_{new}", where=store
        )
        for old, new, store in (
            ("stats_storage", "used_bytes", FILE),
            ("stats_memory", "used_bytes", MEMORY),
            ("stats_reserved_storage", "reserved_bytes", FILE),
            ("stats_reserved_memory", "reserved_bytes", MEMORY),
            ("config_max_storage", "limit_bytes", FILE),
            ("config_max_memory", "limit_bytes", MEMORY),
        )
    ),
    Row(
        kind=VARZ,
        old="healthz_status",
        new="nats_server_healthy",
        form="1 - $x",
        where={"check": "full"},
    ),
    Row(
        kind=VERSION,
        old="varz_version",
        new="nats_server_info",
        rules=False,
        note="The label value was renamed to version.",
    ),
    Row(
        kind=VARZ,
        old="varz_disk_io_wait_stats_wait_time",
        new="nats_server_store_io_wait_seconds_total",
        form="$x * 1e9",
    ),
    Row(
        kind=VARZ,
        old="varz_remotes",
        new="nats_route_connections",
        form="count without (remote) ($x > 0)",
        absent=("(nats_server_routes == 0)", 0),
    ),
    *(
        Row(
            kind=VARZ,
            old=f"varz_{what}_stats_{old}",
            new=f"nats_server_{new}_by_kind_total",
            where={"kind": kind},
        )
        for what, new in (
            ("slow_consumer", "slow_consumers"),
            ("stale_connection", "stale_connections"),
        )
        for old, kind in KINDS
    ),
    *(
        Row(
            kind=VARZ,
            old=f"varz_http_req_stats_{path}",
            new="nats_server_monitoring_requests_total",
            where={"path": f"/{path}"},
        )
        for path in PATHS
    ),
    *(
        Row(
            kind=META,
            old=f"varz_jetstream_meta_{old}",
            new=f"jetstream_meta_{new}",
            rules=False,
            note="There is one series for each cluster, instead of one for each server.",
        )
        for old, new in (
            ("cluster_size", "peers"),
            ("quorum_needed", "quorum_needed"),
            ("snapshot_pending_entries", "snapshot_pending_entries"),
            ("snapshot_pending_size", "snapshot_pending_bytes"),
        )
    ),
    *plain(
        SERVER,
        """server_total_streams jetstream_server_streams
server_total_consumers jetstream_server_consumers""",
    ),
    Row(
        kind=SERVER, old="server_max_storage", new="jetstream_server_store_limit_bytes", where=FILE
    ),
    Row(
        kind=SERVER, old="server_max_memory", new="jetstream_server_store_limit_bytes", where=MEMORY
    ),
    Row(
        kind=SERVER, old="server_jetstream_disabled", new="jetstream_server_enabled", form="1 - $x"
    ),
    Row(
        kind=SERVER,
        old="server_total_message_bytes",
        new="jetstream_server_store_used_bytes",
        form="sum without (store) ($x)",
    ),
)
