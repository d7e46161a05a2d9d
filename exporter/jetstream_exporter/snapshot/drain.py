"""Which servers may be stopped now, and what speaks against it.

One pass over the Raft groups finds, for each of them, the servers that it cannot spare. Everybody who asks (the
metric, the audit) is answered from that.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from operator import attrgetter
from typing import Any, NamedTuple, TypeVar

import msgspec

from jetstream_exporter.snapshot.gateways import with_joined
from jetstream_exporter.snapshot.quorum import HEARD_WITHIN
from jetstream_exporter.snapshot.rows import Consumer, Meta, Server, Snapshot, Stream
from jetstream_exporter.snapshot.units import seconds

MAJORITY = "majority"
SINGLE_REPLICA = "single_replica"
NO_LEADER = "no_leader"
NEW_LEADER = "new_leader"
NO_MAJORITY = "no_majority"
BEHIND = "replica_behind"
STORE_FULL = "store_full"
REASONS = (MAJORITY, SINGLE_REPLICA, NO_LEADER, NEW_LEADER, NO_MAJORITY, BEHIND, STORE_FULL)
GROUP = attrgetter(
    "cluster",
    "raft.size",
    "raft.quorum_needed",
    "raft.leader",
    "raft.reachable",
    "raft.behind",
    "raft.is_new",
)
Row = TypeVar("Row", Stream, Consumer)
UNNAMED = ""  # stands in a group for a member whose name is not known


class Blocker(NamedTuple):
    """One reason that speaks against stopping one server. There is no object where it is the meta group."""

    cluster: str
    server: str
    reason: str
    objects: Sequence[Stream | Consumer]


class Members(NamedTuple):
    """Who takes part in a Raft group, and how many are needed; `needed` is None where nothing is replicated."""

    leader: str | None
    reachable: Sequence[str]
    behind: Sequence[str]
    needed: int | None
    is_new: bool = False


def blockers(snapshot: Snapshot) -> Iterator[Blocker]:
    """Everything that speaks against stopping a server, for all servers that are up.

    Ephemeral consumers do not count: their clients make them anew. Neither do the consumers by which another stream
    copies this one.
    """
    counted = counted_on(snapshot.servers)
    up = sorted({(row.cluster, row.name) for row in snapshot.servers if row.up})
    found: Sequence[tuple[str, str, Set[str], Sequence[Stream | Consumer]]] = (
        *_of_metas(snapshot),
        *_of_objects(snapshot.streams, counted),
        *_of_objects([row for row in snapshot.consumers if counts(row)], counted),
    )
    for cluster, reason, servers, rows in found:
        for where, server in up:
            if where == cluster and (server in servers or UNNAMED in servers):
                yield Blocker(cluster, server, reason, rows)
    yield from _without_room(snapshot, counted)


def absent(rows: Iterable[Server]) -> set[str]:
    """The servers that no group can count on: asked without an answer, starting, or leaving.

    The leader of a group needs up to ten seconds to notice. A server that nobody asks is not among them.
    """
    return {row.name for row in rows if _is_absent(row)}


def _is_absent(row: Server) -> bool:
    is_silent = not row.up and row.configured is True
    return is_silent or (row.up and row.jetstream is not None and not row.list_complete)


def counted_on(servers: Iterable[Server]) -> dict[str, set[str]]:
    """The servers that groups can count on, by cluster, for clusters in which there are others.

    Without a meta leader a server that does not answer can be known by its address alone. So no name counts there but
    those of servers that are known to be well, or that nobody asks.
    """
    clusters: dict[str, list[Server]] = {}
    for row in servers:
        clusters.setdefault(row.cluster, []).append(row)
    return {
        cluster: {row.name for row in rows if not _is_absent(row)} | {UNNAMED}
        for cluster, rows in clusters.items()
        if absent(rows)
    }


def counts(row: Consumer) -> bool:
    settings = row.settings
    return settings is None or (settings.durable and not settings.role)


def _of_objects(
    rows: Sequence[Row], counted: Mapping[str, Set[str]]
) -> Iterator[tuple[str, str, Set[str], Sequence[Row]]]:
    """Groups of the same members are judged together, since there are few different ones."""
    groups: dict[tuple[Any, ...], list[Row]] = {}
    group: Any = (
        None  # of the row before: where nothing is replicated, the next one has the very same
    )
    alike: list[Row] = []
    for row in rows:
        if row.raft is not group or row.cluster != alike[-1].cluster:
            group, alike = row.raft, groups.setdefault(GROUP(row), [])
        alike.append(row)
    for (cluster, size, needed, leader, reachable, behind, is_new), found in groups.items():
        members = Members(leader, reachable, behind, None if size is None else needed, is_new)
        for reason, servers in indispensable(members, counted.get(cluster)):
            yield cluster, reason, servers, found


def indispensable(group: Members, counted: Set[str] | None) -> Iterator[tuple[str, Set[str]]]:
    """The servers that the group cannot spare, each set with the reason. `counted` None: all can be counted on."""
    if group.leader is None:
        yield NO_LEADER, set(group.reachable)
        return
    if group.needed is None:
        yield SINGLE_REPLICA, {group.leader}
        return
    if group.is_new:
        yield NEW_LEADER, {group.leader, *group.reachable}
        return
    live = [name for name in (group.leader, *group.reachable) if counted is None or name in counted]
    if len(live) <= group.needed:
        yield MAJORITY if len(live) == group.needed else NO_MAJORITY, set(live)
    elif group.behind:
        current = [name for name in live if name not in group.behind]
        if len(current) <= group.needed:
            yield BEHIND, set(current)


def _of_metas(
    snapshot: Snapshot,
) -> Iterator[tuple[str, str, Set[str], Sequence[Stream | Consumer]]]:
    """Of the meta group, which can span several clusters: each of its servers in the cluster that it is in."""
    for meta in snapshot.metas:
        together = with_joined(meta.cluster, snapshot.joined)
        near = [row for row in snapshot.servers if row.cluster in together]
        members = _meta_members(meta, snapshot)
        counted = {members.leader or "", *members.reachable} - absent(near)
        for reason, servers in indispensable(members, counted):
            yield meta.cluster, reason, servers, ()


def _meta_members(meta: Meta, snapshot: Snapshot) -> Members:
    """Only the cluster of the leader has the members."""
    if meta.leader is None:
        everybody = [row.name for row in snapshot.servers if row.cluster == meta.cluster]
        return Members(None, everybody, (), meta.quorum_needed)
    full = next((m for m in snapshot.metas if m.leader == meta.leader and m.members), meta)
    heard = [
        peer.server
        for peer in full.members
        if peer.current or (peer.last_seen is not None and peer.last_seen < seconds(HEARD_WITHIN))
    ]
    return Members(meta.leader, heard, (), meta.quorum_needed)


def _without_room(snapshot: Snapshot, counted: Mapping[str, Set[str]]) -> Iterator[Blocker]:
    """Streams that would be led by servers whose store is full, where they refuse messages."""
    full = {
        storage: {(row.cluster, row.name) for row in snapshot.servers if _is_full(row, storage)}
        for storage in ("file", "memory")
    }
    if not any(full.values()):
        return
    for row in snapshot.streams:
        if row.raft.leader is None or row.raft.size is None:
            continue
        storage = row.settings.storage if row.settings is not None else "file"
        well = counted.get(row.cluster, row.raft.reachable)
        heirs = {(row.cluster, name) for name in row.raft.reachable if name in well}
        is_full_here = (row.cluster, row.raft.leader) in full.get(storage, ())
        if heirs and not is_full_here and heirs <= full.get(storage, set()):
            yield Blocker(row.cluster, row.raft.leader, STORE_FULL, [row])


def _is_full(row: Server, storage: str) -> bool:
    if row.jetstream is None:
        return False
    store = row.jetstream.file if storage == "file" else row.jetstream.memory
    return bool(store.limit) and store.used is not None and store.used >= (store.limit or 0)


def is_judged(row: Server) -> bool:
    """Whether enough is known of the server: it is up, and its list of what it holds is complete."""
    return row.up and row.jetstream is not None and row.list_complete


def with_drains(snapshot: Snapshot) -> Snapshot:
    """The snapshot whose servers say how many objects speak against stopping each of them, by reason."""
    found: Counter[tuple[str, str, str]] = Counter()
    for each in blockers(snapshot):
        found[each.cluster, each.server, each.reason] += len(each.objects) or 1
    servers = [
        msgspec.structs.replace(
            row,
            drain_blockers={reason: found[row.cluster, row.name, reason] for reason in REASONS},
        )
        if is_judged(row)
        else row
        for row in snapshot.servers
    ]
    return msgspec.structs.replace(snapshot, servers=servers)
