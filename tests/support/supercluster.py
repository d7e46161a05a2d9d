"""Two clusters that gateways join, and a leaf node: real servers whose links can be cut.

The gateways advertise a proxy each, so that no server finds a way around a cut.
"""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Any

import nats
from nats.aio.client import Client
from nats.aio.subscription import Subscription
from tests.support.exporter import eventually
from tests.support.proxy import Proxy, proxy
from tests.support.tools import nats_server

from jetstream_exporter.demo.cluster import Cluster, account
from jetstream_exporter.demo.ports import Port

FIGURES = ["PING.STATSZ", "PING.VARZ", "PING.HEALTHZ", "*.JSZ"]
LINKS = ["PING.GATEWAYZ", "PING.LEAFZ", "PING.ROUTEZ"]
ACCOUNTS = "$SYS.REQ.ACCOUNT.PING.STATZ"


def allowed(name: str, requests: list[str], *more: str) -> dict[str, Any]:
    """A user of the system account that may send these requests and nothing else."""
    publish = [*(f"$SYS.REQ.SERVER.{request}" for request in requests), *more]
    permissions = {"publish": publish, "subscribe": ["_INBOX.>"]}
    return {"user": name, "password": name, "permissions": permissions}


USERS = {
    "A": account("a"),
    "B": account("b", jetstream=False),
    "SYS": {
        "users": [
            {"user": "sys", "password": "sys"},
            allowed("least", FIGURES + LINKS, ACCOUNTS),
            allowed("figures", FIGURES),
        ]
    },
}
SIZE = 2
POOL = 4  # route connections of a pair of servers, and one for the system account
NAMES = ("east", "west")


class Joined(Cluster):
    """A cluster with gateways, a pool of compressed routes, and a first server that takes leaf nodes."""

    gateways: list[tuple[Port, Proxy]]
    remotes: list[dict[str, Any]]
    leaf_port: Port

    async def _until_placing(self, replicas: int, deadline: float) -> None:
        """Both are one JetStream: two probes of one name at a time would be each other's."""
        if self.name == NAMES[0]:
            await super()._until_placing(replicas, deadline)

    def _configuration(self, number: int, server: Any) -> str:
        port, before = self.gateways[number]
        gateway = {
            "name": self.name,
            "listen": str(port),
            "advertise": before.address,
            "gateways": self.remotes,
        }
        lines = super()._configuration(number, server).splitlines()
        lines = [pooled(line) if line.startswith("cluster: ") else line for line in lines]
        lines.append(f"gateway: {json.dumps(gateway)}")
        if number == 0:
            lines.append(f'leafnodes: {{listen: "{self.leaf_port}"}}')
        return "\n".join([*lines, ""])


def pooled(line: str) -> str:
    settings = json.loads(line.removeprefix("cluster: "))
    more = {"pool_size": POOL, "compression": {"mode": "s2_fast"}}
    return f"cluster: {json.dumps(settings | more)}"


@dataclass
class SuperCluster:
    """`proxies` are those before the gateways of a cluster's servers, by the cluster's name."""

    east: Cluster
    west: Cluster
    leaf: Cluster
    proxies: dict[str, list[Proxy]]

    def cut(self, name: str) -> None:
        """Nobody reaches the gateways of this cluster any more; what it dialled itself stays."""
        for each in self.proxies[name]:
            each.partition()
            each.cut()

    def mend(self, name: str) -> None:
        for each in self.proxies[name]:
            each.heal()


@asynccontextmanager
async def supercluster(version: str, *, leaf_domain: str = "leaf") -> AsyncIterator[SuperCluster]:
    """An empty `leaf_domain` makes a leaf node without JetStream of its own."""
    binary = nats_server(version)
    async with AsyncExitStack() as stack:
        ports = {name: [Port() for _ in range(SIZE)] for name in NAMES}
        leaf_ports = {name: Port() for name in NAMES}
        for port in (*leaf_ports.values(), *(port for some in ports.values() for port in some)):
            stack.callback(port.release)
        proxies = {
            name: [await stack.enter_async_context(proxy(str(port))) for port in some]
            for name, some in ports.items()
        }
        remotes = [
            {"name": name, "urls": [f"nats://{one.address}" for one in some]}
            for name, some in proxies.items()
        ]
        made: list[Cluster] = []
        for name in NAMES:
            cluster = Joined(
                SIZE, accounts=USERS, domain="hub", name=name, prefix=name, binary=binary
            )
            cluster.gateways = list(zip(ports[name], proxies[name], strict=True))
            cluster.remotes, cluster.leaf_port = remotes, leaf_ports[name]
            made.append(cluster)
            stack.callback(cluster.close)
        # Neither is ready without the other: the meta group is one.
        await asyncio.gather(*(cluster.__aenter__() for cluster in made))
        url = f"nats://{{0}}:{{0}}@{leaf_ports['east']}"
        remote = [{"url": url.format(user), "account": user.upper()} for user in ("a", "b")]
        leaf = Cluster(
            1,
            accounts={name: account(name.lower(), jetstream=bool(leaf_domain)) for name in "AB"},
            domain=leaf_domain or None,
            prefix="leaf",
            binary=binary,
            extra=f"leafnodes: {json.dumps({'remotes': remote})}",
        )
        await stack.enter_async_context(leaf)
        yield SuperCluster(*made, leaf, proxies)


async def traffic(joined: SuperCluster) -> None:
    """Messages from the west, through the east, to the leaf node: each link carries some of each account's."""
    for user, count in (("a", 30), ("b", 70)):
        async with (
            await nats.connect(joined.west.urls_for(user)) as far,
            await nats.connect(joined.leaf.urls_for(user)) as near,
        ):
            inbox = await near.subscribe("links.there")
            back = await far.subscribe("links.back")
            await near.flush()

            await interested(far, "links.there", inbox)
            await interested(near, "links.back", back)
            for _ in range(count):
                await far.publish("links.there", b"x" * 100)
                await near.publish("links.back", b"x" * 10)
            await far.flush()
            await near.flush()
            for _ in range(count):  # what has arrived is counted by all links on its way
                await back.next_msg(timeout=5)
                await inbox.next_msg(timeout=5)


async def interested(sender: Client, subject: str, inbox: Subscription) -> None:
    """Until what is sent on the subject arrives: each link has to learn who wants it."""

    async def arrives() -> bool:
        await sender.publish(subject, b"x" * 100)
        try:
            await inbox.next_msg(timeout=0.2)
        except TimeoutError:
            return False
        return True

    await eventually(f"the interest in {subject} over all links", arrives)
