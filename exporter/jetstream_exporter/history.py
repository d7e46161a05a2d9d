"""The state that outlives a scrape: leaders seen, configurations read, servers that went silent.

It cannot grow without bound. An object is forgotten after three scrapes in which every server's list was complete and
it was in none of them, and in any case after 15 minutes.
"""

from collections.abc import Iterable, Mapping, Sequence

import msgspec

from jetstream_exporter.report import Outcome
from jetstream_exporter.silent import Silent
from jetstream_exporter.snapshot import Known, Snapshot, read_configurations
from jetstream_exporter.snapshot.identity import UNKNOWN, Identity
from jetstream_exporter.snapshot.rows import Consumer, Meta, Raft, Server

MISSED_SCRAPES = 3
FORGET_AFTER = 900.0  # seconds
# Followers drop a dead leader within 9 s. One that they still name after this long leads, unheard by us.
ELECTION = 20.0  # seconds

Key = tuple[str, ...]


class Past(msgspec.Struct):
    """What was seen of one object."""

    identity: Identity | None
    seen: float
    leader: str | None = None
    since: float | None = None
    changes: int = 0
    leaderless_from: float | None = None
    missed: int = 0


class History:
    """Completes each snapshot with what earlier scrapes showed. Times are seconds of one monotonic clock."""

    def __init__(self, started: float) -> None:
        self.known: Known = {}
        # Figures of the last snapshot that were left out and will be believed when seen again.
        self.doubts = 0
        self._started = started
        self._pasts: dict[Key, Past] = {}
        self._heard: dict[tuple[str, str], float] = {}  # cluster, server: when its list was whole
        self._settled: set[Key] = set()  # cluster, server: its list was whole last time
        self._silent = Silent()
        self._joined: frozenset[frozenset[str]] = frozenset()

    def __len__(self) -> int:
        return len(self._pasts)

    @property
    def present(self) -> Mapping[Key, object]:
        """A marker for each object that is present or was recently; an object that was recreated has a new one."""
        return self._pasts

    def learn(self, outcomes: Iterable[Outcome]) -> None:
        """Keep the configurations that this scrape brought."""
        reports = [report for outcome in outcomes for report in outcome.configurations]
        for key, fresh in read_configurations(reports).items():
            old = self.known.get(key)
            if old is not None and old.identity.same(fresh.identity):
                fresh.add_to(old)
            self.known[key] = fresh

    def complete(self, snapshot: Snapshot, outcomes: Sequence[Outcome], now: float) -> None:
        """Fill in what needs earlier scrapes. Changes the snapshot, which nobody else holds yet."""
        self.doubts = 0
        starting = self._note_servers(snapshot, now)
        self._joined = snapshot.joined = self._joined | snapshot.joined
        for meta in snapshot.metas:
            past = self._past((meta.cluster,), None, now)
            self._follow_meta(past, meta, now)
        for stream in snapshot.streams:
            past = self._past(stream.key, stream.identity, now)
            self._follow(past, stream.raft, stream.cluster, now)
        for consumer in snapshot.consumers:
            past = self._past(consumer.key, consumer.identity, now)
            fresh = (consumer.cluster, consumer.raft.leader or "") in starting
            self.doubts += _doubt_first_pending(past, consumer, fresh=fresh)
            self._follow(past, consumer.raft, consumer.cluster, now)
        servers = [row for row in snapshot.servers if row.up or not self._is_elsewhere(row)]
        clusters = {stream.cluster for stream in snapshot.streams}
        snapshot.servers = self._silent.added_to(servers, outcomes, clusters)
        self._forget(snapshot, outcomes, now)

    def _past(self, key: Key, identity: Identity | None, now: float) -> Past:
        past = self._pasts.get(key)
        if past is None or (past.identity and identity and not past.identity.same(identity)):
            past = self._pasts[key] = Past(identity, now)
        if identity != UNKNOWN:
            past.identity = identity
        past.seen = now
        past.missed = 0
        return past

    def _note_servers(self, snapshot: Snapshot, now: float) -> set[Key]:
        """Note whose list is complete. Returns the clustered servers that may have started since last time."""
        for server in snapshot.servers:
            if server.complete:
                self._heard[server.cluster, server.name] = now
        rows = [
            row
            for row in snapshot.servers
            if row.jetstream and row.jetstream.meta_leader is not None
        ]
        before = self._settled
        self._settled = {(row.cluster, row.name) for row in rows if row.complete}
        members: set[Key] = {(row.cluster, row.name) for row in rows}
        return members - (before & self._settled)

    def _follow(self, past: Past, raft: Raft, cluster: str, now: float) -> None:
        if raft.leader is not None:
            _note_leader(past, raft.leader, raft.leader_since)
        else:
            self._judge_leaderless(past, raft, cluster, now)
        raft.changes = past.changes

    def _follow_meta(self, past: Past, meta: Meta, now: float) -> None:
        if meta.leader is not None:
            _note_leader(past, meta.leader, None)
        else:
            self._judge_leaderless(past, meta, meta.cluster, now)
        meta.leader_changes = past.changes

    def _judge_leaderless(self, past: Past, group: Raft | Meta, cluster: str, now: float) -> None:
        """Decide whether a group without a leader's report is electing one, lost its quorum, or is led unheard.

        While an election may be running, `has_quorum` is left as it is. A leader that followers still name
        after that is alive, although the exporter cannot reach it.
        """
        if past.leaderless_from is None:
            past.leaderless_from = now
        if group.named is not None and self._silent_for(cluster, group.named, now) >= ELECTION:
            group.has_leader = True
            needed = group.quorum_needed
            group.has_quorum = True if needed and 1 + group.named_by >= needed else None
        elif now - past.leaderless_from >= ELECTION:
            group.has_quorum = False

    def _silent_for(self, cluster: str, server: str, now: float) -> float:
        return now - self._heard.get((cluster, server), self._started)

    def _is_elsewhere(self, server: Server) -> bool:
        """Whether a silent member of the meta group belongs to another cluster, behind a gateway."""
        if not self._joined or (server.cluster, server.name) in self._heard:
            return False
        return any(
            name == server.name and frozenset((cluster, server.cluster)) in self._joined
            for cluster, name in self._heard
        )

    def _forget(self, snapshot: Snapshot, outcomes: Sequence[Outcome], now: float) -> None:
        whole = all(server.complete for server in snapshot.servers)
        whole = whole and all(
            outcome.error is None
            for outcome in outcomes
            if not outcome.is_server and outcome.events is None
        )
        gone = [
            key
            for key, past in self._pasts.items()
            if past.seen != now and _is_gone(past, whole, now)
        ]
        for key in gone:
            del self._pasts[key]
            self._forget_configuration(key)
        for server in [key for key, seen in self._heard.items() if now - seen > FORGET_AFTER]:
            del self._heard[server]

    def _forget_configuration(self, key: Key) -> None:
        stream = self.known.get((key[0], key[1], key[2])) if len(key) > 2 else None
        if stream is None:
            return
        if len(key) == 3:
            del self.known[key]
        else:
            stream.consumers.pop(key[3], None)


