"""Successive scrapes of a history."""

from collections.abc import Sequence
from datetime import timedelta

from tests.support.reports import NOW, consumer, follows, led, outcome, peer, server, stream

from jetstream_exporter.report import Health, Outcome, ServerReport
from jetstream_exporter.snapshot import Consumer, Snapshot, merge
from jetstream_exporter.state.history import History
from jetstream_exporter.wire import MetaCluster, RaftGroup

STOPPING = Health(503, "JetStream meta layer is not running")


class Scrapes:
    """One scrape after another, as the exporter makes them."""

    def __init__(self) -> None:
        self.history = History(started=0.0)
        self.now = 0.0
        self.keys: Sequence[str] = ()  # of metadata

    def scrape(self, *reports: ServerReport, after: float = 15.0) -> Snapshot:
        return self.outcomes([outcome(r, f"http://{r.server_name}:8222") for r in reports], after)

    def outcomes(self, outcomes: Sequence[Outcome], after: float = 15.0) -> Snapshot:
        self.now += after
        self.history.configurations.remember(outcomes, self.keys)
        reports = [o.server for o in outcomes if o.server is not None]
        snapshot = merge(reports, self.history.configurations.cache)
        return self.history.annotate(snapshot, outcomes, self.now)


def trio(
    leader: str, *, version: str = "2.15.1", pending: int = 5, age: float = 60
) -> list[ServerReport]:
    """Three servers with one stream and one consumer, both led by `leader` for `age` seconds."""
    names = ("n1", "n2", "n3")
    since = NOW - timedelta(seconds=age) if version != "2.10.26" else None
    reports = []
    for name in names:
        others = [other for other in names if other != name]
        group = led(name, *others, since=since) if name == leader else follows(leader, *others)
        said = consumer("c", group, pending=pending if name == leader else 0)
        reports.append(server(name, stream("S", group, said, messages=9), version=version))
    return reports


def changes(snapshot: Snapshot) -> tuple[int, int]:
    return snapshot.streams[0].raft.changes, snapshot.consumers[0].raft.changes


def meta_view(leader: str, *members: str) -> MetaCluster:
    return MetaCluster(
        leader=leader, cluster_size=3, replicas=[peer(name) for name in members if name != leader]
    )


def leaderless(*names: str, version: str = "2.15.1") -> list[ServerReport]:
    group = RaftGroup("C", "S-R3F-1", "", None, [])
    return [
        server(name, stream("S", group, consumer("c", group)), version=version) for name in names
    ]


def verdict(row: Consumer | None, snapshot: Snapshot) -> tuple[bool, bool | None]:
    raft = (row or snapshot.streams[0]).raft
    return raft.has_leader, raft.has_quorum


def light(*reports: ServerReport) -> list[ServerReport]:
    """The same without the configurations."""
    for report in reports:
        report.with_config = False
        for account in report.jsz.account_details if report.jsz else ():
            for detail in account.stream_detail:
                detail.config = None
                for said in detail.consumer_detail:
                    said.config = None
    return list(reports)
