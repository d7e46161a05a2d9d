"""Joins the reports of one label into JetStreams, as far as something shows that they belong together.

Names prove little: two clusters can call their servers alike. What proves more is used first. Servers of one
name and two ids are never put together, nor are two meta groups that have each a leader and no member in common.
"""

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence, Set

import msgspec

from jetstream_exporter.report import LeaderReport, Report, ServerReport
from jetstream_exporter.snapshot.parts import Parts, leads, meta_group, server_name
from jetstream_exporter.wire import StreamDetail

Keys = Callable[[int], Iterable[Hashable]]


class TargetReport(msgspec.Struct, gc=False):
    """A report, the target that gave it, and the number of the configured cluster that the target belongs to."""

    report: Report
    target: str
    entry: int = 0


def origin(one: TargetReport) -> Hashable:
    """Where a report is from: which configured cluster, which cluster or standalone server, and which domain."""
    report = one.report
    return one.entry, report.cluster, "" if report.cluster else report.place, report.domain


class Joiner:
    """One label's reports, by their index. `targets` spoke for the label's servers before, which had the `ids`."""

    def __init__(
        self,
        answers: Sequence[TargetReport],
        members: Sequence[int],
        targets: Mapping[str, str],
        ids: Set[str],
    ) -> None:
        self._answers = answers
        self._ids = ids
        self._targets = targets
        self._members = sorted(members, key=self._rank)
        self._parts = Parts({i: answers[i].report for i in members})

    def _rank(self, i: int) -> tuple[bool, bool, int, str, str]:
        """Those first that were there before: of two servers of one name the later one is left over."""
        one = self._answers[i]
        report = one.report
        return (
            self._targets.get(server_name(report) or "") != one.target,
            report.identity not in self._ids,
            one.entry,
            one.target,
            report.place if isinstance(report, LeaderReport) else report.server_name,
        )

    def parts(self) -> list[list[int]]:
        self._join_by(self._id, certain=True)
        if self._has_twins():
            self._join_by(self._raft_groups)
        self._join_followers()
        self._join_by(self._remembered)
        self._join_by(self._near)
        if len(set(map(self._parts.root, self._members))) > 1:
            self._join_by(self._raft_groups)
            self._join_accounts()
            self._join_rest()
        found: dict[int, list[int]] = {}
        for i in sorted(self._members):
            found.setdefault(self._parts.root(i), []).append(i)
        return list(found.values())

    def _report(self, i: int) -> Report:
        return self._answers[i].report

    def _is_api(self, i: int) -> bool:
        return isinstance(self._report(i), LeaderReport)

    def _join_by(self, keys: Keys, *, certain: bool = False) -> None:
        """Join all that have a key in common."""
        first: dict[Hashable, int] = {}
        for i in self._members:
            for key in keys(i):
                self._parts.join(first.setdefault(key, i), i, certain=certain)

    def _has_twins(self) -> bool:
        reports = map(self._report, self._members)
        named = {(r.server_name, r.server_id) for r in reports if isinstance(r, ServerReport)}
        return len({name for name, _ in named}) < len(named)

    def _id(self, i: int) -> list[Hashable]:
        """The server, or the account's API: it is one JetStream whoever answered."""
        report = self._report(i)
        if isinstance(report, LeaderReport):
            return [(self._answers[i].entry, report.api)]
        return [report.server_id] if report.server_id else []

    def _raft_groups(self, i: int) -> list[Hashable]:
        """Streams' Raft groups have random names: servers that have one in common are in one JetStream."""
        return [
            (account_id, detail.name, detail.cluster.raft_group)
            for account_id, detail in self._listed(i)
            if detail.cluster is not None and detail.cluster.raft_group
        ]

    def _join_accounts(self) -> None:
        """Join what an account's API told with the servers that hold the same stream, made at the same time."""
        from_api = [i for i in self._members if self._is_api(i)]
        made = {key: i for i in from_api for key in self._creations(i)}
        if not made:
            return
        for i in self._members:
            if not self._is_api(i):
                for key in self._creations(i):
                    if key in made and self._is_near(made[key], i):
                        self._parts.join(i, made[key])

    def _creations(self, i: int) -> list[Hashable]:
        return [
            (account_id, detail.name, detail.created)
            for account_id, detail in self._listed(i)
            if detail.created is not None
        ]

    def _listed(self, i: int) -> Iterator[tuple[str, StreamDetail]]:
        """The streams of a report, each with its account's id."""
        for account_id, streams in self._report(i).stream_lists():
            for detail in streams:
                yield account_id, detail

    def _is_near(self, from_api: int, other: int) -> bool:
        """Whether an account's API may be that of this server's domain; an imported one does not say which it is."""
        mine = self._report(from_api).domain
        return mine in ("", self._report(other).domain)

    def _join_followers(self) -> None:
        """Join each server with the meta leader that it names, if one server nearby is that for sure."""
        leading: defaultdict[tuple[Hashable, str], list[int]] = defaultdict(list)
        for i in self._members:
            if leads(self._report(i)):
                for near in self._circles(i):
                    leading[near, server_name(self._report(i)) or ""].append(i)
        for i in self._members:
            group = meta_group(self._report(i))
            if group is None or not group.leader:
                continue
            for near in self._circles(i):
                found = leading.get((near, group.leader), [])
                if len({self._report(k).identity for k in found}) == 1:
                    self._parts.join(found[0], i)
                    break
        for (near, _), found in leading.items():
            for i in found:
                self._join_partition(i, near, leading)

    def _join_partition(
        self, i: int, near: Hashable, leading: Mapping[tuple[Hashable, str], Sequence[int]]
    ) -> None:
        """Join two that both say that they lead, where one counts the other as a member: the network is cut."""
        report = self._report(i)
        group = meta_group(report)
        for peer in group.replicas if group else ():
            if peer.name != server_name(report):
                for other in leading.get((near, peer.name), ()):
                    self._parts.join(i, other, certain=True)

    def _circles(self, i: int) -> list[Hashable]:
        """Within what a server's name is believed to be one server's: first its place, then one domain of an entry."""
        one = self._answers[i]
        return [origin(one), (one.entry, one.report.domain)]

    def _remembered(self, i: int) -> list[Hashable]:
        report = self._report(i)
        return [report.domain] if report.identity in self._ids and report.cluster else []

    def _near(self, i: int) -> list[Hashable]:
        """Nothing speaks against servers of one configured cluster, one cluster's name and one domain."""
        return [origin(self._answers[i])]

    def _join_rest(self) -> None:
        """Join what cannot be mixed up, or is not known to be apart."""
        first = self._members[0]
        for i in self._members[1:]:
            # What an account's API tells goes with any server; two servers need a reason of their own.
            server = next((k for k in self._part(first) if not self._is_api(k)), first)
            if self._may_join(first, i) and self._may_join(server, i):
                self._parts.join(first, i)

    def _part(self, one: int) -> list[int]:
        root = self._parts.root(one)
        return [i for i in self._members if self._parts.root(i) == root]

    def _may_join(self, one: int, other: int) -> bool:
        reports = self._report(one), self._report(other)
        domains = {report.domain for report in reports}
        if self._is_api(one) or self._is_api(other):
            from_api, near = (one, other) if self._is_api(one) else (other, one)
            is_near = len(domains) == 1 or (
                not self._is_api(near) and self._is_near(from_api, near)
            )
            return is_near and not self._streams(one) & self._streams(other)
        if not all(map(_holds, reports)):
            return all(report.cluster for report in reports)
        if self._answers[one].entry != self._answers[other].entry or len(domains) > 1:
            return False
        groups = [meta_group(report) for report in reports]
        sizes = {group.cluster_size for group in groups if group is not None}
        servers = self._parts.servers(one) | self._parts.servers(other)
        return None not in groups and len(sizes) == 1 and len(servers) <= max(sizes)

    def _streams(self, i: int) -> set[Hashable]:
        """The streams of a report's part."""
        return {
            (account_id, detail.name)
            for k in self._part(i)
            for account_id, detail in self._listed(k)
        }


def _holds(report: Report) -> bool:
    """Whether it has a JetStream of which something could be mixed up with another one's."""
    return isinstance(report, ServerReport) and report.jsz is not None and not report.jsz.disabled
