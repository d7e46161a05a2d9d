"""Which JetStream has a name: who had it before, else who is configured first. Others are told."""

from typing import Any

from tests.support.reports import server

from jetstream_exporter.report import LeaderReport
from jetstream_exporter.snapshot.clusters import FORGET_AFTER, Decision, Owners, decide
from jetstream_exporter.snapshot.joining import TargetReport


def said(
    name: str, host: str = "a", cluster: str = "C", entry: int = 0, **more: Any
) -> TargetReport:
    report = server(name, cluster=cluster, **more)
    report.server_id = f"{host}-{name}"
    return TargetReport(report, f"http://{host}-{name}:8222", entry)


def decided(*told: TargetReport, before: Owners | None = None, now: float = 0.0) -> Decision:
    return decide(told, {one.target for one in told}, before or {}, now)


def test_no_report_is_no_decision() -> None:
    assert decided() == Decision([], [], {})


def test_servers_of_one_cluster_have_its_name() -> None:
    found = decided(said("n1"), said("n2"))
    assert (found.labels, found.conflicts) == (["C", "C"], [])


def test_a_server_alone_is_called_by_its_own_name() -> None:
    assert decided(said("n1", cluster="")).labels == ["n1"]


def test_the_configured_name_is_used_instead_of_the_server_s() -> None:
    assert decided(said("n1", cluster_name="prod"), said("n2", cluster_name="prod")).labels == [
        "prod",
        "prod",
    ]


def test_of_two_the_first_configured_has_the_name_and_the_other_is_told() -> None:
    first, second = said("n1", "a", entry=0), said("n1", "b", entry=1)
    found = decided(second, first)
    assert found.labels == [None, "C"]
    (conflict,) = found.conflicts
    assert conflict.cluster == "C"
    assert "http://a-n1:8222" in conflict.text
    assert "http://b-n1:8222" in conflict.text
    assert conflict.text.endswith(
        "is not exported; give each of them a unique name (clusters[].name)"
    )


def test_the_other_is_exported_under_its_own_name_if_nobody_has_that() -> None:
    first = said("n1", "a", cluster_name="prod", cluster="A", entry=0)
    second = said("n1", "b", cluster_name="prod", cluster="B", entry=1)
    found = decided(first, second)
    assert found.labels == ["prod", "B"]
    assert "is exported as the cluster B" in found.conflicts[0].text


def test_who_had_the_name_before_keeps_it() -> None:
    second = said("n1", "b", entry=1)
    before = decided(second).owners
    found = decided(said("n1", "a", entry=0), second, before=before, now=15.0)
    assert found.labels == [None, "C"]


def test_a_name_is_kept_for_an_owner_that_is_silent_and_free_after_a_while() -> None:
    owner, other = (
        said("n1", "a", cluster_name="prod", cluster="A"),
        said("n1", "b", cluster="B", cluster_name="prod"),
    )
    before = decided(owner).owners
    assert decided(other, before=before, now=15.0).labels == ["B"]
    again = decided(said("x", cluster="Z"), before=before, now=FORGET_AFTER + 1)
    assert "prod" not in again.owners
    assert decided(other, before=again.owners, now=FORGET_AFTER + 2).labels == ["prod"]


def test_a_target_that_answers_with_another_server_s_id_is_left_out() -> None:
    true, false = said("n1", "a"), said("n1", "b")
    false.report.server_id = true.report.server_id
    false.report.version = "2.0.0"
    found = decided(true, false)
    assert found.labels == ["C", None]
    (conflict,) = found.conflicts
    assert conflict.text == (
        "http://b-n1:8222 reports the ID of n1 of the cluster C (a-n1), which is "
        "http://a-n1:8222; the responses of http://b-n1:8222 are not exported"
    )


def test_two_ways_to_one_server_are_no_conflict() -> None:
    one, other = said("n1", "a"), said("n1", "a")
    other.target = "http://10.0.0.1:8222"
    found = decided(one, other)
    assert (found.labels, found.conflicts) == (["C", "C"], [])


def test_a_sentence_names_few_of_many_targets() -> None:
    first = [said(f"n{i}", "a", entry=0) for i in range(9)]
    second = [said(f"n{i}", "b", entry=1) for i in range(9)]
    (conflict,) = decided(*first, *second).conflicts
    assert conflict.text.count("and 4 more") == 2


def test_a_report_of_an_account_has_its_servers_name() -> None:
    told = LeaderReport("nats://x", "A", "A", "C")
    assert decided(said("n1"), TargetReport(told, "nats://x")).labels == ["C", "C"]
