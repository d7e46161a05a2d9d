"""Replicas of one stream that hold different contents: told after three scrapes, and never before."""

from datetime import timedelta
from typing import Any

import msgspec
import pytest
from tests.support.reports import NOW, SECOND, follows, led, outcome, peer, server, stream

from jetstream_exporter.config.schema import Config
from jetstream_exporter.report import Health, ServerReport
from jetstream_exporter.scrape.processor import Processor
from jetstream_exporter.wire import RaftGroup, StreamState

LEADER = StreamState(400, 4000, 1, None, 400)
DAMAGED = StreamState(284, 2840, 1, None, 400, num_deleted=116)
States = dict[str, StreamState]


def told(name: str, group: RaftGroup, state: StreamState, config: dict[str, Any]) -> ServerReport:
    detail = stream("S", group, config=config)
    detail.state = state
    return server(name, detail)


def cluster(states: States, *, current: bool = True, **config: Any) -> list[ServerReport]:
    """The first leads; `current` is what it says of all others."""
    first, *others = states
    group = led(first, *others)
    group.replicas = [peer(name, current=current) for name in others]
    groups = {name: follows(first, *states.keys() - {name}) for name in others} | {first: group}
    return [told(name, groups[name], state, config) for name, state in states.items()]


class Watch:
    def __init__(self) -> None:
        self.processor = Processor(Config(), 0.0)
        self.now = 0.0

    def sees(self, *reports: ServerReport, after: float = 15.0) -> int | None:
        self.now += after
        outcomes = [outcome(report, f"http://{report.server_name}") for report in reports]
        (row,) = self.processor.process(outcomes, self.now, self.now).streams
        return row.diverged


def alike() -> States:
    return {"n1": LEADER, "n2": LEADER, "n3": LEADER}


def damaged(**more: StreamState) -> States:
    return alike() | {"n2": DAMAGED} | more


def test_scrapes_that_follow_each_other_within_a_moment_count_as_one() -> None:
    watch = Watch()
    assert [watch.sees(*cluster(damaged()), after=1.0) for _ in range(10)] == [0] * 10
    assert watch.sees(*cluster(damaged()), after=1.0) == 1


def test_a_replica_that_differs_in_the_same_way_in_three_scrapes_has_diverged() -> None:
    watch = Watch()
    assert [watch.sees(*cluster(damaged())) for _ in range(4)] == [0, 0, 1, 1]
    assert [watch.sees(*cluster(alike())) for _ in range(2)] == [0, 0]


def test_one_answer_that_is_merged_three_times_is_one_sighting() -> None:
    """Scrapers that left it early had it merged before it ended."""
    processor = Processor(Config(), 0.0)
    for took in (1.0, 6.1, 11.2):
        outcomes = [
            outcome(report, f"http://{report.server_name}") for report in cluster(damaged())
        ]
        (row,) = processor.process(outcomes, 100.0 + took, 0.0, took=took).streams
        assert row.diverged == 0


def test_two_replicas_that_differ_are_two() -> None:
    watch = Watch()
    states = damaged(n3=DAMAGED)
    assert [watch.sees(*cluster(states)) for _ in range(3)] == [0, 0, 2]


def test_it_is_found_while_messages_are_published_and_the_servers_seldom_name_one_sequence() -> (
    None
):
    watch = Watch()
    found = []
    for more in range(0, 60, 10):
        leader = StreamState(400 + more, 4000 + 10 * more, 1, None, 400 + more)
        late = more % 20 != 0
        there = more - 3 if late else more
        other = StreamState(284 + there, 2840 + 10 * there, 1, None, 400 + there, num_deleted=116)
        found.append(watch.sees(*cluster({"n1": leader, "n2": other, "n3": leader})))
    assert found == [0, 0, 0, 0, 1, 1]


@pytest.mark.parametrize("steps", [(0, 1, 2, 3, 4, 5), (0, 1, 0, 2, 0, 3)])
def test_replicas_from_which_messages_are_removed_at_different_instants_do_not_diverge(
    steps: tuple[int, ...],
) -> None:
    watch = Watch()
    for step in steps:
        gone = 10 * step
        leader = StreamState(400 - gone, 4000 - 10 * gone, 1 + gone, None, 400)
        other = StreamState(399 - gone, 3990 - 10 * gone, 2 + gone, None, 400)
        assert watch.sees(*cluster({"n1": leader, "n2": other, "n3": leader})) == 0


def test_a_replica_that_its_leader_calls_behind_is_not_compared() -> None:
    watch = Watch()
    assert {watch.sees(*cluster(damaged(), current=False)) for _ in range(5)} == {0}


