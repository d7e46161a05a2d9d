"""What is remembered of objects, and what is forgotten."""

from datetime import timedelta

import pytest
from tests.support.reports import (
    BORN,
    LONG_AGO,
    SECOND,
    consumer,
    follows,
    led,
    outcome,
    peer,
    server,
    stream,
    unreplicated,
)
from tests.support.scrapes import STOPPING, Scrapes, changes, leaderless, light, trio, verdict

from jetstream_exporter.report import Outcome, ServerReport
from jetstream_exporter.snapshot import merge
from jetstream_exporter.state import history
from jetstream_exporter.state.configurations import unknown_objects
from jetstream_exporter.state.history import FORGET_AFTER, History
from jetstream_exporter.wire import RaftGroup


@pytest.fixture
def scrapes() -> Scrapes:
    return Scrapes()


def test_a_configuration_read_once_serves_later_scrapes(scrapes: Scrapes) -> None:
    first = scrapes.scrape(*trio("n1"))
    assert unknown_objects(first) == 0
    snapshot = scrapes.scrape(*light(*trio("n1")))
    assert (
        unknown_objects(snapshot),
        snapshot.streams[0].settings and snapshot.streams[0].settings.replicas,
    ) == (0, 3)


def test_a_configuration_that_did_not_change_stays_the_same_object(scrapes: Scrapes) -> None:
    """A hundred thousand are not held twice, and comparing them costs nothing."""
    first, again = (scrapes.scrape(*trio("n1")).consumers[0] for _ in range(2))
    assert first.settings is again.settings
    assert first.key is again.key
    assert first.name is again.name


def test_a_configuration_that_changed_is_taken(scrapes: Scrapes) -> None:
    group = led("n1", "n2", "n3")
    for waits in (30, 60):
        said = stream("S", group, consumer("c", group, config={"ack_wait": waits * SECOND}))
        (row,) = scrapes.scrape(server("n1", said)).consumers
        assert row.settings is not None
        assert row.settings.ack_wait == waits


def test_objects_whose_configuration_was_not_read_are_counted(scrapes: Scrapes) -> None:
    assert unknown_objects(scrapes.scrape(*light(*trio("n1")))) == 2


def test_an_object_made_anew_is_unknown_again(scrapes: Scrapes) -> None:
    scrapes.scrape(*trio("n1"))
    anew = stream("S", led("n1", group="S-R3F-2"), created=BORN + timedelta(hours=1))
    snapshot = scrapes.scrape(*light(server("n1", anew)))
    assert (unknown_objects(snapshot), snapshot.streams[0].settings) == (1, None)


def scaled(old: int, new: int) -> list[ServerReport]:
    """A stream and its consumer before and after their number of replicas was changed; who leads stays."""
    group = {1: unreplicated("n1"), 3: led("n1", "n2", "n3")}
    said = [
        stream("S", group[n], consumer("c", group[n], pending=7), replicas=n) for n in (old, new)
    ]
    return [server("n1", detail) for detail in said]


def test_a_stream_scaled_to_one_replica_asks_for_its_configuration_anew(scrapes: Scrapes) -> None:
    """By the old one its server claims what it cannot lead, as a starting server does."""
    before, after = scaled(3, 1)
    scrapes.scrape(before)
    assert unknown_objects(scrapes.scrape(*light(after))) == 2
    (_, after) = scaled(3, 1)
    snapshot = scrapes.scrape(after)
    assert (unknown_objects(snapshot), snapshot.consumers[0].pending) == (0, 7)


def test_a_stream_scaled_from_one_replica_asks_for_its_configuration_anew(scrapes: Scrapes) -> None:
    """By the old one a starting server's claim would be believed."""
    before, after = scaled(1, 3)
    scrapes.scrape(before)
    snapshot = scrapes.scrape(*light(after))
    assert (unknown_objects(snapshot), snapshot.consumers[0].pending) == (2, 7)


def test_a_group_that_elects_asks_for_nothing(scrapes: Scrapes) -> None:
    scrapes.scrape(*trio("n1"))
    assert unknown_objects(scrapes.scrape(*light(*leaderless("n1", "n2", "n3")))) == 0


