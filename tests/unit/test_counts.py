"""The counts of filtered consumers: thinned for all of a stream at once, and never dated before they were reached."""

import random
from bisect import bisect_left
from dataclasses import dataclass, field
from math import inf

import msgspec
import pytest
from tests.support.lag_model import consumer_row, observe

from jetstream_exporter.snapshot.incarnation import UNKNOWN, Incarnation
from jetstream_exporter.snapshot.rows import Consumer, Lag
from jetstream_exporter.state.counts import FEWER, MOST, Counts, CountTable
from jetstream_exporter.state.lag import StreamLag
from jetstream_exporter.state.stream_view import StreamView

STEP = 10.0
SCRAPES = 12 * MOST


@dataclass
class Reader:
    """A consumer of which every scrape but some tells how many messages matched it."""

    taken: float  # the share of what waits that it takes in each scrape
    most: int  # messages that match it in each scrape
    counts: Counts = field(default_factory=lambda: Counts(0, 0))
    stored: list[tuple[int, float]] = field(default_factory=lambda: [(0, 0.0)])
    deliveries: int = 0

    @property
    def matched(self) -> int:
        return self.stored[-1][0]

    def stored_at(self, number: int) -> float:
        return self.stored[bisect_left(self.stored, (number, -inf))][1]

    def take(self) -> None:
        self.deliveries += int((self.matched - self.deliveries) * self.taken)


def thin(table: CountTable, readers: list[Reader]) -> None:
    table.thin([(each.counts, each.deliveries) for each in readers])


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("most", [1, 9, 2**27, 2**33])
@pytest.mark.parametrize("slowest", [0.0, 0.025])
def test_a_message_is_never_said_to_have_matched_before_it_was_stored(
    seed: int, most: int, slowest: float
) -> None:
    rng = random.Random(seed)
    table = CountTable()
    readers = [Reader(taken, most) for taken in (slowest, 0.03, 0.1, 0.9)]
    told = 0
    for scrape in range(1, SCRAPES):
        now = scrape * STEP
        table.add(rng.choice([now, inf]), now - STEP)
        for each in readers:
            each.stored.append((each.matched + rng.randint(0, most), now - rng.random() * STEP))
            if rng.random() < 0.9:
                each.take()
                assert each.counts.add(table, each.matched, 0, 0)
            stored = each.counts.stored_by(table, each.deliveries + 1)
            if stored is not None:
                told += 1
                assert stored >= each.stored_at(each.deliveries + 1)
        if table.is_full:
            thin(table, readers)
        assert len(table) < MOST
    assert told > (SCRAPES if most < 2**32 else 0)  # more than can be counted is told of few


@pytest.mark.parametrize("slowest", [0.0, 0.025])
@pytest.mark.parametrize("taken", [0.025, 0.1, 0.5])
def test_a_consumer_s_message_is_dated_closely_beside_one_that_is_slower(
    taken: float, slowest: float
) -> None:
    table, reader = CountTable(), Reader(taken, 9)
    readers = [Reader(slowest, 9), reader]
    for scrape in range(1, SCRAPES):
        now = scrape * STEP
        table.add(now, now)
        for each in readers:
            each.stored.append((each.matched + 9, now))
            each.take()
            assert each.counts.add(table, each.matched, 0, 0)
        stored, truth = (
            reader.counts.stored_by(table, reader.deliveries + 1),
            reader.stored_at(reader.deliveries + 1),
        )
        assert stored is not None
        assert stored - truth <= 2 * STEP + (now - truth) / 4
        if table.is_full:
            thin(table, readers)
            assert len(table) <= FEWER


def test_rows_that_nobody_has_any_more_are_dropped() -> None:
    lag, stays = StreamLag(), filtered(pending=5)
    for scrape in range(1000):
        passing = msgspec.structs.replace(stays, name=f"passing-{scrape}")
        now = 10.0 * (scrape + 1)
        observe(lag, view(now, 10), [stays, passing], now=now, begun=now - 1.0)
    assert len(lag._times.counted.counts) <= MOST * (MOST + 1)


def test_a_time_that_was_not_known_for_two_scrapes_is_known_at_the_third() -> None:
    """Two Prometheus servers scrape one after the other, and a mirror's own time says nothing."""
    table, counts = CountTable(), Counts(0, 0)
    for settled in (inf, inf, 3.0):
        table.add(inf, settled)
        assert counts.add(table, 5, 0, 0)
    assert counts.stored_by(table, 1) == 3.0


