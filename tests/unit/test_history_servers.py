"""Servers that do not answer keep their names, and which servers are monitored."""

import pytest
from tests.support.reports import led, outcome, server, stream
from tests.support.scrapes import Scrapes, meta_view

from jetstream_exporter.report import PROBE, ServerReport
from jetstream_exporter.snapshot import Snapshot
from jetstream_exporter.wire import GatewayListener


@pytest.fixture
def scrapes() -> Scrapes:
    return Scrapes()


# Servers that do not answer.


def up(snapshot: Snapshot) -> list[tuple[str, str, bool]]:
    return [(row.cluster, row.name, row.up) for row in snapshot.servers]


def test_a_server_that_falls_silent_keeps_its_name(scrapes: Scrapes) -> None:
    n1, n2 = server("n1"), server("n2")
    scrapes.outcomes([outcome(n1, "http://a:1"), outcome(n2, "http://b:1")])
    snapshot = scrapes.outcomes([outcome(n1, "http://a:1"), outcome(None, "http://b:1")])
    assert up(snapshot) == [("C", "n1", True), ("C", "n2", False)]


def test_a_silent_server_is_forgotten_with_its_target(scrapes: Scrapes) -> None:
    """DNS no longer names it: it was taken away."""
    n1, n2 = server("n1"), server("n2")
    scrapes.outcomes([outcome(n1, "http://a:1"), outcome(n2, "http://b:1")])
    assert up(scrapes.outcomes([outcome(n1, "http://a:1")])) == [("C", "n1", True)]


def test_a_target_that_answers_with_another_server_s_name_has_that_name(scrapes: Scrapes) -> None:
    scrapes.outcomes([outcome(server("old"), "http://a:1")])
    scrapes.outcomes([outcome(server("new"), "http://a:1")])
    assert up(scrapes.outcomes([outcome(None, "http://a:1")])) == [("C", "new", False)]


def test_a_target_that_never_answered_is_named_by_its_address(scrapes: Scrapes) -> None:
    silent = outcome(None, "http://nats-9:8222/")
    expected = [("C", "n1", True), ("C", "nats-9:8222", False)]
    assert expected == up(scrapes.outcomes([outcome(server("n1"), "http://a:1"), silent]))


def test_a_target_that_the_meta_group_s_missing_member_explains_gets_no_second_row(
    scrapes: Scrapes,
) -> None:
    n1 = server("n1", meta=meta_view("n1", "n1", "n2"))
    snapshot = scrapes.outcomes([outcome(n1, "http://a:1"), outcome(None, "http://b:1")])
    assert up(snapshot) == [("C", "n1", True), ("C", "n2", False)]


def test_more_silent_targets_than_missing_members_are_all_named(scrapes: Scrapes) -> None:
    n1 = server("n1", meta=meta_view("n1", "n1", "n2"))
    silent = [outcome(None, f"http://{host}:1") for host in ("b", "c")]
    snapshot = scrapes.outcomes([outcome(n1, "http://a:1"), *silent])
    expected = [("C", "b:1", False), ("C", "c:1", False), ("C", "n1", True), ("C", "n2", False)]
    assert expected == up(snapshot)


def test_a_silent_target_belongs_to_the_cluster_it_is_configured_for(scrapes: Scrapes) -> None:
    reports = [
        outcome(server("n1", cluster_name="east"), "http://a:1", cluster_name="east"),
        outcome(server("n1", cluster_name="west"), "http://b:1", cluster_name="west"),
        outcome(None, "http://c:1", cluster_name="west"),
    ]
    expected = [("east", "n1", True), ("west", "c:1", False), ("west", "n1", True)]
    assert expected == up(scrapes.outcomes(reports))


def test_a_silent_target_beside_two_unnamed_clusters_is_nobody_s(scrapes: Scrapes) -> None:
    reports = [
        outcome(server("n1", cluster="A"), "http://a:1"),
        outcome(server("n1", cluster="B"), "http://b:1"),
        outcome(None, "http://c:1"),
    ]
    expected = [("", "c:1", False), ("A", "n1", True), ("B", "n1", True)]
    assert expected == up(scrapes.outcomes(reports))


