"""Totals of events live as long as their objects, and begin at 0."""

from typing import Any

from jetstream_exporter.ledger import KINDS, PATIENCE, Ledger
from jetstream_exporter.report import Event, Events, Outcome
from jetstream_exporter.snapshot import Snapshot
from jetstream_exporter.snapshot.identity import UNKNOWN
from jetstream_exporter.snapshot.rows import Consumer, Raft

KEY = ("C", "A", "S", "c")
ALL = frozenset(("max_deliveries", "naks", "terminations", "excess", "quorum_lost", "acks"))


def heard(event: Event | None = None, hears: frozenset[str] = ALL, **more: Any) -> Outcome:
    objects: dict[tuple[str, ...], Event] = {KEY[1:]: event} if event else {}
    events = Events("C", True, hears={"A": hears} if hears else {}, objects=objects, **more)
    return Outcome("advisories", "nats://n", 0.0, is_server=False, events=events)


def consumer() -> Consumer:
    raft = Raft("n", None, None, 0, True, True)
    return Consumer("C", "A", "A", "S", "c", UNKNOWN, raft, None)


def complete(ledger: Ledger, outcome: Outcome, token: object | None) -> Consumer:
    row = consumer()
    present = {} if token is None else {KEY: token}
    ledger.complete(Snapshot(consumers=[row]), [outcome], present)
    return row


def test_a_consumer_has_zeros_before_the_first_event() -> None:
    row = complete(Ledger(), heard(), object())
    assert row.heard is not None
    assert (row.heard.max_deliveries, row.heard.naks, row.heard.excess) == (0, 0, 0)


def test_what_nobody_listens_for_is_absent() -> None:
    row = complete(Ledger(), heard(hears=frozenset(("max_deliveries",))), object())
    assert row.heard is not None
    assert row.heard.max_deliveries == 0
    assert row.heard.naks is None
    assert complete(Ledger(), heard(hears=frozenset()), object()).heard is None


def test_events_add_up_over_collections() -> None:
    ledger, token = Ledger(), object()
    complete(ledger, heard(Event(max_deliveries=2)), token)
    row = complete(ledger, heard(Event(max_deliveries=3)), token)
    assert row.heard is not None
    assert row.heard.max_deliveries == 5


def test_a_consumer_made_anew_begins_at_zero_and_a_gone_one_is_forgotten() -> None:
    ledger = Ledger()
    complete(ledger, heard(Event(naks=2)), object())
    row = complete(ledger, heard(), object())
    assert row.heard is not None
    assert row.heard.naks == 0
    complete(ledger, heard(Event(naks=2)), object())
    complete(ledger, heard(), None)
    assert len(ledger) == 0


def test_an_event_about_a_consumer_not_seen_yet_waits_for_it_but_not_for_ever() -> None:
    ledger, token = Ledger(), object()
    complete(ledger, heard(Event(naks=1)), None)
    row = complete(ledger, heard(), token)
    assert row.heard is not None
    assert row.heard.naks == 1
    late = Ledger()
    complete(late, heard(Event(naks=1)), None)
    for _ in range(PATIENCE + 1):
        complete(late, heard(), None)
    row = complete(late, heard(), token)
    assert row.heard is not None
    assert row.heard.naks == 0


def test_times_fall_into_buckets_with_their_upper_bound_included() -> None:
    row = complete(Ledger(), heard(Event(ack_times=[0.005, 0.006, 1000.0])), object())
    assert row.heard is not None
    assert row.heard.ack_times is not None
    assert row.heard.ack_times.counts[:2] == (1, 1)
    assert row.heard.ack_times.counts[-1] == 1


def test_kinds_are_there_from_the_start() -> None:
    snapshot = Snapshot()
    Ledger().complete(snapshot, [heard(kinds={"other": 2})], {})
    assert {row.kind: row.count for row in snapshot.event_kinds} == dict.fromkeys(KINDS, 0) | {
        "other": 2
    }
