"""Consumers that deliver late, from the histories of their backlogs."""

from typing import Any

import pytest
from tests.support.status import NOW, consumer, found, leaderless, one, snapshot, stream, view
from tests.unit.test_status_conditions import Moments, late, thresholds

from jetstream_exporter.snapshot.rows import Lag
from jetstream_exporter.status.facts import of_consumer
from jetstream_exporter.status.lateness import LATE, MOST
from jetstream_exporter.status.watch import Watch

CRITICAL, WARNING = (LATE, "critical"), (LATE, "warning")


def state_of(moments: Moments) -> str:
    return next(iter(view(*moments).consumers.values()))


def test_a_late_consumer_whose_backlog_does_not_shrink_is_falling_behind() -> None:
    assert state_of(late(1000, 50)) == "falling behind"
    assert state_of(late(1000, 0)) == "falling behind"
    assert state_of(late(1000, -50)) == "ok"
    sentence = one(LATE, view(*late(1000, 50)).findings).sentence
    assert sentence.endswith("has not delivered yet was stored at least 16m 40s ago.")


def test_a_backlog_that_is_known_for_less_than_five_minutes_may_be_worked_off() -> None:
    assert CRITICAL not in found(*late(1000, 50)[-5:])
    assert CRITICAL in found(*late(1000, 50)[-7:])
    assert CRITICAL not in found(late(1000, 50)[-1])


@pytest.mark.parametrize(
    ("check", "severity", "limit", "expected"),
    [
        ("lag", "critical", 2000, set()),
        ("lag", "critical", 1000, {CRITICAL}),
        ("lag", "warning", 1000, {WARNING}),
        ("unprocessed", "critical", 1e9, {CRITICAL}),
    ],
)
def test_thresholds_of_the_consumer_replace_both(
    check: str, severity: str, limit: float, expected: set[Any]
) -> None:
    moments = late(1000, 50, settings_=thresholds(check, severity, limit))
    assert found(*moments) & {CRITICAL, WARNING} == expected


def test_a_threshold_below_a_minute_counts_too() -> None:
    def moments(lag: float) -> Moments:
        row = consumer(pending=9, settings_=thresholds("lag", "critical", 30))
        by_our_clock = stream(figures_={"first_age": None})
        return [
            (ago, snapshot(by_our_clock, row, lags=[Lag(pending=NOW - ago - lag)]))
            for ago in (360.0, 300.0, 240.0, 180.0, 120.0, 60.0, 0.0)
        ]

    assert CRITICAL not in found(*moments(29))
    assert CRITICAL in found(*moments(31))


def test_the_clock_of_the_server_counts_where_it_is_known() -> None:
    """Its own time is an hour behind."""
    behind = stream(figures_={"first_time": NOW - 7200, "first_age": 3600.0})
    assert CRITICAL not in found(*late(1000, 50, behind))
    assert CRITICAL in found(*late(1000, 50, stream(figures_={"first_time": NOW, "first_age": 0})))


def test_a_consumer_that_stands_still_is_not_said_to_be_late_as_well() -> None:
    still = {"deliveries": 7, "last_delivery": NOW - 3600, "last_ack": NOW - 3600}
    stalled = late(1000, 50, **still, ack_pending=5, waiting_pulls=0)
    assert found(*stalled) == {("JetStreamConsumerStalled", "critical")}
    left = late(1000, 50, **still, waiting_pulls=0)
    assert found(*left) == {("JetStreamConsumerNoSubscribers", "warning")}


def test_a_gap_does_not_end_a_history() -> None:
    moments = late(1000, 50)
    moments[-2] = (60.0, snapshot(stream()))
    assert CRITICAL in found(*moments)


def test_a_stream_without_a_leader_does_not_end_the_histories_of_its_consumers() -> None:
    moments = late(1000, 50)
    (row,) = moments[-2][1].consumers
    moments[-2] = (60.0, snapshot(stream(raft=leaderless(), figures=None), row, lags=[]))
    assert CRITICAL in found(*moments)


@pytest.mark.parametrize(
    "held",
    [
        {"ack_pending": 5, "waiting_pulls": 0, "settings_": {"ack_wait": 3600.0}},
        {"ack_pending": 1000, "waiting_pulls": 3, "settings_": {"max_ack_pending": 1000}},
    ],
    ids=["a worker that may be busy", "all that may be in flight"],
)
def test_what_explains_that_nothing_is_delivered_does_not_excuse_the_lag(held: Any) -> None:
    """The rule does not either."""
    still = {"deliveries": 7, "last_delivery": NOW - 1200, "last_ack": NOW - 1200}
    assert CRITICAL in found(*late(1200, 50, **still, **held))


def test_who_looks_seldom_says_nothing_of_a_backlog_that_is_worked_off() -> None:
    lags = [Lag(pending=NOW - 1200)]
    for pause in (490.0, 599.0, 900.0):
        moments = [
            (ago * pause, snapshot(stream(figures_={"first_age": None}), row, lags=lags))
            for ago in (3, 2, 1, 0)
            for row in [consumer(pending=50_000 * (1 + ago), deliveries=1000 - ago)]
        ]
        assert CRITICAL not in found(*moments)


def test_only_consumers_that_are_late_have_a_history() -> None:
    watch = Watch()
    rows = [consumer(f"c{n:05}", pending=9) for n in range(MOST + 5)]
    lags = [Lag(pending=NOW - (30 if n < 3 else 90)) for n in range(len(rows))]
    memory = watch.note(snapshot(stream(figures_={"first_age": None}), *rows, lags=lags), NOW)
    assert len(memory.histories) == MOST
    assert of_consumer(rows[0]) not in memory.histories
    assert not watch.note(snapshot(stream(), consumer("c00009")), NOW + 1).histories.get(
        of_consumer(rows[9])
    )
