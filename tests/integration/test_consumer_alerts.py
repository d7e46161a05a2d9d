"""Consumers that lose, rest, hang and run ahead, on real servers, under the real rules with shorter spans."""

import asyncio
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import nats
import nats.errors
import pytest
from nats.aio.msg import Msg
from nats.js import JetStreamContext
from nats.js.api import ConsumerConfig, RetentionPolicy
from scripts.versions import NEWEST, OLDEST
from tests.support.clients import persistent
from tests.support.exporter import eventually, exporter
from tests.support.scenario import Prometheus, prometheus
from tests.support.tools import nats_server

from jetstream_exporter.demo.cluster import Cluster
from jetstream_exporter.demo.create import create_consumer, create_stream
from jetstream_exporter.demo.server import Server
from jetstream_exporter.runtime.cancel import cancel_and_wait

FACTOR = 20  # 10 minutes of a rule are half a minute here
LIMIT = 200  # messages of the full streams
RATE = 50  # a second
PAUSE = 60.0  # seconds between two visits of a worker: 20 minutes of the rules
VISITS = 2
STALLED, UNATTENDED = "JetStreamConsumerStalled", "JetStreamConsumerNoSubscribers"
LOST, AHEAD = "JetStreamConsumerMessagesLost", "JetStreamConsumerAheadOfStream"
ORPHANED = "JetStreamStreamMessagesOrphaned"

Handle = Callable[[Msg], Awaitable[None]]

pytestmark = pytest.mark.timeout(420)


async def acknowledge(message: Msg) -> None:
    await message.ack()


async def refuse_for_hours(message: Msg) -> None:
    await message.nak(delay=3600)


async def forget(_: Msg) -> None:
    """Neither done nor refused: the server waits for the next step of the backoff."""


async def work_long(message: Msg) -> None:
    while True:
        await message.in_progress()
        await asyncio.sleep(0.5)


async def pull(js: JetStreamContext, stream: str, handle: Handle, pause: float = 0.0) -> None:
    """A worker that always asks for the next message."""
    subscription = await js.pull_subscribe_bind("c", stream)
    while True:
        with suppress(nats.errors.TimeoutError):
            for message in await subscription.fetch(1, timeout=5):
                await handle(message)
                await asyncio.sleep(pause)


async def take(js: JetStreamContext, stream: str, count: int) -> list[Msg]:
    """Messages that stay in the hands of who took them."""
    subscription = await js.pull_subscribe_bind("c", stream)
    taken: list[Msg] = []
    while len(taken) < count:
        taken += await subscription.fetch(count - len(taken), timeout=10)
    return taken


async def visit(js: JetStreamContext, stream: str) -> None:
    """A worker that comes now and then and finishes what is there.

    It asks for what waits and no more: a message that arrives as a request ends would stay with the
    client, unacknowledged until the next visit.
    """
    subscription = await js.pull_subscribe_bind("c", stream)
    while True:
        while waiting := (await subscription.consumer_info()).num_pending:
            for message in await subscription.fetch(waiting, timeout=30):
                await message.ack_sync()
        await asyncio.sleep(PAUSE)


async def publish(js: JetStreamContext, stream: str, rate: float) -> None:
    while True:
        await js.publish(stream)
        await asyncio.sleep(1 / rate)


async def add(
    js: JetStreamContext,
    stream: str,
    messages: int = 0,
    consumer: dict[str, Any] | None = None,
    **settings: Any,
) -> None:
    """A stream with one durable consumer, and messages in it."""
    await create_stream(js, name=stream, subjects=[stream], **settings)
    config = ConsumerConfig(durable_name="c", **(consumer or {}))
    await create_consumer(js, stream, config)
    for _ in range(messages):
        await js.publish(stream)


async def firing(prom: Prometheus, alert: str, label: str = "stream") -> set[str]:
    found = await prom.ask(f'ALERTS{{alertname="{alert}",alertstate="firing"}}')
    return {series["metric"][label] for series in found}


async def visited(prom: Prometheus, stream: str, times: int) -> bool:
    found = await prom.ask(f'changes(jetstream_consumer_deliveries_total{{stream="{stream}"}}[1h])')
    return bool(found) and float(found[0]["value"][1]) >= times


async def ever_fired(prom: Prometheus, alert: str) -> set[str]:
    found = await prom.ask(f'max_over_time(ALERTS{{alertname="{alert}",alertstate="firing"}}[1h])')
    return {series["metric"]["stream"] for series in found}


@asynccontextmanager
async def watched(
    version: str, folder: Path
) -> AsyncIterator[tuple[Cluster, JetStreamContext, Prometheus]]:
    async with AsyncExitStack() as stack:
        cluster = await stack.enter_async_context(Cluster(1, binary=nats_server(version)))
        nc = await stack.enter_async_context(await persistent(cluster.urls))
        server = await stack.enter_async_context(exporter(folder, cluster.monitor_urls))
        target = server.url.removeprefix("http://")
        prom = await stack.enter_async_context(prometheus(folder, [target], 0.5, FACTOR))
        yield cluster, nc.jetstream(), prom


