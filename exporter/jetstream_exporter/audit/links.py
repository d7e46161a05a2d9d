"""Checks of the connections between servers, and of what accounts have left of their limits.

What is compared with a configuration is what the server itself reports of it, at the moment of the audit.
"""

from __future__ import annotations

from collections.abc import Iterator

from jetstream_exporter.audit.finding import Check, Seen, Severity
from jetstream_exporter.audit.observe import Observation, server_name, stream_name
from jetstream_exporter.snapshot import Server
from jetstream_exporter.snapshot.rows import Account, AccountStore, AccountTier
from jetstream_exporter.status.alerts import threshold

FULL = threshold("JetStreamAccountStorageHigh", "warning")  # of the storage
NEAR = threshold("JetStreamAccountLimitNear", "warning")  # of other limits, as `nats audit`


def gateways_down(seen: Observation) -> Iterator[Seen]:
    for row in seen.snapshot.servers:
        for link in row.gateways:
            if link.direction == "outbound" and not link.connections:
                yield Seen(
                    server_name(row),
                    f"it has no connection to cluster {link.remote_cluster}, which its configuration names",
                )


def gateways_differ(seen: Observation) -> Iterator[Seen]:
    clusters: dict[str, list[Server]] = {}
    for row in seen.snapshot.servers:
        if row.process is not None and row.cluster:
            clusters.setdefault(row.cluster, []).append(row)
    for cluster, rows in clusters.items():
        every = {name for row in rows for name in row.gateway_remotes}
        lacking = {row.name: sorted(every - set(row.gateway_remotes)) for row in rows}
        named = [
            f"{name} lacks {', '.join(missing)}" for name, missing in lacking.items() if missing
        ]
        if named:
            yield Seen(
                f"cluster {cluster}", f"its servers name different gateways: {'; '.join(named)}"
            )


def leafnodes_down(seen: Observation) -> Iterator[Seen]:
    for row in seen.snapshot.servers:
        for remotes in row.leaf_remotes:
            if remotes.connected is not None and remotes.connected < remotes.configured:
                yield Seen(
                    server_name(row),
                    f"it has {remotes.connected} of the {remotes.configured} leaf node connections of account "
                    f"{remotes.account} that its configuration names",
                )


def routes_missing(seen: Observation) -> Iterator[Seen]:
    for row in seen.snapshot.servers:
        missing = [link.remote for link in row.routes if not link.connections]
        if missing:
            yield Seen(server_name(row), f"it has no route to {', '.join(missing)}")


def near_limits(seen: Observation) -> Iterator[Seen]:
    for row in seen.snapshot.accounts:
        name = f"account {row.name or row.id} (cluster {row.cluster})"
        yield from (Seen(name, used) for used in _shares(row))
        for tier in row.tiers:
            yield from (Seen(name, f"in tier {tier.tier} {used}") for used in _shares(tier))
    yield from _consumers(seen)


def _shares(row: Account | AccountTier) -> Iterator[str]:
    for kind, store in (("file", row.file), ("memory", row.memory)):
        yield from _of_store(kind, store)
    if row.max_streams and (row.streams or 0) > NEAR * row.max_streams:
        yield f"it has {row.streams} of at most {row.max_streams} streams"


def _consumers(seen: Observation) -> Iterator[Seen]:
    """The server counts the consumers of each stream against the limit of its account."""
    limits = {(row.cluster, row.id): row.max_consumers for row in seen.snapshot.accounts}
    for row in seen.snapshot.streams:
        most = limits.get((row.cluster, row.account_id))
        if most and (row.consumers or 0) > NEAR * most:
            yield Seen(
                stream_name(row),
                f"it has {row.consumers} consumers, and its account permits {most} for each stream",
            )


def _of_store(kind: str, store: AccountStore) -> Iterator[str]:
    if store.limit and (store.used or 0) > FULL * store.limit:
        yield f"it uses {store.used} of {store.limit} bytes of its {kind} storage"
    if store.limit and (store.reserved or 0) > NEAR * store.limit:
        yield f"its streams reserve {store.reserved} of {store.limit} bytes of its {kind} storage"


CHECKS: tuple[Check[Observation], ...] = (
    Check(
        "gateway-down",
        Severity.ERROR,
        "each gateway that a server's configuration names is connected",
        "Clients of the two clusters do not reach each other through this server, and streams that mirror or source "
        "another across do not advance.",
        "Repeat the audit, since a gateway is connected again within seconds after a restart. If it is still down, "
        "see the runbook NatsGatewayDown.",
        gateways_down,
    ),
    Check(
        "gateways-differ",
        Severity.WARNING,
        "all servers of a cluster name the same gateways",
        "A server learns of other clusters from those that it is connected to. If these are away when it starts, it "
        "does not find a cluster that its own configuration does not name.",
        "List the same gateways in the configuration of every server, and reload or restart the servers.",
        gateways_differ,
    ),
    Check(
        "leafnode-down",
        Severity.ERROR,
        "each leaf node connection that a server's configuration names is there",
        "Clients of this account on this server do not reach the hub, and streams that mirror or source another "
        "across do not advance.",
        "Repeat the audit, since a leaf node connects again within seconds after a restart. If the connection is still "
        "missing, see the runbook NatsLeafnodeDown.",
        leafnodes_down,
    ),
    Check(
        "route-missing",
        Severity.ERROR,
        "every two servers of a cluster have a route to each other",
        "Messages between clients of the two servers are lost, because servers pass nothing on from one route to "
        "another. Replicas on the two servers cannot keep up with each other.",
        "Repeat the audit, since routes are made within seconds after a start. If it is still missing, see the runbook "
        "NatsRoutesMissing.",
        routes_missing,
    ),
    Check(
        "account-near-limit",
        Severity.WARNING,
        "accounts use less than 80% of their storage and 90% of their other limits",
        "At the limit the server rejects new messages of every stream of the account, or a new stream.",
        "Raise the limit of the account, or delete what it does not need any more. nats account info shows all limits.",
        near_limits,
    ),
)
