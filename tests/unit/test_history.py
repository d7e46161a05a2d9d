"""What must outlive a scrape, and what must not."""

from collections.abc import Sequence
from datetime import timedelta

import pytest
from tests.support.words import (
    BORN,
    LONG_AGO,
    NOW,
    SECOND,
    alone,
    consumer,
    follows,
    led,
    outcome,
    peer,
    server,
    stream,
)

from jetstream_exporter.history import FORGET_AFTER, History, unknown_objects
from jetstream_exporter.report import Health, Outcome, Report
from jetstream_exporter.snapshot import Consumer, Snapshot, merge
from jetstream_exporter.wire import Cluster, MetaCluster

STOPPING = Health(503, "JetStream meta layer is not running")


class Scrapes:
    """One scrape after another, as the exporter makes them."""

    def __init__(self) -> None:
        self.history = History(started=0.0)
        self.now = 0.0

    def scrape(self, *reports: Report, after: float = 15.0) -> Snapshot:
        return self.outcomes([outcome(r, f"http://{r.server_name}:8222") for r in reports], after)

    def outcomes(self, outcomes: Sequence[Outcome], after: float = 15.0) -> Snapshot:
        self.now += after
        self.history.learn(outcomes)
        reports = [o.report for o in outcomes if o.report is not None]
        snapshot = merge(reports, self.history.known)
        self.history.complete(snapshot, outcomes, self.now)
        return snapshot


@pytest.fixture
def scrapes() -> Scrapes:
    return Scrapes()


def trio(
    leader: str, *, version: str = "2.15.1", pending: int = 5, age: float = 60
) -> list[Report]:
    """Three servers with one stream and one consumer, both led by `leader` for `age` seconds."""
    names = ("n1", "n2", "n3")
    since = NOW - timedelta(seconds=age) if version != "2.10.26" else None
    reports = []
    for name in names:
        others = [other for other in names if other != name]
        group = led(name, *others, since=since) if name == leader else follows(leader, *others)
        said = consumer("c", group, pending=pending if name == leader else 0)
        reports.append(server(name, stream("S", group, said, messages=9), version=version))
    return reports


def changes(snapshot: Snapshot) -> tuple[int, int]:
    return snapshot.streams[0].raft.changes, snapshot.consumers[0].raft.changes


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


def from_disk() -> Report:
    """A server of 2.10 that starts: it names no meta leader, and has its own times of creation."""
    late = BORN + timedelta(milliseconds=3)
    said = stream("S", alone("n1"), consumer("c", Cluster("C"), created=late), created=late)
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


def meta_view(leader: str, *members: str) -> MetaCluster:
    return MetaCluster(
        leader=leader, cluster_size=3, replicas=[peer(name) for name in members if name != leader]
    )


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
        seen.append((shown, scrapes.history.doubts))
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
        said = stream("S", alone(name), consumer("c", alone(name), pending=expected), replicas=1)
        assert pending(scrapes.scrape(server(name, said, version="2.10.26"))) == expected


def test_the_0_of_what_lives_on_one_server_is_doubted_while_that_server_starts(
    scrapes: Scrapes,
) -> None:
    said = stream("S", alone("n1"), consumer("c", alone("n1"), pending=0), replicas=1)
    running = server("n1", said, meta=meta_view("n1", "n1"))
    starting = server("n1", said, meta=MetaCluster(), health=Health(503, "still recovering"))
    seen = [
        pending(scrapes.scrape(said)) for said in (running, running, starting, running, running)
    ]
    assert seen == [None, 0, None, None, 0]


# Groups without a leader.


def leaderless(*names: str, version: str = "2.15.1") -> list[Report]:
    group = Cluster("C", "S-R3F-1", "", None, [])
    return [
        server(name, stream("S", group, consumer("c", group)), version=version) for name in names
    ]


def verdict(row: Consumer | None, snapshot: Snapshot) -> tuple[bool, bool | None]:
    raft = (row or snapshot.streams[0]).raft
    return raft.has_leader, raft.has_quorum


