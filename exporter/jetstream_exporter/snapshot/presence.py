"""Which objects exist. A server that is cut off, or starts, still lists what was deleted or recreated meanwhile.

The meta group decides what exists. Where a majority of it follows one leader, these followers' lists overrule what
other servers report.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence, Set
from typing import TypeVar

from jetstream_exporter.report import Report
from jetstream_exporter.snapshot.identity import Detail, identity, latest
from jetstream_exporter.snapshot.quorum import Speaker
from jetstream_exporter.wire import MetaCluster

Said = TypeVar("Said", bound=Detail)


def meta_groups(reports: Iterable[Report]) -> dict[str, MetaCluster]:
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


def followers(reports: Sequence[Report], informed: Set[str]) -> frozenset[str]:
    """The servers whose lists overrule the others'; empty where all follow the leader or no majority is known to.

    `informed` are the servers that a meta leader has told everything that exists.
    """
    groups = meta_groups(reports)
    leader = meta_leader(groups)
    if leader is None:
        return frozenset()
    found = {name for name in informed & groups.keys() if groups[name].leader == leader}
    others = any(r.jsz and not r.via and r.server_name not in found for r in reports)
    return frozenset(found if others and len(found) > groups[leader].cluster_size // 2 else ())


def present(
    words: Sequence[tuple[Speaker, Said]], knowing: frozenset[str]
) -> Sequence[tuple[Speaker, Said]]:
    """The reports of an object that exists; empty where a majority of its members does not list it any more."""
    if not knowing:
        return words
    sure = [word for word in words if word[0].relayed or word[0].name in knowing]
    if len(sure) == len(words):
        return words
    if sure:
        newest, _ = latest(sure)
        return [word for word in words if newest.same(identity(word[1]))]
    members = {who.name for who, _ in words}
    for _, said in words:
        members |= {peer.name for peer in said.cluster.replicas} if said.cluster else set()
    return () if len(members & knowing) > len(members) // 2 else words
