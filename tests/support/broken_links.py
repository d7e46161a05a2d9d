"""Servers whose routes and leaf node connections lead through proxies, so that a test can break them."""

import json
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

from tests.support.proxy import Proxy, proxy
from tests.support.supercluster import pooled
from tests.support.tools import nats_server

from jetstream_exporter.demo.cluster import Cluster, account
from jetstream_exporter.demo.ports import Port

USERS = {"A": account("a"), "B": account("b", jetstream=False)}


class Routed(Cluster):
    """Every server reaches the others through their proxies only, by a pool of compressed routes."""

    proxies: list[Proxy]

    async def _until_settled(self, running: Sequence[Any], deadline: float) -> None:
        """Tests wait for the routes themselves: which ports a dialling server uses is the proxies' matter."""

    def _configuration(self, number: int, server: Any) -> str:
        for before, one in zip(self.proxies, self, strict=True):
            before.aim(str(one.ports.route))
        lines = super()._configuration(number, server).splitlines()
        return "\n".join(
            self._through(line, number) if line.startswith("cluster: ") else line for line in lines
        )

    def _through(self, line: str, number: int) -> str:
        settings = json.loads(pooled(line).removeprefix("cluster: "))
        settings["advertise"] = self.proxies[number].address
        others = [each for each in self.proxies if each is not self.proxies[number]]
        settings["routes"] = [f"nats://{each.address}" for each in others]
        return f"cluster: {json.dumps(settings)}"


def cut(proxies: Sequence[Proxy]) -> None:
    for each in proxies:
        each.partition()
        each.cut()


def mend(proxies: Sequence[Proxy]) -> None:
    for each in proxies:
        each.heal()


@asynccontextmanager
async def routed(version: str) -> AsyncIterator[Routed]:
    async with AsyncExitStack() as stack:
        cluster = Routed(3, accounts=USERS, binary=nats_server(version))
        cluster.proxies = [await stack.enter_async_context(proxy("127.0.0.1:1")) for _ in range(3)]
        yield await stack.enter_async_context(cluster)


@asynccontextmanager
async def hub_and_leaf(version: str) -> AsyncIterator[tuple[Cluster, Cluster, Proxy]]:
    """A server that takes leaf nodes, and one that connects two accounts to it through a proxy."""
    binary = nats_server(version)
    async with AsyncExitStack() as stack:
        port = Port()
        stack.callback(port.release)
        taking = f'leafnodes: {{listen: "{port}"}}'
        hub = Cluster(1, accounts=USERS, domain="hub", prefix="hub", binary=binary, extra=taking)
        await stack.enter_async_context(hub)
        before = await stack.enter_async_context(proxy(str(port)))
        remotes = [
            {"url": f"nats://{user}:{user}@{before.address}", "account": user.upper()}
            for user in ("a", "b")
        ]
        leaf = Cluster(
            1,
            accounts=USERS,
            domain="leaf",
            prefix="leaf",
            binary=binary,
            extra=f"leafnodes: {json.dumps({'remotes': remotes})}",
        )
        yield hub, await stack.enter_async_context(leaf), before
