"""The budget of objects: which are left out where there are more than the configured limit.

Who cannot do without goes last, no account and no stream can push out all others, and the order is stable: the same
objects are kept from scrape to scrape.
"""

from collections import defaultdict
from collections.abc import Callable, Hashable, Sequence
from typing import Any, TypeVar

import msgspec

from jetstream_exporter.config.exported import Limits
from jetstream_exporter.snapshot import Consumer, Meta, Server, Snapshot, Stream
from jetstream_exporter.snapshot.rows import Account, Leafnode, LeafRemotes, Process
from jetstream_exporter.wire import LONGEST_NAME

Row = TypeVar("Row")
Parent = TypeVar("Parent", bound=msgspec.Struct)

MQTT = "$MQTT_"
BUCKETS = ("KV_", "OBJ_")
DIRECT = ("JS_MIRROR_", "JS_SRC_")  # consumers by which a stream copies another (stream.go)


def stream_rank(row: Stream) -> int:
    """How soon a stream may be left out: 0 last. What servers and clients make for themselves goes before the rest."""
    return 2 if row.name.startswith(MQTT) else 1 if row.name.startswith(BUCKETS) else 0


def consumer_rank(row: Consumer) -> int:
    """How soon a consumer may be left out: 0 last. Nobody is woken for a session, a watcher or a copy."""
    if row.stream.startswith(MQTT) or row.name.startswith(DIRECT):
        return 3
    if row.settings is None or not row.settings.durable:
        return 2
    return 1 if row.stream.startswith(BUCKETS) else 0


def most_worth(
    rows: Sequence[Row],
    limit: int,
    rank: Callable[[Row], int],
    owner: Callable[[Row], Hashable],
) -> Sequence[Row]:
    """At most `limit` of the rows, in their order: by rank, then each owner's first, each owner's second, and so on."""
    if len(rows) <= limit:
        return rows
    seen: defaultdict[Hashable, int] = defaultdict(int)
    order = []
    for i, row in enumerate(rows):
        place = (rank(row), owner(row))
        order.append((place[0], seen[place], i))
        seen[place] += 1
    return [rows[i] for i in sorted(i for _, _, i in sorted(order)[:limit])]


