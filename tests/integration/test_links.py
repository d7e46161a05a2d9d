"""Links to NATS that are slow, partitioned or cut: a partial answer in time, and all again when they heal."""

import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from tests.integration.test_nats_failures import UP, fill, states
from tests.support import sources
from tests.support.exporter import Exporter, Samples, exporter
from tests.support.proxy import Proxy, proxy

from jetstream_exporter.demo.cluster import Cluster, account

GAPS = "jetstream_exporter_advisory_gaps_total"
CONNECTED = "jetstream_exporter_advisory_connected"
SLACK = 5.0  # seconds that a loaded machine may take beyond a deadline


@dataclass
class Links:
    """An exporter that reaches one server by HTTP directly, and NATS through a link for each way."""

    running: Exporter
    system: Proxy
    account: Proxy
    advisories: Proxy

    async def scrape_in(self, timeout: float) -> Samples:
        started = time.monotonic()
        samples = await self.running.scrape(timeout=timeout)
        assert time.monotonic() - started < timeout + SLACK
        return samples


@pytest.fixture
async def links(tmp_path: Path) -> AsyncIterator[Links]:
    async with AsyncExitStack() as stack:
        enter = stack.enter_async_context
        cluster = await enter(Cluster(size=1, accounts={"A": account("a")}))
        await fill(cluster)
        made = [await enter(proxy(cluster.urls[0])) for _ in range(3)]

        def through(link: Proxy, user: str) -> dict[str, Any]:
            return sources.login(cluster, tmp_path, user) | {"urls": [f"nats://{link.address}"]}

        config = sources.settings(
            targets=cluster.monitor_urls,
            system=through(made[0], "sys"),
            accounts=[through(made[1], "a")],
            advisories=[through(made[2], "a")],
        )
        running = await enter(exporter(tmp_path, config=config))
        await running.until("all sources", lambda s: set(s.all(UP)) == {1})
        yield Links(running, *made)


async def test_a_partition_costs_its_own_source_and_no_deadline_and_heals(links: Links) -> None:
    links.system.partition()
    links.account.partition()
    for _ in range(3):
        samples = await links.scrape_in(6)
        assert states(samples, "monitoring") == {1}
        assert states(samples, "account") == {0}
        assert samples.get(UP, source="system", target="nats-0") == 0
        assert samples.all("jetstream_consumer_pending_messages") == [1]
        assert samples.all("jetstream_account_streams") == []
    links.system.heal()
    links.account.heal()
    await links.running.until("all again", lambda s: set(s.all(UP)) == {1}, 60)


async def test_a_partition_is_noticed_where_events_come_in_and_counts_as_a_gap(
    links: Links,
) -> None:
    links.advisories.partition()
    samples = await links.running.until("the loss", lambda s: s.all(CONNECTED) == [0], 60)
    assert states(samples, "advisories") == {0}
    assert samples.all("jetstream_consumer_max_deliveries_total") == []
    assert samples.all("jetstream_consumer_pending_messages") == [1]
    links.advisories.heal()
    samples = await links.running.until("the return", lambda s: s.all(CONNECTED) == [1], 60)
    assert samples.all(GAPS) == [1]
    assert samples.all("jetstream_consumer_max_deliveries_total") == [0]


async def test_a_cut_is_seen_at_once_and_each_counts_as_a_gap(links: Links) -> None:
    for count in (1, 2):
        links.advisories.cut()
        samples = await links.running.until(
            f"gap {count}", lambda s, count=count: s.all(GAPS) == [count]
        )
        assert samples.all(CONNECTED) == [1]
    for link in (links.system, links.account):
        link.cut()
    await links.running.until("all again", lambda s: set(s.all(UP)) == {1})


async def test_a_slow_link_gives_what_comes_in_time(links: Links) -> None:
    links.account.delay = links.system.delay = 0.15
    samples = await links.running.until("slow answers", lambda s: set(s.all(UP)) == {1})
    assert samples.all("jetstream_account_streams") == [1]
    links.account.rate = links.system.rate = 50.0  # bytes a second
    samples = await links.scrape_in(4)
    assert states(samples, "monitoring") == {1}
    assert states(samples, "account") == {0}
    assert samples.all("jetstream_consumer_pending_messages") == [1]
    links.account.rate = links.system.rate = links.account.delay = links.system.delay = 0
    await links.running.until("all again", lambda s: set(s.all(UP)) == {1}, 60)
