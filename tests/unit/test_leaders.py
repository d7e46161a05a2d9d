"""What an account's API lists is by leader, beside what nobody answered for."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

import pytest
from tests.support.reports import BORN, LONG_AGO, follows, led, unreplicated

from jetstream_exporter.report import LeaderReport
from jetstream_exporter.snapshot.member import leaders_of
from jetstream_exporter.sources.nats.identity import AccountIdentity
from jetstream_exporter.sources.nats.leaders import AccountCluster, Leaders
from jetstream_exporter.wire import (
    AccountInfo,
    ApiStream,
    ConsumerDetail,
    RaftGroup,
    StreamConfig,
    StreamDetail,
)

CLUSTERED = AccountCluster("", "C", "n1", "", "")
STANDALONE = AccountCluster("", "", "n1", "2.12.8", "")


def leaders(home: AccountCluster = CLUSTERED) -> Leaders:
    return Leaders(home, AccountIdentity("APP", "application"), "nats://n1:4222")


def api(name: str, cluster: RaftGroup | None, **more: Any) -> ApiStream:
    return ApiStream(config=StreamConfig(name=name), created=BORN, cluster=cluster, **more)


def worker(cluster: RaftGroup | None, name: str = "worker") -> ConsumerDetail:
    return ConsumerDetail(name=name, cluster=cluster)


def names(streams: Iterable[StreamDetail]) -> dict[str, list[str]]:
    """The consumers of each stream."""
    return {each.name: [consumer.name for consumer in each.consumer_detail] for each in streams}


def claims(found: Leaders) -> dict[str, dict[str, list[str]]]:
    """By leader, its streams and their consumers."""
    return {leader: names(streams) for leader, streams in only(found).claims.items()}


def only(found: Leaders) -> LeaderReport:
    (report,) = found.reports()
    return report


def test_nothing_was_listed_so_nobody_said_anything() -> None:
    assert list(leaders().reports()) == []


def test_each_leader_s_streams_are_its_own_claims() -> None:
    found = leaders()
    found.add_stream(api("A", led("n1", "n2")))
    found.add_stream(api("B", led("n2", "n1")))
    found.add_stream(api("C", led("n1", "n2")))
    assert claims(found) == {"n1": {"A": [], "C": []}, "n2": {"B": []}}
    assert found.names == ["A", "B", "C"]


def test_a_consumer_is_reported_by_its_own_leader_not_by_the_stream_s() -> None:
    found = leaders()
    found.add_stream(api("S", led("n1", "n2")))
    found.add_consumer("S", worker(led("n2", "n1")))
    assert claims(found) == {"n1": {"S": []}, "n2": {"S": ["worker"]}}
    (stream,) = only(found).claims["n2"]
    assert stream.created == BORN
    assert stream.state is None, "the consumer's leader says nothing of the stream's figures"
    assert stream.cluster == RaftGroup("C", "S-R3F-1", "n1"), "nor of its replicas"


def test_a_consumer_of_a_stream_that_was_not_listed_is_kept() -> None:
    found = leaders()
    found.add_consumer("S", worker(led("n2")))
    assert claims(found) == {"n2": {"S": ["worker"]}}


def test_what_has_no_leader_is_unanswered() -> None:
    found = leaders()
    found.add_stream(api("S", follows("")))
    assert (claims(found), names(only(found).unanswered)) == ({}, {"S": []})


def test_what_is_known_by_name_only_is_led_by_nobody_and_says_why() -> None:
    found = leaders()
    found.add_unanswered_stream("S", "too new")
    found.add_unanswered_consumer("S", "worker", "too new as well")
    report = only(found)
    (stream,) = report.unanswered
    (consumer,) = stream.consumer_detail
    assert (report.claims, report.cluster) == ({}, "C")
    assert (stream.unsupported, consumer.unsupported) == ("too new", "too new as well")
    assert (stream.cluster, consumer.cluster) == (RaftGroup(), RaftGroup())


def test_a_silent_consumer_is_in_the_cluster_of_its_stream() -> None:
    """An account's streams may be in several clusters of a super-cluster."""
    found = leaders()
    found.add_stream(api("S", RaftGroup("FAR", "S-R3F-1", "f1")))
    found.add_unanswered_consumer("S", "worker")
    report = only(found)
    assert (report.cluster, list(report.claims), names(report.unanswered)) == (
        "FAR",
        ["f1"],
        {"S": ["worker"]},
    )


