"""Reports that ask for one name belong to one JetStream only as far as something shows it."""

from typing import Any

from tests.support.reports import led, peer, server, stream, unreplicated

from jetstream_exporter.report import LeaderReport, ServerReport
from jetstream_exporter.snapshot.joining import Joiner, TargetReport
from jetstream_exporter.snapshot.parts import leads
from jetstream_exporter.wire import JetStreamConfig, Jsz, MetaCluster, StreamDetail, Varz
from jetstream_exporter.wire.monitoring import VarzJetStream


def said(
    name: str,
    *streams: StreamDetail,
    host: str = "a",
    entry: int = 0,
    leader: str = "",
    others: str = "",
    domain: str = "",
    size: int = 3,
    **more: Any,
) -> TargetReport:
    replicas = [peer(other) for other in others.split()]
    report = server(name, *streams, meta=MetaCluster("C", leader, replicas, size), **more)
    report.server_id = f"{host}-{name}"
    assert report.jsz is not None
    report.jsz.config = JetStreamConfig(domain=domain)
    return TargetReport(report, f"http://{host}-{name}:8222", entry)


def by_account(
    *streams: StreamDetail, api: str = "nats://x", domain: str = "", entry: int = 0
) -> TargetReport:
    claims = {"n1": list(streams)}
    report = LeaderReport(api, "APP", "APP", "C", domain=domain, claims=claims)
    return TargetReport(report, api, entry)


def parts(
    *told: TargetReport, targets: dict[str, str] | None = None, ids: set[str] | None = None
) -> list[list[int]]:
    return Joiner(told, range(len(told)), targets or {}, ids or set()).parts()


def test_servers_of_one_place_are_one() -> None:
    assert parts(said("n1"), said("n2"), said("n3")) == [[0, 1, 2]]


def test_one_server_that_is_asked_twice_is_one() -> None:
    assert parts(said("n1", entry=0), said("n1", entry=1)) == [[0, 1]]


def test_servers_of_one_name_and_two_ids_are_never_put_together() -> None:
    assert parts(said("n1"), said("n1", host="b")) == [[0], [1]]


def test_two_meta_groups_with_a_leader_each_are_two() -> None:
    first = said("n1", leader="n1", others="n2")
    second = said("m1", host="b", leader="m1", others="m2")
    assert parts(first, second) == [[0], [1]]


def test_two_leaders_that_count_each_other_are_one_that_is_cut() -> None:
    first = said("n1", leader="n1", others="n2 n3")
    second = said("n2", leader="n2", others="n1 n3")
    assert parts(first, second) == [[0, 1]]


def test_a_follower_is_with_the_leader_that_it_names() -> None:
    told = [
        said("n1", host="a", leader="n1", others="n2"),
        said("m1", host="b", leader="m1", others="m2"),
        said("m2", host="b", leader="m1"),
        said("n2", host="a", leader="n1"),
    ]
    assert parts(*told) == [[0, 3], [1, 2]]


def test_twins_are_with_those_that_share_a_raft_group() -> None:
    mine, others = led("n1", "n2", group="S-R3F-mine"), led("n1", "n2", group="S-R3F-others")
    told = [
        said("n1", stream("S", mine), host="a"),
        said("n1", stream("S", others), host="b"),
        said("n2", stream("S", others), host="b"),
        said("n2", stream("S", mine), host="a"),
    ]
    assert parts(*told) == [[0, 3], [1, 2]]


def test_of_two_that_exclude_each_other_the_one_that_spoke_before_is_first() -> None:
    told = [said("n1", host="new"), said("n1", host="old"), said("n2", host="old")]
    found = parts(*told, targets={"n1": "http://old-n1:8222", "n2": "http://old-n2:8222"})
    assert found == [[0], [1, 2]]


def test_two_domains_are_two() -> None:
    assert parts(said("n1", domain="hub"), said("n2", domain="leaf")) == [[0], [1]]


def test_two_configured_clusters_that_hold_something_are_two() -> None:
    assert parts(said("n1", entry=0), said("n2", entry=1)) == [[0], [1]]


def test_a_server_without_jetstream_can_mix_up_nothing() -> None:
    bare = said("n2", entry=1)
    bare.report.jsz = Jsz(disabled=True)
    assert parts(said("n1", entry=0), bare) == [[0, 1]]


def test_what_an_account_told_is_with_the_server_that_holds_the_stream() -> None:
    kept, other = stream("S", unreplicated("n1")), stream("T", unreplicated("m1"))
    first, second = said("n1", kept, host="a", entry=1), said("m1", other, host="b", entry=2)
    assert parts(first, second, by_account(kept, entry=1)) == [[0, 2], [1]]


def test_an_account_of_another_domain_is_not() -> None:
    kept = stream("S", unreplicated("n1"))
    near = said("n1", kept, entry=1, domain="leaf")
    assert parts(near, by_account(kept, domain="hub")) == [[0], [1]]


def test_two_accounts_whose_streams_have_one_name_are_not_mixed() -> None:
    told = [
        by_account(stream("S", led("n1")), api="nats://x"),
        by_account(stream("S", led("m1", group="S-R3F-2")), api="nats://y", entry=1),
    ]
    assert parts(*told) == [[0], [1]]


def test_the_order_of_the_reports_decides_nothing() -> None:
    told = [
        said("n1", host="a", leader="n1", others="n2"),
        said("n2", host="a", leader="n1"),
        said("n1", host="b", leader="n1", others="n2"),
        said("n2", host="b", leader="n1"),
    ]
    expected = {frozenset(told[i].target for i in part) for part in parts(*told)}
    back = told[::-1]
    assert {frozenset(back[i].target for i in part) for part in parts(*back)} == expected


def test_a_domain_is_the_list_s_or_the_server_s() -> None:
    assert said("n1", domain="hub").report.domain == "hub"
    varz = Varz("ID", jetstream=VarzJetStream(JetStreamConfig(domain="varz")))
    assert ServerReport("ID", "n1", "C", varz=varz).domain == "varz"
    assert ServerReport("ID", "n1", "C").domain == ""


def test_a_meta_leader_names_itself_and_others() -> None:
    assert leads(said("n1", leader="n1", others="n2").report)
    assert not leads(said("n1", leader="n2", others="n2").report)
    assert not leads(said("n1", leader="n1").report), "a server that starts names itself alone"
    assert not leads(ServerReport("ID", "n1", "C"))


def test_an_account_s_api_brings_no_two_clusters_together() -> None:
    """Whatever it tells goes with either, and it is configured first."""
    told = [
        by_account(entry=0),
        said("n1", stream("A", led("n1")), host="a", entry=1, leader="n1"),
        said("m1", stream("B", led("m1")), host="b", entry=2, leader="m1"),
    ]
    assert not [part for part in parts(*told) if {1, 2} <= set(part)]
