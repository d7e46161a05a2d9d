"""A message is never said to be older than it is, whatever happened to its stream."""

import random
from collections.abc import Iterable, Sequence
from math import inf

import pytest
from tests.support.lag_history import INTERVAL, KINDS, scrapes
from tests.support.lag_model import ModelConsumer, ModelStream, consumer_row, observe

from jetstream_exporter.snapshot.rows import Lag
from jetstream_exporter.state.counts import FEWER, MOST, Counts, CountTable
from jetstream_exporter.state.lag import StreamLag
from jetstream_exporter.state.stream_view import StreamView

FEW, SOME, MANY = 10, 40, 345  # histories of each kind, with restarts and without
MANY_LOOKUPS = 110
by_kind = pytest.mark.parametrize("kind", KINDS)
by_restart = pytest.mark.parametrize("restarts", [False, True], ids=["one exporter", "restarts"])


def tell_no_lie(
    kind: str,
    seeds: Iterable[int],
    *,
    restarts: bool,
    looks_up: bool = False,
    overlaps: bool = False,
    most: int = 25,
) -> None:
    for seed in seeds:
        for scrape in scrapes(
            kind, seed, restarts=restarts, looks_up=looks_up, overlaps=overlaps, most=most
        ):
            for name, said in scrape.found.items():
                for stored_by, error, truth in scrape.compared(name, said):
                    assert stored_by >= min(truth), f"seed {seed}, {name}, {scrape.now}"
                    if error is not None and len(truth) == 2 and truth[0] == truth[1]:
                        assert stored_by - error <= max(truth) + 1e-9, f"seed {seed}, {name}"


@by_restart
@by_kind
def test_no_message_is_said_to_be_older_than_it_is(kind: str, restarts: bool) -> None:
    tell_no_lie(kind, range(FEW), restarts=restarts)


@by_restart
@by_kind
def test_with_messages_looked_up_no_message_is_said_to_be_older_either(
    kind: str, restarts: bool
) -> None:
    tell_no_lie(kind, range(FEW), restarts=restarts, looks_up=True)


@by_kind
def test_in_long_histories_no_message_is_said_to_be_older_either(kind: str) -> None:
    tell_no_lie(kind, range(FEW), restarts=False, looks_up=True, most=300)


@by_kind
def test_of_scrapes_that_overlap_none_says_that_a_message_is_older_than_it_is(kind: str) -> None:
    tell_no_lie(kind, range(3 * FEW), restarts=False, looks_up=True, overlaps=True)


@pytest.mark.slow
@by_restart
@by_kind
def test_of_scrapes_that_overlap_none_does_in_three_thousand_histories(
    kind: str, restarts: bool
) -> None:
    tell_no_lie(kind, range(3 * FEW, MANY_LOOKUPS), restarts=restarts, looks_up=True, overlaps=True)


@pytest.mark.slow
@by_restart
@by_kind
def test_with_messages_looked_up_none_is_said_to_be_older_in_three_thousand_histories(
    kind: str, restarts: bool
) -> None:
    tell_no_lie(kind, range(FEW, MANY_LOOKUPS), restarts=restarts, looks_up=True)


@pytest.mark.parametrize("kind", ["limits", "evicting"])
def test_lookups_make_more_of_what_is_said_exact(kind: str) -> None:
    exact = dict.fromkeys((False, True), 0)
    for looks_up in exact:
        for seed in range(SOME):
            for scrape in scrapes(kind, seed, restarts=True, looks_up=looks_up):
                exact[looks_up] += sum(said.pending_error == 0 for said in scrape.found.values())
    assert exact[True] > 1.5 * exact[False]


@pytest.mark.slow
@by_restart
@by_kind
def test_no_message_is_said_to_be_older_than_it_is_in_ten_thousand_histories(
    kind: str, restarts: bool
) -> None:
    tell_no_lie(kind, range(FEW, MANY), restarts=restarts)


def test_of_what_has_no_filter_the_age_is_known_to_an_interval() -> None:
    """Or to a tenth of it, once it is older than ten intervals."""
    widths = []
    for seed in range(SOME):
        for number, scrape in enumerate(scrapes("limits", seed)):
            said = scrape.found.get("all")
            if number and said is not None and said.pending is not None and said.pending_error:
                age = scrape.now - said.pending
                assert said.pending_error <= INTERVAL + 0.1 * age
                widths.append(said.pending_error)
    assert len(widths) > 100


