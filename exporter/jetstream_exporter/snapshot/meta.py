"""The row of the meta group, as its leader reports it or its members agree on it."""

from collections import Counter
from collections.abc import Sequence

from jetstream_exporter.report import ServerReport
from jetstream_exporter.snapshot.presence import meta_groups, meta_leader
from jetstream_exporter.snapshot.quorum import no_majority, reachable
from jetstream_exporter.snapshot.rows import (
    Meta,
    MetaPeer,
)
from jetstream_exporter.snapshot.units import (
    count,
    is_name,
    seconds,
    since_heard,
    timestamp,
)
from jetstream_exporter.wire import MetaCluster


def meta_rows(
    cluster: str, reports: Sequence[ServerReport], complete_servers: frozenset[str]
) -> list[Meta]:
    """The meta group as its leader reports it, or what its members agree on; empty where there is none."""
    groups = meta_groups(reports)
    if not groups:
        return []
    leader = meta_leader(groups)
    if leader is not None:
        return [_led_meta(cluster, leader, groups[leader])]
    votes = Counter(group.leader for group in groups.values() if group.leader)
    size = max(group.cluster_size for group in groups.values())
    without_list = {name: count for name, count in votes.items() if name not in complete_servers}
    reported_leader = max(sorted(without_list), key=lambda name: without_list[name], default=None)
    needed = max(group.quorum_needed or 0 for group in groups.values()) or size // 2 + 1
    row = Meta(
        cluster=cluster,
        leader=None,
        reported_leader=reported_leader,
        reported_by=without_list.get(reported_leader or "", 0),
        has_leader=False,
        has_quorum=no_majority(len(groups), needed, reported_leader),
        peers=size,
        peers_current=None,
        quorum_needed=needed,
    )
    return [row]


def _led_meta(cluster: str, leader: str, group: MetaCluster) -> Meta:
    peers = [peer for peer in group.replicas if not peer.pending]
    needed = group.quorum_needed or group.cluster_size // 2 + 1
    known = {peer.name: peer for peer in peers if is_name(peer.name)}
    snapshot = group.snapshot
    return Meta(
        cluster=cluster,
        leader=leader,
        reported_leader=None,
        reported_by=0,
        has_leader=True,
        has_quorum=1 + len(reachable(peers)) >= needed,
        peers=group.cluster_size,
        peers_current=1 + sum(peer.current for peer in peers),
        quorum_needed=needed,
        members=[
            MetaPeer(
                cluster, name, peer.current, peer.offline, count(peer.lag), since_heard(peer.active)
            )
            for name, peer in sorted(known.items())
        ],
        snapshot_pending_entries=snapshot.pending_entries if snapshot else None,
        snapshot_pending_bytes=snapshot.pending_size if snapshot else None,
        snapshot_duration=seconds(snapshot.last_duration)
        if snapshot and timestamp(snapshot.last_time)
        else None,
        snapshot_time=timestamp(snapshot.last_time) if snapshot else None,
        rescue=group.rescue if group.quorum_needed is not None else None,
    )
