"""Who leads a Raft group, and whether the leader has a quorum.

All members report a group; only its leader knows the figures. These functions see one group at a time, as a list of
what each member reported.
"""

from collections.abc import Sequence
from functools import lru_cache

from jetstream_exporter.snapshot.incarnation import Detail
from jetstream_exporter.snapshot.member import Leader, Member
from jetstream_exporter.snapshot.rows import Raft
from jetstream_exporter.snapshot.units import OVERFLOW, is_name, timestamp
from jetstream_exporter.wire import Peer, RaftGroup

HEARD_WITHIN = 10_000_000_000  # ns; a peer silent for longer is lost (lostQuorumInterval, raft.go)
BEHIND = 1000  # entries; as JetStreamStreamReplicaLagging has it
NEW_LEADERSHIP = 10.0  # seconds in which a leader cannot have noticed that its majority went


def claims_lead(member: Member, group: RaftGroup | None, wanted: int | None) -> bool:
    """Whether this server is the leader: it names itself, and it is in a position to know.

    `wanted` is the configured number of replicas, None while the configuration was not read. A starting server names
    itself the leader of every replicated stream for some 0.3 s, without a Raft group; a new leader names itself for
    up to 50 ms before it knows its figures, without `leader_since`.
    """
    if member.standalone:
        leader = group.leader if group is not None else ""
        return not leader or leader == member.name or leader == member.self_name  # noqa: PLR1714  # hot
    if group is None or group.leader != member.name:
        return False
    if group.raft_group:
        return group.leader_since is not None or not member.reports_since
    if wanted is not None:
        return wanted == 1
    return isinstance(member, Leader) or (member.list_complete and member.meta_current)


MemberView = tuple[Member, RaftGroup | None]


def leader_of(
    views: Sequence[MemberView], wanted: int | None, complete_servers: frozenset[str]
) -> tuple[int, Raft]:
    """Return the index of the leader's report (-1: nobody leads) and the state of the group.

    `complete_servers` are those whose complete list is in this snapshot: a follower that names one of these as leader,
    while that one does not claim to be, is behind. A server that did not answer may well lead, and
    `Raft.reported_leader` keeps that.
    """
    if len(views) == 1 and (claims_lead(*views[0], wanted) or _holds_sole_replica(*views[0])):
        return 0, led(*views[0], wanted)  # what most servers that run alone say of everything
    claiming = [i for i, (member, group) in enumerate(views) if claims_lead(member, group, wanted)]
    sole_holders = [
        i for i in claiming if not views[i][0].standalone and _is_sole_replica(*views[i])
    ]
    if len({views[i][0].name for i in sole_holders}) > 1:
        # Not one replica then, whatever was read: they start, after it was scaled up. Or one starts, from whose
        # disk it was moved away meanwhile; what is there now, the one that follows a meta leader knows.
        certain = [i for i in sole_holders if _holds_sole_replica(*views[i])]
        moved = {views[i][0].name for i in certain}
        claiming = [i for i in claiming if i not in sole_holders] or (
            certain if len(moved) == 1 else []
        )
    reported_leader, reported_by = (
        _reported_leader(views, complete_servers) if len(claiming) != 1 else (None, 0)
    )
    if not claiming:
        size = wanted if wanted is not None and wanted > 1 else None
        needed = _majority(size)
        members = sum(not isinstance(member, Leader) for member, _ in views)
        lost = no_majority(members, needed, reported_leader) if members else None
        mismatch = any(
            _is_sole_replica(member, group) and member.meta_current for member, group in views
        )
        raft = Raft(
            leader=None,
            leader_since=None,
            reported_leader=reported_leader,
            reported_by=reported_by,
            has_leader=False,
            has_quorum=lost,
            size=size,
            quorum_needed=needed,
            config_mismatch=mismatch,
            reachable=tuple(sorted({member.name for member, _ in views})),
        )
        return -1, raft
    best = claiming[0] if len(claiming) == 1 else max(claiming, key=lambda i: _authority(views, i))
    return best, led(*views[best], wanted)


def only_leader(claims: Sequence[tuple[Member | None, Detail]]) -> int:
    """The index of the one leader's report where all are of one Raft group; -1 where `leader_of` has to tell."""
    first = claims[0][1].cluster
    raft_group = first.raft_group if first is not None else ""
    if not raft_group:
        return -1
    found = -1
    for i, (member, detail) in enumerate(claims):
        group = detail.cluster
        if group is None or group.raft_group != raft_group:
            return -1
        if member is None or member.standalone:
            return -1
        if group.leader == member.name and claims_lead(member, group, None):
            if found >= 0:
                return -1
            found = i
    return found


