"""The state that outlives a scrape: leaders seen, servers that went silent, and what of it all is forgotten.

It cannot grow without bound. An object is forgotten after three scrapes in which the list of every server of its
cluster was complete and it was in none of them (where no server is known, those in which every account answered), in
any case after 15 minutes, and before that where more than ABSENT objects are absent.
"""

from collections.abc import Mapping, Sequence
from math import inf

import msgspec

from jetstream_exporter.report import PROBE, Events, Outcome, ServerAnswer
from jetstream_exporter.snapshot import Snapshot
from jetstream_exporter.snapshot.incarnation import UNKNOWN, Incarnation
from jetstream_exporter.snapshot.rows import Consumer, Meta, Raft, Server, Stream
from jetstream_exporter.state.configurations import Configurations
from jetstream_exporter.state.object_state import FORGET_AFTER, ObjectState
from jetstream_exporter.state.unreachable import UnreachableServers

ABSENT = 100_000  # objects that are not there; whoever creates and deletes while a server is away makes any number
# Followers drop a dead leader within 9 s. One that they still name after this long leads, unheard by us.
ELECTION = 20.0  # seconds

Key = tuple[str, ...]


class History:
    """Annotates each snapshot with what earlier scrapes showed. Times are seconds of one monotonic clock."""

    def __init__(self, started: float) -> None:
        self.configurations = Configurations()
        # Figures of the last snapshot that were left out and will be believed when seen again.
        self.suspect_zeros = 0
        self._started = started
        self._annotated = -inf  # when the last snapshot was
        self._objects: dict[Key, ObjectState] = {}
        # By cluster and server, when its list was whole.
        self._last_complete: dict[tuple[str, str], float] = {}
        self._settled: set[Key] = set()  # cluster, server: its list was whole last time
        self._unreachable = UnreachableServers()
        # One server is asked by itself, and the others of its cluster are not.
        self.is_probe = False
        self._joined: frozenset[frozenset[str]] = frozenset()

    def __len__(self) -> int:
        return len(self._objects)

    @property
    def present(self) -> Mapping[Key, object]:
        """A marker for each object that is present or was recently; an object that was recreated has a new one."""
        return self._objects

    def annotate(
        self, snapshot: Snapshot, outcomes: Sequence[Outcome], now: float, begun: float = inf
    ) -> Snapshot:
        """The snapshot with what needs earlier scrapes. Its collection began at `begun`, maybe before theirs ended."""
        starting = self._note_servers(snapshot, now)
        self.is_probe = any(outcome.entry == PROBE for outcome in outcomes)
        self._joined |= snapshot.joined
        servers = [row for row in snapshot.servers if row.up or not self._is_elsewhere(row)]
        clusters = {stream.cluster for stream in snapshot.streams}
        whole = msgspec.structs.replace(
            snapshot,
            servers=self._unreachable.added_to(servers, outcomes, clusters),
            metas=[self._meta(row, now) for row in snapshot.metas],
            streams=[self._stream(row, now) for row in snapshot.streams],
            consumers=self._consumers(snapshot.consumers, starting, now),
            joined=self._joined,
        )
        self._forget(whole, outcomes, now, begun)
        self.configurations.forget_unseen(self._objects)
        return whole

    def server_of(self, target: str) -> str:
        """The name of the server that a target was when it last answered; empty where it is not known."""
        return self._unreachable.name_of(target)

    def _meta(self, meta: Meta, now: float) -> Meta:
        state = self._state_of((meta.cluster,), None, now)
        has_leader, has_quorum = self._judged(state, meta, meta.cluster, now)
        return msgspec.structs.replace(
            meta, has_leader=has_leader, has_quorum=has_quorum, leader_changes=state.changes
        )

    def _stream(self, stream: Stream, now: float) -> Stream:
        state = self._state_of(stream.key, stream.incarnation, now)
        raft = self._raft(state, stream.raft, stream.cluster, now)
        return stream if raft is stream.raft else msgspec.structs.replace(stream, raft=raft)

    def _consumers(
        self, consumers: Sequence[Consumer], starting: set[Key], now: float
    ) -> list[Consumer]:
        """The consumers, nearly all of them as they are: this runs through all of them in every scrape."""
        rows = []
        self.suspect_zeros = 0
        for row in consumers:
            state = self._objects.get(row.key)
            if state is None or starting or not state.is_as_before(row.incarnation, row.raft):
                rows.append(self._consumer(row, starting, now))
                continue
            state.seen, state.missed = now, 0
            rows.append(_with_past(row, state, now) if state.is_eventful else row)
        return rows

    def _consumer(self, row: Consumer, starting: set[Key], now: float) -> Consumer:
        state = self._state_of(row.key, row.incarnation, now)
        fresh = (row.cluster, row.raft.leader or "") in starting
        is_suspect = row.pending == 0 and state.is_new_leader(row.raft, fresh=fresh)
        self.suspect_zeros += is_suspect
        pending = None if is_suspect else row.pending
        raft = self._raft(state, row.raft, row.cluster, now)
        recreated = state.recreated_lately(now)
        if raft is row.raft and not is_suspect and not recreated:
            return row
        return msgspec.structs.replace(row, raft=raft, pending=pending, recreated_lately=recreated)

    def _state_of(self, key: Key, incarnation: Incarnation | None, now: float) -> ObjectState:
        state = self._objects.get(key)
        if state is None or (
            state.incarnation and incarnation and not state.incarnation.same(incarnation)
        ):
            recreated = None if state is None else now
            state = self._objects[key] = ObjectState(incarnation, now, recreated=recreated)
        if incarnation != UNKNOWN:
            state.incarnation = incarnation
        state.seen = now
        state.missed = 0
        return state

    def _note_servers(self, snapshot: Snapshot, now: float) -> set[Key]:
        """Note whose list is complete. Returns the clustered servers that may have started since last time."""
        for server in snapshot.servers:
            if server.list_complete:
                self._last_complete[server.cluster, server.name] = now
        rows = [
            row
            for row in snapshot.servers
            if row.jetstream and row.jetstream.meta_leader is not None
        ]
        before = self._settled
        self._settled = {(row.cluster, row.name) for row in rows if row.list_complete}
        members: set[Key] = {(row.cluster, row.name) for row in rows}
        return members - (before & self._settled)

    def _raft(self, state: ObjectState, raft: Raft, cluster: str, now: float) -> Raft:
        has_leader, has_quorum = self._judged(state, raft, cluster, now)
        if not state.changes and (has_leader, has_quorum) == (raft.has_leader, raft.has_quorum):
            return raft
        return msgspec.structs.replace(
            raft,
            has_leader=has_leader,
            has_quorum=has_quorum,
            changes=state.changes,
            changed_lately=state.changed_lately(now),
        )

    def _judged(
        self, state: ObjectState, group: Raft | Meta, cluster: str, now: float
    ) -> tuple[bool | None, bool | None]:
        """Note who leads; whether there is a leader and a quorum.

        A group without a leader's report is electing one, lost its quorum, or is led by a server that does not answer
        us. While an election may be running, `has_quorum` is left as it is. A leader that followers still name
        after that is alive, although the exporter cannot reach it.
        """
        if group.leader is not None:
            since = group.leader_since if isinstance(group, Raft) else None
            state.note_leader(group.leader, since, now)
            return group.has_leader, group.has_quorum
        if state.leaderless_from is None:
            state.leaderless_from = now
        leader = group.reported_leader
        if leader is not None and self._silent_for(cluster, leader, now) >= ELECTION:
            needed = group.quorum_needed
            return True, True if needed and 1 + group.reported_by >= needed else None
        if self._may_be_led(cluster, group):
            return None, None
        lost = now - state.leaderless_from >= ELECTION
        return group.has_leader, False if lost else group.has_quorum

    def _may_be_led(self, cluster: str, group: Raft | Meta) -> bool:
        """Whether a server that was never heard may lead: a member names it, or the other members are not asked."""
        if group.reported_leader is not None:
            return (cluster, group.reported_leader) not in self._last_complete
        return self.is_probe and group.has_quorum is False

    def _silent_for(self, cluster: str, server: str, now: float) -> float:
        return now - self._last_complete.get((cluster, server), self._started)

    def _is_elsewhere(self, server: Server) -> bool:
        """Whether a silent member of the meta group belongs to another cluster, behind a gateway."""
        if not self._joined or (server.cluster, server.name) in self._last_complete:
            return False
        return any(
            name == server.name and frozenset((cluster, server.cluster)) in self._joined
            for cluster, name in self._last_complete
        )

    def _forget(
        self, snapshot: Snapshot, outcomes: Sequence[Outcome], now: float, begun: float
    ) -> None:
        # Otherwise it may hold the same lists as the last one, or the next.
        is_new = -inf < begun >= self._annotated
        if is_new:
            self._annotated = now
        all_complete = all(
            outcome.error is None
            for outcome in outcomes
            if not isinstance(outcome.answer, ServerAnswer | Events)
        )
        partly = {server.cluster for server in snapshot.servers if not server.list_complete}
        wholly = {server.cluster for server in snapshot.servers} - partly
        absent = [(state.seen, key) for key, state in self._objects.items() if state.seen != now]
        gone = {
            key
            for _, key in absent
            if self._objects[key].is_gone(
                is_new and (key[0] in wholly or (all_complete and key[0] not in partly)), now
            )
        }
        if len(absent) - len(gone) > ABSENT:
            kept = (one for one in absent if one[1] not in gone)
            gone.update(key for _, key in sorted(kept, reverse=True)[ABSENT:])
        for key in gone:
            del self._objects[key]
            self.configurations.forget(key)
        for server in [
            key for key, seen in self._last_complete.items() if now - seen > FORGET_AFTER
        ]:
            del self._last_complete[server]


def _with_past(row: Consumer, state: ObjectState, now: float) -> Consumer:
    raft = msgspec.structs.replace(
        row.raft, changes=state.changes, changed_lately=state.changed_lately(now)
    )
    return msgspec.structs.replace(row, raft=raft, recreated_lately=state.recreated_lately(now))