def test_a_later_reading_keeps_what_another_server_said_before(scrapes: Scrapes) -> None:
    """A consumer of one replica is only reported by the server it lives on, which may be away."""
    n1 = server("n1", stream("S", led("n1", "n2"), replicas=2))
    single = consumer("c", unreplicated("n2"), config={"num_replicas": 1})
    n2 = server("n2", stream("S", follows("n1", "n1"), single, replicas=2))
    scrapes.scrape(n1, n2)
    scrapes.scrape(n1)
    snapshot = scrapes.scrape(n1, *light(n2))
    assert [row.settings.replicas for row in snapshot.consumers if row.settings] == [1]


def test_what_was_read_with_other_keys_of_metadata_is_read_again(scrapes: Scrapes) -> None:
    """A reload adds a key while one of two servers, which store a stream each, restarts."""

    def both() -> list[ServerReport]:
        return [
            server(
                name,
                stream(name, unreplicated(name), consumer("c", unreplicated(name)), replicas=1),
            )
            for name in ("n1", "n2")
        ]

    def unread(*reports: ServerReport) -> int:
        snapshot = scrapes.scrape(*reports)
        assert all(row.settings is not None for row in (*snapshot.streams, *snapshot.consumers))
        return scrapes.history.configurations.unknown(snapshot)

    scrapes.keys = ("team",)
    assert unread(*both()) == 0
    scrapes.keys = ("team", "tier")
    assert unread(both()[0]) == 0
    assert unread(*light(*both())) == 2
    assert unread(*both()) == 0
    assert unread(*light(*both())) == 0


def test_configurations_of_what_is_in_no_list_are_not_kept(scrapes: Scrapes) -> None:
    """An answer that came too late is read for its configurations alone, and some of its consumers are gone."""
    group = unreplicated("n1")
    wanted, gone = consumer("c", group), consumer("gone", group)
    late = server(
        "n1", stream("S", group, wanted, gone, replicas=1), stream("T", group, replicas=1)
    )
    (now,) = light(server("n1", stream("S", group, consumer("c", group))))
    outcomes = [outcome(now, "http://n1:8222")]
    scrapes.history.configurations.remember([outcome(late, "http://n1:8222")])
    snapshot = merge([now], scrapes.history.configurations.cache)
    scrapes.history.annotate(snapshot, outcomes, 15.0)
    assert holds(scrapes.history)[1:] == (1, 1)
    assert unknown_objects(snapshot) == 0


def holds(history: History) -> tuple[int, int, int]:
    """Pasts, streams known, consumers known."""
    known = history.configurations.cache.values()
    return len(history), len(known), sum(len(entry.consumers) for entry in known)


def test_what_is_gone_from_whole_lists_is_forgotten_after_three_scrapes(scrapes: Scrapes) -> None:
    scrapes.scrape(*trio("n1"))
    bare = [server(name) for name in ("n1", "n2", "n3")]
    held = [(scrapes.scrape(*bare), holds(scrapes.history))[1] for _ in range(3)]
    assert held == [(2, 1, 1), (2, 1, 1), (0, 0, 0)]


def test_what_comes_back_in_between_is_not_forgotten(scrapes: Scrapes) -> None:
    """A consumer that is being closed is missing from one answer."""
    bare = [server(name) for name in ("n1", "n2", "n3")]
    for _ in range(4):
        scrapes.scrape(*trio("n1"))
        scrapes.scrape(*bare)
        scrapes.scrape(*bare)
    assert holds(scrapes.history) == (2, 1, 1)


def test_what_a_server_that_is_not_whole_leaves_out_is_kept(scrapes: Scrapes) -> None:
    scrapes.scrape(*trio("n1"))
    for _ in range(10):
        scrapes.scrape(server("n1", health=STOPPING), server("n2"), server("n3"))
    assert holds(scrapes.history) == (2, 1, 1)


def test_a_server_of_another_cluster_that_is_not_whole_keeps_nothing_here(
    scrapes: Scrapes,
) -> None:
    scrapes.scrape(*trio("n1"))
    bare = [server(name) for name in ("n1", "n2", "n3")]
    for _ in range(3):
        scrapes.scrape(*bare, server("m1", cluster="D", health=STOPPING))
    assert holds(scrapes.history) == (0, 0, 0)


def test_an_account_that_does_not_answer_keeps_nothing_of_servers_that_do(
    scrapes: Scrapes,
) -> None:
    scrapes.scrape(*trio("n1"))
    bare = [outcome(server(name), f"http://{name}:8222") for name in ("n1", "n2", "n3")]
    failed = Outcome("account", "nats://elsewhere", 0.1, error="not connected")
    assert failed.answer is None
    for _ in range(3):
        scrapes.outcomes([*bare, failed])
    assert holds(scrapes.history) == (0, 0, 0)


