"""Totals of events live as long as their objects, and begin at 0."""

from typing import Any

from jetstream_exporter.report import (
    REFUSALS,
    EventBatch,
    EventCounts,
    Events,
    Histogram,
    Outcome,
)
from jetstream_exporter.snapshot import Snapshot
from jetstream_exporter.snapshot.incarnation import UNKNOWN
from jetstream_exporter.snapshot.rows import Consumer, Raft
from jetstream_exporter.state.event_totals import (
    KINDS,
    PATIENCE,
    SERVER_KINDS,
    WAITING,
    EventTotals,
)

KEY = ("C", "A", "S", "c")
ALL = frozenset(("max_deliveries", "naks", "terminations", "excess", "quorum_lost", "ack_times"))


def heard(event: EventCounts | None = None, counted: frozenset[str] = ALL, **more: Any) -> Outcome:
    batch = EventBatch(objects={KEY[1:]: event} if event else {}, **more)
    events = Events("C", True, counted={"A": counted} if counted else {}, take=lambda: batch)
    return Outcome("advisories", "nats://n", 0.0, answer=events)


def consumer() -> Consumer:
    raft = Raft("n", None, None, 0, True, True)
    return Consumer("C", "A", "A", "S", "c", ("C", "A", "S", "c"), UNKNOWN, raft, None)


def annotated(totals: EventTotals, outcome: Outcome, token: object | None) -> Consumer:
    present = {} if token is None else {KEY: token}
    (row,) = totals.annotate(Snapshot(consumers=[consumer()]), [outcome], present).consumers
    return row


def test_a_consumer_has_zeros_before_the_first_event() -> None:
    row = annotated(EventTotals(), heard(), object())
    assert row.events is not None
    assert (row.events.max_deliveries, row.events.naks, row.events.excess) == (0, 0, 0)


def test_what_nobody_listens_for_is_absent() -> None:
    row = annotated(EventTotals(), heard(counted=frozenset(("max_deliveries",))), object())
    assert row.events is not None
    assert row.events.max_deliveries == 0
    assert row.events.naks is None
    assert annotated(EventTotals(), heard(counted=frozenset()), object()).events is None


def test_events_add_up_over_collections() -> None:
    totals, token = EventTotals(), object()
    annotated(totals, heard(EventCounts(max_deliveries=2)), token)
    row = annotated(totals, heard(EventCounts(max_deliveries=3)), token)
    assert row.events is not None
    assert row.events.max_deliveries == 5


def test_a_consumer_made_anew_begins_at_zero_and_a_gone_one_is_forgotten() -> None:
    totals = EventTotals()
    annotated(totals, heard(EventCounts(naks=2)), object())
    row = annotated(totals, heard(), object())
    assert row.events is not None
    assert row.events.naks == 0
    annotated(totals, heard(EventCounts(naks=2)), object())
    annotated(totals, heard(), None)
    assert len(totals) == 0


def test_an_event_about_a_consumer_not_seen_yet_waits_for_it_but_not_for_ever() -> None:
    totals, token = EventTotals(), object()
    annotated(totals, heard(EventCounts(naks=1)), None)
    row = annotated(totals, heard(), token)
    assert row.events is not None
    assert row.events.naks == 1
    late = EventTotals()
    annotated(late, heard(EventCounts(naks=1)), None)
    for _ in range(PATIENCE + 1):
        annotated(late, heard(), None)
    row = annotated(late, heard(), token)
    assert row.events is not None
    assert row.events.naks == 0


def test_times_fall_into_buckets_with_their_upper_bound_included() -> None:
    times = Histogram()
    for seconds in (0.005, 0.006, 1000.0):
        times.observe(seconds)
    row = annotated(EventTotals(), heard(EventCounts(ack_times=times)), object())
    assert row.events is not None
    assert row.events.ack_times is not None
    assert row.events.ack_times.counts[:2] == [1, 1]
    assert row.events.ack_times.counts[-1] == 1


