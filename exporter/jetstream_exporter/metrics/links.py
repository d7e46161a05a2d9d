"""Families of the links between servers: gateways, leaf nodes, routes."""

from collections.abc import Callable, Iterator
from typing import Any, Generic, NamedTuple, TypeVar

from jetstream_exporter.metrics.families import Family, Table, Value, counter, gauge
from jetstream_exporter.metrics.servers import OF_SERVER
from jetstream_exporter.snapshot import Server, Snapshot
from jetstream_exporter.snapshot.rows import Gateway, Leafnode, LeafRemotes, Route, Traffic

Link = TypeVar("Link")


class _Of(NamedTuple, Generic[Link]):
    """A link, and the server that said it."""

    server: Server
    link: Link


_RESETS = (
    "Sum over the connections that there are now, each counting from its own start: it falls when one of them ends "
    "or is made anew."
)


def _remotes(snapshot: Snapshot) -> Iterator[_Of[str]]:
    return (_Of(server, name) for server in snapshot.servers for name in server.gateway_remotes)


def _gateways(snapshot: Snapshot) -> Iterator[_Of[Gateway]]:
    return (_Of(server, link) for server in snapshot.servers for link in server.gateways)


def _leafnodes(snapshot: Snapshot) -> Iterator[_Of[Leafnode]]:
    return (_Of(server, link) for server in snapshot.servers for link in server.leafnodes)


def _leaf_remotes(snapshot: Snapshot) -> Iterator[_Of[LeafRemotes]]:
    return (_Of(server, link) for server in snapshot.servers for link in server.leaf_remotes)


def _routes(snapshot: Snapshot) -> Iterator[_Of[Route]]:
    return (_Of(server, link) for server in snapshot.servers for link in server.routes)


def _traffic(kind: str, path: str) -> tuple[Family[_Of[Any]], ...]:
    """The four counters of a kind of link; `path` is the server's place of their fields."""

    def family(
        name: str, words: str, field: str, value: Callable[[Traffic], Value]
    ) -> Family[_Of[Any]]:
        def of(each: _Of[Any]) -> Value:
            traffic: Traffic | None = each.link.traffic
            return None if traffic is None else value(traffic)

        full = f"nats_{kind}_{name}_total"
        text = f"{words} over these connections. {_RESETS}"
        return counter(full, text, of, f"{path}{field}", f"rate({full}[5m])")

    return (
        family("sent_messages", "Messages sent", "out_msgs", lambda t: t.sent_messages),
        family("sent_bytes", "Bytes sent", "out_bytes", lambda t: t.sent_bytes),
        family("received_messages", "Messages received", "in_msgs", lambda t: t.received_messages),
        family("received_bytes", "Bytes received", "in_bytes", lambda t: t.received_bytes),
    )


REMOTES: Table[_Of[str]] = Table(
    name="Gateways: remote clusters of the configuration",
    rows=_remotes,
    labels={**OF_SERVER, "remote_cluster": lambda each: each.link},
    families=(
        gauge(
            "nats_gateway_configured",
            "Always 1, for each remote cluster that the configuration of the server names, connected or not.",
            lambda _: 1,
            "varz gateway.gateways",
            "nats_gateway_configured unless on (nats_cluster, server, remote_cluster) "
            'nats_gateway_connections{direction="outbound"}',
        ),
    ),
)

GATEWAYS: Table[_Of[Gateway]] = Table(
    name="Gateways",
    rows=_gateways,
    labels={
        **OF_SERVER,
        "remote_cluster": lambda each: each.link.remote_cluster,
        "direction": lambda each: each.link.direction,
    },
    families=(
        gauge(
            "nats_gateway_connections",
            "Current number of gateway connections of the server to the remote cluster (`outbound`, at most 1) or "
            "from its servers (`inbound`). 0 for an outbound connection that is configured and not there.",
            lambda each: each.link.connections,
            "gatewayz outbound_gateways, inbound_gateways",
            'nats_gateway_connections{direction="outbound"} == 0',
        ),
        gauge(
            "nats_gateway_pending_bytes",
            "Bytes that wait to be sent over these connections.",
            lambda each: each.link.pending_bytes,
            "gatewayz connection.pending_bytes",
            "nats_gateway_pending_bytes",
        ),
        gauge(
            "nats_gateway_rtt_seconds",
            "Round-trip time of these connections, the longest of them.",
            lambda each: each.link.rtt,
            "gatewayz connection.rtt",
            "max by (nats_cluster, remote_cluster) (nats_gateway_rtt_seconds) > 0.3",
        ),
        *_traffic("gateway", "gatewayz connection."),
    ),
)

LEAFNODES: Table[_Of[Leafnode]] = Table(
    name="Leaf nodes",
    rows=_leafnodes,
    labels={
        **OF_SERVER,
        "account": lambda each: each.link.account,
        "remote": lambda each: each.link.remote,
    },
    families=(
        gauge(
            "nats_leafnode_connections",
            "Current number of leaf node connections of the account between the server and the server `remote`. Both "
            "ends report them. `remote` is empty for servers without a name.",
            lambda each: each.link.connections,
            "leafz leafs",
            "nats_leafnode_connections offset 10m unless nats_leafnode_connections",
        ),
        gauge(
            "nats_leafnode_rtt_seconds",
            "Round-trip time of these connections, the longest of them.",
            lambda each: each.link.rtt,
            "leafz rtt",
            "nats_leafnode_rtt_seconds > 0.3",
        ),
        *_traffic("leafnode", "leafz "),
    ),
)

LEAF_REMOTES: Table[_Of[LeafRemotes]] = Table(
    name="Leaf nodes: connections of the configuration",
    rows=_leaf_remotes,
    labels={**OF_SERVER, "account": lambda each: each.link.account},
    families=(
        gauge(
            "nats_leafnode_configured",
            "Number of leaf node connections of the account that the configuration of the server says to make.",
            lambda each: each.link.configured,
            "varz leaf.remotes",
            "nats_leafnode_configured",
        ),
        gauge(
            "nats_leafnode_configured_connections",
            "Current number of these connections.",
            lambda each: each.link.connected,
            "leafz leafs",
            "nats_leafnode_configured_connections < nats_leafnode_configured",
        ),
    ),
)

ROUTES: Table[_Of[Route]] = Table(
    name="Routes",
    rows=_routes,
    labels={**OF_SERVER, "remote": lambda each: each.link.remote},
    families=(
        gauge(
            "nats_route_connections",
            "Current number of route connections between the server and the server `remote` of its cluster, "
            "including all connections of a pool and those of single accounts. 0 if `remote` answered the "
            "exporter, too, and there is no route.",
            lambda each: each.link.connections,
            "routez routes",
            "nats_route_connections == 0",
        ),
        gauge(
            "nats_route_pending_bytes",
            "Bytes that wait to be sent over these connections.",
            lambda each: each.link.pending_bytes,
            "routez pending_size",
            "nats_route_pending_bytes",
        ),
        gauge(
            "nats_route_rtt_seconds",
            "Round-trip time of these connections, the longest of them.",
            lambda each: each.link.rtt,
            "routez rtt",
            "max by (nats_cluster, server) (nats_route_rtt_seconds) > 0.05",
        ),
    ),
)

TABLES = (REMOTES, GATEWAYS, LEAFNODES, LEAF_REMOTES, ROUTES)