async def test_who_loses_or_hangs_is_told_and_who_rests_is_not(tmp_path: Path) -> None:
    async with watched(NEWEST, tmp_path) as (_, js, prom), asyncio.TaskGroup() as group:
        full = {"max_msgs": LIMIT}
        await add(js, "SLOW", LIMIT, **full)
        await add(js, "QUICK", LIMIT, **full)
        await add(js, "DELAYED", 20)
        await add(js, "BACKOFF", 3, consumer={"backoff": [1, 3600], "max_deliver": 5})
        await add(js, "LONG", 20, consumer={"ack_wait": 2, "max_ack_pending": 1})
        await add(js, "SELDOM")
        await add(js, "HUNG", 20, consumer={"ack_wait": 2})
        await add(js, "DESERTED", 20)
        queue = {"retention": RetentionPolicy.WORK_QUEUE}
        await add(js, "ONCE", 6, consumer={"ack_wait": 1, "max_deliver": 1}, **queue)
        await take(js, "HUNG", 2)
        tasks = [
            group.create_task(work)
            for work in (
                publish(js, "SLOW", RATE),
                pull(js, "SLOW", acknowledge, 4 / RATE),
                publish(js, "QUICK", RATE),
                pull(js, "QUICK", acknowledge),
                pull(js, "DELAYED", refuse_for_hours),
                pull(js, "BACKOFF", forget),
                pull(js, "LONG", work_long),
                publish(js, "SELDOM", 1),
                visit(js, "SELDOM"),
                pull(js, "ONCE", forget),
            )
        ]

        async def all_are_told() -> bool:
            wanted = {LOST: "SLOW", STALLED: "HUNG", UNATTENDED: "DESERTED", ORPHANED: "ONCE"}
            return all([name in await firing(prom, alert) for alert, name in wanted.items()])

        await eventually("the alerts", all_are_told, 200)
        await eventually("a second visit", lambda: visited(prom, "SELDOM", VISITS), 200)
        await cancel_and_wait(*tasks)
        assert await ever_fired(prom, LOST) == {"SLOW"}
        assert await ever_fired(prom, STALLED) == {"HUNG"}
        assert "HUNG" not in await ever_fired(prom, UNATTENDED)


@pytest.mark.parametrize(("version", "told"), [(OLDEST, {"ORDERS"}), (NEWEST, set())])
async def test_a_consumer_beyond_the_end_of_a_restored_stream_is_told(
    version: str, told: set[str], tmp_path: Path
) -> None:
    """100 are stored and consumed, a copy of the store with 50 is brought back, and 5 more are published."""
    async with watched(version, tmp_path) as (cluster, js, prom):
        server = cluster[0]
        await add(js, "ORDERS", 50)
        await server.stop()
        (messages,) = server.store.glob("jetstream/*/streams/ORDERS/msgs")
        shutil.copytree(messages, tmp_path / "copy")
        await server.start()
        await more(js, 50)
        for message in await take(js, "ORDERS", 100):
            await message.ack_sync()
        await eventually("100 acknowledged in the store", lambda: are_acknowledged(server, 100))
        await server.stop()
        shutil.rmtree(messages)
        shutil.copytree(tmp_path / "copy", messages)
        await server.start()
        await more(js, 5)

        async def is_told() -> bool:
            return bool(await firing(prom, AHEAD))

        if told:
            await eventually("the alert", is_told, 120)
            assert await ever_fired(prom, STALLED) == set()
        else:
            lag = "jetstream_consumer_delivered_sequence - on (stream) jetstream_stream_last_sequence > 0"
            await eventually("55 stored", lambda: stored(prom, 55), 60)
            assert await prom.ask(lag) == []


async def more(js: JetStreamContext, count: int) -> None:
    """Messages of a publisher that waits for a server that has just started."""
    for _ in range(count):

        async def is_stored() -> bool:
            with suppress(nats.errors.Error, TimeoutError):
                await js.publish("ORDERS")
                return True
            return False

        await eventually("an acknowledgement", is_stored)


async def are_acknowledged(server: Server, count: int) -> bool:
    """The server writes this file a moment after an acknowledgement; stopped in between, it knew of none."""
    files = server.store.glob("jetstream/*/streams/ORDERS/obs/c/o.dat")
    written = [await asyncio.to_thread(file.read_bytes) for file in files]
    ends = bytes([count, count])  # the ack floor, below 128
    return [each[2:4] for each in written] == [ends]


async def stored(prom: Prometheus, last: float) -> bool:
    found = await prom.ask("jetstream_stream_last_sequence")
    return [float(series["value"][1]) for series in found] == [last]
