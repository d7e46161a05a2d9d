"""Conditions of the links between servers. Each is the expression of its rule for one moment.

The rules also count links that break again and again, which needs a history.
"""

from collections import Counter
from collections.abc import Iterator

from jetstream_exporter.snapshot.links import OUTBOUND
from jetstream_exporter.status.facts import Facts, Seen, of_cluster


def gateway_down(facts: Facts) -> Iterator[Seen]:
    """Servers without a connection to a remote cluster of their configuration, of which a server answers."""
    silent = {name for name, rows in facts.servers.items() if name and not any(r.up for r in rows)}
    missing = Counter(
        (row.cluster, link.remote_cluster)
        for row in facts.snapshot.servers
        for link in row.gateways
        if link.direction == OUTBOUND and not link.connections and link.remote_cluster not in silent
    )
    for (cluster, remote), count in sorted(missing.items()):
        yield Seen(of_cluster(cluster), count, labels=(("remote_cluster", remote),))


def leafnode_down(facts: Facts) -> Iterator[Seen]:
    """Accounts of servers that lack a leaf node connection of their configuration."""
    missing = Counter(
        row.cluster
        for row in facts.snapshot.servers
        for link in row.leaf_remotes
        if link.connected is not None and link.connected < link.configured
    )
    for cluster, count in sorted(missing.items()):
        yield Seen(of_cluster(cluster), count)


def routes_missing(facts: Facts) -> Iterator[Seen]:
    """Servers without a route to another one that answers."""
    for cluster, rows in sorted(facts.servers.items()):
        count = sum(any(not link.connections for link in row.routes) for row in rows)
        if count:
            yield Seen(of_cluster(cluster), count)
