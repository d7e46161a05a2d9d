"""Real servers are killed, frozen and restarted; no scrape may show what no leader said."""

import asyncio
import re
import time
from collections.abc import AsyncIterator, Callable
from functools import partial
from pathlib import Path

import nats
import pytest
from nats.aio.client import Client
from nats.js.api import ConsumerConfig
from scripts.versions import EXTREMES
from tests.support.api import api
from tests.support.exporter import Exporter, Samples, eventually, exporter
from tests.support.tools import nats_server

from jetstream_exporter.demo.cluster import Cluster
from jetstream_exporter.demo.create import create_consumer, create_stream
from jetstream_exporter.demo.publish import publish
from jetstream_exporter.demo.server import Server

WAITING = 20
STREAM = {"account": "APP", "stream": "S"}
CONSUMER = STREAM | {"consumer": "c"}
OUTAGE = ["failed", "answers again"]  # what the log says of one


@pytest.fixture(params=EXTREMES)
async def cluster(request: pytest.FixtureRequest) -> AsyncIterator[Cluster]:
    """Three servers with a replicated stream S, and a consumer c for which 20 messages wait."""
    async with Cluster(name="f", binary=nats_server(request.param)) as started:
        async with await nats.connect(started.urls) as nc:
            js = nc.jetstream(timeout=20)
            await create_stream(js, name="S", subjects=["s"], num_replicas=3)
            await create_consumer(js, "S", ConsumerConfig(durable_name="c", ack_policy="explicit"))
            for _ in range(WAITING):
                await publish(js, "s", b"")
        yield started


async def leader(nc: Client, subject: str) -> str:
    """Who leads, by the API; waits until somebody does."""
    found = ""

    async def has_one() -> bool:
        nonlocal found
        try:
            found = (await api(nc, subject))["cluster"].get("leader", "")
        except (nats.errors.Error, AssertionError):
            found = ""
        return bool(found)

    await eventually(f"a leader in {subject}", has_one)
    return found


class Watch:
    """Scrapes all the time, and keeps what must never have been seen."""

    def __init__(self, running: Exporter) -> None:
        self._running = running
        self.seen: list[Samples] = []

    async def __aenter__(self) -> "Watch":
        self._task = asyncio.create_task(self._watch())
        return self

    async def __aexit__(self, *_: object) -> None:
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)

    async def _watch(self) -> None:
        while True:
            self.seen.append(await self._running.scrape(timeout=8))
            await asyncio.sleep(0.05)

    async def until(
        self, what: str, condition: Callable[[Samples], bool], deadline: float = 40
    ) -> None:
        async def holds() -> bool:
            assert not self._task.done(), self._task
            return bool(self.seen) and condition(self.seen[-1])

        await eventually(what, holds, deadline)

    def never_lied(self) -> None:
        """Values are the truth or absent, and absent exactly while no leader spoke."""
        assert self.seen
        for samples in self.seen:
            pending = samples.get("jetstream_consumer_pending_messages", **CONSUMER)
            assert pending in (None, WAITING)
            messages = samples.get("jetstream_stream_messages", **STREAM)
            assert messages in (None, WAITING)
            led = samples.all("jetstream_stream_leader", **STREAM)
            assert (messages is not None) == (len(led) == 1)
            assert len(led) <= 1


def is_led_by(family: str, labels: dict[str, str], leader: str, samples: Samples) -> bool:
    return samples.labels(family, "server", **labels) == {leader}


def has(samples: Samples, family: str, value: float | None, **labels: str) -> bool:
    return samples.get(family, **labels) == value


