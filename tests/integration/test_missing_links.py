"""Routes and leaf nodes that break, seen on real servers, and their absence in normal life."""

import asyncio
from pathlib import Path

import pytest
from scripts.versions import EXTREMES
from tests.support import sources
from tests.support.broken_links import cut, hub_and_leaf, mend, routed
from tests.support.exporter import Exporter, Samples, exporter
from tests.support.supercluster import POOL

from jetstream_exporter.demo.server import Server

ROUTES = "nats_route_connections"
CONFIGURED = "nats_leafnode_configured"
CONNECTED = "nats_leafnode_configured_connections"
AT_MOST = 10.0  # seconds that two servers that answer may have no route in normal life; the alert waits for 120


def whole(samples: Samples) -> bool:
    return samples.all(ROUTES) == [POOL + 1] * 6


@pytest.mark.parametrize("version", EXTREMES)
async def test_servers_without_routes_are_seen_in_two_scrapes_and_so_is_the_end(
    version: str, tmp_path: Path
) -> None:
    async with routed(version) as cluster:
        config = sources.settings(targets=cluster.monitor_urls)
        async with exporter(tmp_path, config=config) as running:
            await running.until("all routes", whole, 60)
            cut(cluster.proxies)
            await running.scrape()
            samples = await running.scrape()
            assert samples.all(ROUTES) == [0] * 6
            assert samples.labels(ROUTES, "remote", server="nats-0") == {"nats-1", "nats-2"}
            assert samples.all("nats_route_rtt_seconds") == []
            mend(cluster.proxies)
            await running.until("all routes again", whole, 90)


@pytest.mark.parametrize("version", EXTREMES)
async def test_a_rolling_restart_leaves_no_route_missing_for_long(
    version: str, tmp_path: Path
) -> None:
    """Once by SIGTERM, once in lame duck mode, once killed."""
    async with routed(version) as cluster:
        config = sources.settings(targets=cluster.monitor_urls)
        async with exporter(tmp_path, config=config) as running:
            await running.until("all routes", whole, 60)
            over = asyncio.Event()
            longest = asyncio.create_task(longest_without(running, over))
            for server, ending in zip(cluster, ("stop", "lame_duck", "kill"), strict=True):
                await end(server, ending)
                await server.start()
                await cluster.until_ready()
            await running.until("all routes again", whole, 60)
            over.set()
            assert await longest < AT_MOST


async def end(server: Server, way: str) -> None:
    if way == "lame_duck":
        server.lame_duck()
        await server.ended(60)
    else:
        await getattr(server, way)()


async def longest_without(running: Exporter, over: asyncio.Event) -> float:
    """The longest time in which one pair of servers had no route, in seconds."""
    longest, since = 0.0, dict[object, float]()
    while not over.is_set():
        samples = await running.scrape()
        now = asyncio.get_running_loop().time()
        missing = {row for row, value in samples.families.get(ROUTES, {}).items() if value == 0}
        since = {row: since.get(row, now) for row in missing}
        longest = max([longest, *(now - begun for begun in since.values())])
    return longest


@pytest.mark.parametrize("version", EXTREMES)
async def test_a_leaf_node_that_is_cut_off_is_seen_at_both_ends_and_so_is_its_return(
    version: str, tmp_path: Path
) -> None:
    async with hub_and_leaf(version) as (hub, leaf, link):
        config = sources.settings(targets=[*hub.monitor_urls, *leaf.monitor_urls])
        async with exporter(tmp_path, config=config) as running:
            samples = await running.until("both", lambda s: s.all(CONNECTED) == [1, 1], 60)
            assert samples.all(CONFIGURED) == [1, 1]
            assert samples.labels(CONFIGURED, "account", server="leaf-0") == {"A", "B"}
            cut([link])
            await running.scrape()
            samples = await running.scrape()
            assert samples.all(CONFIGURED) == [1, 1]
            assert samples.all(CONNECTED) == [0, 0]
            assert samples.all("nats_leafnode_connections") == []
            assert samples.all("nats_server_leafnodes") == [0, 0]
            mend([link])
            await running.until("both again", lambda s: s.all(CONNECTED) == [1, 1], 90)
