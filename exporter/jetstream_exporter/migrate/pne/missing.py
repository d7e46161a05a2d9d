"""Series of prometheus-nats-exporter that have no successor, and why."""

from __future__ import annotations

from jetstream_exporter.migrate.shapes import Missing

_CONNECTIONS = (
    "this exporter has no series of single connections; nats_server_connections counts them, and `nats server report "
    "connections` lists them"
)
_ACCOUNTS = "this exporter does not read the limits of accounts from this endpoint"
_CONNECTION = "this exporter has no ages and subscriptions of single connections between servers"
_SETTING = "this is a setting in the server's configuration, which this exporter does not repeat"
INBOUND = "it is always 0, because a configuration names only outbound gateways: see nats_gateway_configured"

MISSING = (
    Missing("connz_.*", _CONNECTIONS),
    Missing("accountz_.*", _ACCOUNTS),
    Missing("gatewayz_inbound_gateway_configured", INBOUND),
    Missing("gatewayz_.*|leafz_.*", _CONNECTION),
    Missing("(routez|subsz)_server_.*", "its value is in a label; see nats_server_info"),
    Missing("subsz_.*", "only the number of subscriptions is exported: nats_server_subscriptions"),
    Missing(
        "varz_http_req_stats_.*",
        "nats_server_monitoring_requests_total has the same, with the path as a label",
    ),
    Missing(
        "varz_disk_io_wait_stats_.*",
        "only the number of waits and their time are exported: nats_server_store_io_waits_total, "
        "nats_server_store_io_wait_seconds_total",
    ),
    Missing(
        "varz_(in|out)_client_(msgs|bytes)",
        "only the traffic of all connections is exported: nats_server_received_messages_total and its siblings",
    ),
    Missing(
        "varz_jetstream_meta_(leader|name)|varz_(server_name|cluster_name|server_id)|healthz_status_value|healthz_error.*",
        "its value is in a label; see nats_server_info, jetstream_meta_leader, jetstream_server_meta_leader_info",
    ),
    Missing(
        "varz_jetstream_meta_.*",
        "each server's own view of the meta group is not exported; the jetstream_meta_ series are the leader's",
    ),
    Missing(
        "varz_jetstream_stats_accounts",
        "the number of accounts is not a series; count by (nats_cluster) (jetstream_account_info) counts them",
    ),
    Missing("varz_jetstream_stats_.*", "the server's JSON field is not exported"),
    Missing(
        "server_total_messages",
        "messages are counted by stream, not by server: jetstream_stream_messages",
    ),
    Missing("varz_(jetstream_config|jetstream_limits)_.*", _SETTING),
    Missing(
        "varz_(auth_timeout|ping_.*|max_.*|tls_.*|write_deadline|https?_port|port|proto|cluster_.*"
        "|gateway_.*|leaf_.*|mqtt_.*|websocket_.*|ocsp_.*)",
        _SETTING,
    ),
    Missing("varz_.*", "the server's JSON field is not exported"),
)
