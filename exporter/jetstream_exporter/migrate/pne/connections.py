"""Series of prometheus-nats-exporter about gateways, leaf nodes and the clients of accounts, and what gives each."""

from __future__ import annotations

from jetstream_exporter.migrate.pne.kinds import CLIENTS, GATEWAY, LEAF, VARZ
from jetstream_exporter.migrate.shapes import Row, plain

UNUSED = "An account has a series once a client used it on the server."
NONE = ("", 0.0)  # of an account that no client used
CLIENTS_AND_LEAFNODES = "$x + nats_account_leafnodes"
SUMMED = "One series is the sum over all connections of one direction to a remote cluster."

TRAFFIC = (
    ("in_bytes", "received_bytes_total"),
    ("in_msgs", "received_messages_total"),
    ("out_bytes", "sent_bytes_total"),
    ("out_msgs", "sent_messages_total"),
)


def gateways() -> tuple[tuple[str, str, str], ...]:
    """Direction, the end of their name, and ours."""
    return tuple(
        (direction, f"{direction}_gateway_conn_{old}", f"nats_gateway_{new}")
        for direction in ("outbound", "inbound")
        for old, new in (*TRAFFIC, ("rtt", "rtt_seconds"), ("pending_bytes", "pending_bytes"))
    )


ROWS = (
    *(
        Row(
            kind=CLIENTS, old=f"accstatz_{old}", new=f"nats_account_{new}", absent=NONE, note=UNUSED
        )
        for old, new in (
            ("current_connections", "connections"),
            ("leaf_nodes", "leafnodes"),
            ("subscriptions", "subscriptions"),
            ("slow_consumers", "slow_consumers_total"),
            ("sent_messages", "sent_messages_total"),
            ("sent_bytes", "sent_bytes_total"),
            ("received_messages", "received_messages_total"),
            ("received_bytes", "received_bytes_total"),
        )
    ),
    Row(
        kind=CLIENTS,
        old="accstatz_total_connections",
        new="nats_account_connections",
        form=CLIENTS_AND_LEAFNODES,
        absent=NONE,
        note=UNUSED,
    ),
    *(
        Row(
            kind=GATEWAY,
            old=f"gatewayz_{old}",
            new=new,
            where={"direction": direction},
            note=SUMMED if direction == "inbound" else "",
        )
        for direction, old, new in gateways()
    ),
    Row(kind=GATEWAY, old="gatewayz_outbound_gateway_configured", new="nats_gateway_configured"),
    *(
        Row(kind=LEAF, old=f"leafz_conn_{old}", new=f"nats_leafnode_{new}")
        for old, new in (*TRAFFIC, ("rtt", "rtt_seconds"))
    ),
    Row(
        kind=LEAF,
        old="leafz_info",
        new="nats_leafnode_connections",
        note="It is the number of connections of the account to the remote server.",
    ),
    *plain(VARZ, "leafz_conn_nodes_total nats_server_leafnodes"),
)