class Budget:
    """Cuts a snapshot to the limits. Everything of a stream or consumer that is left out goes with it."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self.dropped: dict[str, int] = {}

    def servers(self, rows: Sequence[Server]) -> Sequence[Server]:
        """Those that answered are kept first: whoever answers can name any number of others."""
        kept = self._kept(
            "server", rows, self._limits.servers, lambda s: not s.up, lambda s: s.cluster
        )
        listeners = [
            (row, name) for row in kept if row.process for name in row.process.certificates
        ]
        some = self._kept(
            "tls_listener", listeners, self._limits.tls_listeners, _same, lambda p: p[0].name
        )
        if len(some) < len(listeners):
            names = _by_parent(kept, some)
            kept = [
                _with(row, process=_listening(row.process, name)) if row.process else row
                for row, name in zip(kept, names, strict=True)
            ]
        return self._with_few_links(kept)

    def _with_few_links(self, rows: Sequence[Server]) -> Sequence[Server]:
        """Each server keeps as many gateways, routes and accounts as any other, and each account as many leaf nodes."""
        limits = self._limits
        rows = self._children("gateway", rows, "gateways", limits.gateways, _place)
        rows = self._children("gateway_remote", rows, "gateway_remotes", limits.gateways, _place)
        rows = self._children("route", rows, "routes", limits.routes, _place)
        rows = self._children("server_account", rows, "accounts", limits.server_accounts, _place)
        for kind, field in (("leafnode", "leafnodes"), ("leafnode_remote", "leaf_remotes")):
            rows = self._children(kind, rows, field, limits.leafnodes, _tenant)
        return rows

    def metas(self, rows: Sequence[Meta]) -> Sequence[Meta]:
        return self._children(
            "meta_peer", rows, "members", self._limits.meta_peers, lambda meta, _: meta.cluster
        )

    def accounts(self, rows: Sequence[Account], streams: Sequence[Stream]) -> Sequence[Account]:
        """Accounts with streams are kept first."""
        used = {(row.cluster, row.account) for row in streams}
        kept = self._kept(
            "account",
            rows,
            self._limits.accounts,
            lambda a: (a.cluster, a.id) not in used,
            lambda a: a.cluster,
        )
        return self._children(
            "account_tier",
            kept,
            "tiers",
            self._limits.account_tiers,
            lambda a, _: (a.cluster, a.id),
        )

    def streams(self, rows: Sequence[Stream]) -> Sequence[Stream]:
        kept = self._kept(
            "stream", rows, self._limits.streams, stream_rank, lambda s: (s.cluster, s.account_id)
        )
        kept = self._children(
            "replica", kept, "replicas", self._limits.replicas, lambda s, _: s.key
        )
        named = [_with_short_origins(row) for row in kept]
        unnamed = _sources(kept) - _sources(named)
        kept = self._children(
            "stream_source", named, "sources", self._limits.stream_sources, lambda s, _: s.key
        )
        self.dropped["stream_source"] += unnamed
        return kept

    def consumers(self, rows: Sequence[Consumer]) -> Sequence[Consumer]:
        return self._kept(
            "consumer",
            rows,
            self._limits.consumers,
            consumer_rank,
            lambda c: (c.cluster, c.account_id),
        )

    def _kept(
        self,
        kind: str,
        rows: Sequence[Row],
        limit: int,
        rank: Callable[[Row], int],
        owner: Callable[[Row], Hashable],
    ) -> Sequence[Row]:
        kept = most_worth(rows, limit, rank, owner)
        self.dropped[kind] = len(rows) - len(kept)
        return kept

    def _children(
        self,
        kind: str,
        parents: Sequence[Parent],
        field: str,
        limit: int,
        owner: Callable[[Parent, Any], Hashable],
    ) -> Sequence[Parent]:
        """Leave out children of the rows, so that each owner keeps as many as any other."""
        total = sum(len(getattr(parent, field)) for parent in parents)
        if total <= limit:
            self.dropped[kind] = 0
            return parents
        children = [(parent, child) for parent in parents for child in getattr(parent, field)]
        kept = self._kept(kind, children, limit, _same, lambda pair: owner(*pair))
        return [
            _with(parent, **{field: some})
            for parent, some in zip(parents, _by_parent(parents, kept), strict=True)
        ]


def counted(snapshot: Snapshot) -> dict[str, int]:
    """How many objects there are, by kind."""
    listeners = (len(row.process.certificates) for row in snapshot.servers if row.process)
    return {
        "server": len(snapshot.servers),
        "tls_listener": sum(listeners),
        "gateway": sum(len(row.gateways) for row in snapshot.servers),
        "gateway_remote": sum(len(row.gateway_remotes) for row in snapshot.servers),
        "leafnode": sum(len(row.leafnodes) for row in snapshot.servers),
        "leafnode_remote": sum(len(row.leaf_remotes) for row in snapshot.servers),
        "route": sum(len(row.routes) for row in snapshot.servers),
        "server_account": sum(len(row.accounts) for row in snapshot.servers),
        "meta_peer": sum(len(row.members) for row in snapshot.metas),
        "account": len(snapshot.accounts),
        "account_tier": sum(len(row.tiers) for row in snapshot.accounts),
        "stream": len(snapshot.streams),
        "replica": sum(len(row.replicas) for row in snapshot.streams),
        "stream_source": _sources(snapshot.streams),
        "consumer": len(snapshot.consumers),
    }


def _sources(rows: Sequence[Stream]) -> int:
    return sum(len(row.sources) for row in rows)


def _with_short_origins(row: Stream) -> Stream:
    """Leave out sources with names that no stream can have. A tenant can give one a name of a megabyte."""
    if all(len(source.origin) <= LONGEST_NAME for source in row.sources):
        return row
    return _with(row, sources=[each for each in row.sources if len(each.origin) <= LONGEST_NAME])


def _place(server: Server, _: object) -> tuple[str, str]:
    return server.cluster, server.name


def _tenant(server: Server, leaf: Leafnode | LeafRemotes) -> tuple[str, str]:
    return server.cluster, leaf.account


def _same(_: object) -> int:
    return 0


def _with(row: Parent, **changes: object) -> Parent:
    return msgspec.structs.replace(row, **changes)


def _listening(process: Process, names: Sequence[str]) -> Process:
    return _with(process, certificates={name: process.certificates[name] for name in names})


def _by_parent(parents: Sequence[Parent], pairs: Sequence[tuple[Parent, Row]]) -> list[list[Row]]:
    """The children of each parent; both are in the same order."""
    found: list[list[Row]] = []
    rest = iter(pairs)
    pair = next(rest, None)
    for parent in parents:
        mine: list[Row] = []
        while pair is not None and pair[0] is parent:
            mine.append(pair[1])
            pair = next(rest, None)
        found.append(mine)
    return found
