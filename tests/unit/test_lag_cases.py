"""The lag where something out of the ordinary happens: each case by itself. The histories of test_lag mix them."""

import random
from datetime import timedelta

import msgspec
import pytest
from tests.support.lag_history import unled
from tests.support.lag_model import RAFT, ModelConsumer, ModelStream, consumer_row, observe
from tests.support.reports import NOW, consumer, outcome, server, stream, unreplicated

from jetstream_exporter.config.schema import Config
from jetstream_exporter.scrape.processor import Processor
from jetstream_exporter.snapshot import Consumer, Snapshot, Stream
from jetstream_exporter.snapshot.incarnation import UNKNOWN
from jetstream_exporter.snapshot.rows import NO_LAG, Ephemerals, Lag, StreamFigures, StreamSettings
from jetstream_exporter.state.lag import StreamLag
from jetstream_exporter.state.lags import Lags
from jetstream_exporter.state.stream_view import StreamView, stream_view
from jetstream_exporter.wire import StreamState

SETTINGS = StreamSettings("limits", "file", "old", ["s"], 1, *[None] * 7)
BY_SEQUENCE = pytest.mark.parametrize("subjects", [None, "abcd"], ids=["no filter", "a filter"])


def model(subjects: str | None = None) -> tuple[ModelStream, ModelConsumer]:
    stream = ModelStream(random.Random(1))
    stream.consumers["all"] = consumer = ModelConsumer(subjects)
    return stream, consumer


def scraped(stream: ModelStream, lag: StreamLag, now: float) -> Lag | None:
    return observe(
        lag, msgspec.structs.replace(stream.view(now), until=now), stream.consumer_rows()
    ).get("all")


def work_off(stream: ModelStream, consumer: ModelConsumer) -> None:
    while stream.waiting(consumer, consumer.delivered):
        stream.deliver(consumer)
        stream.acknowledge(consumer)


def test_of_an_empty_stream_nothing_is_said() -> None:
    stream, _ = model()
    lag = StreamLag()
    assert scraped(stream, lag, 10) is None
    assert len(lag) == 0


@BY_SEQUENCE
def test_a_consumer_that_gets_only_what_is_new_has_no_lag_from_what_was_there(
    subjects: str | None,
) -> None:
    stream, consumer = model(subjects)
    for now in (1, 2, 3):
        stream.publish(now)
    consumer.delivered = consumer.floor = 3  # as the server sets it for deliver policy new
    lag = StreamLag()
    assert scraped(stream, lag, 10) is None
    stream.publish(15)
    found = scraped(stream, lag, 20)
    assert found is not None
    assert found.pending is not None
    assert 15 <= found.pending <= 20


def test_a_consumer_that_starts_at_a_time_begins_with_the_message_of_that_time() -> None:
    stream, consumer = model()
    lag = StreamLag()
    for now in (1, 11, 21, 31):
        stream.publish(now)
        scraped(stream, lag, now + 5)
    stream.consumers["late"] = ModelConsumer(None, delivered=2, floor=2, created=40.0)
    view = msgspec.structs.replace(stream.view(45), until=45.0)
    found = observe(lag, view, stream.consumer_rows())["late"]
    assert found.pending == 21
    assert found.pending_error == 21 - 16
    assert consumer.delivered == 0


@BY_SEQUENCE
def test_of_a_consumer_that_starts_ahead_of_the_stream_nothing_before_its_start_counts(
    subjects: str | None,
) -> None:
    stream, consumer = model(subjects)
    stream.publish(1)
    consumer.delivered = consumer.floor = 3  # as the server sets it for the start sequence 4
    lag = StreamLag()
    for now in (10, 20, 30):
        assert scraped(stream, lag, now - 5) is None
        stream.publish(now)
    found = scraped(stream, lag, 35)
    assert found is not None
    assert found.pending is not None
    assert 30 <= found.pending <= 35


@BY_SEQUENCE
def test_an_election_neither_forgets_nor_rejuvenates_what_waits(subjects: str | None) -> None:
    stream, _ = model(subjects)
    lag = StreamLag()
    scraped(stream, lag, 0)
    stream.publish(1)
    before = scraped(stream, lag, 10)
    for now in (20, 30, 40):
        view = msgspec.structs.replace(stream.view(now), until=float(now))
        assert observe(lag, view, [unled(row) for row in stream.consumer_rows()]) == {}
    stream.skew = 2
    after = scraped(stream, lag, 50)
    assert before is not None
    assert before.pending is not None
    assert after is not None
    assert after.pending is not None
    assert 1 <= after.pending <= before.pending