def test_the_lag_of_a_mirror_is_told_once_a_scrape_began_after_the_one_before() -> None:
    lag, row = StreamLag(), filtered(pending=5)
    told = []
    for begun, read, until in ((0.0, 4.0, 9.0), (5.5, 7.0, 8.5), (19.0, 20.0, 21.0)):
        mirror = StreamView(1, 10, 10, 0, 1.0, 3.0, read, until=until, is_mirror=True)
        found = observe(lag, mirror, [row], now=read + 0.5, begun=begun)
        told.append(found["a"].pending)
    assert told == [None, None, 3.0]


def test_a_count_that_falls_without_a_reason_is_of_other_messages() -> None:
    table, counts = CountTable(), Counts(5, 0)
    table.add(10.0, inf)
    assert counts.add(table, 15, 0, 0)
    table.add(20.0, inf)
    assert not counts.add(table, 12, 2, 2)
    counts.forget(5)
    assert counts.add(table, 12, 2, 2)
    assert counts.stored_by(table, 6) == 20.0


def test_a_count_that_falls_is_noticed_after_all_that_was_counted_is_finished() -> None:
    table, reader = CountTable(), Reader(1.0, 9)
    for scrape in range(MOST):
        table.add(10.0 * scrape, inf)
        reader.deliveries += 9
        assert reader.counts.add(table, reader.deliveries, 0, 0)
    thin(table, [reader])
    assert len(table) == 1
    table.add(1000.0, inf)
    assert not reader.counts.add(table, reader.deliveries - 1, 0, 0)


def filtered(**figures: int) -> Consumer:
    return consumer_row("a", filters="a", **figures)


def view(now: float, last: int) -> StreamView:
    return StreamView(1, last, last, 0, 1.0, now - 1.0, now, until=now)


def test_a_consumer_whose_count_fell_is_said_to_wait_since_now_again() -> None:
    lag = StreamLag()
    observe(lag, view(10.0, 10), [filtered(pending=5)], now=10.0, begun=9.0)
    before = observe(lag, view(20.0, 10), [filtered(pending=5)], now=20.0, begun=19.0)
    after = observe(lag, view(30.0, 12), [filtered(pending=2)], now=30.0, begun=29.0)
    assert before["a"] == Lag(10.0, None, 10.0, None)
    assert after["a"] == Lag(30.0, None, 30.0, None)


def test_a_consumer_that_waits_again_after_a_long_time_without_one_is_counted_anew() -> None:
    """Meanwhile something waits for another consumer, so the stream is remembered."""
    lag = StreamLag()
    unfiltered = consumer_row("all", pending=1)
    for scrape in range(3 * MOST):
        now = 10.0 * (scrape + 1)
        waits = scrape < 3 or scrape > 2 * MOST
        rows = [unfiltered, filtered(pending=3 if waits else 0)]
        found = observe(lag, view(now, 10), rows, now=now, begun=now - 1.0)
        assert ("a" in found) == waits
    assert found["a"].pending == 10.0 * (2 * MOST + 2)


def test_a_consumer_that_is_made_again_is_another_although_a_scrape_between_knew_only_its_name() -> (
    None
):
    lag = StreamLag()
    one, other = Incarnation(1.0, ""), Incarnation(2.0, "")
    for number, incarnation in enumerate((UNKNOWN, one, UNKNOWN, other), 1):
        row = filtered(delivered=5, floor=5, deliveries=5, pending=3)
        row = msgspec.structs.replace(row, incarnation=incarnation)
        now = 10.0 * number
        found = observe(lag, view(now, 10), [row], now=now, begun=now - 1.0)
    assert found["a"].pending == 40.0


def test_what_was_removed_after_the_consumer_was_read_waits_no_longer() -> None:
    """The first scrape reads the consumer, then two messages are deleted, then it reads the stream."""
    lag = StreamLag()
    at_end = consumer_row("all", delivered=8, floor=8, deliveries=8, pending=2)
    later = consumer_row("all", delivered=8, floor=8, deliveries=8, pending=1)
    observe(lag, StreamView(1, 10, 8, 2, 1.0, 50.0, 60.0), [at_end], now=60.0, begun=59.0)
    found = observe(lag, StreamView(1, 11, 9, 2, 1.0, 90.0, 95.0), [later], now=95.0, begun=94.0)
    assert found["all"].pending == 90.0
