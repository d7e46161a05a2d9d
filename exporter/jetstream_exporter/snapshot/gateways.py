"""Clusters joined by gateways into one JetStream: they share the meta group and the accounts."""

from collections.abc import Iterable, Mapping, Sequence
from itertools import combinations

import msgspec

from jetstream_exporter.report import LeaderReport, Report, ServerReport
from jetstream_exporter.snapshot.rows import Meta

Pair = frozenset[str]  # the labels of two clusters


def joined(clusters: Mapping[str, Sequence[Report]]) -> set[Pair]:
    """The pairs of clusters that are seen to be one JetStream.

    Either servers of one cluster name a meta leader in the other, which has them all among its peers; or
    one account's API reported leaders in both. Clusters that have servers of the same name are never joined,
    since names are unique within a meta group.
    """
    servers = {
        label: [report for report in reports if isinstance(report, ServerReport)]
        for label, reports in clusters.items()
    }
    pairs = {
        frozenset((one, other))
        for one in clusters
        for other in clusters
        if one != other and _is_led_from(servers[one], servers[other])
    }
    labels: dict[str, set[str]] = {}
    for label, reports in clusters.items():
        for report in reports:
            if isinstance(report, LeaderReport) and report.cluster and report.with_config:
                labels.setdefault(report.api, set()).add(label)
    return pairs | {frozenset(pair) for found in labels.values() for pair in combinations(found, 2)}


def _is_led_from(reports: Iterable[ServerReport], others: Iterable[ServerReport]) -> bool:
    mine = {r.server_name: r.jsz.meta_cluster for r in reports if r.jsz and r.jsz.meta_cluster}
    theirs = {r.server_name: r.jsz.meta_cluster for r in others if r.jsz and r.jsz.meta_cluster}
    if mine.keys() & theirs.keys():
        return False
    return any(
        group.leader == leader and mine.keys() <= {peer.name for peer in view.replicas}
        for group in mine.values()
        for leader, view in theirs.items()
        if view.leader == leader
    )


def with_joined(cluster: str, pairs: Iterable[Pair]) -> list[str]:
    """The cluster, and those that it is one JetStream with, in their order."""
    behind = {other for pair in pairs if cluster in pair for other in pair}
    return [cluster, *sorted(behind - {cluster})]


def share_meta(metas: Sequence[Meta], pairs: set[Pair]) -> list[Meta]:
    """Give each joined cluster the meta group as its leader reports it; only the leader's cluster has its members."""
    led = {meta.cluster: meta for meta in metas if meta.leader is not None}

    def shared(meta: Meta) -> Meta:
        for cluster in sorted(led):
            is_near = frozenset((cluster, meta.cluster)) in pairs
            if meta.leader is None and is_near and led[cluster].leader == meta.reported_leader:
                return msgspec.structs.replace(led[cluster], cluster=meta.cluster, members=())
        return meta

    return [shared(meta) for meta in metas]