@BY_SEQUENCE
def test_what_begins_to_wait_behind_a_message_in_flight_has_a_lag(subjects: str | None) -> None:
    """Of a worker that hangs; the stream was read after the consumer, which did not count the next message yet."""
    stream, consumer = model(subjects)
    lag = StreamLag()
    scraped(stream, lag, 0)
    stream.publish(1)
    while stream.waiting(consumer, consumer.delivered):
        stream.deliver(consumer)
    assert consumer.unacknowledged
    rows = stream.consumer_rows()
    while not stream.waiting(consumer, consumer.delivered):
        stream.publish(12)
    found = observe(lag, msgspec.structs.replace(stream.view(15), until=15.0), rows)["all"]
    assert found.pending is None
    after = scraped(stream, lag, 25)
    assert after is not None
    assert after.pending is not None
    assert 12 <= after.pending <= 25


def test_a_first_message_stored_after_the_last_one_says_nothing_of_another_store() -> None:
    """Two leaders with two clocks stored them."""
    stream, _ = model()
    lag = StreamLag()
    for now in (1, 11, 21):
        stream.publish(now)
        scraped(stream, lag, now + 5)
    view = msgspec.structs.replace(stream.view(35), until=35.0, first_stored=500.0)
    found = observe(lag, view, stream.consumer_rows())["all"]
    assert len(lag) > 2
    assert found.pending is not None


def test_a_mirror_s_lag_begins_at_its_origin() -> None:
    """Its message was stored there long before it arrived."""
    stream, _ = model()
    stream.is_mirror = True
    lag = StreamLag()
    scraped(stream, lag, 90)
    stream.publish(100)
    found = scraped(stream, lag, 101)
    assert found is not None
    assert found.pending == stream.last_stored < 100
    assert found.pending_error == 0


def test_of_a_mirror_no_count_is_dated_before_the_stream_was_read_again() -> None:
    stream, consumer = model("abcd")
    stream.is_mirror = True
    lag = StreamLag()
    scraped(stream, lag, 10)
    stream.publish(15)
    found = scraped(stream, lag, 20)
    assert found is not None
    assert found.pending is None
    found = scraped(stream, lag, 30)
    assert found is not None
    assert found.pending == stream.oldest_pending(consumer)


@BY_SEQUENCE
def test_where_messages_expire_from_within_the_oldest_that_is_left_counts(
    subjects: str | None,
) -> None:
    stream, consumer = model(subjects)
    lag = StreamLag()
    for now in (1, 11, 21, 31, 41):
        stream.publish(now)
        scraped(stream, lag, now + 5)
    for sequence in (2, 3, 4):
        stream.remove(sequence)
    consumer.delivered = consumer.floor = 1
    consumer.deliveries = 1
    found = scraped(stream, lag, 56)
    assert found is not None
    assert found.pending is not None
    assert stream.oldest_pending(consumer) == 41 <= found.pending


@BY_SEQUENCE
def test_after_a_restart_the_lag_is_told_from_then_and_never_later_again(
    subjects: str | None,
) -> None:
    stream, consumer = model(subjects)
    stream.publish(1)
    stream.publish(2)
    consumer.delivered = consumer.floor = 1
    consumer.deliveries = 1
    lag, told = StreamLag(), []
    for now in range(100, 200, 10):
        stream.publish(now - 5)
        found = scraped(stream, lag, now)
        assert found is not None
        assert found.pending is not None
        told.append(found.pending)
    assert all(time >= 2 for time in told)
    assert told == sorted(told, reverse=True)
    assert told[-1] <= 100


def test_nothing_is_remembered_of_what_was_worked_off() -> None:
    stream, consumer = model("abcd")
    lag = StreamLag()
    for now in range(0, 1000, 10):
        stream.publish(now)
        scraped(stream, lag, now + 5)
    assert len(lag) > 20
    work_off(stream, consumer)
    scraped(stream, lag, 1005)
    assert len(lag) <= 2


def snapshot(streams: dict[str, list[Consumer]], now: float) -> Snapshot:
    figures = StreamFigures(9, 99, 1, 9, now - 50, now - 1, 50.0, 1, 0, 0, now)
    rows = [
        Stream("C", "A", "A", name, UNKNOWN, RAFT, figures, SETTINGS, 1, Ephemerals(0, 0, 0))
        for name in sorted(streams)
    ]
    consumers = [each for name in sorted(streams) for each in streams[name]]
    return Snapshot(streams=rows, consumers=consumers)


def late(stream: str, name: str) -> Consumer:
    row = consumer_row(name, delivered=3, deliveries=3, pending=6, ack_pending=1, filters="a")
    return msgspec.structs.replace(row, stream=stream)


def told(lags: Lags, row: Consumer, now: float, present: dict[tuple[str, ...], object]) -> Lag:
    return lags.annotate(snapshot({"S": [row]}, now), present, 0.1, now).lags[0]