def _holds_sole_replica(member: Member, group: RaftGroup | None) -> bool:
    """Whether it holds the only replica for sure, and does not say so because it starts."""
    return _is_sole_replica(member, group) and member.list_complete and member.meta_current


def _is_sole_replica(member: Member, group: RaftGroup | None) -> bool:
    """Whether this server reports that it holds the only replica. A starting server does so of every replica."""
    return group is not None and group.leader == member.name and not group.raft_group


def led(member: Member, group: RaftGroup | None, wanted: int | None) -> Raft:
    """The state of a group whose leader this server is."""
    if group is None or not group.raft_group:
        return _unreplicated(member.name, wanted is not None and wanted > 1)
    since = timestamp(group.leader_since)
    names = _all_current(group.replicas)
    if names is None:
        return weighed(member, group.replicas, since, wanted)
    # Nearly all come here. By position: there are as many as consumers.
    size = len(names) + 1
    mismatch = wanted == 1 and size > 1
    majority = size // 2 + 1
    return Raft(
        member.name, since, None, 0, True, True, size, size, majority, 0, False, mismatch, names
    )


def weighed(
    member: Member, replicas: Sequence[Peer], since: float | None, wanted: int | None
) -> Raft:
    """The same from the followers that the leader reaches, whoever is missing."""
    peers = [peer for peer in replicas if not peer.pending]
    size = len(peers) + 1
    needed = size // 2 + 1
    followers = reachable(peers)
    is_new = len(followers) < len(peers) and _just_elected(member.now, since)
    quorum = 1 + len(followers) >= needed or is_new
    if is_new:
        followers = peers
    current = 1 + sum(peer.current for peer in peers)
    config_mismatch = wanted == 1 and size > 1
    return Raft(
        member.name,
        since,
        None,
        0,
        True,
        quorum,
        size,
        current,
        needed,
        config_mismatch=config_mismatch,
        reachable=_interned(tuple([peer.name if is_name(peer.name) else "" for peer in followers])),
        behind=() if current == size else tuple([p.name for p in followers if is_behind(p)]),
        is_new=is_new,
    )


def _all_current(peers: Sequence[Peer]) -> tuple[str, ...] | None:
    """The names of all followers, where the leader knows them and calls all of them current."""
    names = []
    for peer in peers:
        if not peer.current or peer.pending or not is_name(peer.name):
            return None
        names.append(peer.name)
    return _interned(tuple(names))


@lru_cache(maxsize=10_000)
def _unreplicated(server: str, config_mismatch: bool) -> Raft:
    """The same for all objects that this server alone has, so that nothing in it is compared from scrape to scrape."""
    return Raft(server, None, None, 0, True, True, config_mismatch=config_mismatch)


def reachable(peers: Sequence[Peer]) -> list[Peer]:
    """The followers that the leader reaches. `offline` is not used: it lags by minutes."""
    return [peer for peer in peers if peer.current or 0 < peer.active < HEARD_WITHIN]


def is_behind(peer: Peer) -> bool:
    """Whether a follower has much to catch up with. Under load, one that is only just behind is not current either."""
    return not peer.current and BEHIND < peer.lag < OVERFLOW


@lru_cache(maxsize=10_000)
def _interned(names: tuple[str, ...]) -> tuple[str, ...]:
    """The same for all groups with these followers, since there are as many groups as consumers."""
    return names


def _just_elected(now: float | None, since: float | None) -> bool:
    return now is not None and since is not None and now - since < NEW_LEADERSHIP


def no_majority(members: int, needed: int | None, reported_leader: str | None) -> bool | None:
    """`has_quorum` of a group that nobody leads: False where too few members are left, else None.

    With enough members left it may be an election, which only time tells from a loss.
    """
    return False if reported_leader is None and needed is not None and members < needed else None


def _majority(size: int | None) -> int | None:
    return None if size is None else size // 2 + 1


def _reported_leader(
    views: Sequence[MemberView], complete_servers: frozenset[str]
) -> tuple[str | None, int]:
    """The server without a complete list that most members name as leader, and how many do."""
    votes: dict[str, int] = {}
    for member, group in views:
        if (
            group is not None
            and group.leader
            and group.leader not in complete_servers
            and group.leader != member.name
        ):
            votes[group.leader] = votes.get(group.leader, 0) + 1
    if not votes:
        return None, 0
    name = max(sorted(votes), key=lambda candidate: votes[candidate])
    return name, votes[name]


def _authority(views: Sequence[MemberView], i: int) -> tuple[float, int, str]:
    """Ranks claims to lead: the later election wins; for servers that do not report it, the number of followers."""
    member, group = views[i]
    since = timestamp(group.leader_since) if group else None
    followers = sum(g is not None and g.leader == member.name for _, g in views)
    return since or 0.0, followers, member.name
