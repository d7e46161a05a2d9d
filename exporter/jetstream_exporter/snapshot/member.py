"""The servers that claim to lead something, and what is needed to judge their claims."""

import re
from collections.abc import Iterator, Sequence

import msgspec

from jetstream_exporter.report import LeaderReport, ServerReport, is_unread
from jetstream_exporter.snapshot.units import timestamp
from jetstream_exporter.wire import ConsumerDetail, StreamDetail

LIST_INCOMPLETE = ("not running", "still recovering", "could not be recovered", "not enabled")
NOT_META_CURRENT = (
    "not current with the meta leader",
    "not established contact with a meta leader",
)


class Member(msgspec.Struct, gc=False):
    """A server with a report in this snapshot, and what is needed to judge its claims to lead."""

    name: str
    standalone: bool  # no cluster: everything it holds, it leads
    list_complete: bool  # its list of streams is whole
    reports_since: bool  # its version says since when it leads
    now: float | None
    level: int = 0  # of the JetStream API that it serves; 0 is not said
    meta_current: bool = True  # it is current with a meta leader, and so knows what there is
    self_name: str = ""  # what it calls itself, where it is exported under another name
    version: str = ""

    @property
    def created_reliable(self) -> bool:
        """Whether its creation times are the cluster's; before 2.11 a starting server reports those of its disk."""
        return self.meta_current or self.reports_since


class Leader(Member, gc=False):
    """A leader whose answer an account's API carried. What else its server has is not known."""


def member_of(report: ServerReport) -> Member:
    return Member(
        name=report.server_name,
        standalone=not report.cluster,
        list_complete=is_list_complete(report),
        reports_since=reports_since(report.version),
        now=timestamp(report.jsz.now) if report.jsz else None,
        level=report.jsz.api.level if report.jsz else 0,
        meta_current=_is_meta_current(report),
        self_name=report.self_name,
        version=report.version,
    )


def leaders_of(report: LeaderReport) -> list[tuple[Leader, Sequence[StreamDetail]]]:
    """The leaders that answered an account's API, and what each of them answered for."""
    says = _says_since(report) if report.version is None else reports_since(report.version)
    standalone = not report.cluster
    return [
        (Leader(name, standalone, False, says, None, self_name=report.self_name), streams)
        for name, streams in report.claims.items()
    ]


def _says_since(report: LeaderReport) -> bool:
    """Whether the version of the leaders says since when they lead: where it is not known, one of them shows it."""
    rows = (
        row for _, streams in report.stream_lists() for stream in streams for row in _rows(stream)
    )
    return any(row.cluster is not None and row.cluster.leader_since is not None for row in rows)


def _rows(stream: StreamDetail) -> Iterator[StreamDetail | ConsumerDetail]:
    yield stream
    yield from stream.consumer_detail


def _is_meta_current(report: ServerReport) -> bool:
    """Whether a meta leader has told the server everything that exists.

    A starting server knows streams from its disk alone, and so some that were deleted or moved while it was away. For a
    second or two it knows who leads the meta group, and is not current with it yet.
    """
    if not report.cluster:
        return True
    group = report.jsz.meta_cluster if report.jsz else None
    behind = report.health is not None and any(w in report.health.error for w in NOT_META_CURRENT)
    return is_list_complete(report) and not behind and (group is None or group.leader != "")


def is_list_complete(report: ServerReport) -> bool:
    """Whether the server's list of streams is complete: by its healthz it is neither starting nor stopping.

    The list is also complete with a 503 for an asset that is behind, or for a meta group without leader. A server
    that never had JetStream is healthy and holds nothing; one whose JetStream was shut off at run time is not.
    """
    health, jsz = report.health, report.jsz
    if jsz is None or health is None or is_unread(jsz):
        return False
    if health.code == 200:
        return True
    return health.code == 503 and not any(reason in health.error for reason in LIST_INCOMPLETE)


def reports_since(version: str) -> bool:
    """Whether this version reports `leader_since`: from 2.11.9 on. An unreadable version counts as new."""
    try:
        numbers = tuple(int(part) for part in re.split("[-+]", version)[0].split("."))
    except ValueError:
        return True
    return numbers >= (2, 11, 9)
