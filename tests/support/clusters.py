"""Clusters whose names are alike."""

from datetime import timedelta

import msgspec
from tests.support.reports import follows, led, outcome, peer, server, stream, unreplicated

from jetstream_exporter.config.schema import Config
from jetstream_exporter.report import Outcome, ServerReport
from jetstream_exporter.scrape.processor import Processor
from jetstream_exporter.snapshot import Snapshot
from jetstream_exporter.sources.collector import numbered
from jetstream_exporter.wire import JetStreamConfig, MetaCluster, StreamDetail

OTHER = timedelta(hours=3)


class Scrapes:
    """One scrape after another, of several configured clusters."""

    def __init__(self) -> None:
        self.processor = Processor(Config(), 0.0)
        self.now = 0.0

    def __call__(self, *entries: list[Outcome]) -> Snapshot:
        self.now += 15
        found = [
            (i, [msgspec.structs.replace(one) for one in entry]) for i, entry in enumerate(entries)
        ]
        return self.processor.process(numbered(found), self.now, self.now)


def cluster(
    host: str,
    *names: str,
    leader: str = "",
    streams: dict[str, list[StreamDetail]] | None = None,
    called: str = "C",
    domain: str = "",
    cluster_name: str = "",
    size: int = 0,
) -> list[Outcome]:
    """A cluster at the addresses of `host`; the ids of its servers hold that too."""
    found = []
    for name in names:
        replicas = [peer(other) for other in names if other != name] if name == leader else []
        meta = MetaCluster(called, leader, replicas, size or len(names))
        report = server(
            name,
            *(streams or {}).get(name, ()),
            cluster=called,
            meta=meta,
            cluster_name=cluster_name,
        )
        found.append(outcome(identified(report, host, domain), f"http://{host}-{name}:8222"))
        found[-1].cluster_name = cluster_name
    return found


def identified(report: ServerReport, host: str, domain: str = "") -> ServerReport:
    report.server_id = f"ID-{host}-{report.server_name}"
    if report.varz is not None:
        report.varz.server_id = report.server_id
    if report.jsz is not None:
        report.jsz.server_id = report.server_id
        report.jsz.config = JetStreamConfig(domain=domain)
    return report


def lone(
    host: str, name: str, *streams: StreamDetail, domain: str = "", cluster_name: str = ""
) -> Outcome:
    report = identified(server(name, *streams, cluster="", cluster_name=cluster_name), host, domain)
    return outcome(report, f"http://{host}-{name}:8222", cluster_name=cluster_name)


def single(name: str, where: str, messages: int) -> StreamDetail:
    return stream(name, unreplicated(where), messages=messages, replicas=1)


def replicated(name: str, who: str, leader: str, messages: int, raft: str) -> StreamDetail:
    others = [n for n in ("n0", "n1", "n2") if n != who]
    raft_group = (
        led(who, *others, group=raft) if who == leader else follows(leader, *others, group=raft)
    )
    return stream(name, raft_group, messages=messages)


def messages(snapshot: Snapshot) -> dict[tuple[str, str], int | None]:
    return {
        (row.cluster, row.name): row.figures.messages if row.figures else None
        for row in snapshot.streams
    }


def up(snapshot: Snapshot) -> list[tuple[str, str]]:
    return [(row.cluster, row.name) for row in snapshot.servers if row.up]


def conflicts(snapshot: Snapshot) -> dict[str, int]:
    return dict(snapshot.name_conflicts)


NAMES = ("n0", "n1", "n2")


def twin(
    host: str, leader: str, count: int, *, cluster_name: str = "", size: int = 0
) -> list[Outcome]:
    """A cluster as the official chart makes it: called by its release, its servers too."""
    held = {
        name: [
            replicated("R3", name, leader, count, f"S-R3F-{host}"),
            *([single("R1", "n2", count)] if name == "n2" else []),
        ]
        for name in NAMES
    }
    return cluster(host, *NAMES, leader=leader, streams=held, cluster_name=cluster_name, size=size)