def test_with_no_answer_at_all_every_target_is_named(scrapes: Scrapes) -> None:
    silent = [outcome(None, f"https://{host}/") for host in ("b", "a")]
    assert up(scrapes.outcomes(silent)) == [("", "a", False), ("", "b", False)]


def test_two_clusters_at_one_address_after_another_do_not_mix(scrapes: Scrapes) -> None:
    """The leader of a stream in one cluster is not a change of its namesake's in another."""
    one = server("n1", stream("S", led("n1")), cluster="A")
    two = server("n2", stream("S", led("n2")), cluster="B")
    scrapes.scrape(one, two)
    assert [row.raft.changes for row in scrapes.scrape(one, two).streams] == [0, 0]


# Which servers are asked.


def configured(snapshot: Snapshot) -> dict[str, tuple[bool, bool | None]]:
    return {row.name: (row.up, row.configured) for row in snapshot.servers}


def test_a_member_that_no_target_stands_for_is_down_and_not_configured(scrapes: Scrapes) -> None:
    n1 = server("n1", meta=meta_view("n1", "n1", "n2", "n3"))
    snapshot = scrapes.outcomes([outcome(n1, "http://a:1")])
    expected = {"n1": (True, True), "n2": (False, False), "n3": (False, False)}
    assert configured(snapshot) == expected


def test_a_target_that_fell_silent_is_configured_still(scrapes: Scrapes) -> None:
    n1 = server("n1", meta=meta_view("n1", "n1", "n2", "n3"))
    scrapes.outcomes([outcome(n1, "http://a:1"), outcome(server("n2"), "http://b:1")])
    snapshot = scrapes.outcomes([outcome(n1, "http://a:1"), outcome(None, "http://b:1")])
    expected = {"n1": (True, True), "n2": (False, True), "n3": (False, False)}
    assert configured(snapshot) == expected


def test_members_are_the_targets_that_never_answered_where_their_numbers_agree(
    scrapes: Scrapes,
) -> None:
    n1 = server("n1", meta=meta_view("n1", "n1", "n2", "n3"))
    silent = [outcome(None, f"http://{host}:1") for host in "bc"]
    one, both = (scrapes.outcomes([outcome(n1, "http://a:1"), *silent[:many]]) for many in (1, 2))
    assert configured(one) == {"n1": (True, True), "n2": (False, None), "n3": (False, None)}
    assert configured(both) == {"n1": (True, True), "n2": (False, True), "n3": (False, True)}


def with_gateway(report: ServerReport) -> ServerReport:
    assert report.varz is not None
    report.varz.gateway = GatewayListener(name=report.cluster)
    return report


def test_another_region_s_servers_are_not_down_in_this_one(scrapes: Scrapes) -> None:
    """They are members of the one meta group of a super-cluster, and an exporter of their own asks them."""
    meta = meta_view("n1", "n1", "n2", "w1", "w2")
    held = stream("S", led("n1", "n2"))
    snapshot = scrapes.outcomes(
        [outcome(with_gateway(server("n1", held, meta=meta)), "http://a:1")]
    )
    # n2 holds a replica of a stream that is here; of the others nobody knows where they are.
    assert configured(snapshot) == {"n1": (True, True), "n2": (False, False)}


def test_a_server_that_answered_here_once_is_down_as_long_as_the_meta_group_names_it(
    scrapes: Scrapes,
) -> None:
    meta = meta_view("n1", "n1", "n2", "w1")
    n1 = outcome(with_gateway(server("n1", meta=meta)), "http://a:1")
    scrapes.outcomes([n1, outcome(with_gateway(server("n2")), "http://b:1")])
    for _ in range(200):
        snapshot = scrapes.outcomes([n1])
    assert configured(snapshot) == {"n1": (True, True), "n2": (False, False)}


def test_a_probe_of_one_server_says_nothing_of_others(scrapes: Scrapes) -> None:
    n1 = outcome(server("n1", meta=meta_view("n1", "n1", "n2", "n3")), "http://a:1")
    n1.entry = PROBE
    assert configured(scrapes.outcomes([n1])) == {"n1": (True, True)}
    silent = outcome(None, "http://a:1")
    silent.entry = PROBE
    assert configured(scrapes.outcomes([silent])) == {"n1": (False, True)}
