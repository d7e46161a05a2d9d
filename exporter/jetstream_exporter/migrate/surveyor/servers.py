"""Series of nats-surveyor about servers and the meta group, and what gives each."""

from __future__ import annotations

from jetstream_exporter.migrate.pne.kinds import FILE, MEMORY
from jetstream_exporter.migrate.shapes import Row, plain
from jetstream_exporter.migrate.surveyor.kinds import (
    JETSTREAM,
    JETSTREAM_INFO,
    META,
    META_VIEW,
    PEER,
    SERVER,
    SERVER_INFO,
    SURVEY,
)

_LEADER = "There is one series for each cluster, as reported by the meta leader, instead of one for each server."

SERVER_ROWS = (
    Row(
        kind=SERVER,
        old="core_start_time",
        new="nats_server_start_timestamp_seconds",
        form="$x * 1e9",
    ),
    Row(
        kind=SERVER,
        old="core_uptime",
        new="nats_server_start_timestamp_seconds",
        form="time() - $x",
    ),
    Row(kind=SERVER, old="core_cpu_percentage", new="nats_server_cpu_cores_used", form="$x * 100"),
    *plain(
        SERVER,
        """mem_bytes nats_server_memory_bytes
core_count nats_server_cores
connection_count nats_server_connections
total_connection_count nats_server_accepted_connections_total
subs_count nats_server_subscriptions
sent_msgs_count nats_server_sent_messages_total
sent_bytes nats_server_sent_bytes_total
recv_msgs_count nats_server_received_messages_total
recv_bytes nats_server_received_bytes_total
slow_consumer_count nats_server_slow_consumers_total
route_count nats_server_routes""",
        "core_",
    ),
    Row(
        kind=SERVER,
        old="core_go_memlimit_bytes",
        new="nats_server_memory_limit_bytes",
        absent=("nats_server_cores", 0),
        note="An unlimited value is absent instead of 0.",
    ),
    Row(kind=SERVER_INFO, old="core_info", new="nats_server_info"),
    Row(
        kind=JETSTREAM_INFO,
        old="core_jetstream_info",
        new="nats_server_info",
        form="$x and on (nats_cluster, server) jetstream_server_enabled == 1",
        note="Only servers with JetStream have a series.",
    ),
    *plain(
        JETSTREAM,
        """jetstream_enabled jetstream_server_enabled
jetstream_ha_assets jetstream_server_ha_assets
jetstream_api_requests jetstream_server_api_requests_total
jetstream_api_errors jetstream_server_api_errors_total
jetstream_api_pending jetstream_server_api_pending_requests
jetstream_server_total_streams jetstream_server_streams
jetstream_server_total_consumers jetstream_server_consumers
jetstream_server_total_stream_leaders jetstream_server_stream_leaders
jetstream_server_total_consumer_leaders jetstream_server_consumer_leaders""",
        "core_",
    ),
    *(
        Row(
            kind=JETSTREAM,
            old=f"core_jetstream_{store}store_{old}_bytes",
            new=f"jetstream_server_store_{new}_bytes",
            where=where,
        )
        for store, where in (("file", FILE), ("mem", MEMORY))
        for old, new in (("size", "limit"), ("used", "used"), ("reserved", "reserved"))
    ),
    Row(
        kind=JETSTREAM,
        old="core_jetstream_server_jetstream_disabled",
        new="jetstream_server_enabled",
        form="1 - $x",
    ),
    Row(
        kind=JETSTREAM,
        old="core_jetstream_server_max_storage",
        new="jetstream_server_store_limit_bytes",
        where=FILE,
    ),
    Row(
        kind=JETSTREAM,
        old="core_jetstream_server_max_memory",
        new="jetstream_server_store_limit_bytes",
        where=MEMORY,
    ),
    Row(
        kind=JETSTREAM,
        old="core_jetstream_server_total_message_bytes",
        new="jetstream_server_store_used_bytes",
        form="sum without (store) ($x)",
    ),
    Row(
        kind=JETSTREAM,
        old="core_jetstream_cluster_raft_group_leader",
        new="jetstream_meta_leader",
        absent=("jetstream_server_enabled", 0),
        note="Only the leader has a series; the value of the other servers was 0.",
    ),
)

META_ROWS = (
    *(
        Row(
            kind=META,
            old=f"core_jetstream_{old}",
            new=f"jetstream_meta_{new}",
            rules=False,
            note=_LEADER,
        )
        for old, new in (
            ("cluster_raft_group_size", "peers"),
            ("meta_snapshot_pending_entries", "snapshot_pending_entries"),
            ("meta_snapshot_pending_bytes", "snapshot_pending_bytes"),
            ("meta_snapshot_last_duration_seconds", "snapshot_duration_seconds"),
            ("meta_snapshot_last_timestamp_seconds", "snapshot_timestamp_seconds"),
        )
    ),
    *(
        Row(
            kind=SURVEY,
            old=f"survey_{old}_count",
            new="nats_server_up",
            form=f"{function}(max by (nats_cluster, server) ($x))",
            rules=False,
            note=note,
        )
        for old, function, note in (
            ("surveyed", "sum", "It is the number of servers that answered."),
            (
                "expected",
                "count",
                "It is the number of known servers; it was the value of the flag --count.",
            ),
        )
    ),
    Row(
        kind=META,
        old="core_jetstream_cluster_raft_group_replicas",
        new="jetstream_meta_peers",
        form="$x - 1",
        rules=False,
        note=_LEADER,
    ),
    Row(
        kind=META_VIEW,
        old="core_jetstream_cluster_raft_group_info",
        new="jetstream_server_meta_leader_info",
        rules=False,
        note="The meta leader as seen by each server. There is no rule, because each election would create new series.",
    ),
    Row(
        kind=PEER,
        old="core_jetstream_cluster_raft_group_replica_peer_active",
        new="jetstream_meta_peer_last_seen_seconds",
        form="$x * 1e9",
    ),
    Row(
        kind=PEER,
        old="core_jetstream_cluster_raft_group_replica_peer_current",
        new="jetstream_meta_peer_current",
    ),
    Row(
        kind=PEER,
        old="core_jetstream_cluster_raft_group_replica_peer_offline",
        new="jetstream_meta_peer_offline",
    ),
)

ROWS = (*SERVER_ROWS, *META_ROWS)
