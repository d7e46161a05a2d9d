"""Events of real servers, counted: what was given up, how often it was delivered, and none twice or lost."""

import asyncio
import json
import time
from pathlib import Path
from typing import Any

import nats
from nats.aio.client import Client
from nats.js import JetStreamContext
from nats.js.api import ConsumerConfig
from tests.support import sources
from tests.support.exporter import Exporter, Samples, eventually, exporter

from jetstream_exporter.demo.cluster import Cluster, account
from jetstream_exporter.demo.create import create_consumer, create_stream
from jetstream_exporter.demo.orders.producer import Pace
from jetstream_exporter.demo.orders.workload import Workload
from jetstream_exporter.demo.publish import publish

GIVEN_UP = "jetstream_consumer_max_deliveries_total"
EXCESS = "jetstream_consumer_excess_deliveries_total"
FLOOD = 100_000
CAPTURED = 20_000


def listening(cluster: Cluster, folder: Path, **more: Any) -> str:
    """Figures over HTTP, events of the account beside them."""
    advisories = sources.login(cluster, folder, "a") | more
    return sources.settings(targets=cluster.monitor_urls, advisories=[advisories])


async def make(js: JetStreamContext, **consumer: Any) -> None:
    config = {"durable_name": "c", "ack_policy": "explicit", "max_deliver": 5} | consumer
    await create_consumer(js, "S", ConsumerConfig(**config))


async def exhaust(js: JetStreamContext, deliveries: int = 5) -> None:
    """Refuse a message until it is given up, and pull once more: only then the server notices."""
    await publish(js, "s", b"")
    subscription = await js.pull_subscribe_bind(consumer="c", stream="S")
    for _ in range(deliveries):
        (message,) = await subscription.fetch(1, timeout=5)
        await message.nak()
    try:
        await subscription.fetch(1, timeout=0.3)
    except nats.errors.TimeoutError:
        await subscription.unsubscribe()


async def started(js: JetStreamContext, running: Exporter) -> Samples:
    """Wait until the exporter has seen the consumer and hears its events."""
    return await running.until("zeros", lambda s: s.all(GIVEN_UP) == [0])


async def test_the_poison_message_of_the_orders_shows_exactly(tmp_path: Path) -> None:
    async with Cluster(size=1, accounts={"APP": account("a")}) as cluster:
        config = json.loads(listening(cluster, tmp_path)) | {"collect": {"config_interval": "1s"}}
        pace = Pace(rate=50, duplicate_every=5, poison_at=10)
        async with exporter(tmp_path, config=json.dumps(config)) as running:
            async with Workload(cluster.urls, replicas=1, pace=pace, replay_after=None):
                samples = await running.until(
                    "both consumers gave up", lambda s: sorted(s.all(GIVEN_UP)) == [1, 1], 40
                )
            place = {"account": "APP", "stream": "ORDERS", "consumer": "orders-processor-v1"}
            assert samples.get(GIVEN_UP, **place) == 1
            assert samples.get(EXCESS, **place) == 5 - 3


async def test_counters_begin_at_zero_and_end_with_their_consumer(tmp_path: Path) -> None:
    async with (
        Cluster(size=1, accounts={"A": account("a")}) as cluster,
        await nats.connect(cluster.urls_for("a")) as nc,
    ):
        js = nc.jetstream(timeout=20)
        await create_stream(js, name="S", subjects=["s"])
        await make(js, sample_freq="100")
        config = listening(cluster, tmp_path, hot=["naks", "acks"])
        async with exporter(tmp_path, config=config) as running:
            zeros = await started(js, running)
            assert zeros.all("jetstream_consumer_naks_total") == [0]
            assert zeros.all("jetstream_consumer_ack_time_seconds_count") == [0]
            await exhaust(js)
            samples = await running.until("the end", lambda s: s.all(GIVEN_UP) == [1])
            assert samples.all("jetstream_consumer_naks_total") == [5]
            assert samples.all(EXCESS) == [2]
            assert samples.get("jetstream_advisories_total", kind="max_deliver") == 1
            await js.delete_consumer("S", "c")
            assert (await running.scrape()).all(GIVEN_UP) == []
            await make(js)
            again = await running.until("the new one", lambda s: s.all(GIVEN_UP) != [])
            assert again.all(GIVEN_UP) == again.all(EXCESS) == [0]


async def test_an_event_that_comes_on_two_connections_counts_once(tmp_path: Path) -> None:
    async with Cluster(accounts={"A": account("a")}) as cluster:
        both = [sources.login(cluster, tmp_path, user) for user in ("a", "sys")]
        config = sources.settings(targets=cluster.monitor_urls, advisories=both)
        kind = {"kind": "stream_leader_elected"}
        async with exporter(tmp_path, config=config) as running:
            await running.scrape()
            async with await nats.connect(cluster.urls_for("a")) as nc:
                await create_stream(
                    nc.jetstream(timeout=20), name="S", subjects=["s"], num_replicas=3
                )
            samples = await running.until(
                "an election", lambda s: s.get("jetstream_advisories_total", **kind) != 0
            )
            assert samples.get("jetstream_advisories_total", **kind) == 1
            assert samples.all("jetstream_stream_quorum_lost_total") == [0]


