"""Rows of a server's connections: those to one other server are put together, and those of an account's clients."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence

from jetstream_exporter.snapshot.rows import (
    AccountClients,
    Gateway,
    Leafnode,
    LeafRemotes,
    Route,
    Traffic,
)
from jetstream_exporter.wire import (
    AccountStat,
    Accstatz,
    GatewayConnection,
    GatewayListener,
    Gatewayz,
    LeafRemote,
    Leafz,
    RemoteGateway,
    Routez,
    Varz,
)
from jetstream_exporter.wire import Leafnode as LeafConnection
from jetstream_exporter.wire import Route as RouteConnection

INBOUND, OUTBOUND = "inbound", "outbound"
SERVER_ID = re.compile("N[A-Z2-7]{55}")  # an nkey of a server, which it makes at each start
_PER_SECOND = {
    "ns": 1e9,
    "us": 1e6,
    "µs": 1e6,
    "μs": 1e6,
    "ms": 1e3,
    "s": 1.0,
    "m": 1 / 60,
    "h": 1 / 3600,
}
_PART = re.compile(r"(\d+(?:\.\d+)?)(ns|us|µs|μs|ms|s|m|h)")
_DURATION = re.compile(rf"(?:{_PART.pattern})+")


def configured_remotes(gateway: GatewayListener | None) -> list[str]:
    """The remote clusters that the server's configuration names. Its own name stands there where all share one file."""
    if gateway is None:
        return []
    return sorted({remote.name for remote in gateway.gateways} - {gateway.name, ""})


def gateway_rows(configured: Sequence[str], said: Gatewayz | None) -> list[Gateway]:
    """A row for each remote cluster and direction. A configured one without outbound connection has a row with 0."""
    if said is None:
        return []
    missing: dict[str, list[RemoteGateway]] = {name: [] for name in configured}
    outbound = {name: [remote] for name, remote in said.outbound_gateways.items()}
    directions: dict[str, Mapping[str, Sequence[RemoteGateway]]] = {
        OUTBOUND: missing | outbound,
        INBOUND: said.inbound_gateways,
    }
    return [
        _gateway(cluster, direction, list(_connections(remotes[cluster])))
        for direction, remotes in sorted(directions.items())
        for cluster in sorted(remotes)
        if cluster
    ]


def leafnode_rows(labels: Mapping[str, str], said: Leafz | None) -> list[Leafnode]:
    """`labels` are those of the accounts, by id."""
    found: dict[tuple[str, str], list[LeafConnection]] = {}
    for leaf in said.leafs if said is not None else ():
        remote = "" if SERVER_ID.fullmatch(leaf.name) else leaf.name
        found.setdefault((labels.get(leaf.account, leaf.account), remote), []).append(leaf)
    return [
        Leafnode(account, remote, len(leafs), _worst(leafs), _traffic(leafs))
        for (account, remote), leafs in sorted(found.items())
    ]


def leaf_remote_rows(
    labels: Mapping[str, str], varz: Varz | None, said: Leafz | None
) -> list[LeafRemotes]:
    """By account. Where varz counts no leaf nodes, none is connected: the server was not asked about them."""
    found: dict[str, list[LeafRemote]] = {}
    for remote in varz.leaf.remotes if varz is not None else ():
        found.setdefault(remote.local_account, []).append(remote)
    leafs = said.leafs if said is not None else None if varz and varz.leafnodes else ()
    return [
        LeafRemotes(
            labels.get(account, account),
            len(remotes),
            None if leafs is None else sum(_is_dialled(leaf, account, remotes) for leaf in leafs),
        )
        for account, remotes in sorted(found.items())
    ]


def _is_dialled(leaf: LeafConnection, account: str, remotes: Iterable[LeafRemote]) -> bool:
    """Whether this server made it: as a spoke, or as a hub that connects to a port of its configuration."""
    if leaf.account != account:
        return False
    urls = (url for remote in remotes for url in remote.urls)
    return leaf.is_spoke or any(url.endswith(f":{leaf.port}") for url in urls)


def client_rows(labels: Mapping[str, str], said: Accstatz | None) -> list[AccountClients]:
    """Of each account that had a client of this server since its start. The others are in the answer, at 0.

    An account that a server names twice counts as it is named first.
    """
    found: dict[str, AccountClients] = {}
    for one in said.account_statz if said is not None else ():
        if one.acc and _was_used(one):
            account = labels.get(one.acc, one.acc)
            found.setdefault(account, _clients(account, one))
    return [found[account] for account in sorted(found)]


def _clients(account: str, one: AccountStat) -> AccountClients:
    return AccountClients(
        account,
        one.conns,
        one.leafnodes,
        one.num_subscriptions,
        Traffic(one.sent.msgs, one.sent.bytes, one.received.msgs, one.received.bytes),
        one.slow_consumers,
    )


def _was_used(one: AccountStat) -> bool:
    """A server has subscriptions of its own in every account; they are no use."""
    return any((one.conns, one.leafnodes, one.sent.msgs, one.received.msgs, one.slow_consumers))


def route_rows(varz: Varz | None, said: Routez | None, peers: Iterable[str]) -> list[Route]:
    """A row for each server that it has routes to, and one with 0 for each of `peers` that it has none to.

    `peers` are the other servers of its cluster that answered. Where varz counts no routes, the server was not asked.
    """
    found: dict[str, list[RouteConnection]] = {}
    for route in said.routes if said is not None else ():
        found.setdefault(route.remote_name, []).append(route)
    is_told = said is not None or (varz is not None and not varz.routes)
    if is_told and "" not in found:
        found = {peer: [] for peer in peers} | found
    return [_route(remote, routes) for remote, routes in sorted(found.items()) if remote]


def _route(remote: str, routes: Sequence[RouteConnection]) -> Route:
    if not routes:
        return Route(remote, 0)
    return Route(remote, len(routes), sum(r.pending_size for r in routes), _worst(routes))


def seconds_of(text: str) -> float | None:
    """Seconds of a duration as Go writes it; None for 0, which is not measured yet, and for anything else."""
    if not _DURATION.fullmatch(text):
        return None
    return sum(float(number) / _PER_SECOND[unit] for number, unit in _PART.findall(text)) or None


def _gateway(cluster: str, direction: str, found: Sequence[GatewayConnection]) -> Gateway:
    if not found:
        return Gateway(cluster, direction, 0)
    pending = sum(each.pending_bytes for each in found)
    return Gateway(cluster, direction, len(found), pending, _worst(found), _traffic(found))


def _connections(remotes: Iterable[RemoteGateway]) -> Iterator[GatewayConnection]:
    return (remote.connection for remote in remotes if remote.connection is not None)


def _worst(found: Iterable[GatewayConnection | LeafConnection | RouteConnection]) -> float | None:
    return max(filter(None, (seconds_of(each.rtt) for each in found)), default=None)


def _traffic(found: Iterable[GatewayConnection | LeafConnection]) -> Traffic:
    each = [(one.out_msgs, one.out_bytes, one.in_msgs, one.in_bytes) for one in found]
    return Traffic(*(sum(numbers) for numbers in zip(*each, strict=True)))
