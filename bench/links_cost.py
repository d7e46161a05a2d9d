"""What links and accounts cost: the same scrapes by an exporter that asks about them and by one that does not.

    python -m bench.links_cost                              # 20,000 consumers and 200 connections; some minutes
    python -m bench.links_cost --sizes 25x40 --rounds 4     # a quick look

The connections are those of clients in many accounts, and a leaf node connects each account as well.
"""

from __future__ import annotations

import argparse
import json
import sys
from contextlib import AsyncExitStack
from typing import Any

import nats
from bench import cost
from bench.lag_load import make
from bench.load import Size
from bench.run import USER, say

from jetstream_exporter.demo.cluster import GIB, Cluster, account
from jetstream_exporter.demo.ports import Port
from jetstream_exporter.demo.server import Server

EACH = 4  # connections of an account


def tenants(connections: int) -> dict[str, dict[str, Any]]:
    names = [f"t{number:03}" for number in range(connections // EACH)]
    return {name.upper(): account(name, jetstream=False) for name in names}


async def connect(cluster: Cluster, connections: int, stack: AsyncExitStack) -> None:
    """Clients of all accounts, which send a message each."""
    for number in range(connections):
        user = f"t{number // EACH:03}"
        client = await stack.enter_async_context(await nats.connect(cluster[0].url_for(user)))
        await client.subscribe("work")
        await client.publish("work", b"x" * 100)


async def measure(options: argparse.Namespace, cluster: Cluster, size: Size) -> cost.Cost:
    say(f"making {size.consumers:,} consumers ({size})")
    await make(cluster[0].url_for(USER), size)
    async with AsyncExitStack() as stack:
        await connect(cluster, options.connections, stack)
        both = (
            cost.exporter(name, cluster.monitor_urls, f"{{links: {asks}, accounts: {asks}}}")
            for name, asks in (("with links and accounts", "true"), ("without", "false"))
        )
        return await cost.measure(options, cluster[0], size, *both)


async def run(options: argparse.Namespace) -> list[cost.Cost]:
    costs = []
    for size in options.sizes:
        async with AsyncExitStack() as stack:
            port = Port()
            stack.callback(port.release)
            others = tenants(options.connections)
            cluster = _Hub(
                1,
                prefix="bench",
                accounts={"LOAD": account(USER), **others},
                max_file_store=64 * GIB,
                max_memory_store=8 * GIB,
            )
            cluster.leaf_port = port
            await stack.enter_async_context(cluster)
            remotes = [
                {"url": f"nats://{name.lower()}:{name.lower()}@{port}", "account": name}
                for name in others
            ]
            leaf = Cluster(
                1,
                prefix="leaf",
                accounts={"LOAD": account(USER), **others},
                domain="leaf",
                extra=f"leafnodes: {json.dumps({'remotes': remotes})}",
            )
            await stack.enter_async_context(leaf)
            costs.append(await measure(options, cluster, size))
    return costs


class _Hub(Cluster):
    """A server that takes leaf nodes."""

    leaf_port: Port

    def _configuration(self, number: int, server: Server) -> str:
        text = super()._configuration(number, server)
        return f'{text}\nleafnodes: {{listen: "{self.leaf_port}"}}\n'


def about(options: argparse.Namespace) -> str:
    return (
        "The same scrapes by an exporter with `collect.links` and `collect.accounts` and by one without, "
        f"alternating: one server, {options.connections} clients of "
        f"{options.connections // EACH} accounts, and a leaf node connection of each account. Every stream gets a "
        f"message before each scrape, and {options.moving:.0%} of the backlogged consumers take one. "
        f"{options.rounds} rounds; CPU is the exporter's, the mean of all scrapes but the longest quarter."
    )


def main(argv: list[str]) -> int:
    description = (__doc__ or "").splitlines()[0]
    parser = cost.parser("links_cost", description, default_sizes="500x40", history=1, rounds=16)
    parser.add_argument("--connections", type=int, default=200, help="of clients")
    title = "What links and accounts cost"
    return cost.main("links_cost", title, parser.parse_args(argv), run, about)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