@pytest.mark.parametrize("kind", ["limits", "evicting", "workqueue", "interest", "purged"])
def test_a_message_that_still_waits_never_grows_younger(kind: str) -> None:
    """Where a limit or a purge removes messages, a filtered consumer cannot tell whose they were."""
    never_grows_younger(kind, range(SOME))


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["limits", "workqueue", "interest"])
def test_a_message_that_still_waits_never_grows_younger_in_many_histories(kind: str) -> None:
    never_grows_younger(kind, range(SOME, MANY))


def never_grows_younger(kind: str, seeds: Sequence[int]) -> None:
    compared = 0
    for seed in seeds:
        before: dict[str, tuple[float, float]] = {}
        for scrape in scrapes(kind, seed):
            for name, said in scrape.found.items():
                truth = set(scrape.pending[name])
                filtered = scrape.stream.consumers[name].subjects is not None
                is_sure = not filtered or kind not in ("evicting", "purged")
                if said.pending is None or len(truth) != 1 or not is_sure:
                    continue
                then = before.get(name)
                before[name] = (truth.pop(), said.pending)
                if then is not None and then[0] == before[name][0]:
                    compared += 1
                    assert said.pending <= then[1], f"seed {seed}, {name}"
    assert compared > len(seeds)


def test_state_is_small_where_nothing_waits() -> None:
    rng = random.Random(1)
    stream, lag = ModelStream(rng), StreamLag()
    stream.consumers["all"] = ModelConsumer(None)
    for now in range(1000):
        stream.publish(now)
        stream.deliver(stream.consumers["all"])
        stream.acknowledge(stream.consumers["all"])
        observe(lag, stream.view(now), stream.consumer_rows())
    assert len(lag) <= 2


def test_state_grows_with_the_logarithm_of_a_backlog_s_age() -> None:
    rng = random.Random(1)
    stream, lag = ModelStream(rng), StreamLag()
    stream.consumers = {"all": ModelConsumer(None), "a": ModelConsumer("a")}
    for now in range(0, 7 * 24 * 3600 // 100, 30):
        stream.publish(now)
        observe(lag, stream.view(now), stream.consumer_rows())
    assert len(lag) <= 200


def test_a_stream_whose_store_was_set_back_is_a_new_one() -> None:
    rng = random.Random(1)
    stream, lag = ModelStream(rng), StreamLag()
    stream.consumers["all"] = ModelConsumer(None)
    for now in range(10):
        stream.publish(now)
    observe(lag, stream.view(10), stream.consumer_rows())
    older = ModelStream(rng)
    older.consumers["all"] = ModelConsumer(None)
    older.publish(20)
    found = observe(lag, older.view(30), older.consumer_rows())
    assert found["all"] == Lag(20, 0.0, 20, 0.0)


def test_a_stream_that_was_lost_and_is_longer_by_now_is_a_new_one() -> None:
    """Its server kept it in memory and started again; it was created when it was."""
    lag = StreamLag()
    before = consumer_row("all", delivered=5, floor=5, deliveries=5, pending=95)
    after = consumer_row("all", delivered=20, floor=20, deliveries=20, pending=280)
    observe(lag, StreamView(1, 100, 100, 0, 1.0, 50.0, 60.0), [before])
    found = observe(lag, StreamView(1, 300, 300, 0, 70.0, 90.0, 95.0), [after])
    assert found["all"] == Lag(90.0, None, 90.0, None)


def test_another_server_s_clock_bounds_nothing() -> None:
    """Its figures are compared by the messages' own times alone."""
    lag = StreamLag()
    caught_up = consumer_row("all", delivered=5, floor=5, deliveries=5)
    waiting = consumer_row("all", delivered=5, floor=5, deliveries=5, pending=1)
    observe(lag, StreamView(1, 5, 5, 0, 1.0, 50.0, 100.0, server="one"), [caught_up])
    found = observe(lag, StreamView(1, 6, 6, 0, 1.0, 90.0, 95.0, server="two"), [waiting])
    assert found["all"] == Lag(90.0, 40.0, 90.0, 40.0)


def test_of_a_mirror_with_a_long_backlog_the_points_between_its_ends_are_kept() -> None:
    """Its newest point has no time yet, which says nothing of how old the others are."""
    table, counts = CountTable(), Counts(0, 0)
    for number in range(2 * MOST):
        table.add(inf, 10.0 * number)
        assert counts.add(table, number + 1, 0, 0)
        if table.is_full:
            table.thin([(counts, 0)])
            assert FEWER / 2 < len(table) <= FEWER
    *known, newest = map(table.at, range(len(table)))
    assert newest is None
    assert known[0] == 10.0
    assert sum(time is not None and time < 10.0 * MOST for time in known) > 5
