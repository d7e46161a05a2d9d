"""The age of what waits, against the time that the server itself gives each message."""

import asyncio
import json
import random
from datetime import datetime
from pathlib import Path
from typing import Any

import nats
import nats.errors
import pytest
from nats.aio.client import Client
from nats.js import JetStreamContext
from nats.js.api import ConsumerConfig, StreamConfig
from scripts.versions import EXTREMES
from tests.support.exporter import Samples, exporter
from tests.support.tools import nats_server

from jetstream_exporter.demo.cluster import Cluster
from jetstream_exporter.demo.create import create_stream

ROUNDS = 15
FILTERS = {"all": "s.*", "few": "s.a"}
OLDEST = "jetstream_consumer_oldest_pending_timestamp_seconds"
UNFINISHED = "jetstream_consumer_oldest_unacknowledged_timestamp_seconds"
ERROR = "jetstream_consumer_oldest_pending_error_seconds"


async def asked(nc: Client, subject: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
    answer = await nc.request(subject, json.dumps(body).encode() if body else b"", timeout=5)
    said: dict[str, Any] = json.loads(answer.data)
    return said


async def stored(nc: Client, above: int, subject: str) -> float | None:
    """When the first message above this sequence was stored, by STREAM.MSG.GET."""
    said = await asked(nc, "$JS.API.STREAM.MSG.GET.S", {"seq": above + 1, "next_by_subj": subject})
    if "message" not in said:
        return None
    return datetime.fromisoformat(said["message"]["time"]).timestamp()


async def work(js: JetStreamContext, dice: random.Random) -> None:
    """Some messages come, some are taken, and of those some are acknowledged."""
    for _ in range(dice.choice([0, 1, 4])):
        await js.publish(f"s.{dice.choice('abc')}", b"x")
        await asyncio.sleep(dice.random() / 10)
    name = dice.choice(list(FILTERS))
    subscription = await js.pull_subscribe_bind(name, "S")
    try:
        for message in await subscription.fetch(dice.choice([1, 2]), timeout=0.3):
            if dice.random() < 0.6:
                await message.ack_sync(timeout=5)
    except (nats.errors.TimeoutError, TimeoutError):
        pass  # nothing was waiting
    await subscription.unsubscribe()


async def compare(nc: Client, samples: Samples, name: str) -> int:
    """How many figures were compared. None may say that a message is older than it is."""
    info = await asked(nc, f"$JS.API.CONSUMER.INFO.S.{name}")
    compared = 0
    for family, position in ((OLDEST, "delivered"), (UNFINISHED, "ack_floor")):
        truth = await stored(nc, info[position]["stream_seq"], FILTERS[name])
        said = samples.get(family, consumer=name)
        if truth is None or said is None:
            continue
        compared += 1
        assert said >= truth - 1e-5, f"{family} of {name} is {truth - said} s too early"
        width = samples.get(ERROR, consumer=name)
        if family == OLDEST and width is not None:
            assert said - width <= truth + 1e-5
    return compared


@pytest.mark.parametrize("version", EXTREMES)
async def test_no_message_is_said_to_be_older_than_it_is(version: str, tmp_path: Path) -> None:
    dice = random.Random(version)
    async with Cluster(size=1, binary=nats_server(version)) as cluster:
        config = {
            "clusters": [{"targets": cluster.monitor_urls}],
        }
        async with await nats.connect(cluster.urls) as nc:
            js = nc.jetstream()
            await create_stream(js, StreamConfig(name="S", subjects=["s.*"]))
            for name, subject in FILTERS.items():
                wanted = None if name == "all" else subject
                await js.add_consumer(
                    "S", ConsumerConfig(durable_name=name, filter_subject=wanted, ack_wait=60)
                )
            compared = 0
            async with exporter(tmp_path, config=json.dumps(config)) as watching:
                for _ in range(ROUNDS):
                    await work(js, dice)
                    samples = await watching.scrape()
                    for name in FILTERS:
                        compared += await compare(nc, samples, name)
    assert compared > ROUNDS
