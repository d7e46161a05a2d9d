"""Which servers are expected to answer through the system account."""

from jetstream_exporter.config.nats import System
from jetstream_exporter.sources.nats.members import FORGET, GONE, Members
from jetstream_exporter.sources.nats.system import SystemSource
from jetstream_exporter.wire import ServerName


def server(identity: str, name: str = "", cluster: str = "C") -> ServerName:
    return ServerName(name=name or identity.lower(), id=identity, cluster=cluster)


def test_nobody_is_expected_before_somebody_answered() -> None:
    members = Members()
    assert members.expected() == set()
    members.remember([], 0.0)
    assert members.expected() == set()


def test_whoever_answered_is_expected_again() -> None:
    members = Members()
    members.remember([server("A"), server("B")], 0.0)
    assert members.expected() == {"A", "B"}


def test_one_that_misses_often_enough_is_not_waited_for_and_not_forgotten() -> None:
    members = Members()
    members.remember([server("A"), server("B")], 0.0)
    for scrape in range(GONE):
        assert "B" in members.expected(), scrape
        members.remember([server("A")], 1.0 + scrape)
    assert members.expected() == {"A"}
    assert "B" in members


def test_one_that_answers_again_is_waited_for_again() -> None:
    members = Members()
    members.remember([server("A"), server("B")], 0.0)
    for scrape in range(GONE + 1):
        members.remember([server("A")], 1.0 + scrape)
    members.remember([server("A"), server("B")], 9.0)
    assert members.expected() == {"A", "B"}
    members.remember([server("A")], 10.0)
    assert "B" in members.expected(), "missing counts from its last answer"


def test_one_that_is_silent_for_long_is_forgotten() -> None:
    members = Members()
    members.remember([server("A"), server("B")], 0.0)
    members.remember([server("A")], FORGET)
    assert "B" in members
    members.remember([server("A")], FORGET + 1)
    assert set(members) == {"A"}


def test_a_restarted_server_takes_the_place_of_its_old_id() -> None:
    members = Members()
    members.remember([server("OLD", "n1"), server("B")], 0.0)
    members.remember([server("NEW", "n1"), server("B")], 1.0)
    assert set(members) == {"NEW", "B"}


def test_the_same_name_in_another_cluster_is_another_server() -> None:
    members = Members()
    members.remember([server("A", "n1", "EAST")], 0.0)
    members.remember([server("B", "n1", "WEST")], 1.0)
    assert set(members) == {"A", "B"}


def test_a_restarted_server_without_a_name_takes_the_place_of_its_old_id() -> None:
    """It calls itself by its id, which is new after each start."""
    members = Members()
    members.remember([server("OLD", "OLD")], 0.0)
    members.remember([server("NEW", "NEW")], 1.0)
    assert set(members) == {"NEW"}


def test_what_is_remembered_of_a_list_outlives_an_answer() -> None:
    members = Members()
    members.remember([server("A")], 0.0)
    members["A"].size = 77
    members.remember([server("A")], 1.0)
    assert members["A"].size == 77


def test_what_a_scrape_notes_of_a_server_that_a_newer_one_dropped_is_forgotten() -> None:
    members = Members()
    members.remember([server("OLD", "n1")], 0.0)
    members.remember([server("NEW", "n1")], 1.0)
    members["OLD"].size = 5
    assert members["OLD"].size == 0
    assert members.keys() == {"NEW"}


def test_servers_of_one_configured_cluster_that_are_called_alike_say_where_they_are() -> None:
    """A hub and its leaf nodes share the system account."""
    source = SystemSource(System(urls=["nats://127.0.0.1:1"]), "here", "prod", "full", 2**20)
    servers = [server("A", "n0", "hub"), server("B", "n0", "leaf"), server("D", "n1", "hub")]
    source._members.remember(servers, 0.0)
    assert source._names() == {"A": "prod/n0 (hub)", "B": "prod/n0 (leaf)", "D": "prod/n1"}