async def flood(nc: Client, first: int, count: int) -> None:
    """What the server would send for so many messages given up; any client of the account can."""
    for i in range(first, first + count):
        event = {
            "type": "io.nats.jetstream.advisory.v1.max_deliver",
            "id": f"flood-{i}",
            "stream": "S",
            "consumer": "c",
            "stream_seq": i,
            "deliveries": 5,
        }
        subject = "$JS.EVENT.ADVISORY.CONSUMER.MAX_DELIVERIES.S.c"
        await nc.publish(subject, json.dumps(event).encode())
    await nc.flush()


async def test_a_flood_is_counted_to_the_last_event_while_pages_are_served(tmp_path: Path) -> None:
    async with (
        Cluster(size=1, accounts={"A": account("a")}) as cluster,
        await nats.connect(cluster.urls_for("a")) as nc,
    ):
        js = nc.jetstream(timeout=20)
        await create_stream(js, name="S", subjects=["s"])
        await make(js)
        async with exporter(tmp_path, config=listening(cluster, tmp_path)) as running:
            await started(js, running)
            await flood(nc, 0, FLOOD)
            began = time.monotonic()
            assert await running.text("/-/healthy")
            assert time.monotonic() - began < 20
            samples = await running.until("all", lambda s: s.all(GIVEN_UP) == [FLOOD], 60)
            assert samples.all(EXCESS) == [2 * FLOOD]
            assert samples.all("jetstream_exporter_advisory_gaps_total") == [0]


async def captured(nc: Client) -> JetStreamContext:
    """A stream with a consumer, and one that captures the account's events."""
    js = nc.jetstream(timeout=20)
    await create_stream(js, name="EVENTS", subjects=["$JS.EVENT.>"])
    await create_stream(js, name="S", subjects=["s"])
    await make(js)
    return js


async def test_a_capturing_stream_keeps_what_happens_while_the_exporter_is_away(
    tmp_path: Path,
) -> None:
    async with (
        Cluster(size=1, accounts={"A": account("a")}) as cluster,
        await nats.connect(cluster.urls_for("a")) as nc,
    ):
        js = await captured(nc)
        config = listening(cluster, tmp_path, stream="EVENTS")
        async with exporter(tmp_path, config=config) as running:
            await running.until("zeros", lambda s: s.get(GIVEN_UP, consumer="c") == 0)
            await flood(nc, 0, 10)
            await running.until("all", lambda s: s.get(GIVEN_UP, consumer="c") == 10)
        await flood(nc, 10, 7)
        config = listening(cluster, tmp_path, stream="EVENTS", hot=["naks"])
        async with exporter(tmp_path, config=config) as running:
            samples = await running.until(
                "what was missed", lambda s: s.get(GIVEN_UP, consumer="c") == 7
            )
            assert samples.all("jetstream_exporter_advisory_gaps_total") == [0]
            await exhaust(js)
            await running.until(
                "what is hot since",
                lambda s: s.get("jetstream_consumer_naks_total", consumer="c") == 5,
            )
            await js.delete_consumer("EVENTS", "jetstream-exporter")
            await running.until(
                "a new consumer on the stream, after a gap",
                lambda s: s.all("jetstream_exporter_advisory_gaps_total") == [1],
            )
            await flood(nc, 17, 2)
            await running.until("the rest", lambda s: s.get(GIVEN_UP, consumer="c") == 7 + 1 + 2)


async def test_an_exporter_killed_in_a_flood_loses_no_captured_event_and_counts_none_twice(
    tmp_path: Path,
) -> None:
    async with (
        Cluster(size=1, accounts={"A": account("a")}) as cluster,
        await nats.connect(cluster.urls_for("a")) as nc,
    ):
        js = await captured(nc)
        config = listening(cluster, tmp_path, stream="EVENTS")
        before = 0.0
        async with exporter(tmp_path, config=config) as running:
            await running.until("zeros", lambda s: s.get(GIVEN_UP, consumer="c") == 0)
            flooding = asyncio.create_task(flood(nc, 0, CAPTURED))
            samples = await running.until(
                "the first events", lambda s: (s.get(GIVEN_UP, consumer="c") or 0) > 100
            )
            before = samples.get(GIVEN_UP, consumer="c") or 0
            running.child.kill_now()
        await flooding
        async with exporter(tmp_path, config=config) as running:
            after = 0.0

            async def is_all_read() -> bool:
                nonlocal after
                after = (await running.scrape()).get(GIVEN_UP, consumer="c") or 0
                info = await js.consumer_info("EVENTS", "jetstream-exporter")
                return info.num_pending == info.num_ack_pending == 0

            await eventually("the end of the stream", is_all_read, 60)
            assert before + after == CAPTURED
            assert before < CAPTURED
