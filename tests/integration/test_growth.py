"""Nothing grows without bound: what is gone is forgotten."""

import asyncio
from pathlib import Path

import nats
import pytest
from nats.aio.client import Client
from tests.support.api import api
from tests.support.exporter import Exporter, Samples, exporter

from jetstream_exporter.demo.cluster import Cluster
from jetstream_exporter.demo.create import create_stream

CONSUMERS = 10_000
AT_ONCE = 2_500
ALLOWED = 12 * 2**20  # bytes; ten thousand remembered consumers would be above 20 MiB
EVERY_EPHEMERAL = """
clusters: [{{targets: ['{url}']}}]
collect: {{config_interval: 0s}}
filters: {{ephemeral_consumers: true}}
"""


async def resident(running: Exporter) -> float:
    """Bytes of the exporter's memory once some scrapes have passed."""
    for _ in range(6):
        samples = await running.scrape()
    value = samples.get("process_resident_memory_bytes")
    assert value is not None
    return value


async def short_lived(nc: Client, running: Exporter, first: int, count: int) -> float:
    """Create consumers, let them be seen, delete them; gives the memory once they are forgotten."""
    gate = asyncio.Semaphore(64)

    async def create(i: int) -> None:
        async with gate:
            config = {"durable_name": f"short-{i}", "ack_policy": "explicit", "mem_storage": True}
            body = {"stream_name": "S", "config": config}
            await api(nc, f"CONSUMER.DURABLE.CREATE.S.short-{i}", body)

    async def delete(i: int) -> None:
        async with gate:
            await api(nc, f"CONSUMER.DELETE.S.short-{i}")

    numbers = range(first, first + count)
    await asyncio.gather(*(create(i) for i in numbers))
    await running.until(f"all {count}", lambda samples: _exported(samples) == count)
    await asyncio.gather(*(delete(i) for i in numbers))
    return await resident(running)


def _exported(samples: Samples) -> int:
    return len(samples.all("jetstream_consumer_has_leader"))


@pytest.mark.timeout(400)  # thirty thousand calls of the API, on a machine that may be busy
async def test_memory_is_where_it_was_after_ten_thousand_short_lived_consumers(
    tmp_path: Path,
) -> None:
    async with Cluster(size=1) as cluster, await nats.connect(cluster.urls) as nc:
        await create_stream(
            nc.jetstream(), name="S", subjects=["s"], storage="memory", max_consumers=20_000
        )
        config = EVERY_EPHEMERAL.format(url=cluster.monitor_urls[0])
        async with exporter(tmp_path, config=config) as running:
            # The first rounds fill what an interpreter and its allocator keep anyway.
            for first in range(-2 * AT_ONCE, 0, AT_ONCE):
                before = await short_lived(nc, running, first, AT_ONCE)
            for first in range(0, CONSUMERS, AT_ONCE):
                after = await short_lived(nc, running, first, AT_ONCE)
            assert after - before < ALLOWED
            samples = await running.scrape()
            assert _exported(samples) == 0
            assert samples.get("jetstream_exporter_objects", kind="consumer") == 0
