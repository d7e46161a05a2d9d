"""The other exporters, run on one cluster with a workload that has every kind of object."""

from __future__ import annotations

import os
import shutil
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import nats
from nats.js.api import ConsumerConfig, StreamConfig, StreamSource
from tests.support.ports import free_ports

from jetstream_exporter.demo.child import Child
from jetstream_exporter.demo.cluster import Cluster
from jetstream_exporter.demo.create import create_consumer, create_stream
from jetstream_exporter.demo.publish import publish

PROGRAMS = {
    "prometheus-nats-exporter": "PROMETHEUS_NATS_EXPORTER",
    "nats-surveyor": "NATS_SURVEYOR",
}
ENDPOINTS = ["-accstatz", "-connz", "-routez", "-subz", "-varz", "-healthz", "-jsz=all"]


def program(name: str) -> str | None:
    return shutil.which(os.environ.get(PROGRAMS[name], name))


@asynccontextmanager
async def peers(cluster: Cluster, folder: Path) -> AsyncIterator[dict[str, list[str]]]:
    """The addresses of /metrics of each of them, by flavour: three of one a server, and one of the other."""
    pne, surveyor = program("prometheus-nats-exporter"), program("nats-surveyor")
    assert pne is not None
    assert surveyor is not None
    ports = iter(free_ports(2 * cluster.size + 1))
    found: dict[str, list[str]] = {"pne": [], "pne-helm": [], "surveyor": []}
    children = []
    for flavour, flags in (("pne", []), ("pne-helm", ["-prefix=nats", "-use_internal_server_id"])):
        for server in cluster:
            port = next(ports)
            argv = [pne, "-addr=127.0.0.1", f"-port={port}", *ENDPOINTS, *flags, server.monitor_url]
            children.append(
                Child(f"{flavour}-{server.name}", argv, folder / f"{flavour}-{port}.log")
            )
            found[flavour].append(f"http://127.0.0.1:{port}/metrics")
    port = next(ports)
    login = [
        f"--servers={cluster[0].url}",
        "--user=sys",
        "--password=sys",
        f"--count={cluster.size}",
    ]
    more = ["--jsz=all", "--accounts"]
    argv = [surveyor, "--addr=127.0.0.1", f"--port={port}", *login, *more]
    children.append(Child("surveyor", argv, folder / "surveyor.log"))
    found["surveyor"].append(f"http://127.0.0.1:{port}/metrics")
    try:
        for child in children:
            child.spawn()
        yield found
    finally:
        for child in children:
            child.kill_now()


async def said(session: aiohttp.ClientSession, urls: Iterable[str]) -> str:
    """What several exporters of one kind say, one after the other."""
    texts = []
    for url in urls:
        async with session.get(url, timeout=aiohttp.ClientTimeout(30)) as answer:
            answer.raise_for_status()
            texts.append(await answer.text())
    return "".join(texts)


async def workload(cluster: Cluster) -> None:
    """Every kind of object that they have a series for, at rest afterwards."""
    nc = await nats.connect(cluster.urls)
    js = nc.jetstream(timeout=20)
    await create_stream(
        js, StreamConfig(name="ORDERS", subjects=["o.>"], num_replicas=3, max_bytes=10**6)
    )
    await create_stream(
        js, StreamConfig(name="ONE", subjects=["one.>"], storage="memory", max_msgs=100)
    )
    await create_stream(js, name="MIRROR", mirror=StreamSource(name="ORDERS"))
    await create_stream(js, name="SOURCED", sources=[StreamSource(name="ORDERS")])
    for stream in ("ORDERS", "ONE"):
        await create_consumer(
            js, stream, ConsumerConfig(durable_name="pull", ack_policy="explicit", ack_wait=3600)
        )
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
    await nc.close()
