"""What is remembered of one object between scrapes: its incarnation, who led it, and when it was seen."""

import msgspec

from jetstream_exporter.snapshot.incarnation import Incarnation
from jetstream_exporter.snapshot.rows import Raft

MISSED_SCRAPES = 3
FORGET_AFTER = 900.0  # seconds
LATELY = 1800.0  # seconds


class ObjectState(msgspec.Struct, gc=False):
    """What was seen of one object."""

    incarnation: Incarnation | None
    seen: float
    leader: str | None = None
    since: float | None = None
    changes: int = 0
    changed: float | None = None  # when its leader last changed
    recreated: float | None = None
    leaderless_from: float | None = None
    missed: int = 0

    def is_as_before(self, incarnation: Incarnation, raft: Raft) -> bool:
        """Whether it is the same incarnation with the same leader of the same election: nothing follows from that."""
        return (
            raft.leader is not None
            and self.leader == raft.leader
            and self.since == raft.leader_since
            and self.leaderless_from is None
            and self.incarnation == incarnation
        )

    def note_leader(self, leader: str, since: float | None, now: float) -> None:
        """Count a change of leader, or a new election of the same one."""
        again = self.since is not None and since is not None and self.since != since
        if self.leader is not None and (self.leader != leader or again):
            self.changes += 1
            self.changed = now
        self.leader, self.since, self.leaderless_from = leader, since, None

    @property
    def is_eventful(self) -> bool:
        return self.changes > 0 or self.recreated is not None

    def changed_lately(self, now: float) -> bool:
        return self.changed is not None and now - self.changed < LATELY

    def recreated_lately(self, now: float) -> bool:
        return self.recreated is not None and now - self.recreated < LATELY

    def is_new_leader(self, raft: Raft, *, fresh: bool) -> bool:
        """Whether the leader may have been elected milliseconds ago, so that its pending of 0 is not believed.

        For some milliseconds after its election a leader reports 0 pending. From 2.11.9 on it leaves out
        `leader_since` meanwhile, and its claim is refused before it gets here. A leader that is seen for the
        first time may be new as well, since the exporter may have started during an election. A consumer without
        replicas reports 0, too, while its server starts (seen on 2.12.8), and no version marks that: `fresh` is
        whether its server may have started since the last scrape.
        """
        elected = self.leader != raft.leader or self.leaderless_from is not None
        hidden = raft.leader is not None and raft.leader_since is None
        return hidden and (fresh if raft.size is None else elected)

    def is_gone(self, whole: bool, now: float) -> bool:
        """Whether to forget it. It is in none of the lists of this scrape, which are all complete if `whole`."""
        self.missed += whole
        return self.missed >= MISSED_SCRAPES or now - self.seen > FORGET_AFTER