def test_who_creates_and_deletes_while_a_server_is_away_fills_no_memory(
    scrapes: Scrapes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The objects that were there last are kept."""
    monkeypatch.setattr(history, "ABSENT", 50)
    away = server("n2", health=STOPPING)
    for start in range(0, 1000, 20):
        born = [
            consumer(f"x{n}", unreplicated("n1"), durable=False) for n in range(start, start + 20)
        ]
        scrapes.scrape(server("n1", stream("S", unreplicated("n1"), *born, replicas=1)), away)
        assert len(scrapes.history) <= 1 + 20 + 50
    assert {key[3] for key in scrapes.history.present if len(key) > 3} >= {
        f"x{n}" for n in range(940, 1000)
    }


def test_a_leader_change_over_a_restart_of_all_servers_is_counted(scrapes: Scrapes) -> None:
    scrapes.scrape(*trio("n1"))
    for _ in range(5):
        scrapes.scrape(*(server(name, health=STOPPING) for name in ("n1", "n2", "n3")))
    assert changes(scrapes.scrape(*trio("n2"))) == (1, 1)


def test_after_a_quarter_of_an_hour_everything_gone_is_forgotten(scrapes: Scrapes) -> None:
    scrapes.scrape(*trio("n1"))
    stopping = [server(name, health=STOPPING) for name in ("n1", "n2", "n3")]
    scrapes.scrape(*stopping, after=FORGET_AFTER)
    assert holds(scrapes.history) == (2, 1, 1)
    scrapes.scrape(*stopping, after=1)
    assert holds(scrapes.history) == (0, 0, 0)


def test_a_consumer_goes_without_its_stream(scrapes: Scrapes) -> None:
    scrapes.scrape(*trio("n1"))
    for _ in range(3):
        scrapes.scrape(*(server(name, stream("S", follows("n1"))) for name in ("n2", "n3")))
        scrapes.scrape(server("n1", stream("S", led("n1"))))
    assert holds(scrapes.history) == (1, 1, 0)


def test_ten_thousand_short_lived_consumers_leave_nothing_behind(scrapes: Scrapes) -> None:
    before = scrapes.scrape(server("n1", stream("S", unreplicated("n1"), replicas=1)))
    held = holds(scrapes.history)
    assert held == (1, 1, 0)
    for start in range(0, 10_000, 500):
        born = BORN + timedelta(seconds=start)
        crowd = [
            consumer(f"x{n}", unreplicated("n1"), durable=False, created=born)
            for n in range(start, start + 500)
        ]
        snapshot = scrapes.scrape(server("n1", stream("S", unreplicated("n1"), *crowd, replicas=1)))
        assert len(snapshot.consumers) == 500
        assert len(scrapes.history) <= 1 + 3 * 500
    for _ in range(3):
        after = scrapes.scrape(server("n1", stream("S", unreplicated("n1"), replicas=1)))
    assert held == holds(scrapes.history)
    assert before.streams[0].settings == after.streams[0].settings


def test_a_thousand_servers_of_changing_names_leave_nothing_behind(scrapes: Scrapes) -> None:
    for n in range(1000):
        scrapes.scrape(server(f"pod-{n}", cluster="C"))
    assert len(scrapes.history._last_complete) <= FORGET_AFTER / 15 + 1
    assert len(scrapes.history._unreachable) == 1


def test_a_silent_peer_s_age_does_not_change_who_leads(scrapes: Scrapes) -> None:
    group = RaftGroup("C", "G", "n1", LONG_AGO, [peer("n2", current=False, active=40 * SECOND)])
    assert verdict(None, scrapes.scrape(server("n1", stream("S", group)))) == (True, False)


def test_a_leader_whose_creation_time_differs_by_milliseconds_leads_the_same_object(
    scrapes: Scrapes,
) -> None:
    scrapes.scrape(*trio("n1"))
    later = stream("S", led("n2", "n1", "n3"), created=BORN + timedelta(milliseconds=4))
    row = scrapes.scrape(*light(server("n2", later))).streams[0]
    assert (row.raft.changes, row.settings is not None) == (1, True)
