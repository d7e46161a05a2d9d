"""Work-queue and interest streams: what disappears was acknowledged, whatever of a stream is read first."""

import random

import msgspec
import pytest
from tests.support.lag_history import unled
from tests.support.lag_model import ModelConsumer, ModelStream, observe
from tests.unit.test_lag_cases import SETTINGS, snapshot

from jetstream_exporter.snapshot import Consumer
from jetstream_exporter.snapshot.rows import Lag, StreamSettings
from jetstream_exporter.state.lag import StreamLag
from jetstream_exporter.state.stream_view import StreamView, stream_view

SHARED = pytest.mark.parametrize("retention", ["workqueue", "interest"])


class Watched:
    """A stream whose messages two consumers work off, and what is said of the one that waits."""

    def __init__(self, retention: str, *, limit: int | None = None) -> None:
        self.stream = ModelStream(random.Random(1), retention, max_messages=limit)
        self.stream.consumers = {"works": ModelConsumer("b"), "waits": ModelConsumer("a")}
        self.lag = StreamLag()
        self.now = 0.0
        self.server = ""  # that leads the stream; the consumers are led by n1

    def publish(self, subjects: str) -> None:
        for subject in subjects:
            self.now += 1
            self.stream.last += 1
            self.stream.last_stored = self.now
            self.stream.messages[self.stream.last] = (self.now, subject)

    def work(self, count: int = 1) -> None:
        for _ in range(count):
            self.stream.deliver(self.stream.consumers["works"])

    def acknowledge(self, count: int = 1) -> None:
        for _ in range(count):
            self.stream.acknowledge(self.stream.consumers["works"])

    def view(self) -> StreamView:
        self.now = 10 * (self.now // 10 + 1)
        view = self.stream.view(self.now)
        return msgspec.structs.replace(view, until=self.now, server=self.server)

    def rows(self) -> list[Consumer]:
        return self.stream.consumer_rows()

    def observe(self, view: StreamView, rows: list[Consumer]) -> Lag:
        return observe(self.lag, view, rows).get("waits", Lag())

    def scrape(self) -> Lag:
        return self.observe(self.view(), self.rows())

    def settled(self) -> Lag:
        """A second reading knows better by when a message was there."""
        self.scrape()
        return self.scrape()


@SHARED
def test_an_acknowledgement_after_the_stream_was_read_rejuvenates_nothing(retention: str) -> None:
    on = Watched(retention)
    on.scrape()
    on.publish("bbba")
    on.work(3)
    first = on.settled()
    assert first.pending is not None
    view = on.view()
    on.acknowledge(2)
    on.observe(view, on.rows())
    on.publish("aaa")
    assert on.scrape().pending == first.pending
    assert on.scrape().pending == first.pending


@SHARED
def test_an_acknowledgement_before_the_stream_was_read_rejuvenates_nothing(retention: str) -> None:
    on = Watched(retention)
    on.scrape()
    on.publish("bbba")
    on.work(3)
    first = on.settled()
    rows = on.rows()
    on.acknowledge(2)
    assert on.observe(on.view(), rows).pending == first.pending
    on.publish("aaa")
    assert on.scrape().pending == first.pending


@SHARED
def test_an_acknowledgement_that_nobody_reported_for_a_while_rejuvenates_nothing(
    retention: str,
) -> None:
    on = Watched(retention)
    on.scrape()
    on.publish("bbba")
    on.work(2)
    first = on.settled()
    on.acknowledge(2)
    for _ in range(3):
        rows = [unled(row) if row.name == "works" else row for row in on.rows()]
        assert on.observe(on.view(), rows).pending == first.pending
    assert on.scrape().pending == first.pending


@SHARED
def test_what_others_acknowledge_up_to_the_message_that_waits_leaves_its_age(
    retention: str,
) -> None:
    """The head of the stream passes what the consumer never wanted."""
    on = Watched(retention)
    on.scrape()
    on.publish("bbba")
    first = on.settled()
    for _ in range(3):
        on.publish("aaa")
        on.work()
        on.acknowledge()
        assert on.scrape().pending == first.pending
    assert on.stream.first == 4


@SHARED
def test_what_a_limit_removed_may_have_been_the_message_that_waited(retention: str) -> None:
    on = Watched(retention, limit=4)
    on.scrape()
    on.publish("abbb")
    on.scrape()
    on.publish("a")
    on.stream.remove(1)
    on.work()
    on.acknowledge()
    truth = on.stream.oldest_pending(on.stream.consumers["waits"])
    said = on.scrape().pending
    assert said is not None
    assert truth is not None
    assert said >= truth


@SHARED
@pytest.mark.parametrize("seed", range(20))
def test_where_nobody_works_a_message_that_was_deleted_by_hand_is_not_waiting(
    retention: str, seed: int
) -> None:
    dice = random.Random(seed)
    on = Watched(retention)
    for _ in range(20):
        on.publish("".join(dice.choices("abc", k=dice.randint(0, 3))))
        for _ in range(dice.randint(0, 2)):
            on.stream.remove(dice.choice(list(on.stream.messages) or [0]))
        said = on.scrape().pending
        truth = on.stream.oldest_pending(on.stream.consumers["waits"])
        assert said is None or truth is None or said >= truth


@SHARED
def test_what_was_deleted_while_something_was_in_flight_is_missed_by_the_next_scrape(
    retention: str,
) -> None:
    """It may have been acknowledged; but then its consumer says so."""
    on = Watched(retention)
    on.scrape()
    on.publish("ab")
    on.work()
    first = on.settled()
    on.publish("a")
    on.stream.remove(1)
    assert on.scrape().pending == first.pending
    said = on.scrape().pending
    truth = on.stream.oldest_pending(on.stream.consumers["waits"])
    assert said is not None
    assert truth is not None
    assert said >= truth


@SHARED
def test_what_was_deleted_while_something_was_in_flight_is_noticed_where_one_server_leads_all(
    retention: str,
) -> None:
    """It reads the stream before its consumers."""
    on = Watched(retention)
    on.server = "n1"
    on.scrape()
    on.publish("ab")
    on.work()
    on.scrape()
    on.publish("a")
    on.stream.remove(1)
    said = on.scrape().pending
    truth = on.stream.oldest_pending(on.stream.consumers["waits"])
    assert said is not None
    assert truth is not None
    assert said >= truth


def test_a_purge_is_not_taken_for_acknowledgements_of_the_scrape_before() -> None:
    """Of those no more can be gone later than there were messages that nobody needed."""
    on = Watched("interest")
    on.stream.consumers["also works"] = ModelConsumer("b")
    on.scrape()
    on.publish("b" * 10 + "a" * 5)
    on.scrape()
    for name in ("works", "also works"):
        consumer = on.stream.consumers[name]
        for _ in range(10):
            on.stream.deliver(consumer)
        for _ in range(10):
            on.stream.acknowledge(consumer)
    on.scrape()
    for sequence in range(11, 15):
        on.stream.remove(sequence)
    said = on.scrape().pending
    truth = on.stream.oldest_pending(on.stream.consumers["waits"])
    assert truth == on.stream.messages[15][0]
    assert said is not None
    assert said >= truth


@pytest.mark.parametrize(
    ("changed", "evicts", "is_shared"),
    [
        ({}, False, False),
        ({"retention": "interest"}, False, True),
        ({"retention": "workqueue", "max_age": 60.0}, True, False),
        ({"retention": "workqueue", "max_bytes": 1}, True, False),
        ({"retention": "workqueue", "max_messages": 1}, True, False),
        ({"retention": "workqueue", "max_messages": 1, "discard": "new"}, False, False),
    ],
)
def test_a_configuration_says_whether_a_limit_removes_messages_and_who_shares_them(
    changed: dict[str, object], evicts: bool, is_shared: bool
) -> None:
    (row,) = snapshot({"S": []}, 100.0).streams
    settings: StreamSettings = msgspec.structs.replace(SETTINGS, **changed)
    view = stream_view(msgspec.structs.replace(row, settings=settings), took=0.1)
    assert view is not None
    assert (view.evicts, view.is_shared) == (evicts, is_shared)