def test_ten_thousand_streams_and_consumers_later_as_much_is_remembered_as_before() -> None:
    lags, present = Lags(), {("C", "A", "S"): object()}
    lags.annotate(snapshot({"S": [late("S", "stays")]}, 0.0), present, 0.1, -15.0)
    before = len(lags)
    for number in range(10_000):
        passing = ("C", "A", f"S-{number}")
        present[passing] = object()
        streams = {
            "S": [late("S", "stays"), late("S", f"passing-{number}")],
            passing[2]: [late(passing[2], "one")],
        }
        lags.annotate(snapshot(streams, 0.0), present, 0.1, 15.0 * number)
        del present[passing]
    lags.annotate(snapshot({"S": [late("S", "stays")]}, 0.0), present, 0.1, 1e6)
    assert len(lags) == before
    assert len(lags.remembered) == 1


def test_a_stream_that_was_recreated_under_its_name_is_another() -> None:
    lags, key = Lags(), ("C", "A", "S")
    row = late("S", "all")
    assert told(lags, row, 1000.0, {key: object()}).pending is not None
    again = told(lags, row, 2000.0, {key: object()})
    assert again.pending is not None
    assert again.pending >= 1999


def test_of_a_stream_whose_messages_may_expire_none_that_went_counts_as_acknowledged() -> None:
    """The second message expires while another consumer acknowledges one and a fourth comes: the third is the next."""
    lag = StreamLag()
    view = StreamView(1, 2, 2, 0, 4.0, 5.0, 10.0, 10.0, by_limits=False, expires=True)
    observe(lag, view, [consumer_row("a", pending=1, filters="a"), consumer_row("b")])
    view = StreamView(1, 3, 3, 0, 4.0, 15.0, 20.0, 20.0, by_limits=False, expires=True)
    observe(lag, view, [consumer_row("a", pending=2, filters="a"), consumer_row("b")])
    view = StreamView(1, 4, 3, 1, 4.0, 25.0, 30.0, 30.0, by_limits=False, expires=True)
    acknowledged = consumer_row("b", delivered=1, floor=1, deliveries=1)
    found = observe(lag, view, [consumer_row("a", pending=2, filters="a"), acknowledged])["a"]
    assert found.pending is not None
    assert found.pending >= 15.0


@pytest.mark.parametrize(
    ("changed", "expires"),
    [
        ({}, False),
        ({"rollups": True}, True),
        ({"message_ttl": True}, True),
        ({"max_messages_per_subject": 1}, True),
    ],
)
def test_a_configuration_says_whether_messages_may_expire(
    changed: dict[str, object], expires: bool
) -> None:
    (row,) = snapshot({"S": []}, 100.0).streams
    row = msgspec.structs.replace(row, settings=msgspec.structs.replace(SETTINGS, **changed))
    view = stream_view(row, took=0.1)
    assert view is not None
    assert view.expires is expires


def test_a_paused_consumer_has_a_lag_like_any_other() -> None:
    row = msgspec.structs.replace(late("S", "all"), paused=True)
    assert told(Lags(), row, 1000.0, {("C", "A", "S"): object()}) != NO_LAG


def test_numbers_that_no_stream_reaches_are_left_out() -> None:
    row = msgspec.structs.replace(late("S", "all"), pending=2**63 - 1, deliveries=2**63 - 1)
    assert told(Lags(), row, 1000.0, {("C", "A", "S"): object()}) == NO_LAG


@pytest.mark.parametrize("hides", [False, True], ids=["all are exported", "one is hidden"])
def test_what_a_consumer_that_is_not_exported_acknowledges_makes_no_message_younger(
    hides: bool,
) -> None:
    """On a work queue one consumer stands, and another, which is ephemeral, acknowledges 100 messages a scrape."""
    processor, group = Processor(Config(), 0.0), unreplicated("n1")
    told = []
    for scrape in range(6):
        now, done = NOW + timedelta(seconds=15 * scrape), 100 * scrape
        stands = consumer("stands", group, pending=10, config={"filter_subject": "a"})
        moves = consumer(
            "moves",
            group,
            durable=not hides,
            delivered=(done, 10 + done),
            floor=(done, 10 + done),
            config={"filter_subject": "b"},
        )
        said = stream("S", group, stands, moves, config={"retention": "workqueue"}, replicas=1)
        said.state = StreamState(
            10, 100, 1, NOW - timedelta(seconds=9), 10 + done, now, num_deleted=done
        )
        outcomes = [outcome(server("n1", said, now=now), "http://n1:8222")]
        snapshot = processor.process(outcomes, 15.0 * scrape, 0.0, took=0.1)
        assert len(snapshot.consumers) == len(snapshot.lags) == 2 - hides
        (lag,) = (
            lag
            for row, lag in zip(snapshot.consumers, snapshot.lags, strict=True)
            if row.name == "stands"
        )
        told.append(lag.pending)
    assert told[0] is not None
    assert told == [told[0]] * 6