def test_kinds_are_there_from_the_start() -> None:
    snapshot = EventTotals().annotate(Snapshot(), [heard(kinds={"other": 2})], {})
    assert {row.kind: row.count for row in snapshot.event_kinds} == dict.fromkeys(KINDS, 0) | {
        "other": 2
    }


def test_what_servers_say_of_themselves_is_there_from_the_start_in_the_system_account() -> None:
    everybody = Events("C", True, counted={"*": frozenset(["quorum_lost"])})
    outcome = Outcome("advisories", "nats://n", 0.0, answer=everybody)
    snapshot = EventTotals().annotate(Snapshot(), [outcome], {})
    shown = {row.kind: row.count for row in snapshot.event_kinds}
    assert shown == dict.fromkeys((*KINDS, *SERVER_KINDS), 0)


def test_counts_add_up_in_every_field() -> None:
    """Whatever fields there are: a new one cannot be forgotten."""
    fields = EventCounts.__struct_fields__
    times = Histogram()
    times.observe(1.0)
    one = EventCounts(*range(1, len(fields)), times)
    two = one + one
    assert [getattr(two, name) for name in fields[:-1]] == [2 * n for n in range(1, len(fields))]
    assert two.ack_times is not None
    assert (sum(two.ack_times.counts), two.ack_times.sum) == (2, 2.0)
    assert sum(times.counts) == 1, "a sum shares nothing with what was added"
    assert one + EventCounts() == one == EventCounts() + one


def test_only_what_is_heard_is_in_a_row() -> None:
    for name in EventCounts.__struct_fields__:
        only = EventCounts().only(frozenset([name]))
        shown = {
            field for field in EventCounts.__struct_fields__ if getattr(only, field) is not None
        }
        assert shown <= {name}


def test_refusals_are_there_from_the_start_and_add_up() -> None:
    totals = EventTotals()
    for _ in range(2):
        snapshot = totals.annotate(Snapshot(), [heard(refused={"not_json": 2})], {})
    said = {row.reason: row.count for row in snapshot.event_refusals}
    assert said == dict.fromkeys(REFUSALS, 0) | {"not_json": 4}
    nobody = EventTotals().annotate(Snapshot(), [], {})
    assert list(nobody.event_refusals) == []


def test_objects_that_never_turn_up_are_bounded_for_each_account() -> None:
    totals = EventTotals()
    made_up = {("BAD", f"{i}", "c"): EventCounts(naks=1) for i in range(WAITING + 7)}
    good: dict[tuple[str, ...], EventCounts] = {KEY[1:]: EventCounts(naks=3)}
    events = Events("C", True, counted={"A": ALL}, take=lambda: EventBatch(objects=made_up | good))
    outcome = Outcome("advisories", "n", 0.0, answer=events)
    snapshot = totals.annotate(Snapshot(), [outcome], {})
    assert {row.reason: row.count for row in snapshot.event_refusals}["too_many_objects"] == 7
    row = annotated(totals, heard(), object())
    assert row.events is not None
    assert row.events.naks == 3


def test_kinds_of_a_cluster_that_another_configuration_does_not_have_go() -> None:
    totals = EventTotals()

    def kinds(*clusters: str) -> set[str]:
        outcomes = [
            Outcome("advisories", name, 0.0, answer=Events(name, True, take=EventBatch))
            for name in clusters
        ]
        snapshot = totals.annotate(Snapshot(), outcomes, {})
        return {row.cluster for row in snapshot.event_kinds}

    assert kinds("C", "D") == {"C", "D"}
    assert kinds() == {"C", "D"}, "a late scrape forgets nothing"
    totals.reconfigured()
    for _ in range(PATIENCE - 1):
        assert kinds("C") == {"C", "D"}
    assert kinds("C") == {"C"}
    assert kinds() == {"C"}
