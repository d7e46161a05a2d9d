"""What the status says of a real cluster in trouble."""

from collections.abc import AsyncIterator
from pathlib import Path

import nats
import pytest
from nats.js.api import ConsumerConfig
from tests.support.closing import closing
from tests.support.exporter import eventually

from jetstream_exporter.app import App
from jetstream_exporter.demo.cluster import Cluster
from jetstream_exporter.demo.create import create_consumer, create_stream
from jetstream_exporter.demo.publish import publish
from jetstream_exporter.sources.purpose import Purpose
from jetstream_exporter.status.view import View

Names = set[tuple[str, str]]


class Looks:
    """The status of a cluster, looked at again and again by one exporter."""

    def __init__(self, service: App) -> None:
        self._service = service

    async def view(self) -> View:
        await self._service.scraper.snapshot(5)
        latest = self._service.latest
        assert latest is not None
        return View(latest.snapshot, latest.memory, latest.time)

    async def findings(self) -> Names:
        found = (await self.view()).findings
        return {(e.alert.name, e.object.name) for e in found if e.alert.severity != "info"}

    async def until(self, wanted: Names) -> None:
        """Wait until exactly these hold."""
        seen: Names = set()

        async def they_do() -> bool:
            nonlocal seen
            seen = await self.findings()
            return seen == wanted

        try:
            await eventually(f"the findings {wanted}", they_do)
        except AssertionError as error:
            raise AssertionError(f"{error}; last seen: {seen}") from None


@pytest.fixture
async def cluster() -> AsyncIterator[Cluster]:
    async with Cluster(name="status") as started:
        async with await nats.connect(started.urls) as nc:
            js = nc.jetstream(timeout=20)
            await create_stream(js, name="S", subjects=["s"], num_replicas=3)
            await create_consumer(js, "S", ConsumerConfig(durable_name="c", ack_policy="explicit"))
            await create_stream(
                js, name="FULL", subjects=["full"], num_replicas=3, max_msgs=5, discard="new"
            )
            await publish(js, "s", b"")
        yield started


@pytest.fixture
async def looks(cluster: Cluster, tmp_path: Path) -> AsyncIterator[Looks]:
    async with closing(App("", cluster.monitor_urls, purpose=Purpose.FIGURES)) as service:
        yield Looks(service)


async def test_what_happens_to_a_cluster_is_what_the_status_says(
    cluster: Cluster, looks: Looks
) -> None:
    await looks.until(set())
    async with await nats.connect(cluster.urls) as nc:
        for _ in range(5):
            await publish(nc.jetstream(timeout=20), "full", b"x")
    await looks.until({("JetStreamStreamRejectingPublishes", "FULL")})
    assert "refusing" in (await looks.view()).streams.values()

    last = cluster[2]
    await last.kill()
    gone = {("JetStreamStreamRejectingPublishes", "FULL"), ("NatsServerDown", last.name)}
    await looks.until(gone)
    assert "down" in (await looks.view()).servers.values()

    await last.start()
    await looks.until({("JetStreamStreamRejectingPublishes", "FULL")})


async def test_a_majority_that_is_lost_is_said_once(cluster: Cluster, looks: Looks) -> None:
    await looks.until(set())
    for each in (cluster[1], cluster[2]):
        await each.kill()

    async def has_no_leader() -> bool:
        return ("JetStreamMetaNoLeader", "status") in await looks.findings()

    await eventually("no meta leader", has_no_leader)
    found = await looks.findings()
    assert not {name for name, _ in found} & {
        "JetStreamStreamNoLeader",
        "JetStreamConsumerNoLeader",
    }
    assert set((await looks.view()).metas.values()) == {"no leader"}