def test_an_election_is_no_loss_of_the_majority_before_20_s(scrapes: Scrapes) -> None:
    scrapes.scrape(*trio("n1"))
    for after, expected in ((1, None), (10, None), (9.9, None), (0.2, False)):
        snapshot = scrapes.scrape(*leaderless("n1", "n2", "n3"), after=after)
        assert (False, expected) == verdict(None, snapshot), after
        assert (False, expected) == verdict(snapshot.consumers[0], snapshot), after


def test_an_election_that_ends_starts_the_clock_anew(scrapes: Scrapes) -> None:
    scrapes.scrape(*leaderless("n1", "n2", "n3"))
    scrapes.scrape(*trio("n1"), after=15)
    snapshot = scrapes.scrape(*leaderless("n1", "n2", "n3"), after=15)
    assert verdict(None, snapshot) == (False, None)


def behind(leader: str, *names: str) -> list[Report]:
    """The servers of a group whose leader did not answer."""
    group = follows(leader)
    return [server(name, stream("S", group, consumer("c", group))) for name in names]


def test_a_leader_that_only_we_cannot_hear_leads_after_20_s(scrapes: Scrapes) -> None:
    scrapes.scrape(*trio("n3"))
    for after, expected in ((15, (False, None)), (4.9, (False, None)), (0.1, (True, True))):
        snapshot = scrapes.scrape(*behind("n3", "n1", "n2"), after=after)
        assert expected == verdict(None, snapshot), after
        assert expected == verdict(snapshot.consumers[0], snapshot), after


def test_the_figures_of_a_leader_out_of_reach_stay_absent(scrapes: Scrapes) -> None:
    scrapes.scrape(*trio("n3"))
    snapshot = scrapes.scrape(*behind("n3", "n1", "n2"), after=60)
    row = snapshot.consumers[0]
    assert (row.pending, row.raft.leader, snapshot.streams[0].figures) == (None, None, None)


def test_a_leader_never_heard_is_waited_for_from_the_exporter_s_start(scrapes: Scrapes) -> None:
    assert verdict(None, scrapes.scrape(*behind("n3", "n1", "n2"), after=10)) == (False, None)
    assert verdict(None, scrapes.scrape(*behind("n3", "n1", "n2"), after=10)) == (True, True)


def test_a_leader_that_too_few_name_has_no_known_majority(scrapes: Scrapes) -> None:
    """Two of three do not answer us: one voice and the leader's are two, enough; of five they are not."""
    group = follows("n3")
    five = server("n1", stream("S", group, replicas=5))
    assert verdict(None, scrapes.scrape(five, after=30)) == (True, None)


def test_a_server_whose_list_is_not_whole_was_not_heard(scrapes: Scrapes) -> None:
    scrapes.scrape(*trio("n3"))
    partial = server("n3", health=STOPPING)
    snapshot = scrapes.scrape(*behind("n3", "n1", "n2"), partial, after=20)
    assert verdict(None, snapshot) == (True, True)


def test_a_meta_leader_that_only_we_cannot_hear_leads_after_20_s(scrapes: Scrapes) -> None:
    seen = []
    for after in (10, 10):
        reports = [server(name, meta=meta_view("n3", "n1", "n2", "n3")) for name in ("n1", "n2")]
        (meta,) = scrapes.scrape(*reports, after=after).metas
        seen.append((meta.leader, meta.has_leader, meta.has_quorum))
    assert seen == [(None, False, None), (None, True, True)]


def test_a_meta_group_without_leader_for_20_s_has_no_majority(scrapes: Scrapes) -> None:
    seen = []
    for after in (1, 19, 1):
        reports = [server(name, meta=meta_view("")) for name in ("n1", "n2")]
        (meta,) = scrapes.scrape(*reports, after=after).metas
        seen.append((meta.has_leader, meta.has_quorum))
    assert seen == [(False, None), (False, None), (False, False)]


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
        outcome(server("n1", group="east"), "http://a:1", group="east"),
        outcome(server("n1", group="west"), "http://b:1", group="west"),
        outcome(None, "http://c:1", group="west"),
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


