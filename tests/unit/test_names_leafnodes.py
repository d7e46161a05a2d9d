"""A hub and a leaf node under one name."""

import pytest
from tests.support.clusters import NAMES, Scrapes, cluster, conflicts, lone, messages, single, twin

from jetstream_exporter.report import LeaderAnswer, LeaderReport, Outcome
from jetstream_exporter.wire import StreamDetail


@pytest.fixture
def scrape() -> Scrapes:
    return Scrapes()


def hub_and_leaf(domain: str = "leaf", called: str = "leaf") -> list[Outcome]:
    hub = twin("hub", "n0", 1, cluster_name="prod")
    leaf = cluster(
        "leaf",
        "l0",
        "l1",
        leader="l0",
        streams={"l0": [single("R1", "l0", 7)]},
        called=called,
        domain=domain,
        cluster_name="prod",
    )
    return [*hub, *leaf]


@pytest.mark.parametrize("domain", ["leaf", ""])
def test_a_leaf_node_s_cluster_is_told_and_keeps_its_own_name(scrape: Scrapes, domain: str) -> None:
    for _ in range(2):
        snapshot = scrape(hub_and_leaf(domain))
        assert messages(snapshot) == {
            ("prod", "R1"): 1,
            ("prod", "R3"): 1,
            ("leaf", "R1"): 7,
        }
        assert conflicts(snapshot) == {"prod": 1, "leaf": 0}
        assert {(row.cluster, row.leader) for row in snapshot.metas} == {
            ("prod", "n0"),
            ("leaf", "l0"),
        }


def test_a_leaf_that_calls_its_cluster_as_the_hub_does_goes_by_its_domain(scrape: Scrapes) -> None:
    both = hub_and_leaf("edge", "C")
    for each in both:
        assert each.server is not None
        each.cluster_name = each.server.cluster_name = ""
    snapshot = scrape(both)
    assert messages(snapshot) == {("C", "R1"): 1, ("C", "R3"): 1, ("edge", "R1"): 7}


def test_a_leaf_does_not_take_the_name_while_the_hub_is_silent(scrape: Scrapes) -> None:
    both = hub_and_leaf()
    scrape(both)
    snapshot = scrape(both[3:])
    assert messages(snapshot) == {("leaf", "R1"): 7}
    assert conflicts(snapshot) == {"prod": 1, "leaf": 0}


def test_lone_servers_of_two_domains_under_one_name_are_kept_apart(scrape: Scrapes) -> None:
    hub = lone("h", "hub-0", single("S", "hub-0", 1), domain="hub", cluster_name="prod")
    leaf = lone("l", "leaf-0", single("S", "leaf-0", 3), domain="leaf", cluster_name="prod")
    snapshot = scrape([hub, leaf])
    assert messages(snapshot) == {("prod", "S"): 1, ("leaf-0", "S"): 3}
    assert conflicts(snapshot) == {"prod": 1, "leaf-0": 0}


def by_api(name: str, target: str, *streams: StreamDetail, domain: str) -> Outcome:
    report = LeaderReport(
        target,
        "APP",
        "APP",
        "",
        name,
        cluster_name="prod",
        domain=domain,
        claims={name: list(streams)},
    )
    return Outcome("account", target, 0.1, answer=LeaderAnswer([report]), cluster_name="prod")


def test_one_account_in_two_domains_under_one_name_is_kept_apart(scrape: Scrapes) -> None:
    hub = by_api("hub-0", "nats://h APP", single("S", "hub-0", 1), domain="hub")
    leaf = by_api("leaf-0", "nats://h APP leaf", single("S", "leaf-0", 3), domain="leaf")
    snapshot = scrape([hub, leaf])
    assert messages(snapshot) == {("prod", "S"): 1, ("leaf-0", "S"): 3}
    assert conflicts(snapshot) == {"prod": 1, "leaf-0": 0}


def test_the_name_is_the_hub_s_that_is_connected_to_whoever_is_larger(scrape: Scrapes) -> None:
    hub = lone("h", "z-hub", single("S", "z-hub", 1), domain="z", cluster_name="prod")
    leaf = cluster(
        "l",
        *NAMES,
        leader="n0",
        streams={"n0": [single("S", "n0", 3)]},
        called="A",
        cluster_name="prod",
    )
    for each in leaf:
        assert each.server is not None
        each.server.is_local = False
    snapshot = scrape([hub, *leaf])
    assert messages(snapshot) == {("prod", "S"): 1, ("A", "S"): 3}


def test_an_account_and_the_monitoring_ports_of_one_server_are_one(scrape: Scrapes) -> None:
    server_ = lone("h", "hub-0", single("S", "hub-0", 1), domain="hub", cluster_name="prod")
    account = by_api("hub-0", "nats://h APP", single("S", "hub-0", 1), domain="hub")
    snapshot = scrape([server_, account])
    assert messages(snapshot) == {("prod", "S"): 1}
    assert conflicts(snapshot) == {"prod": 0}
