"""Changes of leaders, and the first figures of a new one."""

from datetime import timedelta

import pytest
from tests.support.reports import BORN, consumer, led, server, stream, unreplicated
from tests.support.scrapes import Scrapes, changes, leaderless, light, meta_view, trio

from jetstream_exporter.report import Health, ServerReport
from jetstream_exporter.snapshot import Snapshot
from jetstream_exporter.state.configurations import unknown_objects
from jetstream_exporter.wire import MetaCluster, RaftGroup


@pytest.fixture
def scrapes() -> Scrapes:
    return Scrapes()


# Leader changes.


def test_the_first_leader_seen_is_no_change(scrapes: Scrapes) -> None:
    assert changes(scrapes.scrape(*trio("n1"))) == (0, 0)


def test_a_leader_that_stays_is_no_change(scrapes: Scrapes) -> None:
    scrapes.scrape(*trio("n1"))
    assert changes(scrapes.scrape(*trio("n1"))) == (0, 0)


def test_each_other_leader_is_a_change(scrapes: Scrapes) -> None:
    seen = [changes(scrapes.scrape(*trio(leader))) for leader in ("n1", "n2", "n1", "n1", "n3")]
    assert seen == [(0, 0), (1, 1), (2, 2), (2, 2), (3, 3)]


def test_the_same_leader_elected_anew_is_a_change(scrapes: Scrapes) -> None:
    scrapes.scrape(*trio("n1", age=3600))
    assert changes(scrapes.scrape(*trio("n1", age=2))) == (1, 1)


def test_a_time_without_a_leader_is_no_change_by_itself(scrapes: Scrapes) -> None:
    scrapes.scrape(*trio("n1"))
    between = scrapes.scrape(*leaderless("n1", "n2", "n3"))
    assert changes(between) == (0, 0)
    assert changes(scrapes.scrape(*trio("n1"))) == (0, 0)
    scrapes.scrape(*leaderless("n1", "n2", "n3"))
    assert changes(scrapes.scrape(*trio("n2"))) == (1, 1)


def test_an_object_made_anew_begins_at_0(scrapes: Scrapes) -> None:
    scrapes.scrape(*trio("n1"))
    scrapes.scrape(*trio("n2"))
    fresh = server("n3", stream("S", led("n3", group="S-R3F-2"), created=BORN + timedelta(hours=1)))
    assert scrapes.scrape(fresh).streams[0].raft.changes == 0


def from_disk() -> ServerReport:
    """A server of 2.10 that starts: it names no meta leader, and has its own times of creation."""
    late = BORN + timedelta(milliseconds=3)
    said = stream(
        "S", unreplicated("n1"), consumer("c", RaftGroup("C"), created=late), created=late
    )
    return server("n1", said, version="2.10.26", meta=MetaCluster())


def test_a_restart_of_all_servers_is_no_other_incarnation(scrapes: Scrapes) -> None:
    scrapes.scrape(*trio("n1", version="2.10.26"))
    scrapes.scrape(*trio("n2", version="2.10.26"))
    snapshot = scrapes.scrape(*light(from_disk()))
    assert (changes(snapshot), unknown_objects(snapshot)) == ((1, 1), 0)


def test_a_configuration_read_while_all_servers_restart_serves_later_scrapes(
    scrapes: Scrapes,
) -> None:
    scrapes.scrape(*trio("n1"))
    scrapes.scrape(from_disk())
    assert unknown_objects(scrapes.scrape(*light(*trio("n1")))) == 0


def test_a_configuration_known_only_from_a_restart_is_asked_for_again(scrapes: Scrapes) -> None:
    scrapes.scrape(from_disk())
    assert unknown_objects(scrapes.scrape(*light(from_disk()))) == 0
    assert unknown_objects(scrapes.scrape(*light(*trio("n1")))) == 2


def test_another_meta_leader_is_a_change(scrapes: Scrapes) -> None:
    seen = []
    for leader in ("n1", "n1", "n2"):
        reports = [server(n, meta=meta_view(leader, "n1", "n2", "n3")) for n in ("n1", "n2", "n3")]
        seen.append(scrapes.scrape(*reports).metas[0].leader_changes)
    assert seen == [0, 0, 1]


# The first zero of a new leader.


def pending(snapshot: Snapshot) -> int | None:
    return snapshot.consumers[0].pending


def test_the_first_0_of_another_leader_is_doubted_where_it_does_not_say_since_when(
    scrapes: Scrapes,
) -> None:
    assert pending(scrapes.scrape(*trio("n1", version="2.10.26"))) == 5
    first = scrapes.scrape(*trio("n2", version="2.10.26", pending=0))
    assert (pending(first), first.consumers[0].ack_pending) == (None, 0)
    assert pending(scrapes.scrape(*trio("n2", version="2.10.26", pending=0))) == 0


def test_a_first_figure_above_0_is_believed(scrapes: Scrapes) -> None:
    scrapes.scrape(*trio("n1", version="2.10.26"))
    assert pending(scrapes.scrape(*trio("n2", version="2.10.26", pending=3))) == 3


def test_the_first_0_is_believed_where_the_leader_says_since_when(scrapes: Scrapes) -> None:
    scrapes.scrape(*trio("n1"))
    assert pending(scrapes.scrape(*trio("n2", pending=0))) == 0


def test_the_0_of_a_leader_seen_first_is_doubted(scrapes: Scrapes) -> None:
    """The exporter may have started in the middle of an election."""
    seen = []
    for _ in range(2):
        shown = pending(scrapes.scrape(*trio("n1", version="2.10.26", pending=0)))
        seen.append((shown, scrapes.history.suspect_zeros))
    assert seen == [(None, 1), (0, 0)]


def test_the_0_of_the_same_leader_elected_anew_is_doubted(scrapes: Scrapes) -> None:
    scrapes.scrape(*trio("n1", version="2.10.26"))
    scrapes.scrape(*leaderless("n1", "n2", "n3", version="2.10.26"))
    assert pending(scrapes.scrape(*trio("n1", version="2.10.26", pending=0))) is None


def test_the_0_of_a_leader_that_was_away_for_a_while_is_doubted(scrapes: Scrapes) -> None:
    scrapes.scrape(*trio("n1", version="2.10.26"))
    scrapes.scrape(*leaderless("n1", "n2", "n3", version="2.10.26"))
    assert pending(scrapes.scrape(*trio("n2", version="2.10.26", pending=0))) is None


def test_the_0_of_what_lives_on_one_server_is_believed(scrapes: Scrapes) -> None:
    for name, expected in (("n1", 5), ("n2", 0)):
        said = stream(
            "S", unreplicated(name), consumer("c", unreplicated(name), pending=expected), replicas=1
        )
        assert pending(scrapes.scrape(server(name, said, version="2.10.26"))) == expected


def test_the_0_of_what_lives_on_one_server_is_doubted_while_that_server_starts(
    scrapes: Scrapes,
) -> None:
    said = stream("S", unreplicated("n1"), consumer("c", unreplicated("n1"), pending=0), replicas=1)
    running = server("n1", said, meta=meta_view("n1", "n1"))
    starting = server("n1", said, meta=MetaCluster(), health=Health(503, "still recovering"))
    seen = [
        pending(scrapes.scrape(said)) for said in (running, running, starting, running, running)
    ]
    assert seen == [None, 0, None, None, 0]
