"""Where the exporters run beside each other: real servers with every kind of object that theirs have a series for."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass

import nats
import pytest
from nats.js.api import ConsumerConfig, StreamConfig, StreamSource
from scripts.versions import NEWEST
from tests.support.exporter import eventually
from tests.support.supercluster import supercluster, traffic

from jetstream_exporter.demo.cluster import Cluster, account
from jetstream_exporter.demo.create import create_consumer, create_stream
from jetstream_exporter.demo.publish import publish
from jetstream_exporter.demo.server import Server


@dataclass(frozen=True, slots=True)
class Place:
    """`servers` have a prometheus-nats-exporter each; the system account of the first reaches `surveyed` of them."""

    servers: Sequence[Server]
    surveyed: int

    @property
    def monitor_urls(self) -> list[str]:
        return [server.monitor_url for server in self.servers]


@asynccontextmanager
async def one_cluster() -> AsyncIterator[Place]:
    """Three servers, an account with streams and one with limits."""
    limits = {"max_mem": 1 << 20, "max_file": 1 << 30}
    accounts = {"APP": account("app"), "B": {**account("b"), "jetstream": limits}}
    async with limited_memory(), Cluster(name="east", accounts=accounts) as cluster:
        await workload(cluster.urls, replicas=3)
        await cluster[0].ask(
            "/accountz"
        )  # nobody else asks, and a server counts only what was asked
        yield Place(cluster.servers, cluster.size)


@asynccontextmanager
async def limited_memory() -> AsyncIterator[None]:
    """What is started meanwhile has the limit of Go's memory that varz reports."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GOMEMLIMIT", "2GiB")
        yield


@asynccontextmanager
async def joined_clusters() -> AsyncIterator[Place]:
    """Two clusters of two servers that gateways join, with pools of routes, and a leaf node of two accounts.

    The leaf node has no JetStream, since theirs does not tell an account of the hub from one of its name elsewhere.
    """
    async with supercluster(NEWEST, leaf_domain="") as joined:
        hub = [*joined.east, *joined.west]

        async def are_joined() -> bool:
            said = [await server.ask("/gatewayz") for server in hub]
            return all(one["outbound_gateways"] for one in said)

        await eventually("the gateways", are_joined, deadline=60)
        await workload(joined.east.urls_for("a"), replicas=2)
        await traffic(joined)
        yield Place([*hub, *joined.leaf], len(hub))


PLACES: dict[str, Callable[[], AbstractAsyncContextManager[Place]]] = {
    "cluster": one_cluster,
    "supercluster": joined_clusters,
}


async def workload(urls: list[str], replicas: int) -> None:
    """Every kind of JetStream object that they have a series for, at rest afterwards."""
    async with await nats.connect(urls) as nc:
        js = nc.jetstream(timeout=20)
        orders = StreamConfig(name="ORDERS", subjects=["o.>"], max_bytes=10**6)
        await create_stream(js, orders, num_replicas=replicas)
        await create_stream(
            js, StreamConfig(name="ONE", subjects=["one.>"], storage="memory", max_msgs=100)
        )
        await create_stream(js, name="MIRROR", mirror=StreamSource(name="ORDERS"))
        await create_stream(js, name="SOURCED", sources=[StreamSource(name="ORDERS")])
        pull = ConsumerConfig(durable_name="pull", ack_policy="explicit", ack_wait=3600)
        for stream in ("ORDERS", "ONE"):
            await create_consumer(js, stream, pull)
        push = ConsumerConfig(durable_name="push", ack_policy="explicit", deliver_subject="d")
        await create_consumer(js, "ORDERS", push)
        for number in range(50):
            await publish(js, f"o.{number}", b"x" * number)
            await publish(js, f"one.{number}", b"y")
        subscription = await js.pull_subscribe_bind("pull", "ORDERS")
        messages = await subscription.fetch(10, timeout=10)
        for message in messages[:6]:
            await message.ack_sync(timeout=10)
        await messages[6].nak(delay=3600)
