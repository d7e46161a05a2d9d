"""Events are counted once each, and excess deliveries exactly as often as they happened."""

import threading
import time
import tracemalloc

import pytest

from jetstream_exporter.report import EventBatch
from jetstream_exporter.sources.advisories.event_counter import (
    IN_EXCESS,
    LONGEST_NAME,
    OBJECTS,
    REMEMBERED,
    EventCounter,
    kind_of,
)
from jetstream_exporter.wire import Advisory

ADVISORY = "io.nats.jetstream.advisory.v1."
METRIC = "io.nats.jetstream.metric.v1."


def event(kind: str, deliveries: int = 0, seq: int = 1, **more: str) -> Advisory:
    prefix = METRIC if kind == "consumer_ack" else ADVISORY
    fields = {"stream": "S", "consumer": "c"} | more
    return Advisory(type=prefix + kind, stream_seq=seq, deliveries=deliveries, **fields)


def excess(*events: Advisory, after: int = 3) -> int:
    counter = EventCounter()
    for one in events:
        counter.add(one, "A", after)
    return sum(counts.excess or 0 for counts in counter.take().objects.values())


def test_copies_of_one_event_count_once() -> None:
    counter = EventCounter()
    for account in ("", "A"):
        copy = event("stream_quorum_lost", id="one", account=account, consumer="")
        counter.add(copy, account or "A", 3)
    batch = counter.take()
    assert batch.kinds == {"stream_quorum_lost": 1}
    assert batch.objects["A", "S"].quorum_lost == 1


def test_what_was_taken_is_not_given_again() -> None:
    counter = EventCounter()
    counter.add(event("nak", 1), "A", 3)
    assert counter.take().objects["A", "S", "c"].naks == 1
    assert counter.take() == EventBatch()


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


@pytest.mark.slow
def test_a_flood_is_counted_within_seconds_and_bounded_memory() -> None:
    counter = EventCounter()
    started = time.process_time()
    for i in range(250_000):
        counter.add(event("nak", 4, seq=i, id=f"id-{i}"), "A", 3)
    assert time.process_time() - started < 20
    assert counter.take().objects["A", "S", "c"].naks == 250_000
    assert len(counter._accounts["A"].ids) == REMEMBERED
    assert counter._accounts["A"].followed == IN_EXCESS


def test_ids_of_any_length_cost_the_same() -> None:
    """And any text is an id: what a client writes there need not be sensible."""
    tracemalloc.start()
    counter = EventCounter()
    for i in range(50):
        counter.add(event("nak", id=f"{i}" + "x" * 1_000_000), "A", 3)
    counter.add(event("nak", id="\ud800\0"), "A", 3)
    size, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert size < 1_000_000
    assert counter.take().kinds == {"nak": 51}


def test_two_long_ids_that_differ_at_the_end_are_two_events() -> None:
    counter = EventCounter()
    for end in "ab" * 2:
        counter.add(event("nak", id="x" * 1_000_000 + end), "A", 3)
    assert counter.take().kinds == {"nak": 2}


@pytest.mark.parametrize("field", ["stream", "consumer"])
@pytest.mark.parametrize(
    "name",
    ["x" * 257, "\u20ac" * 86, "\U0001f600" * 65, "x" * 1_000_000],
    ids=["ascii", "euros", "emoji", "long"],
)
def test_a_name_that_no_server_allows_is_refused(field: str, name: str) -> None:
    counter = EventCounter()
    assert not counter.add(event("nak", **{field: name}), "A", 3)
    assert not counter.add(event("nak"), name, 3)
    assert counter.take() == EventBatch(refused={"name_too_long": 2})


@pytest.mark.parametrize("name", ["x" * LONGEST_NAME, "\u20ac" * 85], ids=["ascii", "euros"])
def test_a_name_as_long_as_names_get_counts(name: str) -> None:
    counter = EventCounter()
    assert counter.add(event("nak", stream=name), "A", 3)
    assert counter.take().objects["A", name, "c"].naks == 1


def test_a_flood_of_names_in_one_account_costs_no_other_account_an_event() -> None:
    counter = EventCounter()
    for i in range(OBJECTS + 10):
        counter.add(event("nak", stream=f"made-up-{i}"), "BAD", 3)
    counter.add(event("nak"), "GOOD", 3)
    batch = counter.take()
    assert batch.refused == {"too_many_objects": 10}
    assert batch.objects["GOOD", "S", "c"].naks == 1
    counter.add(event("nak"), "BAD", 3)
    assert counter.take().objects["BAD", "S", "c"].naks == 1


@pytest.mark.slow
def test_a_flood_of_ids_in_one_account_lets_no_other_account_count_twice() -> None:
    counter = EventCounter()
    counter.add(event("nak", 4, id="one"), "GOOD", 3)
    for i in range(max(REMEMBERED, IN_EXCESS) + 10):
        counter.add(event("nak", 4, seq=i, id=f"{i}"), "BAD", 3)
    counter.add(event("nak", 4, id="one"), "GOOD", 3)
    counter.add(event("nak", 5, id="two"), "GOOD", 3)
    counts = counter.take().objects["GOOD", "S", "c"]
    assert (counts.naks, counts.excess) == (2, 2)


def test_one_account_cannot_use_up_the_ids_of_another() -> None:
    counter = EventCounter()
    counter.add(event("nak", id="guessed"), "BAD", 3)
    counter.add(event("nak", id="guessed"), "GOOD", 3)
    assert counter.take().objects["GOOD", "S", "c"].naks == 1


@pytest.mark.slow
def test_streams_that_are_deleted_all_the_time_cost_little() -> None:
    counter = EventCounter()
    for i in range(IN_EXCESS):
        counter.add(event("nak", 4, stream=f"S-{i}"), "A", 3)
    started = time.process_time()
    for i in range(20_000):
        counter.add(event("stream_action", action="delete", stream=f"S-{i}", consumer=""), "A", 3)
    assert time.process_time() - started < 5
    assert counter._accounts["A"].followed == OBJECTS - 20_000


def test_times_wait_as_a_histogram_however_long_nobody_scrapes() -> None:
    counter = EventCounter()
    for seq in range(100_000):
        counter.add(event("consumer_ack", seq=seq), "A", 3)
    times = counter.take().objects["A", "S", "c"].ack_times
    assert times is not None
    assert sum(times.counts) == 100_000
    assert len(times.counts) == len(times.bounds) + 1


def test_nothing_is_lost_between_a_thread_that_takes_and_the_loop_that_adds() -> None:
    counter, total = EventCounter(), 0
    stop = threading.Event()

    def take() -> None:
        nonlocal total
        while not stop.is_set():
            total += sum(one.naks or 0 for one in counter.take().objects.values())

    thread = threading.Thread(target=take)
    thread.start()
    for i in range(50_000):
        counter.add(event("nak", seq=i), "A", 3)
    stop.set()
    thread.join()
    total += sum(one.naks or 0 for one in counter.take().objects.values())
    assert total == 50_000


def test_kinds_are_those_that_servers_have() -> None:
    assert kind_of("io.nats.jetstream.advisory.v1.max_deliver") == "max_deliver"
    assert kind_of("io.nats.jetstream.advisory.v1.made_up_by_a_client") == "other"
    assert kind_of("max_deliver") == "other"
