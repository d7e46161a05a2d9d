"""Edge cases without a failure: names, limits and kinds of objects that are easily misread."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

from nats.js.api import AckPolicy, ConsumerConfig, DeliverPolicy, StreamSource
from scripts.record.camera import Camera, Said, consumers, leader, streams
from scripts.record.workload import jetstream, work

from jetstream_exporter.demo.create import create_consumer, create_stream
from jetstream_exporter.demo.publish import publish


async def all_zero(camera: Camera) -> None:
    async with jetstream(camera.cluster) as js:
        await create_stream(js, name="EMPTY", subjects=["empty"], num_replicas=3)
        await create_consumer(js, "EMPTY", ConsumerConfig(durable_name="idle"))
    await camera.must_catch(
        "empty", lambda said: leader(said) is not None and leader(said, consumers) is not None
    )


async def no_limits(camera: Camera) -> None:
    for user in ("app", "small"):
        async with jetstream(camera.cluster, user) as js:
            most, deliver = (4096, 3) if user == "small" else (-1, -1)
            await create_stream(js, name="S", subjects=["s"], max_bytes=most)
            await publish(js, "s", b"one")
            await create_consumer(js, "S", ConsumerConfig(durable_name="c", max_deliver=deliver))
    await camera.take("standalone")


UTF8 = ("Größe", 'say"cheese"', "{}", 'a="b",', "日本🐇", "#", "$x'`")


async def utf8_names(camera: Camera) -> None:
    async with jetstream(camera.cluster) as js:
        for number, name in enumerate(UTF8):
            await create_stream(js, name=name, subjects=[f"s{number}"])
            await create_consumer(js, name, ConsumerConfig(durable_name=name))
    await camera.take("standalone")


async def no_jetstream(camera: Camera) -> None:
    await camera.take("standalone")


async def mirror_and_source(camera: Camera) -> None:
    async with jetstream(camera.cluster) as js:
        for origin in ("ORIGIN", "OTHER", "GONE"):
            await create_stream(js, name=origin, subjects=[origin.lower()], num_replicas=3)
            for number in range(10):
                await publish(js, origin.lower(), f"{number}".encode())
        await create_stream(js, name="MIRROR", num_replicas=3, mirror=StreamSource(name="ORIGIN"))
        both = [StreamSource(name="ORIGIN"), StreamSource(name="OTHER")]
        await create_stream(js, name="GATHERED", num_replicas=3, sources=both)
        await create_stream(js, name="ORPHAN", mirror=StreamSource(name="GONE"))
        await camera.must_catch(
            "in-step", lambda said: copied(said) == {"MIRROR": 10, "GATHERED": 20, "ORPHAN": 10}
        )
        await js.delete_stream("GONE")
        await camera.must_catch("origin-gone", is_orphaned)


def copied(said: Said) -> dict[str, int]:
    return {
        stream["name"]: stream["state"]["messages"]
        for name, answers in said.items()
        for stream in streams(answers)
        if stream["cluster"].get("leader") == name and ("mirror" in stream or "sources" in stream)
    }


def is_orphaned(said: Said) -> bool:
    mirrors = [
        s["mirror"]
        for a in said.values()
        for s in streams(a)
        if s["name"] == "ORPHAN" and "mirror" in s
    ]
    return any(mirror["active"] > 31_000_000_000 or mirror["active"] < 0 for mirror in mirrors)


async def paused(camera: Camera) -> None:
    async with jetstream(camera.cluster) as js:
        await work(js, replicas=1)
        until = (datetime.now(UTC) + timedelta(days=1)).isoformat().replace("+00:00", "Z")
        body = json.dumps({"pause_until": until}).encode()
        await js._nc.request("$JS.API.CONSUMER.PAUSE.ORDERS.worker", body, timeout=10)
    await camera.take("standalone")


async def ephemerals(camera: Camera) -> None:
    async with jetstream(camera.cluster) as js:
        await work(js)
        for number in range(3):
            config = ConsumerConfig(
                inactive_threshold=600,
                ack_policy=AckPolicy.NONE,
                deliver_policy=DeliverPolicy.BY_START_SEQUENCE,
                opt_start_seq=1 + 5 * number,
            )
            await js.add_consumer("ORDERS", config)
    await camera.must_catch("three", lambda said: len(led(said)) == 4)


def led(said: Said) -> list[str]:
    return [
        c["name"]
        for name, a in said.items()
        for c in consumers(a)
        if c["cluster"].get("leader") == name
    ]
