"""Prometheus itself scrapes for a minute through a server's death: no stale and no false sample."""

import asyncio
import time
from pathlib import Path

import nats
from nats.js.api import ConsumerConfig
from tests.integration.test_failures import leader
from tests.support.exporter import eventually, exporter
from tests.support.prometheus import prometheus

from jetstream_exporter.demo.cluster import Cluster
from jetstream_exporter.demo.create import create_consumer, create_stream
from jetstream_exporter.demo.publish import publish

WAITING = 15
SELECTOR = 'jetstream_consumer_pending_messages{consumer="c"}'


async def test_a_minute_through_a_servers_death_holds_no_false_and_no_stale_sample(
    tmp_path: Path,
) -> None:
    async with Cluster(name="p") as cluster:
        async with await nats.connect(cluster.urls) as nc:
            js = nc.jetstream(timeout=20)
            await create_stream(js, name="S", subjects=["s"], num_replicas=3)
            await create_consumer(js, "S", ConsumerConfig(durable_name="c", ack_policy="explicit"))
            for _ in range(WAITING):
                await publish(js, "s", b"")
            victim = cluster[await leader(nc, "CONSUMER.INFO.S.c")]
        async with (
            exporter(tmp_path, cluster.monitor_urls) as running,
            prometheus(tmp_path, running.url.removeprefix("http://")) as prom,
        ):
            started = time.monotonic()

            async def counts(promql: str) -> bool:
                return bool(await prom.query(promql))

            await eventually("the figure", lambda: counts(f"{SELECTOR} == {WAITING}"))
            await victim.kill()
            dead = f'nats_server_up{{server="{victim.name}"}} == 0'
            await eventually("the death", lambda: counts(dead))
            memory = f'nats_server_memory_bytes{{server="{victim.name}"}}'
            assert await prom.query(memory) == []  # gone at once: no figure of a dead server
            await eventually("the new leader", lambda: counts(f"{SELECTOR} == {WAITING}"))
            await victim.start()
            alive = f'jetstream_server_complete{{server="{victim.name}"}} == 1'
            await eventually("the return", lambda: counts(alive))
            # A minute of samples is the claim.
            await asyncio.sleep(60 - (time.monotonic() - started))

            assert await prom.samples("up") == [[1.0] * len((await prom.samples("up"))[0])]
            series = await prom.samples(SELECTOR)
            assert len(series) == 1  # one election, no new series
            assert set(series[0]) == {float(WAITING)}
            changes = await prom.samples("jetstream_consumer_leader_changes_total")
            assert len(changes) == 1
            assert changes[0] == sorted(changes[0])
            slow = await prom.query("max_over_time(scrape_duration_seconds[2m]) > 1")
            assert slow == []
