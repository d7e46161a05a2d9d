"""Series of nats-surveyor about gateways, routes and the clients of accounts, and what gives each."""

from __future__ import annotations

from jetstream_exporter.migrate.pne.connections import (
    CLIENTS_AND_LEAFNODES,
    NONE,
    SUMMED,
    UNUSED,
    gateways,
)
from jetstream_exporter.migrate.shapes import Row
from jetstream_exporter.migrate.surveyor.kinds import CLIENTS, GATEWAY, GATEWAYZ, ROUTE, SERVER

NO_INBOUND = "Without a connection from the remote cluster there is no series; the value was 0."

ROWS = (
    *(
        Row(
            kind=CLIENTS,
            old=f"core_account_{old}",
            new=f"nats_account_{new}",
            absent=NONE,
            note=UNUSED,
        )
        for old, new in (
            ("conn_count", "connections"),
            ("leaf_count", "leafnodes"),
            ("sub_count", "subscriptions"),
            ("slow_consumer_count", "slow_consumers_total"),
            ("msgs_sent", "sent_messages_total"),
            ("bytes_sent", "sent_bytes_total"),
            ("msgs_recv", "received_messages_total"),
            ("bytes_recv", "received_bytes_total"),
        )
    ),
    Row(
        kind=CLIENTS,
        old="core_account_total_conn_count",
        new="nats_account_connections",
        form=CLIENTS_AND_LEAFNODES,
        absent=NONE,
        note=UNUSED,
    ),
    *(
        Row(
            kind=GATEWAY,
            old=f"core_gateway_{old}",
            new=f"nats_gateway_{new}",
            where={"direction": direction},
            absent=("nats_gateway_connections", 0) if direction == "inbound" else None,
            note=NO_INBOUND if direction == "inbound" else "",
        )
        for old, new, direction in (
            ("sent_msgs_count", "sent_messages_total", "outbound"),
            ("sent_bytes", "sent_bytes_total", "outbound"),
            ("recv_msg_count", "received_messages_total", "inbound"),
            ("recv_bytes", "received_bytes_total", "inbound"),
            ("inbound_msg_count", "connections", "inbound"),
        )
    ),
    Row(
        kind=SERVER,
        old="core_gateway_count",
        new="nats_gateway_connections",
        where={"direction": "outbound"},
        form="sum without (remote_cluster, direction) ($x)",
        absent=("(nats_server_cores unless on (nats_cluster, server) nats_gateway_configured)", 0),
    ),
    *(
        Row(
            kind=GATEWAYZ,
            old=f"core_gatewayz_{old}",
            new=new,
            where={"direction": direction},
            note=SUMMED if direction == "inbound" else "",
        )
        for direction, old, new in gateways()
    ),
    Row(
        kind=GATEWAYZ,
        old="core_gatewayz_outbound_gateway_configured",
        new="nats_gateway_configured",
    ),
    Row(
        kind=ROUTE,
        old="core_route_pending_bytes",
        new="nats_route_pending_bytes",
        note="One series is the sum over the pool of connections to a server.",
    ),
)