async def test_an_election_shows_no_zero_and_counts_one_change(
    cluster: Cluster, tmp_path: Path
) -> None:
    async with (
        await nats.connect(cluster.urls) as nc,
        exporter(tmp_path, cluster.monitor_urls) as running,
        Watch(running) as watch,
    ):
        await watch.until(
            "values", lambda s: has(s, "jetstream_stream_messages", WAITING, **STREAM)
        )
        for subject, family, labels in (
            ("STREAM.INFO.S", "jetstream_stream_leader", STREAM),
            ("CONSUMER.INFO.S.c", "jetstream_consumer_leader", CONSUMER),
        ):
            old = await leader(nc, subject)
            await api(nc, subject.replace("INFO", "LEADER.STEPDOWN"))

            async def another(subject: str = subject, old: str = old) -> bool:
                return await leader(nc, subject) != old

            await eventually("another leader", another)
            new = await leader(nc, subject)
            await watch.until(
                "the new leader",
                partial(is_led_by, family, labels, new),
            )
            changes = family.replace("leader", "leader_changes_total")
            assert watch.seen[-1].get(changes, **labels) == 1
        watch.never_lied()


async def test_a_killed_server_is_down_at_once_and_whole_again_after_its_return(
    cluster: Cluster, tmp_path: Path
) -> None:
    async with await nats.connect(cluster.urls) as nc:
        victim = cluster[await leader(nc, "STREAM.INFO.S")]
        place = {"server": victim.name}
        async with exporter(tmp_path, cluster.monitor_urls) as running, Watch(running) as watch:
            await watch.until("three servers", lambda s: s.all("nats_server_up") == [1, 1, 1])
            await victim.kill()
            await watch.until("the death", lambda s: has(s, "nats_server_up", 0, **place), 20)
            await watch.until(
                "a new leader", lambda s: has(s, "jetstream_stream_messages", WAITING, **STREAM)
            )
            await watch.until(
                "a lost tolerance",
                lambda s: has(s, "jetstream_stream_fault_tolerance", 0, **STREAM),
            )
            dead = watch.seen[-1]
            assert dead.get("nats_server_memory_bytes", **place) is None
            assert dead.get("jetstream_exporter_source_up", target=victim.monitor_url) == 0
            assert dead.get("jetstream_stream_has_quorum", **STREAM) == 1
            assert dead.get("jetstream_stream_replica_current", **STREAM, **place) == 0
            await victim.start()
            await watch.until(
                "the return", lambda s: has(s, "jetstream_stream_fault_tolerance", 1, **STREAM)
            )
            await watch.until(
                "a healthy server", lambda s: has(s, "nats_server_healthy", 1, **place)
            )
            watch.never_lied()
            # Once for each outage: a 2.10 that stays behind its meta leader is restarted once more.
            told = re.findall('msg="target (failed|answers again)"', running.log())
            assert told in (OUTAGE, OUTAGE * 2)


async def test_without_quorum_there_is_no_value_and_has_quorum_is_0(
    cluster: Cluster, tmp_path: Path
) -> None:
    async with await nats.connect(cluster.urls) as nc:
        survivor = cluster[await leader(nc, "STREAM.INFO.S")]
    async with exporter(tmp_path, cluster.monitor_urls) as running, Watch(running) as watch:
        await watch.until(
            "values", lambda s: has(s, "jetstream_stream_messages", WAITING, **STREAM)
        )
        others = [server for server in cluster if server is not survivor]
        for server in others:
            await server.kill()
        await watch.until(
            "the loss", lambda s: has(s, "jetstream_stream_has_quorum", 0, **STREAM), 20
        )
        await watch.until(
            "no leader",
            lambda s: (
                has(s, "jetstream_stream_has_leader", 0, **STREAM)
                and has(s, "jetstream_consumer_has_leader", 0, **CONSUMER)
                and s.all("jetstream_meta_has_leader") == [0]
            ),
        )
        await watch.until("no majority", lambda s: s.all("jetstream_meta_has_quorum") == [0], 45)
        last = watch.seen[-1]
        assert last.get("jetstream_stream_messages", **STREAM) is None
        assert last.get("jetstream_consumer_pending_messages", **CONSUMER) is None
        assert last.get("jetstream_stream_has_quorum", **STREAM) == 0
        assert sorted(last.all("nats_server_up")) == [0, 0, 1]
        for server in others:
            await server.start()
        await watch.until(
            "values again",
            lambda s: has(s, "jetstream_consumer_pending_messages", 20, **CONSUMER),
            60,
        )
        watch.never_lied()


