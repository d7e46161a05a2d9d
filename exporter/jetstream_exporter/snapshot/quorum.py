"""Who leads a Raft group, and whether the leader has a quorum.

All members report a group; only its leader knows the figures. These functions see one group at a time, as a list of
what each member reported.
"""

import re
from collections.abc import Sequence

import msgspec

from jetstream_exporter.report import Report
from jetstream_exporter.snapshot.rows import Raft
from jetstream_exporter.snapshot.units import timestamp
from jetstream_exporter.wire import Cluster, Peer

HEARD_WITHIN = 10_000_000_000  # ns; a peer silent for longer is lost (lostQuorumInterval, raft.go)
NEW_LEADERSHIP = 10.0  # seconds in which a leader cannot have noticed that its majority went
INCOMPLETE = ("not running", "still recovering", "could not be recovered", "not enabled")
UNINFORMED = (
    "not current with the meta leader",
    "not established contact with a meta leader",
)


class Speaker(msgspec.Struct, gc=False):
    """A server with a report in this snapshot, and what is needed to judge its claims to lead."""

    name: str
    alone: bool  # no cluster: everything it holds, it leads
    complete: bool  # its list of streams is whole
    says_since: bool  # its version says since when it leads
    now: float | None
    # Carried by an account's API, which asks leaders only; without a name nobody answered.
    relayed: bool = False
    level: int = 0  # of the JetStream API that it serves; 0 is not said
    informed: bool = True  # it is current with a meta leader, and so knows what there is

    @property
    def dates(self) -> bool:
        """Whether its creation times are the cluster's; before 2.11 a starting server reports those of its disk."""
        return self.informed or self.says_since


def speaker(report: Report) -> Speaker:
    return Speaker(
        name=report.server_name,
        alone=not report.cluster,
        complete=is_complete(report),
        says_since=says_since(report.version),
        now=timestamp(report.jsz.now) if report.jsz else None,
        relayed=bool(report.via),
        level=report.jsz.api.level if report.jsz else 0,
        informed=bool(report.via) or _is_informed(report),
    )


def _is_informed(report: Report) -> bool:
    """Whether a meta leader has told the server everything that exists.

    A starting server knows streams from its disk alone, and so some that were deleted or moved while it was away. For a
    second or two it knows who leads the meta group, and is not current with it yet.
    """
    if not report.cluster:
        return True
    group = report.jsz.meta_cluster if report.jsz else None
    behind = report.health is not None and any(w in report.health.error for w in UNINFORMED)
    return is_complete(report) and not behind and (group is None or group.leader != "")


def is_complete(report: Report) -> bool:
    """Whether the server's list of streams is complete: by its healthz it is neither starting nor stopping.

    The list is also complete with a 503 for an asset that is behind, or for a meta group without leader. A server
    that never had JetStream is healthy and holds nothing; one whose JetStream was shut off at run time is not.
    """
    health, jsz = report.health, report.jsz
    if jsz is None or health is None or report.via:
        return False
    if health.code == 200:
        return True
    return health.code == 503 and not any(reason in health.error for reason in INCOMPLETE)


def says_since(version: str) -> bool:
    """Whether this version reports `leader_since`: from 2.11.9 on. An unreadable version counts as new."""
    try:
        numbers = tuple(int(part) for part in re.split("[-+]", version)[0].split("."))
    except ValueError:
        return True
    return numbers >= (2, 11, 9)


def claims(who: Speaker, group: Cluster | None, wanted: int | None) -> bool:
    """Whether this server is the leader: it names itself, and it is in a position to know.

    `wanted` is the configured number of replicas, None while the configuration was not read. A starting server names
    itself the leader of every replicated stream for some 0.3 s, without a Raft group; a new leader names itself for
    up to 50 ms before it knows its figures, without `leader_since`.
    """
    if not who.name:
        return False
    if who.alone:
        return group is None or not group.leader or group.leader == who.name
    if group is None or group.leader != who.name:
        return False
    if group.raft_group:
        return group.leader_since is not None or not who.says_since
    if wanted is not None:
        return wanted == 1
    return who.relayed or (who.complete and who.informed)


Voice = tuple[Speaker, Cluster | None]


