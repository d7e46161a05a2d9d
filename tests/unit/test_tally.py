"""Events are counted once each, and excess deliveries exactly as often as they happened."""

import time

import pytest

from jetstream_exporter.sources.tally import IN_EXCESS, REMEMBERED, Tally, kind_of
from jetstream_exporter.wire import Advisory

ADVISORY = "io.nats.jetstream.advisory.v1."
METRIC = "io.nats.jetstream.metric.v1."


def event(kind: str, deliveries: int = 0, seq: int = 1, **more: str) -> Advisory:
    prefix = METRIC if kind == "consumer_ack" else ADVISORY
    fields = {"stream": "S", "consumer": "c"} | more
    return Advisory(type=prefix + kind, stream_seq=seq, deliveries=deliveries, **fields)


def excess(*events: Advisory, after: int = 3) -> int:
    tally = Tally()
    for one in events:
        tally.add(one, "A", after)
    return sum(counts.excess for counts in tally.take()[1].values())


def test_copies_of_one_event_count_once() -> None:
    tally = Tally()
    for account in ("", "A"):
        copy = event("stream_quorum_lost", id="one", account=account, consumer="")
        tally.add(copy, account or "A", 3)
    kinds, objects = tally.take()
    assert kinds == {"stream_quorum_lost": 1}
    assert objects["A", "S"].quorum_lost == 1


def test_what_was_taken_is_not_given_again() -> None:
    tally = Tally()
    tally.add(event("nak", 1), "A", 3)
    assert tally.take()[1]["A", "S", "c"].naks == 1
    assert tally.take() == ({}, {})


def test_deliveries_between_events_are_in_the_difference() -> None:
    assert excess(event("nak", 2), event("nak", 7), event("max_deliver", 10)) == 10 - 3


def test_up_to_the_configured_number_nothing_is_in_excess() -> None:
    assert excess(event("nak", 1), event("nak", 2), event("terminated", 3)) == 0
    assert excess(event("max_deliver", 5), after=5) == 0


def test_each_message_has_its_own_count() -> None:
    assert excess(event("nak", 4, seq=1), event("nak", 4, seq=2), event("nak", 5, seq=1)) == 3


@pytest.mark.parametrize(
    "again",
    [
        event("consumer_action", action="delete"),
        event("stream_action", action="delete", consumer=""),
    ],
)
def test_a_consumer_made_anew_is_counted_anew(again: Advisory) -> None:
    assert excess(event("nak", 4), again, event("nak", 5)) == 1 + 2


def test_what_happens_to_others_leaves_a_count_alone() -> None:
    others = [
        event("consumer_action", action="delete", consumer="d"),
        event("consumer_action", action="delete", stream="T"),
        event("stream_action", action="modify", consumer=""),
    ]
    assert excess(event("nak", 4), *others, event("nak", 5)) == 2


def test_an_older_event_that_comes_late_changes_nothing() -> None:
    assert excess(event("nak", 6), event("nak", 5), event("nak", 7)) == 4


@pytest.mark.parametrize("last", ["consumer_ack", "terminated", "max_deliver"])
def test_the_last_event_of_a_message_may_be_heard_before_the_one_before_it(last: str) -> None:
    assert excess(event(last, 5), event("nak", 4)) == 2


def test_a_flood_is_counted_within_seconds_and_bounded_memory() -> None:
    tally = Tally()
    started = time.process_time()
    for i in range(250_000):
        tally.add(event("nak", 4, seq=i, id=f"id-{i}"), "A", 3)
    assert time.process_time() - started < 20
    assert tally.take()[1]["A", "S", "c"].naks == 250_000
    assert len(tally._ids) == REMEMBERED
    assert tally._followed == IN_EXCESS


def test_kinds_are_those_that_servers_have() -> None:
    assert kind_of("io.nats.jetstream.advisory.v1.max_deliver") == "max_deliver"
    assert kind_of("io.nats.jetstream.advisory.v1.made_up_by_a_client") == "other"
    assert kind_of("max_deliver") == "other"
