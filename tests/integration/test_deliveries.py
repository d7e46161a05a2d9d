"""Deliveries counted by the client that got them, against what the events gave the exporter."""

import asyncio
import random
from collections import Counter, defaultdict
from collections.abc import Iterable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field

import nats
import nats.errors
import pytest
from nats.aio.msg import Msg
from nats.js import JetStreamContext
from nats.js.api import ConsumerConfig
from scripts.versions import EXTREMES
from tests.support.closing import closing
from tests.support.exporter import eventually
from tests.support.tools import nats_server

from jetstream_exporter.config.nats import Advisories, Hot
from jetstream_exporter.demo.cluster import Cluster, account
from jetstream_exporter.demo.create import create_consumer, create_stream
from jetstream_exporter.demo.publish import publish
from jetstream_exporter.report import EventCounts, ScrapeRequest
from jetstream_exporter.sources.advisories.event_counter import EventCounter
from jetstream_exporter.sources.advisories.source import AdvisoriesSource

MESSAGES = 30
ACK_WAIT = 2  # seconds
LIMITS = {"five": 5, "endless": None}  # max_deliver by consumer
EVERYTHING: list[Hot] = ["naks", "acks"]


@dataclass
class Oracle:
    """What one client did with each message of one consumer, delivery by delivery."""

    limit: int | None
    deliveries: dict[int, int] = field(default_factory=lambda: defaultdict(int))
    last: dict[int, str] = field(default_factory=dict)
    answers: Counter[str] = field(default_factory=Counter)

    async def answer(self, message: Msg, dice: random.Random) -> None:
        sequence = message.metadata.sequence.stream
        self.deliveries[sequence] += 1
        assert message.metadata.num_delivered == self.deliveries[sequence]
        tired = self.limit is None and self.deliveries[sequence] > 8
        choices = ["ack", "term"] if tired else ["ack", "term", *["nak"] * 6, "silence"]
        answer = dice.choice(choices)
        match answer:
            case "ack":
                await message.ack_sync(timeout=10)
            case "term":
                await message.term()
            case "nak":
                await message.nak()
        self.answers[answer] += 1
        self.last[sequence] = answer

    def given_up(self) -> list[int]:
        return [
            sequence
            for sequence, count in self.deliveries.items()
            if count == self.limit and self.last[sequence] in ("nak", "silence")
        ]

    def is_done(self) -> bool:
        done = sum(answer in ("ack", "term") for answer in self.last.values())
        return done + len(self.given_up()) == MESSAGES

    def excess(self, after: int, sequences: Iterable[int]) -> int:
        return sum(max(0, self.deliveries[sequence] - after) for sequence in sequences)

    def ended_by_server_or_client(self) -> list[int]:
        """Those whose end is told even where NAKs and acknowledgements are not listened to."""
        return [*self.given_up(), *(s for s, answer in self.last.items() if answer == "term")]


async def consume(js: JetStreamContext, name: str, oracle: Oracle, dice: random.Random) -> None:
    subscription = await js.pull_subscribe_bind(consumer=name, stream="S")
    while True:
        try:
            # One at a time: an answer that comes after the redelivery would be another's.
            (message,) = await subscription.fetch(1, timeout=1.5 * ACK_WAIT)
            await oracle.answer(message, dice)
        except (nats.errors.TimeoutError, TimeoutError):
            if oracle.is_done():  # and pulled once more, which tells the server of the last ones
                return


class Listener:
    """Listens with one setting, and adds up what it is given."""

    def __init__(self, urls: list[str], hot: list[Hot], after: int) -> None:
        settings = Advisories(urls=urls, hot=hot, excess_after=after)
        self.source = AdvisoriesSource(settings, "here", "", EventCounter())
        self.hot, self.after = hot, after
        self.counts: dict[str, Counter[str]] = defaultdict(Counter)

    async def take(self) -> None:
        deadline = asyncio.get_running_loop().time() + 10
        (outcome,) = await self.source.ask(ScrapeRequest(deadline, with_config=False))
        assert outcome.error is None
        assert outcome.events is not None
        for key, event in outcome.events.take().objects.items():
            self.counts[key[-1]].update(numbers(event))

    async def close(self) -> None:
        await self.source.close()

    def expected(self, oracle: Oracle) -> Counter[str]:
        told = oracle.last if self.hot else oracle.ended_by_server_or_client()
        return +Counter(
            max_deliveries=len(oracle.given_up()),
            terminations=oracle.answers["term"],
            naks=oracle.answers["nak"] if self.hot else 0,
            acks=oracle.answers["ack"] if self.hot else 0,
            excess=oracle.excess(self.after, told),
        )


def numbers(event: EventCounts) -> dict[str, int | None]:
    return {
        "max_deliveries": event.max_deliveries,
        "terminations": event.terminations,
        "naks": event.naks,
        "acks": sum(event.ack_times.counts) if event.ack_times else 0,
        "excess": event.excess,
    }


@pytest.mark.parametrize("version", EXTREMES)
async def test_excess_deliveries_are_those_that_a_client_counted(version: str) -> None:
    dice = random.Random(6)
    async with AsyncExitStack() as stack:
        enter = stack.enter_async_context
        cluster = await enter(
            Cluster(size=1, accounts={"A": account("a")}, binary=nats_server(version))
        )
        nc = await enter(await nats.connect(cluster.urls_for("a")))
        listeners = [
            await enter(closing(Listener(cluster.urls, hot, after)))
            for hot, after in ((EVERYTHING, 3), (EVERYTHING, 1), ([], 3))
        ]
        js = nc.jetstream(timeout=20)
        await create_stream(js, name="S", subjects=["s"])
        for listener in listeners:
            await listener.take()
        for _ in range(MESSAGES):
            await publish(js, "s", b"")
        for life in range(2):  # a consumer made anew begins anew
            oracles = {name: Oracle(limit) for name, limit in LIMITS.items()}
            for name, limit in LIMITS.items():
                config = ConsumerConfig(
                    durable_name=name,
                    ack_policy="explicit",
                    ack_wait=ACK_WAIT,
                    max_deliver=limit or -1,
                    sample_freq="100",
                )
                await create_consumer(js, "S", config)
            work = [consume(js, name, oracle, dice) for name, oracle in oracles.items()]
            await asyncio.gather(*work)
            assert oracles["endless"].excess(3, oracles["endless"].last) > 10
            for listener in listeners:
                expected = {name: listener.expected(oracle) for name, oracle in oracles.items()}

                async def is_told(
                    listener: Listener = listener,
                    expected: dict[str, Counter[str]] = expected,
                ) -> bool:
                    await listener.take()
                    return {name: +listener.counts[name] for name in expected} == expected

                await eventually(f"life {life}, {listener.after}: {expected}", is_told)
                listener.counts.clear()
            for name in LIMITS:
                await js.delete_consumer("S", name)