def unknown_objects(snapshot: Snapshot) -> int:
    """How many streams and consumers have a configuration that was not read yet, or is known to have changed.

    Without `config=1` only one change shows: scaling to or from one replica. It must be read again, since
    the old number of replicas would give a wrong leader.
    """
    streams = sum(row.settings is None or row.raft.disputed for row in snapshot.streams)
    return streams + sum(row.settings is None or row.raft.disputed for row in snapshot.consumers)


def _note_leader(past: Past, leader: str, since: float | None) -> None:
    """Count a change of leader, or a new election of the same one."""
    again = past.since is not None and since is not None and past.since != since
    if past.leader is not None and (past.leader != leader or again):
        past.changes += 1
    past.leader, past.since, past.leaderless_from = leader, since, None


def _doubt_first_pending(past: Past, consumer: Consumer, *, fresh: bool) -> bool:
    """Drop a pending of 0 from a leader that may have been elected milliseconds ago. Whether it did.

    For some milliseconds after its election a leader reports 0 pending. From 2.11.9 on it leaves out
    `leader_since` meanwhile, and its claim is refused before it gets here. A leader that is seen for the
    first time may be new as well, since the exporter may have started during an election. A consumer without
    replicas reports 0, too, while its server starts (seen on 2.12.8), and no version marks that.
    """
    raft = consumer.raft
    elected = past.leader != raft.leader or past.leaderless_from is not None
    hidden = raft.leader is not None and raft.leader_since is None
    doubted = hidden and (fresh if raft.size is None else elected)
    if not doubted or consumer.pending != 0:
        return False
    consumer.pending = None
    return True


def _is_gone(past: Past, whole: bool, now: float) -> bool:
    past.missed += whole
    return past.missed >= MISSED_SCRAPES or now - past.seen > FORGET_AFTER
