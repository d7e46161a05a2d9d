"""Make the load: streams with durable pull consumers, each of which has received and acknowledged.

Every stream holds a few messages; every consumer was given two and acknowledged the first, so no
figure of it is zero or missing. `grow` adds to what is there, so one server serves several sizes,
and `stir` lets everyone work on, so that no scrape finds the figures of the one before.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

import nats
from nats.js.api import AckPolicy, ConsumerConfig, StorageType, StreamConfig

from jetstream_exporter.demo.create import create_consumer, create_stream

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from nats.aio.client import Client
    from nats.aio.msg import Msg

Item = TypeVar("Item")

AT_ONCE = 64
MESSAGES = 5
MESSAGE = b"x" * 64
NEXT = "$JS.API.CONSUMER.MSG.NEXT"


@dataclass(frozen=True, slots=True)
class Size:
    streams: int
    consumers_each: int

    @classmethod
    def parse(cls, text: str) -> Size:
        """Read `500x40`."""
        streams, cross, consumers = text.partition("x")
        if not (cross and streams.isdecimal() and consumers.isdecimal()):
            raise ValueError(f"{text!r} is not of the form STREAMSxCONSUMERS, such as 500x40")
        return cls(int(streams), int(consumers))

    @property
    def consumers(self) -> int:
        return self.streams * self.consumers_each

    def pairs(self) -> set[tuple[int, int]]:
        return {(s, c) for s in range(self.streams) for c in range(self.consumers_each)}

    def __str__(self) -> str:
        return f"{self.streams}x{self.consumers_each}"


def stream_name(stream: int) -> str:
    return f"load-{stream:04}"


def consumer_name(consumer: int) -> str:
    return f"consumer-{consumer:03}"


async def grow(url: str, have: Size, want: Size, storage: StorageType) -> None:
    client = await nats.connect(url)
    try:
        await _add_streams(client, range(have.streams, want.streams), storage)
        pairs = sorted(want.pairs() - have.pairs())
        await _add_consumers(client, pairs)
        await _work(client, pairs, take=2)
    finally:
        await client.close()


async def stir(url: str, size: Size) -> None:
    """Change what work changes: one more delivered and acknowledged, and one more pending."""
    client = await nats.connect(url)
    try:
        for stream in range(size.streams):
            await client.publish(f"load.{stream}", MESSAGE)
            await client.publish(f"load.{stream}", MESSAGE)
        await _work(client, sorted(size.pairs()), take=1, show=False)
    finally:
        await client.close()


async def _add_streams(client: Client, streams: Sequence[int], storage: StorageType) -> None:
    jetstream = client.jetstream(timeout=60)

    async def add(stream: int) -> None:
        name = stream_name(stream)
        config = StreamConfig(name=name, subjects=[f"load.{stream}"], storage=storage)
        await create_stream(jetstream, config)
        for _ in range(MESSAGES):
            await jetstream.publish(f"load.{stream}", MESSAGE)

    await _all("streams", add, streams)


async def _add_consumers(client: Client, pairs: list[tuple[int, int]]) -> None:
    jetstream = client.jetstream(timeout=60)

    async def add(pair: tuple[int, int]) -> None:
        stream, consumer = pair
        config = ConsumerConfig(
            durable_name=consumer_name(consumer), ack_policy=AckPolicy.EXPLICIT, ack_wait=3600
        )
        await create_consumer(jetstream, stream_name(stream), config)

    await _all("consumers", add, pairs)


async def _work(
    client: Client, pairs: list[tuple[int, int]], take: int, *, show: bool = True
) -> None:
    """Let every consumer receive so many messages and acknowledge all but the last."""
    waiting: dict[tuple[str, str], list[asyncio.Future[None]]] = {}

    async def receive(message: Msg) -> None:
        # A delivery keeps its stream's subject, so only its metadata says for whom it is.
        about = message.metadata
        await client.publish(before(message.reply))
        waiting[about.stream, about.consumer].pop().set_result(None)

    inbox = client.new_inbox()
    await client.subscribe(inbox, cb=receive)

    async def work(pair: tuple[int, int]) -> None:
        name = stream_name(pair[0]), consumer_name(pair[1])
        loop = asyncio.get_running_loop()
        deliveries = [loop.create_future() for _ in range(take)]
        waiting[name] = deliveries.copy()
        await client.publish(".".join((NEXT, *name)), str(take).encode(), reply=inbox)
        await asyncio.wait_for(asyncio.gather(*deliveries), timeout=60)

    await _all("consumers at work", work, pairs, show=show)


def before(acknowledgement: str) -> str:
    """The subject that acknowledges the delivery before the one that came with this subject.

    $JS.ACK.<stream>.<consumer>.<times delivered>.<stream seq>.<consumer seq>.<time>.<pending>: both
    sequences go up by one, since nobody else takes from this consumer. Of the first it is harmless.
    """
    parts = acknowledgement.split(".")
    parts[5], parts[6] = str(int(parts[5]) - 1), str(int(parts[6]) - 1)
    return ".".join(parts)


async def _all(
    what: str, do: Callable[[Item], Awaitable[None]], items: Sequence[Item], *, show: bool = True
) -> None:
    """Do all, AT_ONCE at a time, and show how far it is."""
    progress = Progress(what, len(items))
    waiting = iter(items)

    async def work() -> None:
        for item in waiting:
            await do(item)
            if show:
                progress.step()

    async with asyncio.TaskGroup() as group:
        for _ in range(AT_ONCE):
            group.create_task(work())


class Progress:
    """A line every second on a terminal, every ten seconds elsewhere, and one at the end."""

    def __init__(self, what: str, total: int) -> None:
        self.what, self.total, self.done = what, total, 0
        self.started = self.shown = time.monotonic()
        self.terminal = sys.stderr.isatty()

    def step(self) -> None:
        self.done += 1
        now = time.monotonic()
        if self.done == self.total or now - self.shown > (1 if self.terminal else 10):
            self.shown = now
            rate = self.done / max(now - self.started, 1e-3)
            line = f"  {self.what}: {self.done:,} of {self.total:,} ({rate:,.0f}/s)"
            end = "\r" if self.terminal and self.done < self.total else "\n"
            print(line, file=sys.stderr, end=end, flush=True)


def main(argv: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.load", description=__doc__)
    parser.add_argument("url", help="where clients connect, such as nats://user:password@host:4222")
    parser.add_argument("size", type=Size.parse, help="STREAMSxCONSUMERS, such as 500x40")
    parser.add_argument("--have", type=Size.parse, default=Size(0, 0), help="what is there already")
    parser.add_argument("--storage", choices=["file", "memory"], default="file")
    options = parser.parse_args(argv)
    storage = StorageType(options.storage)
    asyncio.run(grow(options.url, options.have, options.size, storage))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
