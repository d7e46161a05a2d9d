"""The work of `bench.lag_truth`: streams of several kinds, consumers that are late in several ways, and the truth."""

from __future__ import annotations

import asyncio
import contextlib
import json
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

import nats.errors
from nats.js.api import ConsumerConfig, RetentionPolicy, StorageType, StreamConfig, StreamSource

from jetstream_exporter.demo.create import create_stream

if TYPE_CHECKING:
    import random

    from nats.aio.client import Client

PAUSE = 0.3  # seconds between two scrapes, beside the work
SUBJECTS = "abcdefgh"


@dataclass(frozen=True, slots=True)
class Worked:
    """A consumer, how it is called in the table, and what it wants."""

    stream: str
    name: str
    kind: str
    wants: str | None = None
    redelivers: bool = False
    takes: float = 0.3  # in which share of the rounds


CONSUMERS = (
    Worked("PLAIN", "all", "no filter"),
    Worked("PLAIN", "few", "filter, 1 of 8 matches", "plain.a"),
    Worked("PLAIN", "half", "filter, 4 of 8 match", "plain.[a-d]"),
    Worked("PLAIN", "again", "no filter, redeliveries", redelivers=True),
    Worked("PLAIN", "again-few", "filter, redeliveries", "plain.b", redelivers=True),
    Worked("FULL", "slow", "limit of messages, no filter", takes=0.1),
    Worked("FULL", "slow-few", "limit of messages, filter", "full.a", takes=0.1),
    Worked("KEYS", "all", "one message a subject, no filter", takes=0.1),
    Worked("KEYS", "few", "one message a subject, filter", "keys.a", takes=0.1),
    Worked("WORK", "all", "work queue"),
    Worked("COPY", "all", "mirror, no filter"),
    Worked("COPY", "few", "mirror, filter", "plain.c"),
)


class Workload:
    def __init__(self, client: Client, dice: random.Random) -> None:
        self.consumers = CONSUMERS
        self._client = client
        self._jetstream = client.jetstream(timeout=10)
        self._dice = dice

    async def prepare(self) -> None:
        memory = StorageType.MEMORY
        streams = (
            StreamConfig(name="PLAIN", subjects=["plain.*"], storage=memory),
            StreamConfig(name="FULL", subjects=["full.*"], storage=memory, max_msgs=40),
            StreamConfig(name="KEYS", subjects=["keys.*"], storage=memory, max_msgs_per_subject=1),
            StreamConfig(
                name="WORK",
                subjects=["work.*"],
                storage=memory,
                retention=RetentionPolicy.WORK_QUEUE,
            ),
            StreamConfig(name="COPY", storage=memory, mirror=StreamSource(name="PLAIN")),
        )
        for config in streams:
            await create_stream(self._jetstream, config)
        for each in self.consumers:
            await self._add(each)

    async def _add(self, each: Worked) -> None:
        config = ConsumerConfig(durable_name=each.name, ack_wait=60, max_ack_pending=-1)
        if each.wants is not None and "[" in each.wants:
            config.filter_subjects = [f"plain.{letter}" for letter in "abcd"]
        else:
            config.filter_subject = each.wants
        await self._jetstream.add_consumer(each.stream, config)

    async def some(self) -> None:
        """A burst, a few messages or none; then some consumers take what they want of it."""
        for stream in ("plain", "full", "keys", "work"):
            for _ in range(self._dice.choice([0, 0, 1, 3, 12])):
                await self._client.publish(f"{stream}.{self._dice.choice(SUBJECTS)}", b"x")
        await self._client.flush()
        for each in self.consumers:
            if self._dice.random() < each.takes:
                await self._take(each)
        await asyncio.sleep(0.1)  # acknowledgements are processed, and the mirror has its copies

    async def _take(self, each: Worked) -> None:
        subscription = await self._jetstream.pull_subscribe_bind(each.name, each.stream)
        with contextlib.suppress(nats.errors.TimeoutError, TimeoutError):
            for message in await subscription.fetch(self._dice.choice([1, 3, 8]), timeout=0.2):
                if each.redelivers and self._dice.random() < 0.5:
                    await message.nak()
                else:
                    await message.ack()
        await subscription.unsubscribe()

    async def oldest_pending(self, each: Worked) -> float | None:
        """When the first message that the consumer was not given yet was stored; None if there is none."""
        info = await self._ask(f"$JS.API.CONSUMER.INFO.{each.stream}.{each.name}")
        if not info["num_pending"]:
            return None
        above = info["delivered"]["stream_seq"] + 1
        wants = [each.wants or ">"]
        if "[" in wants[0]:
            wants = [f"plain.{letter}" for letter in "abcd"]
        times = [await self._stored(each.stream, above, subject) for subject in wants]
        return min((time for time in times if time is not None), default=None)

    async def _stored(self, stream: str, above: int, subject: str) -> float | None:
        body = {"seq": above, "next_by_subj": subject}
        said = await self._ask(f"$JS.API.STREAM.MSG.GET.{stream}", body)
        if "message" not in said:
            return None
        return datetime.fromisoformat(said["message"]["time"]).timestamp()

    async def _ask(self, subject: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        answer = await self._client.request(
            subject, json.dumps(body).encode() if body else b"", timeout=10
        )
        said: dict[str, Any] = json.loads(answer.data)
        return said