async def test_a_frozen_server_costs_one_deadline_and_is_believed_again_when_it_thaws(
    cluster: Cluster, tmp_path: Path
) -> None:
    async with await nats.connect(cluster.urls) as nc:
        victim = cluster[await leader(nc, "CONSUMER.INFO.S.c")]
    async with exporter(tmp_path, cluster.monitor_urls) as running, Watch(running) as watch:
        await watch.until(
            "values", lambda s: has(s, "jetstream_stream_messages", WAITING, **STREAM)
        )
        victim.pause()
        await watch.until("silence", lambda s: has(s, "nats_server_up", 0, server=victim.name))
        await watch.until(
            "new leaders", lambda s: has(s, "jetstream_consumer_pending_messages", 20, **CONSUMER)
        )
        started = time.monotonic()
        await running.scrape(timeout=10)
        assert time.monotonic() - started < 8  # below the deadline: a second is its budget
        victim.resume()
        await watch.until("the thaw", lambda s: has(s, "nats_server_up", 1, server=victim.name))
        watch.never_lied()


async def test_a_server_that_stops_in_order_is_not_believed_to_hold_nothing(
    cluster: Cluster, tmp_path: Path
) -> None:
    victim = cluster[0]
    async with exporter(tmp_path, cluster.monitor_urls) as running, Watch(running) as watch:
        await watch.until(
            "values", lambda s: has(s, "jetstream_stream_messages", WAITING, **STREAM)
        )
        await victim.stop()
        await watch.until("the end", lambda s: has(s, "nats_server_up", 0, server=victim.name))
        await victim.start()
        await watch.until(
            "the return", lambda s: has(s, "jetstream_server_complete", 1, server=victim.name)
        )
        watch.never_lied()
        for samples in watch.seen:
            assert samples.get("jetstream_stream_has_leader", **STREAM) is not None
            assert samples.get("jetstream_consumer_leader_changes_total", **CONSUMER) is not None


async def test_a_leader_that_only_the_exporter_cannot_hear_is_no_missing_leader(
    cluster: Cluster, tmp_path: Path
) -> None:
    async with await nats.connect(cluster.urls) as nc:
        unheard = await leader(nc, "STREAM.INFO.S")
    targets = [server.monitor_url for server in cluster if server.name != unheard]
    async with exporter(tmp_path, targets) as running:
        samples = await running.scrape()
        assert samples.get("nats_server_up", server=unheard) == 0
        assert samples.get("jetstream_stream_messages", **STREAM) is None
        assert samples.get("jetstream_stream_has_quorum", **STREAM) is None
        samples = await running.until(
            "followers that still name their leader",
            lambda s: has(s, "jetstream_stream_has_leader", 1, **STREAM),
            deadline=40,
        )
        assert samples.get("jetstream_stream_messages", **STREAM) is None
        assert samples.get("jetstream_stream_has_quorum", **STREAM) == 1


async def test_a_server_alone_that_is_killed_leaves_its_name_and_no_figures(tmp_path: Path) -> None:
    async with Cluster(size=1) as cluster:
        async with await nats.connect(cluster.urls) as nc:
            await create_stream(nc.jetstream(), name="S", subjects=["s"])
        alone: Server = cluster[0]
        async with exporter(tmp_path, cluster.monitor_urls) as running:
            assert (await running.scrape()).all("jetstream_stream_messages") == [0]
            await alone.kill()
            samples = await running.scrape()
            assert samples.get("nats_server_up", server=alone.name, nats_cluster=alone.name) == 0
            assert samples.all("jetstream_stream_messages") == []
            assert samples.all("jetstream_stream_has_leader") == []
            assert samples.all("jetstream_exporter_last_success_timestamp_seconds") != []
            await alone.start()
            await running.until("the return", lambda s: s.all("jetstream_stream_messages") == [0])
