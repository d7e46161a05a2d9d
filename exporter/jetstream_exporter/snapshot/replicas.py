"""How the replicas of a stream differ from their leader: the same log cannot give two contents."""

from collections.abc import Mapping, Sequence

from jetstream_exporter.snapshot.member import Leader, Member
from jetstream_exporter.snapshot.rows import Difference, Standing, StreamSettings
from jetstream_exporter.snapshot.units import timestamp
from jetstream_exporter.wire import StreamDetail, StreamState

# Seconds by which a message may seem younger: servers are read at different instants, by clocks of their own.
SLACK = 5.0
SHARE = 0.05  # of max_age, for the same

Differences = Mapping[str, Difference | Standing | None]
NONE: Differences = {}


def differences(
    answered: Sequence[tuple[Member, StreamDetail]], index: int, settings: StreamSettings | None
) -> Differences | None:
    """The followers that differ from the report at `index`, the leader's; None if no follower can be compared at all.

    A follower that cannot be compared now has None: its server starts or stops, its leader calls it behind, or one is
    late to remove what is too old. One that names another last sequence has its own figures, since the servers do not
    answer at one instant: whether it moves is seen in the next answers. Replicas that are alike are left out.
    """
    if index < 0:
        return None
    member, leader = answered[index]
    if isinstance(member, Leader) or leader.state is None or leader.cluster is None:
        return None
    current = {peer.name for peer in leader.cluster.replicas if peer.current and not peer.pending}
    names = {peer.name for peer in leader.cluster.replicas}
    # Seen with 2.10 beside 2.12 and newer: followers keep what was acknowledged until all have one version.
    deletes_by_version = settings is not None and settings.retention != "limits"
    found: dict[str, Difference | Standing | None] = {}
    compared = 0
    for other, detail in answered:
        if other.name == member.name or other.name not in names or isinstance(other, Leader):
            continue
        compared += 1
        is_settled = member.list_complete and other.list_complete and other.name in current
        if deletes_by_version and other.version != member.version:
            is_settled = False
        if not is_settled or detail.state is None:
            found[other.name] = None
        elif detail.state.last_seq != leader.state.last_seq:
            found[other.name] = _standing(detail.state)
        elif not _is_alike(leader.state, detail.state):
            ends = (leader.state, member.now), (detail.state, other.now)
            is_late = _is_late_to_expire(*ends, settings)
            found[other.name] = None if is_late else _difference(leader.state, detail.state)
    return (found or NONE) if compared else None


def _is_alike(one: StreamState, other: StreamState) -> bool:
    """An empty stream has a first sequence that says nothing."""
    if not one.messages and not other.messages:
        return True
    return (one.messages, one.bytes, one.first_seq) == (
        other.messages,
        other.bytes,
        other.first_seq,
    )


End = tuple[StreamState, float | None]  # what a replica holds, and when it said so by its own clock


def _is_late_to_expire(one: End, other: End, settings: StreamSettings | None) -> bool:
    """Whether the replica with the older messages may only be late to remove them: each does that by its own timer.

    After a restart a replica can be late by as long as max_age.
    """
    if settings is None or settings.message_ttl:
        return True
    (state, now) = min(
        one, other, key=lambda end: end[0].first_seq if end[0].messages else end[0].last_seq + 1
    )
    first = timestamp(state.first_ts)
    if settings.max_age is None or one[0].first_seq == other[0].first_seq:
        return False
    if first is None or now is None:
        return True
    return now - first > settings.max_age - max(SLACK, SHARE * settings.max_age)


def _difference(leader: StreamState, other: StreamState) -> Difference:
    return Difference(
        leader.first_seq,
        leader.num_deleted,
        other.first_seq,
        other.num_deleted,
        other.messages - leader.messages,
        other.bytes - leader.bytes,
    )


def _standing(state: StreamState) -> Standing:
    return Standing(state.first_seq, state.last_seq, state.num_deleted, state.messages, state.bytes)
