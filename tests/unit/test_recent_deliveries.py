"""To which consumers with work something was delivered a moment ago."""

import msgspec
from tests.support.golden import everything_seen

from jetstream_exporter.snapshot import Snapshot
from jetstream_exporter.state.deliveries import LATELY, RecentDeliveries

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
    assert seen(state, 6, 15 + LATELY - 1)
    assert not seen(state, 6, 15 + LATELY)
    assert seen(state, 7, 100)


def test_a_count_that_starts_anew_is_a_delivery_too() -> None:
    state = RecentDeliveries()
    seen(state, 500, 0)
    assert seen(state, 1, 15)


def test_a_consumer_without_a_leader_is_compared_when_it_has_one_again() -> None:
    state = RecentDeliveries()
    seen(state, 5, 0)
    assert not seen(state, None, 15)
    assert not seen(state, 5, 30)
    assert not seen(state, None, 45)
    assert seen(state, 6, 60)


def test_nothing_is_remembered_of_a_consumer_without_work() -> None:
    state = RecentDeliveries()
    seen(state, 5, 0)
    seen(state, 6, 15)
    assert not seen(state, 7, 30, pending=0)
    assert len(state) == 0
    assert not seen(state, 8, 45)
