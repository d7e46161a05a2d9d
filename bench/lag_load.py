"""The load of `bench.lag_cost`: half of the consumers with a backlog, half of those with a filter."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import nats
from bench.load import AT_ONCE, MESSAGE, MESSAGES, NEXT, Progress, Size
from nats.js.api import AckPolicy, ConsumerConfig, StorageType, StreamConfig

from jetstream_exporter.demo.create import create_consumer, create_stream

if TYPE_CHECKING:
    from collections.abc import Coroutine

    from nats.aio.client import Client
    from nats.js import JetStreamContext

KINDS = 4  # a filtered backlog, another backlog, and two that have all that they want


def stream_name(stream: int) -> str:
    return f"lag-{stream:04}"


def consumer_name(consumer: int) -> str:
    return f"consumer-{consumer:03}"


async def make(url: str, size: Size) -> None:
    client = await nats.connect(url)
    jetstream = client.jetstream(timeout=60)
    try:
        await _all("streams", [_stream(jetstream, each) for each in range(size.streams)])
        await _all("consumers", [_consumer(jetstream, *pair) for pair in sorted(size.pairs())])
    finally:
        await client.close()


async def _stream(jetstream: JetStreamContext, stream: int) -> None:
    name, subjects = stream_name(stream), [f"lag.{stream}.*"]
    await create_stream(
        jetstream, StreamConfig(name=name, subjects=subjects, storage=StorageType.FILE)
    )
    for number in range(MESSAGES):
        await jetstream.publish(f"lag.{stream}.{'wanted' if number % 2 else 'other'}", MESSAGE)


async def _consumer(jetstream: JetStreamContext, stream: int, consumer: int) -> None:
    wants = (f"lag.{stream}.wanted", None, f"lag.{stream}.none", f"lag.{stream}.none")
    config = ConsumerConfig(
        durable_name=consumer_name(consumer),
        ack_policy=AckPolicy.EXPLICIT,
        ack_wait=3600,
        filter_subject=wants[consumer % KINDS],
    )
    await create_consumer(jetstream, stream_name(stream), config)


async def stir(client: Client, size: Size, number: int, *, moving: float) -> None:
    """Every stream gets a message, and this share of the backlogged consumers takes one."""
    for stream in range(size.streams):
        await client.publish(f"lag.{stream}.wanted", MESSAGE)
    await client.flush(timeout=60)
    backlogged = [pair for pair in sorted(size.pairs()) if pair[1] % KINDS < 2]
    every = round(1 / moving) if moving else 0
    taking = backlogged[number % every :: every] if every else []
    await _take(client, taking)


async def _take(client: Client, pairs: list[tuple[int, int]]) -> None:
    """A delivery keeps its stream's subject, so one subscription takes what all of them get."""
    inbox = client.new_inbox()
    deliveries = await client.subscribe(inbox)
    for stream, consumer in pairs:
        await client.publish(
            f"{NEXT}.{stream_name(stream)}.{consumer_name(consumer)}", b"1", reply=inbox
        )
    for _ in pairs:
        message = await deliveries.next_msg(timeout=60)
        await client.publish(message.reply, b"+ACK")
    await deliveries.unsubscribe()
    await client.flush(timeout=60)


async def _all(what: str, work: list[Coroutine[None, None, None]]) -> None:
    progress = Progress(what, len(work))
    waiting = iter(work)

    async def some() -> None:
        for each in waiting:
            await each
            progress.step()

    async with asyncio.TaskGroup() as group:
        for _ in range(AT_ONCE):
            group.create_task(some())
