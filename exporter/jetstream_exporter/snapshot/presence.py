"""Which objects exist. A server that is cut off, or starts, still lists what was deleted or recreated meanwhile.

The meta group decides what exists. Where a majority of it follows one leader, these followers' lists overrule what
other servers report.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence, Set
from typing import TypeVar

from jetstream_exporter.report import ServerReport
from jetstream_exporter.snapshot.incarnation import Detail, incarnation_of, latest
from jetstream_exporter.snapshot.member import Leader, Member
from jetstream_exporter.wire import MetaCluster

Claimed = TypeVar("Claimed", bound=Detail)


def meta_groups(reports: Iterable[ServerReport]) -> dict[str, MetaCluster]:
    """What each server says of the meta group."""
    return {
        report.server_name: report.jsz.meta_cluster
        for report in reports
        if report.jsz and report.jsz.meta_cluster
    }


def meta_leader(groups: Mapping[str, MetaCluster]) -> str | None:
    """The server that leads the meta group; of two that claim to (a partition), the one that more servers name."""
    votes = Counter(group.leader for group in groups.values() if group.leader)
    claiming = [name for name, group in groups.items() if group.leader == name]
    return max(sorted(claiming), key=lambda name: votes[name], default=None)


def followers(reports: Sequence[ServerReport], meta_current: Set[str]) -> frozenset[str]:
    """The servers whose lists overrule the others'; empty where all follow the leader or no majority is known to.

    `meta_current` are the servers that a meta leader has told everything that exists.
    """
    groups = meta_groups(reports)
    leader = meta_leader(groups)
    if leader is None:
        return frozenset()
    found = {name for name in meta_current & groups.keys() if groups[name].leader == leader}
    others = any(r.jsz and r.server_name not in found for r in reports)
    return frozenset(found if others and len(found) > groups[leader].cluster_size // 2 else ())


def present(
    claims: Sequence[tuple[Member | None, Claimed]], authoritative: frozenset[str]
) -> Sequence[tuple[Member | None, Claimed]]:
    """The reports of an object that exists; empty where a majority of its members does not list it any more."""
    if not authoritative:
        return claims
    certain = [claim for claim in claims if is_authoritative(claim[0], authoritative)]
    if len(certain) == len(claims):
        return claims
    if certain:
        newest, _ = latest(certain)
        return [claim for claim in claims if newest.same(incarnation_of(claim[1]))]
    members = {member.name for member, _ in claims if member is not None}
    for _, detail in claims:
        members |= {peer.name for peer in detail.cluster.replicas} if detail.cluster else set()
    return () if len(members & authoritative) > len(members) // 2 else claims


def is_authoritative(member: Member | None, authoritative: frozenset[str]) -> bool:
    """Whether what it lists exists: an account's API lists what exists, also where nobody answers for it."""
    return member is None or isinstance(member, Leader) or member.name in authoritative
