"""Replicas that hold different messages, on real servers: found when a block is damaged, and never in normal life."""

import asyncio
import os
from pathlib import Path
from typing import Any

import nats
import pytest
from nats.js import JetStreamContext
from nats.js.api import AckPolicy, ConsumerConfig
from scripts.versions import EXTREMES
from tests.support import sources
from tests.support.api import api
from tests.support.exporter import Exporter, exporter
from tests.support.tools import nats_server

from jetstream_exporter.demo.cluster import Cluster, account
from jetstream_exporter.demo.create import create_consumer, create_stream
from jetstream_exporter.demo.server import Server

DIVERGED = "jetstream_stream_replicas_diverged"
USERS = {"A": account("a")}
BLOCK = 8 * 2**20  # bytes that a block of a file store holds at most


async def fill(js: JetStreamContext, subject: str, count: int, size: int) -> None:
    for _ in range(count):
        await js.publish(subject, os.urandom(size))


async def state(server: Server, stream: str) -> dict[str, Any]:
    accounts = (await server.ask("/jsz?acc=A&streams=true"))["account_details"]
    details = [each for one in accounts for each in one["stream_detail"]]
    return next((each["state"] for each in details if each["name"] == stream), {})


def damage(store: Path, stream: str) -> None:
    """Overwrite a piece of the first block, and let the server read its blocks again."""
    folder = next(path for path in store.rglob("msgs") if path.parent.name == stream)
    with (folder / "1.blk").open("r+b") as block:
        block.seek(BLOCK // 4)
        block.write(bytes(BLOCK // 16))
    (folder / "index.db").unlink(missing_ok=True)


@pytest.mark.parametrize("version", EXTREMES)
async def test_a_damaged_block_of_a_replica_is_found_two_scrapes_after_both_name_one_sequence(
    version: str, tmp_path: Path
) -> None:
    async with (
        Cluster(accounts=USERS, binary=nats_server(version)) as cluster,
        await nats.connect(cluster.urls_for("a")) as nc,
    ):
        js = nc.jetstream(timeout=20)
        for name in ("HURT", "WELL"):
            await create_stream(js, name=name, subjects=[name], num_replicas=3)
        await fill(js, "HURT", 2 * BLOCK // 60_000, 60_000)
        await fill(js, "WELL", 10, 100)
        config = sources.settings(targets=cluster.monitor_urls)
        async with exporter(tmp_path, config=config) as running:
            samples = await running.until("both", lambda s: s.all(DIVERGED) == [0, 0])
            leaders = samples.labels("jetstream_stream_leader", "server", stream="HURT")
            hurt = next(server for server in cluster if server.name not in leaders)
            await hurt.kill()
            damage(hurt.store, "HURT")
            await hurt.start()
            await cluster.until_ready()
            await both_name_one_sequence(cluster, "HURT")
            samples = await running.until(
                "the third scrape that counts", lambda s: s.get(DIVERGED, stream="HURT") == 1
            )
            assert samples.get(DIVERGED, stream="WELL") == 0


async def both_name_one_sequence(cluster: Cluster, stream: str) -> None:
    """Until all servers hold the stream to one sequence, and no leader calls a replica behind."""
    async with asyncio.timeout(60):
        while True:
            states = [await state(server, stream) for server in cluster]
            healthy = [await server.ask("/healthz") for server in cluster]
            if all(one.get("status") == "ok" for one in healthy) and (
                len({each.get("last_seq") for each in states}) == 1
            ):
                return
            await asyncio.sleep(0.1)


@pytest.mark.parametrize("version", EXTREMES)
async def test_none_is_found_over_restarts_elections_purges_and_heavy_deletes(
    version: str, tmp_path: Path
) -> None:
    async with (
        Cluster(accounts=USERS, binary=nats_server(version)) as cluster,
        await nats.connect(cluster.urls_for("a")) as nc,
    ):
        js = nc.jetstream(timeout=20)
        limits: dict[str, dict[str, Any]] = {
            "WORK": {"retention": "workqueue"},
            "LIMITS": {"max_msgs": 200},
            "AGED": {"max_age": 2},
            "LATEST": {"max_msgs_per_subject": 1},
            "DELETED": {},
        }
        for name, more in limits.items():
            subjects = [name, f"{name}.*"]
            await create_stream(js, name=name, subjects=subjects, num_replicas=3, **more)
        config = sources.settings(targets=cluster.monitor_urls)
        async with exporter(tmp_path, config=config) as running:
            explicit = ConsumerConfig(durable_name="w", ack_policy=AckPolicy.EXPLICIT)
            await create_consumer(js, "WORK", explicit)
            over = asyncio.Event()
            worst = asyncio.create_task(worst_seen(running, over))
            busy = [asyncio.create_task(each) for each in (churn(js, over), consume(js, over))]
            for server in cluster:
                for name in limits:
                    await api(nc, f"STREAM.LEADER.STEPDOWN.{name}")
                await server.restart()
                await cluster.until_ready()
                await api(nc, "STREAM.PURGE.DELETED")
            over.set()
            await asyncio.gather(*busy)
            assert await worst == 0
            for _ in range(6):  # and at rest
                samples = await running.scrape()
            assert set(samples.all(DIVERGED)) == {0}


async def worst_seen(running: Exporter, over: asyncio.Event) -> float:
    worst = 0.0
    while not over.is_set():
        worst = max([worst, *(await running.scrape()).all(DIVERGED)])
    return worst


async def churn(js: JetStreamContext, over: asyncio.Event) -> None:
    """Publish to all, and delete most of what one stream holds; while a leader is elected both fail."""
    number = 0
    while not over.is_set():
        number += 1
        for name in ("WORK", "LIMITS", "AGED", f"LATEST.{number % 7}", "DELETED"):
            try:
                said = await js.publish(name, b"x" * (number % 300), timeout=1)
                if name == "DELETED" and number % 3:
                    await js.delete_msg("DELETED", said.seq)
            except (TimeoutError, nats.errors.Error, nats.js.errors.APIError):
                continue


async def consume(js: JetStreamContext, over: asyncio.Event) -> None:
    subscription = await js.pull_subscribe_bind("w", "WORK")
    while not over.is_set():
        try:
            for message in await subscription.fetch(20, timeout=1):
                await message.ack()
        except (TimeoutError, nats.errors.Error, nats.js.errors.APIError):
            continue
