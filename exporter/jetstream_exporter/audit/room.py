"""Whether the other servers of a cluster have room for the replicas of one that does not come back."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from jetstream_exporter.snapshot import Consumer, Server, Snapshot, Stream
from jetstream_exporter.snapshot.rows import Store


class Room:
    """What one of the other servers can still take. None is unlimited."""

    def __init__(self, row: Server) -> None:
        self.name = row.name
        self.free = {"file": _free(_store(row, "file")), "memory": _free(_store(row, "memory"))}
        jetstream = row.jetstream
        limit = jetstream.max_ha_assets if jetstream is not None else None
        used = jetstream.ha_assets or 0 if jetstream is not None else 0
        self.assets = None if limit is None else limit - used

    def takes(self, storage: str, size: int, assets: int) -> bool:
        free = self.free.get(storage)
        return (free is None or size <= free) and (self.assets is None or assets <= self.assets)

    def take(self, storage: str, size: int, assets: int) -> None:
        free = self.free.get(storage)
        if free is not None:
            self.free[storage] = free - size
        if self.assets is not None:
            self.assets -= assets


def without_room(server: Server, snapshot: Snapshot) -> Iterator[str]:
    """In sentences, what could not be placed on the other servers. The largest streams are placed first."""
    rooms = [
        Room(row)
        for row in snapshot.servers
        if row.cluster == server.cluster and row.name != server.name and _can_hold(row)
    ]
    mine = [
        row
        for row in snapshot.streams
        if server.name in holders(row) and row.cluster == server.cluster
    ]
    consumers = _consumers(mine, snapshot.consumers, server.name)
    crowded: list[Stream] = []
    unplaced: list[Stream] = []
    for row in sorted(mine, key=lambda row: (-size_of(row), row.key)):
        others = [room for room in rooms if room.name not in holders(row)]
        wanted = (_storage(row), size_of(row), _assets(row, consumers))
        fitting = [room for room in others if room.takes(*wanted)]
        if fitting:
            max(fitting, key=lambda room: _order(room, wanted[0])).take(*wanted)
        else:
            (unplaced if not others else crowded).append(row)
    if unplaced:
        yield (
            f"{_streams(unplaced)} already {_have(unplaced)} a replica on every other server, so the replicas on this "
            "one cannot be placed elsewhere"
        )
    if crowded:
        size = sum(map(size_of, crowded))
        yield (
            f"{_streams(crowded)} with {size} bytes {_do(crowded)} not fit on the other servers, within the limits of "
            "their stores and max_ha_assets"
        )


def holders(row: Stream) -> set[str]:
    """The servers that have a replica."""
    return {row.raft.leader or "", *(replica.server for replica in row.replicas)} - {""}


def size_of(row: Stream) -> int:
    """What a replica needs: what is reserved for it, or what it has."""
    reserved = row.settings.max_bytes if row.settings is not None else None
    used = row.figures.bytes if row.figures is not None else None
    return max(reserved or 0, used or 0)


def _storage(row: Stream) -> str:
    return row.settings.storage if row.settings is not None else "file"


def _consumers(
    streams: Sequence[Stream], rows: Iterable[Consumer], server: str
) -> dict[tuple[str, str, str], int]:
    """How many replicated consumers of each stream are on the server."""
    found = {row.key: 0 for row in streams}
    for row in rows:
        if row.key[:3] in found and row.raft.size is not None:
            found[row.key[:3]] += server in (row.raft.leader, *row.raft.reachable)
    return found


def _assets(row: Stream, consumers: dict[tuple[str, str, str], int]) -> int:
    return (row.raft.size is not None) + consumers[row.key]


def _can_hold(row: Server) -> bool:
    return row.up and row.jetstream is not None and row.jetstream.enabled


def _store(row: Server, storage: str) -> Store | None:
    if row.jetstream is None:
        return None
    return row.jetstream.file if storage == "file" else row.jetstream.memory


def _free(store: Store | None) -> int | None:
    if store is None or store.limit is None:
        return None
    return store.limit - max(store.used or 0, store.reserved or 0)


def _order(room: Room, storage: str) -> tuple[bool, int, str]:
    """The server with the most free space comes last."""
    free = room.free.get(storage)
    return (free is None, free or 0, room.name)


def _streams(rows: Sequence[Stream]) -> str:
    if len(rows) == 1:
        return f"stream {rows[0].name}"
    some = ", ".join(row.name for row in rows[:3])
    return f"{len(rows)} streams ({some}{', ...' if rows[3:] else ''})"


def _have(rows: Sequence[Stream]) -> str:
    return "have" if rows[1:] else "has"


def _do(rows: Sequence[Stream]) -> str:
    return "do" if rows[1:] else "does"
