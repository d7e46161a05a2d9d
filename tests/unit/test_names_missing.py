"""Servers and clusters without a name."""

import msgspec
import pytest
from structlog.testing import capture_logs
from tests.support.clusters import NAMES, Scrapes, cluster, conflicts, messages, single, up
from tests.support.reports import BORN, outcome, server

from jetstream_exporter.report import (
    LeaderAnswer,
    LeaderReport,
    Outcome,
    ServerAnswer,
    ServerReport,
)
from jetstream_exporter.wire import AccountInfo, Varz


@pytest.fixture
def scrape() -> Scrapes:
    return Scrapes()


ID = "N" + "A" * 55
NEXT = "N" + "B" * 55


def unnamed(identity: str) -> ServerReport:
    report = server(identity, single("S", identity, 4), cluster="")
    report.server_id = identity
    report.varz = Varz(server_id=identity, server_name=identity, version="2.15.1", start=BORN)
    assert report.jsz is not None
    report.jsz.server_id = identity
    return report


def test_a_lone_server_without_a_name_goes_by_its_address_over_restarts(scrape: Scrapes) -> None:
    for identity in (ID, NEXT):
        snapshot = scrape([outcome(unnamed(identity), "http://nats:8222")])
        assert messages(snapshot) == {("nats:8222", "S"): 4}
        assert up(snapshot) == [("nats:8222", "nats:8222")]
        assert snapshot.servers[0].stream_leaders == 1
        (process,) = [row.process for row in snapshot.servers]
        assert process is not None
        assert process.server_id == identity


def test_a_lone_server_without_a_name_under_a_configured_one_goes_by_its_address(
    scrape: Scrapes,
) -> None:
    report = msgspec.structs.replace(unnamed(ID), cluster_name="edge")
    snapshot = scrape([outcome(report, "http://nats:8222", cluster_name="edge")])
    assert up(snapshot) == [("edge", "nats:8222")]


def test_every_source_of_a_lone_server_without_a_name_gives_it_the_same_one(
    scrape: Scrapes,
) -> None:
    info = AccountInfo(account="APP", streams=1)
    report = LeaderReport(
        "nats://nats:4222 A", "APP", "APP", "", ID, claims={ID: [single("S", ID, 4)]}, info=info
    )
    by_account = Outcome("account", "nats://nats:4222 A", 0.1, answer=LeaderAnswer([report]))
    by_port = outcome(unnamed(ID), "http://nats:8222")
    snapshot = scrape([by_account, by_port])
    assert messages(snapshot) == {("nats:8222", "S"): 4}
    assert conflicts(snapshot) == {"nats:8222": 0}
    assert [(row.cluster, row.streams) for row in snapshot.accounts] == [("nats:8222", 1)]
    assert messages(Scrapes()([by_account])) == {("nats:4222", "S"): 4}


def by_system(identity: str, *, home: bool = True, silent: bool = False) -> Outcome:
    report = msgspec.structs.replace(unnamed(identity), is_local=home)
    return Outcome("system", identity, 0.1, answer=ServerAnswer(None if silent else report))


def test_the_system_account_s_lone_server_goes_by_the_address_of_its_connection(
    scrape: Scrapes,
) -> None:
    whole = Outcome("system", "nats://nats:4222", 0.1)
    for identity, silent in ((ID, False), (ID, True), (NEXT, False)):
        snapshot = scrape([whole, by_system(identity, silent=silent)])
        rows = [(row.cluster, row.name, row.up) for row in snapshot.servers]
        assert rows == [("nats:4222", "nats:4222", not silent)]
        assert {a.target for a in snapshot.target_results} == {"nats://nats:4222", "nats:4222"}


def test_a_leaf_node_without_a_name_does_not_take_the_hub_s_address(scrape: Scrapes) -> None:
    whole = Outcome("system", "nats://nats:4222", 0.1)
    snapshot = scrape([whole, by_system(ID), by_system(NEXT, home=False)])
    assert up(snapshot) == [(NEXT, NEXT), ("nats:4222", "nats:4222")]


def test_a_server_without_a_name_is_told_once(scrape: Scrapes) -> None:
    with capture_logs() as said:
        for identity in (ID, NEXT):
            scrape([outcome(unnamed(identity), "http://nats:8222")])
    assert [(line["log_level"], line["server"]) for line in said] == [("warning", "nats:8222")]


def test_the_servers_that_no_target_stands_for_are_told_once(scrape: Scrapes) -> None:
    with capture_logs() as said:
        for _ in range(3):
            scrape(cluster("a", *NAMES, leader="n0")[:1])
    assert [(line["cluster"], line["servers"], line["count"]) for line in said] == [
        ("C", "n1, n2", 2)
    ]
