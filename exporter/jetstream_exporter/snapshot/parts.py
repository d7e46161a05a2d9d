"""Reports put together into parts, and what a part can never hold: two servers of one name, or two meta leaders."""

from collections.abc import Mapping

from jetstream_exporter.report import Report, ServerReport
from jetstream_exporter.wire import MetaCluster


def meta_group(report: Report) -> MetaCluster | None:
    return report.jsz.meta_cluster if isinstance(report, ServerReport) and report.jsz else None


def leads(report: Report) -> bool:
    """Whether it says that it leads the meta group, and who the other members are."""
    group = meta_group(report)
    return group is not None and group.leader == server_name(report) and bool(group.replicas)


def server_name(report: Report) -> str | None:
    """The server that says this of itself; None for an account's API."""
    return report.server_name if isinstance(report, ServerReport) else None


class Parts:
    """Each report begins as a part of its own. Reports are named by their index."""

    def __init__(self, reports: Mapping[int, Report]) -> None:
        self._parent = {i: i for i in reports}
        self._names = {i: _identified(report) for i, report in reports.items()}
        self._leading = {i: leads(report) for i, report in reports.items()}

    def root(self, i: int) -> int:
        """What is the same for all reports of one part."""
        while self._parent[i] != i:
            self._parent[i] = self._parent[self._parent[i]]
            i = self._parent[i]
        return i

    def servers(self, i: int) -> dict[str, str]:
        """The ids of the servers of a report's part, by name."""
        return self._names[self.root(i)]

    def join(self, one: int, other: int, *, certain: bool = False) -> None:
        """Join the parts of two reports, unless something speaks against it."""
        one, other = self.root(one), self.root(other)
        if one == other or (self._leading[one] and self._leading[other] and not certain):
            return
        mine, others = self._names[one], self._names[other]
        if any(mine.get(name, identity) != identity for name, identity in others.items()):
            return
        self._parent[other] = one
        self._names[one] = mine | others
        self._leading[one] = self._leading[one] or self._leading[other]


def _identified(report: Report) -> dict[str, str]:
    if isinstance(report, ServerReport) and report.server_id:
        return {report.server_name: report.server_id}
    return {}
