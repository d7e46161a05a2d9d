"""How patient a scrape is with one server, by what is remembered of it. Times are given, so no server is needed."""

import asyncio

import pytest
from yarl import URL

from jetstream_exporter.sources.http.client import Endpoint, HttpClient
from jetstream_exporter.sources.http.config_fetch import PendingConfigFetch
from jetstream_exporter.sources.http.endpoint_memory import (
    LONGER,
    LONGER_EVERY,
    LONGER_THAN_BEFORE,
    SHORT,
    EndpointMemory,
)


def test_a_server_that_answered_has_half_of_the_time_for_small_requests_and_all_for_the_large() -> (
    None
):
    memory = EndpointMemory()
    assert memory.patience(10.0) == 5.0
    assert memory.limited(10.0) == 10.0


@pytest.mark.parametrize("timeouts", range(1, 2 * LONGER_EVERY + 1))
def test_one_that_did_not_answer_has_a_short_time_and_now_and_then_a_longer_one(
    timeouts: int,
) -> None:
    memory = EndpointMemory(timeouts=timeouts, budget=10.0)
    expected = LONGER if timeouts in (LONGER_EVERY, 2 * LONGER_EVERY) else SHORT
    assert memory.patience(10.0) == expected


def test_a_scrape_with_much_more_time_than_the_last_failure_had_gives_the_server_all_of_it() -> (
    None
):
    memory = EndpointMemory(timeouts=3, budget=2.0)
    left = 2.0 * LONGER_THAN_BEFORE
    assert memory.patience(left) == SHORT
    assert memory.patience(left + 0.01) == (left + 0.01) / 2
    assert memory.limited(left + 0.01) == left + 0.01


def test_a_list_of_a_suspect_server_has_half_of_the_time_or_twice_what_it_took() -> None:
    memory = EndpointMemory(timeouts=1, budget=10.0, took=1.0)
    assert memory.limited(8.0) == 4.0
    memory.took = 3.0
    assert memory.limited(8.0) == 6.0
    memory.took = 30.0
    assert memory.limited(8.0) == 8.0


async def test_a_list_that_is_given_up_while_a_scrape_waits_for_it_is_none() -> None:
    """Another scrape no longer found the server under its name."""

    async def read(*_: object) -> None:
        await asyncio.Event().wait()

    client, endpoint = HttpClient(2**20, None, {}), Endpoint(URL("http://127.0.0.1:1"))
    fetch = PendingConfigFetch(client, endpoint, read)
    waiting = asyncio.create_task(fetch.wait(asyncio.get_running_loop().time() + 5))
    await asyncio.sleep(0)
    fetch.cancel()
    await waiting
    assert fetch.done
    assert fetch.take() is None
    await client.close()
