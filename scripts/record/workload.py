"""The stream and the consumer that most edge cases happen to."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import nats
import nats.errors
from nats.aio.msg import Msg
from nats.js import JetStreamContext
from nats.js.api import ConsumerConfig
from nats.js.errors import ServiceUnavailableError

from jetstream_exporter.demo.cluster import Cluster
from jetstream_exporter.demo.create import create_stream
from jetstream_exporter.demo.publish import publish


@asynccontextmanager
async def jetstream(cluster: Cluster, user: str = "app") -> AsyncIterator[JetStreamContext]:
    nc = await nats.connect(cluster.urls_for(user), max_reconnect_attempts=-1)
    try:
        yield nc.jetstream(timeout=10)
    finally:
        await nc.close()


async def work(js: JetStreamContext, stream: str = "ORDERS", replicas: int = 3) -> None:
    """Twenty messages, five fetched, three acknowledged: 15 pending, 2 ack pending."""
    subject = stream.lower()
    await create_stream(
        js, name=stream, subjects=[subject], num_replicas=replicas, max_bytes=1 << 20
    )
    for number in range(20):
        await publish(js, subject, f"{number}".encode())
    subscription = await js.pull_subscribe(
        subject, "worker", stream=stream, config=ConsumerConfig(ack_wait=600)
    )
    for message in (await fetched(subscription, 5))[:3]:
        await message.ack_sync()
    await subscription.unsubscribe()


async def fetched(subscription: JetStreamContext.PullSubscription, number: int) -> list[Msg]:
    """So many messages; a replicated consumer's leader may not listen yet."""
    found: list[Msg] = []
    while len(found) < number:
        with contextlib.suppress(ServiceUnavailableError, nats.errors.TimeoutError):
            found += await subscription.fetch(number - len(found), timeout=2)
    return found
