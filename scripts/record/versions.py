"""Record one healthy cluster of a version, and its last server: every version is given the same work.

Of each of three servers its /varz and its /jsz with configurations and consumers are kept, and the /jsz of the one that
is left when two were killed. What the figures have to be is said in tests/unit/test_snapshot_recorded.py.
"""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import aiohttp
from nats.js import JetStreamContext
from nats.js.api import AckPolicy, ConsumerConfig, DeliverPolicy
from scripts.record.camera import Answer, Camera, Said, consumers, streams
from scripts.record.workload import fetched, jetstream

from jetstream_exporter.demo.cluster import GIB, Cluster, account
from jetstream_exporter.demo.create import create_consumer, create_stream
from jetstream_exporter.demo.publish import publish

MIB = 1 << 20
LAST = "/jsz?consumers=true&raft=true&limit=65536"
HEALTHY = f"{LAST}&config=true"
LOCAL = 6  # streams of one replica, two on each server
ACK_WAIT, SHORT_WAIT = 3.0, 1.0
MARGIN = 0.3  # seconds after an ack wait in which a server notices
# Of each consumer of R3: pending, ack pending and redelivered, as its leader says them.
EXPECTED = {"all": (70, 19, 14), "ex": (94, 1, 5), "fa": (25, 0, 0), "none": (100, 0, 0)}
ATTEMPTS = 5


class UnevenError(Exception):
    """The servers did not spread the local streams evenly."""


async def record_version(version: str, binary: Path, into: Path) -> list[Path]:
    """Write the files of one version into its folder below `into`, and return them."""
    for attempt in range(ATTEMPTS):
        try:
            files = await _recorded(version, binary)
        except UnevenError:
            if attempt == ATTEMPTS - 1:
                raise
        else:
            break
    folder = into / version
    folder.mkdir(parents=True, exist_ok=True)
    for name, answer in files.items():
        text = json.dumps(answer, ensure_ascii=False, indent=1)
        (folder / name).write_text(text, encoding="utf-8")
    return [folder / name for name in files]


async def _recorded(version: str, binary: Path) -> dict[str, Any]:
    label = version.replace(".", "_")
    timeout = aiohttp.ClientTimeout(total=5)
    async with (
        aiohttp.ClientSession(timeout=timeout) as http,
        Cluster(
            binary=binary,
            name=f"V{label}N",
            prefix=f"v{label}n",
            # The cluster tries its first account at its start; only the work is counted in APP.
            accounts={"APP2": account("app2"), "APP": account("app")},
            max_file_store=2 * GIB,
        ) as cluster,
    ):
        camera = Camera(cluster, http, HEALTHY)
        await _work(cluster)
        await camera.must_catch("healthy", is_done)
        said = camera.last()
        camera.jsz, left = LAST, cluster[0]
        if len([s for s in streams(said[left.name]) if s["name"] != "R3"]) != LOCAL // 3:
            raise UnevenError(
                "two local streams have to be on each server; record this version again"
            )
        for server in cluster:
            if server is not left:
                await server.kill()
        await camera.must_catch("survivor", lambda now: is_lost(now[left.name]))
        alone = camera.last()[left.name]["jsz"]
    files = {}
    for number, answers in enumerate(said.values(), 1):
        files[f"varz_{number}.json"] = answers["varz"]
        files[f"jsz_{number}.json"] = answers["jsz"]
    return files | {"jsz_noquorum_survivor.json": alone}


async def _work(cluster: Cluster) -> None:
    async with jetstream(cluster) as js:
        await create_stream(
            js, name="R3", subjects=["r3.>"], num_replicas=3, max_bytes=64 * MIB, max_age=0
        )
        for number in range(100):
            await publish(js, "r3.b" if number % 4 else "r3.a", b"x" * 100)
        for number in range(LOCAL):
            name, subject = f"R1_{number}", f"r1.{number}"
            await create_stream(js, name=name, subjects=[f"{subject}.>"], max_bytes=4 * MIB)
            for _ in range(10):
                await publish(js, f"{subject}.x", b"x")
            await create_consumer(js, name, _settings("c"))
        for config in (
            _settings("all"),
            _settings("fa", filter_subject="r3.a"),
            _settings("r1c", num_replicas=1),
            ConsumerConfig(
                name="none",
                durable_name="none",
                ack_policy=AckPolicy.NONE,
                deliver_policy=DeliverPolicy.ALL,
            ),
            _settings("ex", ack_wait=SHORT_WAIT, max_deliver=2),
        ):
            await create_consumer(js, "R3", config)
        await asyncio.gather(_redeliver(js), _exhaust(js))


def _settings(name: str, **more: Any) -> ConsumerConfig:
    settings: dict[str, Any] = {
        "name": name,
        "durable_name": name,
        "ack_policy": AckPolicy.EXPLICIT,
        "deliver_policy": DeliverPolicy.ALL,
        "ack_wait": ACK_WAIT,
        "max_deliver": 5,
        "max_ack_pending": 1000,
    }
    return ConsumerConfig(**settings | more)


async def _redeliver(js: JetStreamContext) -> None:
    """30 messages delivered and 10 acknowledged; then 15 once more, and the first of these is acknowledged."""
    subscription = await js.pull_subscribe_bind("all", "R3")
    for message in (await fetched(subscription, 30))[:10]:
        await message.ack_sync()
    await asyncio.sleep(ACK_WAIT + MARGIN)
    again = await fetched(subscription, 15)
    await again[0].ack_sync()
    await subscription.unsubscribe()


async def _exhaust(js: JetStreamContext) -> None:
    """Five messages that were delivered as often as they may, and another one after them."""
    subscription = await js.pull_subscribe_bind("ex", "R3")
    for number in (5, 5, 1):
        await fetched(subscription, number)
        await asyncio.sleep(SHORT_WAIT + MARGIN)
    await subscription.unsubscribe()


def is_done(said: Said) -> bool:
    """All figures are there, on servers that are well, and no follower is behind."""
    if any(not answers["varz"] or not answers["jsz"] for answers in said.values()):
        return False
    if any(not v or v["status"] != 200 for answers in said.values() for v in answers["healthz"]):
        return False
    found = {
        row["name"]: tuple(
            row.get(field, 0) for field in ("num_pending", "num_ack_pending", "num_redelivered")
        )
        for name, answers in said.items()
        for row in consumers(answers)
        if row["stream_name"] == "R3" and row["cluster"].get("leader") == name
    }
    led = [s for n, a in said.items() for s in streams(a) if s["cluster"].get("leader") == n]
    peers = [peer for stream in led for peer in stream["cluster"].get("replicas") or []]
    return (
        found.items() >= EXPECTED.items()
        and len(led) == LOCAL + 1
        and all(peer["current"] and not peer.get("lag") for peer in peers)
    )


def is_lost(answers: Answer) -> bool:
    """The server knows that nobody leads what it shares with the dead ones, the meta group included."""
    if not answers["jsz"]:
        return False
    groups = [item["cluster"] for item in [*streams(answers), *consumers(answers)]]
    replicated = [group for group in groups if group.get("raft_group")]
    followed = [group for group in replicated if group.get("replicas")]
    meta = answers["jsz"].get("meta_cluster") or {}
    return bool(followed) and not meta.get("leader") and not any(g.get("leader") for g in followed)