def elect(voices: Sequence[Voice], wanted: int | None, heard: frozenset[str]) -> tuple[int, Raft]:
    """Return the index of the leader's report (-1: nobody leads) and the state of the group.

    `heard` are the servers whose complete list is in this snapshot: a follower that names one of these as leader, while
    it does not claim to be, is behind. A server that nobody heard may well lead; `named` keeps that.
    """
    if len(voices) == 1 and (claims(*voices[0], wanted) or _holds_alone(*voices[0])):
        return 0, _led(*voices[0], wanted)  # what most servers that run alone say of everything
    claiming = [i for i, (who, group) in enumerate(voices) if claims(who, group, wanted)]
    lone = [i for i in claiming if not voices[i][0].alone and _alone(*voices[i])]
    if len({voices[i][0].name for i in lone}) > 1:
        # Not one replica then, whatever was read: they start, after it was scaled up. Or one starts, from whose
        # disk it was moved away meanwhile; what is there now, the one that follows a meta leader knows.
        sure = [i for i in lone if _holds_alone(*voices[i])]
        moved = {voices[i][0].name for i in sure}
        claiming = [i for i in claiming if i not in lone] or (sure if len(moved) == 1 else [])
    named, named_by = _named(voices, heard) if len(claiming) != 1 else (None, 0)
    if not claiming:
        size = wanted if wanted is not None and wanted > 1 else None
        needed = _majority(size)
        members = sum(not who.relayed for who, _ in voices)
        lost = no_majority(members, needed, named) if members else None
        raft = Raft(None, None, named, named_by, False, lost, size, None, needed)
        raft.disputed = any(_alone(who, group) and who.informed for who, group in voices)
        return -1, raft
    best = claiming[0] if len(claiming) == 1 else max(claiming, key=lambda i: _authority(voices, i))
    return best, _led(*voices[best], wanted)


def _holds_alone(who: Speaker, group: Cluster | None) -> bool:
    """Whether it holds the only replica for sure, and does not say so because it starts."""
    return _alone(who, group) and who.complete and who.informed


def _alone(who: Speaker, group: Cluster | None) -> bool:
    """Whether this server reports that it holds the only replica. A starting server does so of every replica."""
    return group is not None and group.leader == who.name != "" and not group.raft_group


def _led(who: Speaker, group: Cluster | None, wanted: int | None) -> Raft:
    if group is None or not group.raft_group:
        disputed = wanted is not None and wanted > 1
        return Raft(who.name, None, None, 0, True, True, disputed=disputed)
    peers = [peer for peer in group.replicas if not peer.pending]
    size = len(peers) + 1
    needed = size // 2 + 1
    since = timestamp(group.leader_since)
    quorum = reachable(peers) >= needed or _just_elected(who.now, since)
    current = 1 + sum(peer.current for peer in peers)
    disputed = wanted == 1 and size > 1
    return Raft(who.name, since, None, 0, True, quorum, size, current, needed, disputed=disputed)


def reachable(peers: Sequence[Peer]) -> int:
    """How many members the leader reaches, itself included. `offline` is not used: it lags by minutes."""
    return 1 + sum(peer.current or 0 < peer.active < HEARD_WITHIN for peer in peers)


def _just_elected(now: float | None, since: float | None) -> bool:
    return now is not None and since is not None and now - since < NEW_LEADERSHIP


def no_majority(members: int, needed: int | None, named: str | None) -> bool | None:
    """`has_quorum` of a group that nobody leads: False where too few members are left, else None.

    With enough members left it may be an election, which only time tells from a loss.
    """
    return False if named is None and needed is not None and members < needed else None


def _majority(size: int | None) -> int | None:
    return None if size is None else size // 2 + 1


def _named(voices: Sequence[Voice], heard: frozenset[str]) -> tuple[str | None, int]:
    """The unheard server that most members name as leader, and how many do."""
    votes: dict[str, int] = {}
    for who, group in voices:
        if (
            group is not None
            and group.leader
            and group.leader not in heard
            and group.leader != who.name
        ):
            votes[group.leader] = votes.get(group.leader, 0) + 1
    if not votes:
        return None, 0
    name = max(sorted(votes), key=lambda candidate: votes[candidate])
    return name, votes[name]


def _authority(voices: Sequence[Voice], i: int) -> tuple[float, int, str]:
    """Ranks claims to lead: the later election wins; for servers that do not report it, the number of followers."""
    who, group = voices[i]
    since = timestamp(group.leader_since) if group else None
    followers = sum(g is not None and g.leader == who.name for _, g in voices)
    return since or 0.0, followers, who.name
