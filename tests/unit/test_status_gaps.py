"""What is remembered survives a collection in which an object has no leader or is missing, as it does in Prometheus."""

from typing import Any

import pytest
from tests.support.status import (
    HOUR,
    MINUTE,
    NOW,
    consumer,
    found,
    leaderless,
    meta,
    one,
    server,
    snapshot,
    stream,
    view,
)

from jetstream_exporter.report import EventCounts
from jetstream_exporter.snapshot import Snapshot
from jetstream_exporter.status.watch import Watch

STALLED = ("JetStreamConsumerStalled", "critical")
EXHAUSTED = ("JetStreamConsumerMaxDeliverExhausted", "critical")
NO_SUBSCRIBERS = ("JetStreamConsumerNoSubscribers", "warning")
Moment = tuple[float, Any]


def at(minutes: float, *rows: Any) -> Moment:
    return (minutes * MINUTE, snapshot(*rows))


def without_leader(name: str) -> Any:
    """A consumer that only followers report."""
    unknown: dict[str, Any] = dict.fromkeys(
        ("pending", "ack_pending", "redelivered", "deliveries", "acknowledged", "last_delivery")
    )
    return consumer(name, raft=leaderless(), waiting_pulls=None, events=None, **unknown)


def letters(last: int) -> Any:
    return stream("DEAD", dead_letter=True, figures_={"last_sequence": last})


GAPS = {
    "missing": [stream()],
    "without a leader": [
        stream("DEAD", dead_letter=True, raft=leaderless(), figures=None),
        stream(),
        without_leader("worker"),
    ],
}
gaps = pytest.mark.parametrize("gap", GAPS.values(), ids=list(GAPS))


@gaps
def test_dead_letters_are_known_after_a_gap(gap: list[Any]) -> None:
    moments = (at(10, letters(1)), at(9, letters(4)), at(8, *gap), at(0, letters(4)))
    assert one("JetStreamDeadLetterGrowing", view(*moments).findings).value == 3


def test_dead_letters_that_arrived_in_the_gap_are_counted() -> None:
    moments = (at(10, letters(1)), at(8), at(0, letters(4)))
    assert one("JetStreamDeadLetterGrowing", view(*moments).findings).value == 3


def test_dead_letters_are_no_news_after_a_quarter_of_an_hour() -> None:
    name = ("JetStreamDeadLetterGrowing", "warning")
    assert name not in found(at(20, letters(1)), at(18, letters(4)), at(0, letters(4)))
    assert name not in found(at(20, letters(1)), at(18, letters(4)), at(0, stream()))


@gaps
def test_given_up_messages_are_no_news_after_a_gap(gap: list[Any]) -> None:
    old = [stream(), consumer(events=EventCounts(max_deliveries=2))]
    more = [stream(), consumer(events=EventCounts(max_deliveries=3))]
    before = (at(300, stream()), at(280, *old))
    assert EXHAUSTED not in found(*before, at(60, *gap), at(0, *old))
    moments = (*before, at(60, *gap), at(0, *more))
    assert one(EXHAUSTED[0], view(*moments).findings).value == 1


def test_the_first_message_given_up_by_a_recreated_consumer_is_news() -> None:
    """Its counter begins again at 0, and reaches the number that the one before had."""
    numbers = (0, 1, 0, 0, 1)
    moments = [
        at(60 - 15 * place, stream(), consumer(events=EventCounts(max_deliveries=number)))
        for place, number in enumerate(numbers)
    ]
    assert one(EXHAUSTED[0], view(*moments).findings).value == 1


def test_the_first_refusal_of_a_recreated_consumer_is_a_refusal() -> None:
    base: dict[str, Any] = {"ack_pending": 5, "last_ack": None, "waiting_pulls": 0}
    moments = [
        at(ago, stream(), consumer(events=EventCounts(naks=count), last_delivery=NOW - 900, **base))
        for ago, count in ((60, 0), (50, 5), (40, 0), (12, 0), (11, 1), (0, 1))
    ]
    assert next(iter(view(*moments).consumers.values())) == "delayed"


def test_who_mutes_an_object_ends_its_findings() -> None:
    muted = {"monitored": False}
    quiet = stream("DEAD", dead_letter=True, figures_={"last_sequence": 4}, settings_=muted)
    name = ("JetStreamDeadLetterGrowing", "warning")
    assert name in found(at(10, letters(1)), at(5, letters(4)))
    assert name not in found(at(10, letters(1)), at(5, letters(4)), at(0, quiet))
    given_up = [stream(), consumer(events=EventCounts(max_deliveries=3))]
    silent = [stream(), consumer(events=EventCounts(max_deliveries=3), settings_=muted)]
    before = at(10, stream(), consumer(events=EventCounts(max_deliveries=0)))
    assert EXHAUSTED in found(before, at(5, *given_up))
    assert EXHAUSTED not in found(before, at(5, *given_up), at(0, *silent))


