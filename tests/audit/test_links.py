"""The audit of real servers whose routes, gateways and leaf node connections are cut."""

from collections.abc import Sequence

from scripts.versions import NEWEST
from tests.support.broken_links import cut, hub_and_leaf, routed
from tests.support.exporter import eventually
from tests.support.supercluster import supercluster

from jetstream_exporter.audit.finding import judge
from jetstream_exporter.audit.links import CHECKS
from jetstream_exporter.audit.observe import observe

Found = set[tuple[str, str, str]]


async def found(urls: Sequence[str]) -> Found:
    seen = await observe("", urls, 0)
    return {(f.check, f.object.partition(" (")[0], f.seen) for f in judge(CHECKS, seen)}


async def until(urls: Sequence[str], expected: Found) -> None:
    async def holds() -> bool:
        return await found(urls) == expected

    await eventually(f"the findings {expected}", holds, 60)


async def test_leaf_node_connections_that_are_missing_are_found_at_the_server_that_makes_them() -> (
    None
):
    async with hub_and_leaf(NEWEST) as (hub, leaf, link):
        urls = [*hub.monitor_urls, *leaf.monitor_urls]
        await until(urls, set())
        cut([link])
        what = "it has 0 of the 1 leaf node connections of account {} that its configuration names"
        await until(urls, {("leafnode-down", "server leaf-0", what.format(a)) for a in "AB"})


async def test_servers_without_a_route_to_each_other_are_found() -> None:
    async with routed(NEWEST) as cluster:
        await until(cluster.monitor_urls, set())
        cut(cluster.proxies)
        await until(
            cluster.monitor_urls,
            {
                ("route-missing", "server nats-0", "it has no route to nats-1, nats-2"),
                ("route-missing", "server nats-1", "it has no route to nats-0, nats-2"),
                ("route-missing", "server nats-2", "it has no route to nats-0, nats-1"),
            },
        )


async def test_a_gateway_that_a_configuration_names_and_that_is_cut_is_found() -> None:
    async with supercluster(NEWEST) as joined:
        urls = [*joined.east.monitor_urls, *joined.west.monitor_urls]
        await until(urls, set())
        joined.cut("west")
        what = "it has no connection to cluster west, which its configuration names"
        await until(urls, {("gateway-down", f"server east-{i}", what) for i in range(2)})
