"""When a list is whole, and when a server's health has to be asked again after it."""

from datetime import UTC, datetime

import pytest

from jetstream_exporter.report import Health
from jetstream_exporter.sources.completeness import LastList, is_settled, remembered
from jetstream_exporter.wire import Jsz, Varz

START, LATER = datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 1, 2, tzinfo=UTC)
WELL, ILL = Health(200), Health(503)
LAST = LastList(START, 5, 9)


def varz(start: datetime = START) -> Varz:
    return Varz(server_id="N", start=start)


def jsz(streams: int = 5, consumers: int = 9) -> Jsz:
    return Jsz(server_id="N", streams=streams, consumers=consumers)


def test_a_list_of_a_healthy_server_is_whole() -> None:
    assert remembered(LastList(), varz(), WELL, jsz()) == LAST


@pytest.mark.parametrize(
    ("one", "health", "listed"),
    [(varz(), ILL, jsz()), (varz(), None, jsz()), (None, WELL, jsz()), (varz(), WELL, None)],
)
def test_a_list_is_not_whole_without_health_identity_and_the_list_itself(
    one: Varz | None, health: Health | None, listed: Jsz | None
) -> None:
    assert remembered(LAST, one, health, listed) == LastList(None, 5, 9)


def test_a_server_that_lists_what_it_listed_is_settled() -> None:
    assert is_settled(LAST, varz(), jsz())
    assert is_settled(LAST, varz(), jsz(6, 10))


@pytest.mark.parametrize(
    ("one", "listed"),
    [(varz(LATER), jsz()), (varz(), jsz(4, 9)), (varz(), jsz(5, 8)), (None, jsz())],
)
def test_a_restart_or_a_shorter_list_is_looked_at_again(one: Varz | None, listed: Jsz) -> None:
    assert not is_settled(LAST, one, listed)
    assert not is_settled(LastList(None, 5, 9), varz(), jsz())