def test_servers_that_start_or_stop_are_not_compared() -> None:
    watch = Watch()
    starting = Health(503, "JetStream is still recovering meta layer")
    first, second, third = cluster(damaged())
    second = msgspec.structs.replace(second, health=starting)
    assert {watch.sees(first, second, third) for _ in range(5)} == {0}


def test_empty_streams_are_alike_whatever_their_first_sequence() -> None:
    watch = Watch()
    empty = [StreamState(0, 0, first, None, 400) for first in (401, 0, 1)]
    states = dict(zip(("n1", "n2", "n3"), empty, strict=True))
    assert {watch.sees(*cluster(states)) for _ in range(5)} == {0}


def aged(first: int, age: float) -> StreamState:
    """A stream from which the messages before `first` are gone, the first that is left being so old in seconds."""
    left = 401 - first
    return StreamState(left, 10 * left, first, NOW - timedelta(seconds=age), 400)


@pytest.mark.parametrize(
    ("leader", "other", "found"),
    [
        (aged(11, 3590), aged(1, 3601), 0),  # the other is late to remove ten that are too old
        (aged(1, 3601), aged(11, 3590), 0),
        (aged(11, 10), aged(1, 3550), 0),
        (aged(401, 10), aged(1, 3601), 0),
        (aged(11, 10), aged(1, 3000), 1),  # it holds ten that are not too old
        (aged(1, 3000), aged(11, 10), 1),
    ],
)
def test_a_replica_that_is_late_to_remove_what_is_too_old_has_not_diverged(
    leader: StreamState, other: StreamState, found: int
) -> None:
    watch = Watch()
    states = {"n1": leader, "n2": other, "n3": leader}
    for _ in range(4):
        seen = watch.sees(*cluster(states, max_age=3600 * SECOND))
    assert seen == found


def test_streams_whose_messages_expire_one_by_one_or_of_unknown_settings_are_not_compared() -> None:
    watch = Watch()
    assert {watch.sees(*cluster(damaged(), allow_msg_ttl=True)) for _ in range(5)} == {0}
    unread = [msgspec.structs.replace(report, with_config=False) for report in cluster(damaged())]
    watch = Watch()
    assert {watch.sees(*unread) for _ in range(5)} == {0}


def test_what_no_follower_said_is_unknown() -> None:
    watch = Watch()
    reports = cluster(damaged())
    assert [watch.sees(reports[0]) for _ in range(4)] == [None] * 4
    assert watch.sees(*reports[1:]) is None
    assert len(watch.processor._divergence) == 0


def test_a_replica_that_was_away_is_counted_anew() -> None:
    watch = Watch()
    reports = cluster(damaged())
    assert [watch.sees(*reports) for _ in range(3)] == [0, 0, 1]
    assert watch.sees(reports[0], reports[2]) == 0
    assert [watch.sees(*reports) for _ in range(3)] == [0, 0, 1]


@pytest.mark.parametrize(("retention", "expected"), [("limits", 1), ("workqueue", 0)])
def test_followers_of_another_version_may_keep_what_was_acknowledged(
    retention: str, expected: int
) -> None:
    watch, found = Watch(), None
    for _ in range(4):
        first, *others = cluster(damaged(), retention=retention)
        old = [msgspec.structs.replace(each, version="2.10.26") for each in others]
        found = watch.sees(msgspec.structs.replace(first, version="2.12.8"), *old)
    assert found == expected


def at(last: int) -> StreamState:
    return StreamState(last, 10 * last, 1, None, last)


@pytest.mark.parametrize(
    ("leader", "other"),
    [
        (at(176), at(102)),  # nats-server 4174: each replica names another last sequence
        (at(3), at(23_000)),  # nats-server 4875: the leader began anew, the others did not
    ],
)
def test_a_current_replica_that_stands_at_another_last_sequence_for_minutes_has_diverged(
    leader: StreamState, other: StreamState
) -> None:
    watch = Watch()
    found = []
    for number in range(22):
        moved = at(leader.last_seq + number)
        found.append(watch.sees(*cluster({"n1": moved, "n2": other, "n3": moved})))
    assert found == [0] * 20 + [1, 1]
    moved = at(leader.last_seq + 22)
    assert watch.sees(*cluster({"n1": moved, "n2": moved, "n3": moved})) == 0


def test_a_replica_that_moves_behind_its_leader_has_not_diverged() -> None:
    watch = Watch()
    for number in range(40):
        states = {"n1": at(400 + number), "n2": at(390 + number), "n3": at(400 + number)}
        assert watch.sees(*cluster(states)) == 0


def test_a_replica_that_stands_still_and_is_called_behind_has_not_diverged() -> None:
    watch = Watch()
    states = {"n1": at(400), "n2": at(390), "n3": at(400)}
    for number in range(40):
        assert watch.sees(*cluster(states, current=number % 10 == 9)) == 0
