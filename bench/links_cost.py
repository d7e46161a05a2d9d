"""What links and accounts cost: the same scrapes by an exporter that asks about them and by one that does not.

    python -m bench.links_cost                              # 20,000 consumers and 200 connections; some minutes
    python -m bench.links_cost --sizes 25x40 --rounds 4     # a quick look

The connections are those of clients in many accounts, and a leaf node connects each account as well. The servers have a
pool of routes between them, and gateways to a second cluster.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
from collections.abc import Mapping, Sequence
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


async def measure(
    options: argparse.Namespace, hub: Cluster, targets: Sequence[str], size: Size
) -> cost.Cost:
    say(f"making {size.consumers:,} consumers ({size})")
    await make(hub[0].url_for(USER), size)
    async with AsyncExitStack() as stack:
        await connect(hub, options.connections, stack)
        both = (
            cost.exporter(name, targets, f"{{links: {asks}, accounts: {asks}}}")
            for name, asks in (("with links and accounts", "true"), ("without", "false"))
        )
        return await cost.measure(options, hub[0], size, *both)


async def run(options: argparse.Namespace) -> list[cost.Cost]:
    costs = []
    for size in options.sizes:
        async with AsyncExitStack() as stack:
            others = tenants(options.connections)
            hub, far = await _joined(stack, {"LOAD": account(USER), **others})
            remotes = [
                {"url": f"nats://{name.lower()}:{name.lower()}@{hub.leaf_port}", "account": name}
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
            costs.append(await measure(options, hub, [*hub.monitor_urls, *far.monitor_urls], size))
    return costs


async def _joined(
    stack: AsyncExitStack, accounts: Mapping[str, Mapping[str, Any]]
) -> tuple[_Hub, _Hub]:
    """The cluster of the load, and the one at the other end of its gateways. Neither is ready without the other."""
    made = [
        _Hub(
            size,
            name=name,
            prefix=name,
            accounts=accounts,
            max_file_store=64 * GIB,
            max_memory_store=8 * GIB,
        )
        for name, size in (("bench", 2), ("far", 2))
    ]
    for each in made:
        each.leaf_port, each.gateways = Port(), [Port() for _ in range(each.size)]
        for port in (each.leaf_port, *each.gateways):
            stack.callback(port.release)
        stack.callback(each.close)
    remotes = [
        {"name": each.name, "urls": [f"nats://{port}" for port in each.gateways]} for each in made
    ]
    for each in made:
        each.remotes = remotes
    await asyncio.gather(*(each.__aenter__() for each in made))
    return made[0], made[1]


class _Hub(Cluster):
    """A cluster with gateways whose first server takes leaf nodes; `remotes` are all clusters, itself included."""

    leaf_port: Port
    gateways: list[Port]
    remotes: list[dict[str, Any]]

    def _configuration(self, number: int, server: Server) -> str:
        text = super()._configuration(number, server)
        port = str(self.gateways[number])
        gateway = {"name": self.name, "listen": port, "gateways": self.remotes}
        more = [f"gateway: {json.dumps(gateway)}"]
        if number == 0:
            more.append(f'leafnodes: {{listen: "{self.leaf_port}"}}')
        return "\n".join([text, *more, ""])

    async def _until_placing(self, replicas: int, deadline: float) -> None:
        """Both are one JetStream: two probes of one name at a time would be each other's."""
        if self.name == "bench":
            await super()._until_placing(replicas, deadline)


def about(options: argparse.Namespace) -> str:
    return (
        "The same scrapes by an exporter with `collect.links` and `collect.accounts` and by one without, "
        f"alternating: two servers with a pool of routes, and gateways to two of another cluster; "
        f"{options.connections} clients of {options.connections // EACH} accounts, and a leaf node connection of each "
        f"account. All four servers are targets. Every stream gets a "
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
