"""A server that answers with another one's name or ID."""

from datetime import UTC, datetime, timedelta

import pytest
from tests.support.clusters import (
    NAMES,
    OTHER,
    Scrapes,
    conflicts,
    identified,
    messages,
    single,
    twin,
    up,
)
from tests.support.reports import BORN, NOW, outcome, server, stream, unreplicated

from jetstream_exporter.report import EventBatch, EventCounts, Events, Health, Outcome
from jetstream_exporter.wire import MetaCluster, StreamDetail


@pytest.fixture
def scrape() -> Scrapes:
    return Scrapes()


# A server that answers with another one's name or id.


def hostile(name: str, *streams: StreamDetail, identity: str = "", leader: str = "n0") -> Outcome:
    meta = MetaCluster("C", leader, [], 3)
    report = identified(server(name, *streams, meta=meta), "evil")
    if identity:
        report.server_id = report.varz.server_id = report.jsz.server_id = identity  # type: ignore[union-attr]
    return outcome(report, "http://aaa-evil:8222")


@pytest.mark.parametrize("first", [True, False])
def test_another_server_of_a_good_one_s_name_is_told_and_the_one_from_before_stays(
    scrape: Scrapes, first: bool
) -> None:
    good = twin("good", "n0", 1)
    bad = hostile("n2", single("R1", "n2", 666))
    scrape(good)
    for _ in range(3):
        snapshot = scrape([bad, *good] if first else [*good, bad])
        assert messages(snapshot) == {("C", "R1"): 1, ("C", "R3"): 1}
        assert conflicts(snapshot) == {"C": 1}
        assert len(snapshot.servers) == 3
    assert snapshot.conflicts == [
        "2 servers of the cluster C have the name n2: the one of http://good-n2:8222 is exported, and the one of "
        "http://aaa-evil:8222 is not exported"
    ]


@pytest.mark.parametrize("now", [datetime.min, datetime.max])
def test_a_server_that_lies_about_the_time_costs_itself_alone(
    scrape: Scrapes, now: datetime
) -> None:
    """Under the identity of another it is compared with that."""
    good = twin("good", "n0", 1)
    scrape(good)
    (n2,) = (each for each in good if each.server and each.server.server_name == "n2")
    assert n2.server is not None
    report = server("n2", single("R1", "n2", 666), now=now.replace(tzinfo=UTC))
    assert report.varz is not None
    assert n2.server.varz is not None
    report.server_id, report.varz.start = n2.server.server_id, n2.server.varz.start
    for _ in range(2):
        snapshot = scrape([*good, outcome(report, "http://aaa-evil:8222")])
        assert messages(snapshot)["C", "R3"] == 1


def test_a_server_that_restarts_beside_its_namesake_keeps_its_name(scrape: Scrapes) -> None:
    good = twin("good", "n0", 1)
    scrape(good)
    again = twin("good", "n0", 1)
    assert again[2].server is not None
    again[2].server.server_id = "ID-restarted"
    snapshot = scrape([hostile("n2", single("R1", "n2", 666)), *again])
    assert messages(snapshot)["C", "R1"] == 1
    assert conflicts(snapshot) == {"C": 1}


def test_who_took_a_silent_server_s_name_gives_it_back(scrape: Scrapes) -> None:
    good = twin("good", "n0", 1)
    bad = hostile("n2")
    scrape(good)
    scrape([bad, *good[:2], outcome(None, good[2].target)])
    assert messages(scrape([bad, *good]))["C", "R1"] == 1


EVIL = {
    "another start": {"start": BORN + OTHER},
    "another version": {"version": "2.10.26"},
    "another name": {"name": "n9"},
    "older messages": {"messages": 0, "now": NOW + OTHER},
    "no streams": {"messages": None, "now": NOW + OTHER},
}


@pytest.mark.parametrize("case", EVIL)
@pytest.mark.parametrize("first", [True, False])
def test_an_answer_with_a_good_server_s_id_is_told_and_left_out(
    scrape: Scrapes, case: str, first: bool
) -> None:
    changes = dict(EVIL[case])
    good = twin("good", "n0", 5)
    scrape(good)
    name = str(changes.pop("name", "n2"))
    count = changes.pop("messages", 666)
    held = [] if count is None else [single("R1", "n2", int(count))]  # type: ignore[call-overload]
    said = server(name, *held, meta=MetaCluster("C", "n0", [], 3), **changes)  # type: ignore[arg-type]
    said = identified(said, "good")
    said.server_id = said.varz.server_id = said.jsz.server_id = "ID-good-n2"  # type: ignore[union-attr]
    bad = outcome(said, "http://aaa-evil:8222")
    snapshot = scrape([bad, *good] if first else [*good, bad])
    assert messages(snapshot) == {("C", "R1"): 5, ("C", "R3"): 5}
    assert conflicts(snapshot) == {"C": 1}
    assert up(snapshot) == [("C", n) for n in NAMES]
    assert "http://aaa-evil:8222" in snapshot.conflicts[0]


@pytest.mark.parametrize("kind", ["starting", "churned"])
def test_two_lists_of_one_server_some_seconds_apart_are_one_server_s(
    scrape: Scrapes, kind: str
) -> None:
    """A server that starts lists more and more, and what clients create and delete differs."""
    good = twin("good", "n0", 5)
    scrape(good)
    born = BORN if kind == "starting" else NOW - timedelta(seconds=20)
    others = [stream(f"X{n}", unreplicated("n2"), replicas=1, created=born) for n in range(9)]
    health = Health(503, "starting") if kind == "starting" else Health(200)
    again = server("n2", *others, single("R1", "n2", 5), health=health)
    again = identified(again, "good")
    again.server_id = again.varz.server_id = again.jsz.server_id = "ID-good-n2"  # type: ignore[union-attr]
    snapshot = scrape([*good, outcome(again, "C/n2")])
    assert conflicts(snapshot) == {"C": 0}


# Events.


def test_events_of_a_cluster_that_is_left_out_count_nowhere(scrape: Scrapes) -> None:
    def listening(target: str) -> Outcome:
        batch = EventBatch(objects={("APP", "R3"): EventCounts(quorum_lost=1)})
        events = Events("C", True, counted={"APP": frozenset(["quorum_lost"])}, take=lambda: batch)
        return Outcome("advisories", target, 0.0, answer=events)

    blue, green = twin("blue", "n0", 1), twin("green", "n1", 2)
    for _ in range(2):
        snapshot = scrape([*blue, listening("nats://b")], [*green, listening("nats://g")])
    assert {row.name: row.quorum_lost for row in snapshot.streams} == {"R1": 0, "R3": 2}
