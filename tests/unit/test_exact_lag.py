"""Which messages are looked up, and how the lookups are added up."""

import gc
from typing import Any

import pytest
from tests.support.reports import consumer, stream, unreplicated

from jetstream_exporter.report import LeaderAnswer, LeaderReport, LookupCounts, Lookups, Outcome
from jetstream_exporter.sources.nats.lookup_places import Place, places
from jetstream_exporter.state.lookup_totals import LookupTotals
from jetstream_exporter.wire import ConsumerDetail, StreamState

LARGEST = 1000


def waiting(**config: Any) -> ConsumerDetail:
    """It got message 7, holds it, and acknowledged up to message 4."""
    return consumer(
        "c",
        unreplicated("n1"),
        pending=3,
        config=config,
        delivered=(5, 7),
        floor=(3, 4),
        num_ack_pending=1,
    )


def place_of(
    detail: ConsumerDetail, first: int = 1, bytes: int = 100, **config: Any
) -> Place | None:
    of = stream("S", unreplicated("n1"), detail, replicas=1, config=config)
    of.state = StreamState(messages=10, bytes=bytes, first_seq=first, last_seq=10)
    report = LeaderReport("api", "A", "", "", "n1", claims={"n1": [of]})
    found = dict(places([report], LARGEST))
    assert found.keys() <= {("A", "S", "c")}
    return found.get(("A", "S", "c"))


def test_the_next_message_to_deliver_and_the_next_to_acknowledge_are_looked_for() -> None:
    place = place_of(waiting())
    assert place is not None
    assert place.subject == ">"
    assert set(place.sequences) == {8, 5}


def test_what_was_removed_from_the_beginning_is_not_looked_for() -> None:
    place = place_of(waiting(), first=7)
    assert place is not None
    assert set(place.sequences) == {8, 7}


def test_a_consumer_without_acknowledgements_has_only_a_next_message_to_deliver() -> None:
    place = place_of(waiting(ack_policy="none"))
    assert place is not None
    assert place.sequences == (8,)


def test_a_consumer_that_is_done_has_no_place() -> None:
    done = waiting()
    done.num_pending = done.num_ack_pending = 0
    assert place_of(done) is None


@pytest.mark.parametrize(
    ("config", "subject"),
    [
        ({"filter_subject": "S.a"}, "S.a"),
        ({"filter_subjects": ["S.*"]}, "S.*"),
        ({"filter_subjects": ["S.a", "S.b"]}, None),
        ({"deliver_policy": "last_per_subject"}, None),
    ],
)
def test_one_filter_can_be_asked_for_and_no_more(
    config: dict[str, Any], subject: str | None
) -> None:
    place = place_of(waiting(**config))
    assert (place and place.subject) == subject


@pytest.mark.parametrize(
    ("limit", "bytes", "is_too_large"),
    [
        (-1, 10 * LARGEST, False),
        (-1, 10 * LARGEST + 1, True),
        (LARGEST, 100, False),
        (LARGEST + 1, 100, True),
    ],
)
def test_messages_are_too_large_by_the_limit_or_on_average(
    limit: int, bytes: int, is_too_large: bool
) -> None:
    place = place_of(waiting(), bytes=bytes, max_msg_size=limit)
    assert place is not None
    assert place.is_too_large is is_too_large


def answered(counts: LookupCounts, target: str = "nats://a") -> Outcome:
    lookups = Lookups({}, counts, lambda _keys: None)
    return Outcome("account", target, 0.1, answer=LeaderAnswer((), lookups))


def test_totals_rise_with_each_source_and_never_fall() -> None:
    totals, one, other = LookupTotals(), LookupCounts(found=2, failed=1), LookupCounts(found=5)
    assert totals.add([Outcome("account", "nats://a", 0.1, answer=LeaderAnswer())]) == {}
    assert totals.add([answered(one), answered(other, "nats://b")])["found"] == 7
    one["found"] = 3
    assert totals.add([answered(one, "renamed"), answered(other, "nats://b")])["found"] == 8
    rebuilt = LookupCounts(found=4)
    found = totals.add([answered(rebuilt)])
    assert found == {"found": 12, "missing": 0, "refused": 0, "too_large": 0, "failed": 1}


def test_a_source_that_is_gone_is_forgotten_and_what_it_counted_is_not() -> None:
    totals, counts = LookupTotals(), LookupCounts(found=2)
    assert totals.add([answered(counts)])["found"] == 2
    assert len(totals) == 1
    del counts
    gc.collect()
    assert len(totals) == 0
    assert totals.add([answered(LookupCounts(found=2))])["found"] == 4
