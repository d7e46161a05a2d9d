"""Series of nats-surveyor that have no successor, and why."""

from __future__ import annotations

from jetstream_exporter.migrate.pne.missing import INBOUND
from jetstream_exporter.migrate.shapes import Missing

_ROUTES = "the traffic over routes is not exported; nats_route_connections counts the connections"
_CONNECTION = "this exporter has no ages and subscriptions of single connections between servers"
_ACCOUNTS = "what clients, leaf nodes, routes and gateways carry of an account is exported together: see nats_account_"

MISSING = (
    Missing(
        "up", "see jetstream_exporter_source_up, which says of each source whether it answered"
    ),
    Missing("survey_.*", "these describe nats-surveyor itself; see the jetstream_exporter_ series"),
    Missing("latency_.*", "latencies of services are not measured; keep nats-surveyor for them"),
    Missing("core_route_.*", _ROUTES),
    Missing("core_gatewayz_inbound_gateway_configured", INBOUND),
    Missing("core_gateway_.*|core_gatewayz_.*|core_(inbound|outbound)_.*", _CONNECTION),
    Missing(
        "core_rtt_nanoseconds",
        "round trips to servers are not measured; jetstream_exporter_source_duration_seconds says how long each took",
    ),
    Missing(
        "core_raftz_.*",
        "the indexes of the Raft log are not exported; see jetstream_meta_peer_lag_entries",
    ),
    Missing(
        "core_account_jetstream_tiered_.*",
        "see jetstream_account_tier_store_used_bytes and its siblings, by tier",
    ),
    Missing(
        "core_account_jetstream_enabled",
        "accounts without JetStream have no series; see jetstream_account_info",
    ),
    Missing("core_(account_.*|active_account_count)", _ACCOUNTS),
    Missing(
        "core_jetstream_accounts",
        "count by (nats_cluster) (jetstream_account_info) counts accounts with streams",
    ),
    Missing(
        "core_jetstream_server_total_messages",
        "messages are counted by stream, not by server: jetstream_stream_messages",
    ),
    Missing(
        "core_jetstream_.*_reserved_used_bytes", "what is used of reservations is not exported"
    ),
    Missing("core_.*", "this exporter has no such series"),
    Missing(
        "jetstream_acknowledgement_.*",
        "jetstream_consumer_ack_time_seconds is a histogram with other buckets",
    ),
    Missing(
        "jetstream_(total_advisories|unknown_advisories|advisory_.*)",
        "see jetstream_advisories_total by kind",
    ),
    Missing(
        "jetstream_(api_audit|consumer_actions|stream_actions|snapshot_.*|restore_.*)",
        "events of this kind are not counted; see jetstream_advisories_total by kind",
    ),
)