# What is learnt, and what is forgotten.


def light(*reports: Report) -> list[Report]:
    """The same without the configurations."""
    for report in reports:
        report.with_config = False
        for account in report.jsz.account_details if report.jsz else ():
            for detail in account.stream_detail:
                detail.config = None
                for said in detail.consumer_detail:
                    said.config = None
    return list(reports)


def test_a_configuration_read_once_serves_later_scrapes(scrapes: Scrapes) -> None:
    first = scrapes.scrape(*trio("n1"))
    assert unknown_objects(first) == 0
    snapshot = scrapes.scrape(*light(*trio("n1")))
    assert (
        unknown_objects(snapshot),
        snapshot.streams[0].settings and snapshot.streams[0].settings.replicas,
    ) == (0, 3)


def test_objects_whose_configuration_was_not_read_are_counted(scrapes: Scrapes) -> None:
    assert unknown_objects(scrapes.scrape(*light(*trio("n1")))) == 2


def test_an_object_made_anew_is_unknown_again(scrapes: Scrapes) -> None:
    scrapes.scrape(*trio("n1"))
    anew = stream("S", led("n1", group="S-R3F-2"), created=BORN + timedelta(hours=1))
    snapshot = scrapes.scrape(*light(server("n1", anew)))
    assert (unknown_objects(snapshot), snapshot.streams[0].settings) == (1, None)


def scaled(old: int, new: int) -> list[Report]:
    """A stream and its consumer before and after their number of replicas was changed; who leads stays."""
    group = {1: alone("n1"), 3: led("n1", "n2", "n3")}
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
    single = consumer("c", alone("n2"), config={"num_replicas": 1})
    n2 = server("n2", stream("S", follows("n1", "n1"), single, replicas=2))
    scrapes.scrape(n1, n2)
    scrapes.scrape(n1)
    snapshot = scrapes.scrape(n1, *light(n2))
    assert [row.settings.replicas for row in snapshot.consumers if row.settings] == [1]


def holds(history: History) -> tuple[int, int, int]:
    """Pasts, streams known, consumers known."""
    known = history.known.values()
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
    before = scrapes.scrape(server("n1", stream("S", alone("n1"), replicas=1)))
    held = holds(scrapes.history)
    assert held == (1, 1, 0)
    for start in range(0, 10_000, 500):
        born = BORN + timedelta(seconds=start)
        crowd = [
            consumer(f"x{n}", alone("n1"), durable=False, created=born)
            for n in range(start, start + 500)
        ]
        snapshot = scrapes.scrape(server("n1", stream("S", alone("n1"), *crowd, replicas=1)))
        assert len(snapshot.consumers) == 500
        assert len(scrapes.history) <= 1 + 3 * 500
    for _ in range(3):
        after = scrapes.scrape(server("n1", stream("S", alone("n1"), replicas=1)))
    assert held == holds(scrapes.history)
    assert before.streams[0].settings == after.streams[0].settings


def test_a_thousand_servers_of_changing_names_leave_nothing_behind(scrapes: Scrapes) -> None:
    for n in range(1000):
        scrapes.scrape(server(f"pod-{n}", cluster="C"))
    assert len(scrapes.history._heard) <= FORGET_AFTER / 15 + 1
    assert len(scrapes.history._silent) == 1


def test_a_silent_peer_s_age_does_not_change_who_leads(scrapes: Scrapes) -> None:
    group = Cluster("C", "G", "n1", LONG_AGO, [peer("n2", current=False, active=40 * SECOND)])
    assert verdict(None, scrapes.scrape(server("n1", stream("S", group)))) == (True, False)


def test_a_leader_whose_creation_time_differs_by_milliseconds_leads_the_same_object(
    scrapes: Scrapes,
) -> None:
    scrapes.scrape(*trio("n1"))
    later = stream("S", led("n2", "n1", "n3"), created=BORN + timedelta(milliseconds=4))
    row = scrapes.scrape(*light(server("n2", later))).streams[0]
    assert (row.raft.changes, row.settings is not None) == (1, True)
