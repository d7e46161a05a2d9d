"""What the delivery lag costs: the same scrapes by an exporter that tells it and by one that does not.

    python -m bench.lag_cost                                # 20,000 and 100,000 consumers; half an hour
    python -m bench.lag_cost --sizes 25x40 --history 20     # a quick look

Half of the consumers have a backlog, and half of those a filter. Before anything is measured both exporters are scraped
as often as `--history` says while every stream goes on, so what they remember has its full size.
"""

from __future__ import annotations

import argparse
import sys

from bench import cost
from bench.lag_load import make
from bench.run import USER, say

from jetstream_exporter.demo.cluster import GIB, Cluster, account


async def run(options: argparse.Namespace) -> list[cost.Cost]:
    """A server of its own for each size: what is remembered of one says nothing of the next."""
    costs = []
    for size in options.sizes:
        async with Cluster(
            size=1,
            prefix="bench",
            accounts={"LOAD": account(USER)},
            max_file_store=64 * GIB,
            max_memory_store=8 * GIB,
        ) as cluster:
            (server,) = cluster
            say(f"making {size.consumers:,} consumers ({size})")
            await make(server.url_for(USER), size)
            both = (
                cost.exporter(name, [server.monitor_url], f"{{delivery_lag: {lag}}}")
                for name, lag in (("with delivery lag", "true"), ("without", "false"))
            )
            costs.append(await cost.measure(options, server, size, *both))
    return costs


def about(options: argparse.Namespace) -> str:
    return (
        "The same scrapes by an exporter without the delivery lag and by one with it, alternating. Half of the "
        "consumers have a backlog, half of those a filter; for the others nothing waits. Every stream gets a "
        f"message before each scrape, and {options.moving:.0%} of the backlogged consumers take one. "
        f"{options.history} scrapes went before, so that what is remembered has its full size; then "
        f"{options.rounds} rounds. CPU is the mean of all scrapes but the longest quarter."
    )


def main(argv: list[str]) -> int:
    description = (__doc__ or "").splitlines()[0]
    parser = cost.parser(
        "lag_cost", description, default_sizes="500x40,1000x100", history=80, rounds=24
    )
    title = "What the delivery lag costs"
    return cost.main("lag_cost", title, parser.parse_args(argv), run, about)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