@gaps
def test_a_refusal_is_no_news_after_a_gap(gap: list[Any]) -> None:
    """A worker that refused once and then hung stays stalled."""
    base: dict[str, Any] = {
        "last_delivery": None,
        "last_ack": None,
        "ack_pending": 5,
        "waiting_pulls": 0,
    }
    row = [stream(), consumer(events=EventCounts(naks=1), **base)]
    moments = (at(60, *row), at(30, *gap), at(29, *row), at(0, *row))
    assert next(iter(view(*moments).consumers.values())) == "stalled"


@gaps
def test_a_consumer_does_not_make_progress_by_a_gap(gap: list[Any]) -> None:
    times: dict[str, Any] = {"last_delivery": None, "last_ack": None, "waiting_pulls": None}
    row = [stream(), consumer(pending=5, ack_pending=1, **times)]
    assert STALLED in found(at(11, *row), at(1, *gap), at(0, *row))
    moved = [stream(), consumer(pending=5, ack_pending=1, **{**times, "deliveries": 101})]
    assert STALLED not in found(at(11, *row), at(1, *gap), at(0, *moved))
    assert STALLED not in found(at(11, *row), at(1, *gap))
    assert STALLED not in found(at(31, *row), at(30, *gap), at(11, *gap), at(0, *row))


@gaps
def test_a_condition_of_some_minutes_does_not_begin_anew_by_a_gap(gap: list[Any]) -> None:
    row = [stream(), consumer(pending=5, waiting_pulls=0)]
    assert NO_SUBSCRIBERS in found(at(6, *row), at(1, *gap), at(0, *row))
    assert NO_SUBSCRIBERS not in found(at(6, *row), at(1, *gap))
    served = [stream(), consumer(pending=5, waiting_pulls=1)]
    assert NO_SUBSCRIBERS not in found(at(6, *row), at(1, *served), at(0, *row))


def test_slow_clients_of_a_server_are_known_while_it_is_down() -> None:
    moments = (
        at(5, server(slow_consumers=1)),
        at(4, server(slow_consumers=4)),
        at(3, server(up=False)),
        at(0, server(slow_consumers=4)),
    )
    assert one("NatsSlowConsumersDetected", view(*moments).findings).value == 3


def test_elections_of_a_meta_group_that_has_no_leader_in_between_are_added_up() -> None:
    nobody = meta(True, True, leader=None, has_leader=False)
    moments = []
    for number in range(6):
        moments += [at(12 - 2 * number, meta(True, True, leader_changes=number))]
        moments += [at(11 - 2 * number, nobody)]
    changed = one("JetStreamMetaLeaderFlapping", view(*moments).findings)
    assert changed.value == 5


def at_limit(first: int) -> Any:
    figures = {"first_sequence": first, "last_sequence": first + 99}
    return stream(settings_={"max_messages": 100}, figures_=figures)


def test_what_a_stream_removed_before_a_gap_is_known_after_it() -> None:
    name = ("JetStreamConsumerMessagesLost", "critical")
    late = consumer(pending=100, delivered_sequence=100)
    moments = (at(15, at_limit(201), late), at(5, at_limit(301), late))
    assert name in found(*moments, at(0, at_limit(301), late))
    assert name in found(*moments, at(1), at(0, at_limit(301), late))
    assert name not in found(*moments, at(-6), at(-7, at_limit(301), late))


def test_what_is_gone_is_forgotten_in_the_end() -> None:
    watch, nobody = Watch(), Snapshot()
    row = consumer(pending=5, waiting_pulls=0, events=EventCounts(naks=1, max_deliveries=2))
    watch.note(snapshot(letters(1), row), 0.0)
    kept = watch.note(nobody, 1.0)
    assert (len(kept.standing), len(kept.refusals)) == (1, 1)
    memory = watch.note(nobody, 1.0 + 24 * HOUR)
    assert not memory.standing
    assert not memory.refusals
    assert not any(memory.counts.values())
    assert not any(memory.tracks.values())


def test_consumers_that_come_and_go_all_day_are_remembered_in_part() -> None:
    """As many as there may be, those that went last."""
    watch = Watch()
    for number in range(4):
        names = (f"c{number}-{place}" for place in range(4000))
        rows = [consumer(name, events=EventCounts(naks=1, max_deliveries=2)) for name in names]
        memory = watch.note(snapshot(stream(), *rows), 60.0 * number)
    assert len(memory.refusals) == 10_000 + 4000
    assert max(map(len, memory.counts.values())) == 10_000 + 4000
    kept = [key.name for key in memory.refusals]
    assert ("c0-0" in kept, "c2-0" in kept, "c3-0" in kept) == (False, True, True)
