"""To which consumers a message was delivered a moment ago."""

import msgspec
from tests.support.golden import everything_seen

from jetstream_exporter.snapshot import Snapshot
from jetstream_exporter.state.deliveries import RECENT, RecentDeliveries

(ROW,) = (each for each in everything_seen().consumers if (each.stream, each.name) == ("R3", "fa"))


def snapshot(deliveries: int | None, pending: int = 3) -> Snapshot:
    row = msgspec.structs.replace(ROW, deliveries=deliveries, pending=pending, ack_pending=0)
    return Snapshot(consumers=[row])


def seen(state: RecentDeliveries, deliveries: int | None, now: float, pending: int = 3) -> bool:
    return ROW.key in state.annotate(snapshot(deliveries, pending), now).delivered_lately


def test_a_consumer_whose_deliveries_were_counted_further_is_recent_for_a_while() -> None:
    state = RecentDeliveries()
    assert not seen(state, 5, 0)
    assert seen(state, 6, 15)
    assert seen(state, 6, 15 + RECENT - 1)
    assert not seen(state, 6, 15 + RECENT)
    assert seen(state, 7, 100)


def test_a_count_that_starts_anew_is_a_delivery_too() -> None:
    state = RecentDeliveries()
    seen(state, 500, 0)
    assert seen(state, 1, 15)


def test_a_consumer_without_a_leader_is_compared_when_it_has_one_again() -> None:
    state = RecentDeliveries()
    seen(state, 5, 0)
    for now in (15, 30, 45):
        assert not seen(state, None, now)
    assert not seen(state, 5, 60)
    assert not seen(state, None, 75)
    assert seen(state, 6, 90)


def test_a_consumer_that_is_first_seen_without_a_leader_is_not_recent_with_its_first_count() -> (
    None
):
    state = RecentDeliveries()
    assert not seen(state, None, 0)
    assert not seen(state, 5, 15)
    assert seen(state, 6, 30)


def test_a_consumer_that_has_work_in_few_scrapes_is_recent_in_these() -> None:
    state = RecentDeliveries()
    seen(state, 5, 0, pending=0)
    assert seen(state, 8, 15, pending=1)


def test_one_scrape_that_lacks_a_consumer_does_not_forget_it_and_two_do() -> None:
    state = RecentDeliveries()
    seen(state, 5, 0)
    state.annotate(Snapshot(), 15)
    assert len(state) == 1
    assert seen(state, 6, 30)
    state.annotate(Snapshot(), 100)
    state.annotate(Snapshot(), 115)
    assert len(state) == 0
    assert not seen(state, 7, 130)
