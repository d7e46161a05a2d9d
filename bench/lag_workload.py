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
    """A consumer, how it is called in the table, and what it wants: the subjects that end with one of these letters."""

    stream: str
    name: str
    kind: str
    wants: str = ""
    redelivers: bool = False
    takes: float = 0.3  # in which share of the rounds

    @property
    def subjects(self) -> list[str]:
        """Its filter; empty where it has none. The mirror has the subjects of its origin."""
        prefix = "plain" if self.stream == "COPY" else self.stream.lower()
        return [f"{prefix}.{letter}" for letter in self.wants]


CONSUMERS = (
    Worked("PLAIN", "all", "no filter"),
    Worked("PLAIN", "few", "filter, 1 of 8 matches", "a"),
    Worked("PLAIN", "half", "filter, 4 of 8 match", "abcd"),
    Worked("PLAIN", "again", "no filter, redeliveries", redelivers=True),
    Worked("PLAIN", "again-few", "filter, redeliveries", "b", redelivers=True),
    Worked("FULL", "slow", "limit of messages, no filter", takes=0.1),
    Worked("FULL", "slow-few", "limit of messages, filter", "a", takes=0.1),
    Worked("KEYS", "all", "one message a subject, no filter", takes=0.1),
    Worked("KEYS", "few", "one message a subject, filter", "a", takes=0.1),
    Worked("WORK", "all", "work queue, no filter"),
    Worked("JOBS", "slow", "work queue, filter, slow", "a", takes=0.05),
    Worked("JOBS", "rest", "work queue, filter, fast", "bcdefgh", takes=0.7),
    Worked("SHARE", "slow", "interest, filter, slow", "a", takes=0.05),
    Worked("SHARE", "rest", "interest, filter, fast", "abcd", takes=0.7),
    Worked("SHARE", "all", "interest, no filter", takes=0.5),
    Worked("COPY", "all", "mirror, no filter"),
    Worked("COPY", "few", "mirror, filter", "c"),
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
            *(
                StreamConfig(
                    name=name, subjects=[f"{name.lower()}.*"], storage=memory, retention=retention
                )
                for name, retention in (
                    ("WORK", RetentionPolicy.WORK_QUEUE),
                    ("JOBS", RetentionPolicy.WORK_QUEUE),
                    ("SHARE", RetentionPolicy.INTEREST),
                )
            ),
            StreamConfig(name="COPY", storage=memory, mirror=StreamSource(name="PLAIN")),
        )
        for config in streams:
            await create_stream(self._jetstream, config)
        for each in self.consumers:
            await self._add(each)

    async def _add(self, each: Worked) -> None:
        config = ConsumerConfig(durable_name=each.name, ack_wait=60, max_ack_pending=-1)
        if len(each.subjects) > 1:
            config.filter_subjects = each.subjects
        elif each.subjects:
            (config.filter_subject,) = each.subjects
        await self._jetstream.add_consumer(each.stream, config)

    async def some(self) -> None:
        """A burst, a few messages or none; then some consumers take what they want of it."""
        for stream in ("plain", "full", "keys", "work", "jobs", "share"):
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

    async def oldest_pending(self, each: Worked) -> tuple[float, int] | None:
        """When the first message that the consumer was not given yet was stored, and its sequence."""
        info = await self._ask(f"$JS.API.CONSUMER.INFO.{each.stream}.{each.name}")
        if not info["num_pending"]:
            return None
        above = info["delivered"]["stream_seq"] + 1
        wants = each.subjects or [">"]
        found = [await self._stored(each.stream, above, subject) for subject in wants]
        return min((one for one in found if one is not None), default=None)

    async def _stored(self, stream: str, above: int, subject: str) -> tuple[float, int] | None:
        body = {"seq": above, "next_by_subj": subject}
        said = await self._ask(f"$JS.API.STREAM.MSG.GET.{stream}", body)
        if "message" not in said:
            return None
        message = said["message"]
        return datetime.fromisoformat(message["time"]).timestamp(), message["seq"]

    async def _ask(self, subject: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        answer = await self._client.request(
            subject, json.dumps(body).encode() if body else b"", timeout=10
        )
        said: dict[str, Any] = json.loads(answer.data)
        return said