def test_a_member_of_a_cluster_without_a_raft_node_knows_nothing_of_a_consumer() -> None:
    """Its zeros are no figures."""
    row = worker(None)
    row.num_pending = 7
    found = leaders()
    found.add_consumer("S", row)
    (stream,) = only(found).unanswered
    (consumer,) = stream.consumer_detail
    assert (consumer.num_pending, consumer.cluster) == (0, RaftGroup())


def test_a_lone_server_says_no_cluster_and_leads_everything() -> None:
    found = leaders(STANDALONE)
    found.add_stream(api("S", None))
    found.add_consumer("S", worker(None))
    report = only(found)
    assert claims(found) == {"n1": {"S": ["worker"]}}
    assert (report.cluster, report.label, report.version) == ("", "n1", "2.12.8")


def test_a_stream_of_a_lone_server_without_a_name_is_told() -> None:
    found = leaders(AccountCluster("", "", "", "", "far"))
    found.add_stream(api("S", None))
    assert found.standalone_stream == "S"
    assert only(found).label == "far"
    other = leaders()
    other.add_stream(api("S", led("n1")))
    assert other.standalone_stream is None


@pytest.mark.parametrize(("since", "says"), [(LONG_AGO, True), (None, False)])
def test_leaders_of_an_unknown_version_show_whether_it_says_since_when(
    since: datetime | None, says: bool
) -> None:
    found = leaders()
    found.add_stream(api("S", led("n1", since=since)))
    assert only(found).version is None
    assert [leader.reports_since for leader, _ in leaders_of(only(found))] == [says]


def test_a_consumer_s_leader_shows_it_too() -> None:
    found = leaders()
    found.add_stream(api("S", led("n1", since=None)))
    found.add_consumer("S", worker(led("n1", since=LONG_AGO)))
    assert [leader.reports_since for leader, _ in leaders_of(only(found))] == [True]


def test_the_configured_name_comes_before_the_cluster_s_own() -> None:
    found = leaders(AccountCluster("prod", "C", "n1", "", ""))
    found.add_stream(api("S", led("n1")))
    assert only(found).label == "prod"


def test_reports_say_which_account_s_api_gave_them() -> None:
    found = leaders()
    found.add_stream(api("S", unreplicated("n1")))
    report = only(found)
    assert (report.api, report.with_config) == ("nats://n1:4222", True)
    assert (report.account_id, report.account_name) == ("APP", "application")


def test_the_account_s_own_facts_come_without_any_stream() -> None:
    found = leaders()
    found.info = AccountInfo(streams=3)
    report = only(found)
    assert (report.cluster, report.info, report.with_config) == ("C", found.info, False)


def test_the_account_s_facts_belong_to_where_its_streams_are() -> None:
    """A user of a leaf node asks about an account whose streams are behind other servers."""
    behind = AccountCluster("", "", "", "", "")
    found = leaders(behind)
    found.add_stream(api("S", RaftGroup("FAR", "S-R3F-1", "f1")))
    found.info = AccountInfo()
    assert (only(found).cluster, only(found).info) == ("FAR", found.info)
    lone = leaders(behind)
    lone.add_stream(api("S", RaftGroup("", "", "f1")))
    lone.info = AccountInfo()
    assert (only(lone).cluster, only(lone).label, only(lone).info) == ("", "f1", lone.info)
