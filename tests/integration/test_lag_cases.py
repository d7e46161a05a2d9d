"""The delivery lag of a real server's consumers where something out of the ordinary happens."""

import asyncio
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import nats
from nats.aio.client import Client
from scripts.versions import NEWEST
from tests.integration.test_failures import leader
from tests.integration.test_lag import ERROR, OLDEST, asked
from tests.support.api import api
from tests.support.broken_links import cut, hub_and_leaf, mend
from tests.support.clients import persistent
from tests.support.exporter import Exporter, exporter
from tests.support.tools import nats_server

from jetstream_exporter.demo.cluster import Cluster

NAMES = ("all", "new", "since", "paused")
LONG = 0.3  # seconds between two messages whose ages are told apart


class Stage:
    """A server with a stream, and what is asked of it."""

    def __init__(self, cluster: Cluster, client: Client) -> None:
        self.cluster = cluster
        self.client = client

    @property
    def config(self) -> str:
        return json.dumps({"clusters": [{"targets": self.cluster.monitor_urls}]})

    async def stream(self, name: str = "S", **config: Any) -> None:
        body = {"name": name, "subjects": [f"{name}.*"], "num_replicas": 1, **config}
        said = await api(self.client, f"STREAM.CREATE.{name}", body)
        assert "error" not in said, said

    async def consumer(self, name: str, of: str = "S", **config: Any) -> None:
        own = {"durable_name": name, "ack_policy": "explicit", "deliver_policy": "all", **config}
        body = {"stream_name": of, "config": own, "action": ""}
        said = await api(self.client, f"CONSUMER.CREATE.{of}.{name}", body)
        assert "error" not in said, said

    async def publish(self, subject: str = "S.a", **headers: str) -> float:
        """When the server stored it."""
        answer = await self.client.jetstream().publish(
            subject, b"x", headers={key.replace("_", "-"): v for key, v in headers.items()}
        )
        return await self.stored(answer.stream, answer.seq)

    async def holds(self, stream: str, messages: int) -> None:
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            said = await asked(self.client, f"$JS.API.STREAM.INFO.{stream}")
            if said["state"]["messages"] == messages:
                return
            await asyncio.sleep(0.1)
        raise AssertionError(f"{stream} does not hold {messages} messages")

    async def stored(self, stream: str, sequence: int) -> float:
        said = await asked(self.client, f"$JS.API.STREAM.MSG.GET.{stream}", {"seq": sequence})
        return datetime.fromisoformat(said["message"]["time"]).timestamp()


@asynccontextmanager
async def stage() -> AsyncIterator[Stage]:
    async with (
        Cluster(size=1, binary=nats_server(NEWEST)) as cluster,
        await nats.connect(cluster.urls) as client,
    ):
        yield Stage(cluster, client)


def at(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat()


async def test_where_a_consumer_starts_says_what_waits_for_it(tmp_path: Path) -> None:
    async with stage() as here:
        await here.stream()
        first = await here.publish()
        await asyncio.sleep(LONG)
        second = await here.publish()
        await here.consumer("all")
        await here.consumer("new", deliver_policy="new")
        await here.consumer(
            "since", deliver_policy="by_start_time", opt_start_time=at((first + second) / 2)
        )
        await here.consumer("paused", pause_until=at(time.time() + 3600))
        async with exporter(tmp_path, config=here.config) as watching:
            samples = await watching.scrape()
            told = {name: samples.get(OLDEST, consumer=name) for name in NAMES}
            assert told["all"] is not None
            assert abs(told["all"] - first) < 1e-5
            assert told["paused"] == told["all"]
            assert samples.get("jetstream_consumer_paused", consumer="paused") == 1
            assert told["new"] is None
            assert told["since"] is not None
            assert told["since"] >= second - 1e-5
            third = await here.publish()
            samples = await watching.scrape()
            told = {name: samples.get(OLDEST, consumer=name) for name in NAMES}
            error = samples.get(ERROR, consumer="new")
            assert told["new"] is not None
            assert error is not None
            assert told["new"] - error - 1e-5 <= third <= told["new"] + 1e-5


async def test_what_comes_before_the_start_of_a_consumer_that_is_ahead_does_not_wait_for_it(
    tmp_path: Path,
) -> None:
    """Its first message is stored long after others that match its filter."""
    async with stage() as here:
        await here.stream()
        await here.publish()
        for name, settings in (("few", {"filter_subject": "S.a"}), ("all", {})):
            await here.consumer(
                name, deliver_policy="by_start_sequence", opt_start_seq=4, **settings
            )
        async with exporter(tmp_path, config=here.config) as watching:
            await watching.scrape()
            for _ in range(2):
                await here.publish()
                await asyncio.sleep(LONG)
                samples = await watching.scrape()
                assert samples.get("jetstream_consumer_pending_messages", consumer="few") == 0
                assert samples.all(OLDEST) == []
            stored = await here.publish()
            told = await told_of_both(watching)
            assert min(told.values()) >= stored - 1e-5


async def test_a_consumer_or_stream_made_again_under_its_name_begins_anew(tmp_path: Path) -> None:
    async with stage() as here:
        await here.stream()
        await here.publish()
        await here.consumer("one")
        async with exporter(tmp_path, config=here.config) as watching:
            assert (await watching.scrape()).get(OLDEST, consumer="one") is not None
            await asked(here.client, "$JS.API.CONSUMER.DELETE.S.one")
            await here.consumer("one", deliver_policy="new", filter_subject="S.a")
            assert (await watching.scrape()).get(OLDEST, consumer="one") is None
            await asyncio.sleep(LONG)
            stored = await here.publish()
            told = (await watching.scrape()).get(OLDEST, consumer="one")
            assert told is not None
            assert told >= stored - 1e-5
            await asked(here.client, "$JS.API.STREAM.DELETE.S")
            await here.stream()
            await here.consumer("one")
            assert (await watching.scrape()).get(OLDEST, consumer="one") is None
            await asyncio.sleep(LONG)
            stored = await here.publish()
            # Configurations of objects that are new are read every 30 seconds at the most.
            told, deadline = None, time.monotonic() + 60
            while told is None and time.monotonic() < deadline:
                told = (await watching.scrape()).get(OLDEST, consumer="one")
                await asyncio.sleep(LONG)
            assert told is not None
            assert told >= stored - 1e-5


async def test_an_exporter_that_starts_says_at_least_and_the_other_one_more(
    tmp_path: Path,
) -> None:
    async with stage() as here:
        await here.stream()
        await here.publish("S.b")
        await here.consumer("few", filter_subject="S.a")
        (tmp_path / "a").mkdir()
        (tmp_path / "b").mkdir()
        async with exporter(tmp_path / "a", config=here.config) as old:
            await old.scrape()
            stored = await here.publish()
            before = (await old.scrape()).get(OLDEST, consumer="few")
            await asyncio.sleep(LONG)
            async with exporter(tmp_path / "b", config=here.config) as new:
                later = (await new.scrape()).get(OLDEST, consumer="few")
                again = (await new.scrape()).get(OLDEST, consumer="few")
            after = (await old.scrape()).get(OLDEST, consumer="few")
        assert None not in (before, later, again, after)
        assert stored - 1e-5 <= (after or 0) <= (before or 0)
        assert stored - 1e-5 <= (again or 0) <= (later or 0)


async def test_messages_that_expire_or_are_replaced_make_nothing_older(tmp_path: Path) -> None:
    async with stage() as here:
        await here.stream("T", allow_msg_ttl=True)
        await here.stream("K", max_msgs_per_subject=1)
        await here.publish("T.a")
        await here.publish("T.a", Nats_TTL="1s")
        for subject in ("K.a", "K.b"):
            await here.publish(subject)
        kept = await here.publish("K.c")
        await here.consumer("one", of="T")
        await here.consumer("one", of="K")
        async with exporter(tmp_path, config=here.config) as watching:
            await watching.scrape()
            await asyncio.sleep(LONG)
            await asked(here.client, "$JS.API.STREAM.MSG.DELETE.T", {"seq": 1})
            last = await here.publish("T.a")
            await here.publish("K.a")
            await here.publish("K.b")
            deadline = time.monotonic() + 20
            while (await asked(here.client, "$JS.API.STREAM.INFO.T"))["state"]["messages"] > 1:
                assert time.monotonic() < deadline
                await asyncio.sleep(0.1)
            samples = await watching.scrape()
            expired = samples.get(OLDEST, stream="T", consumer="one")
            replaced = samples.get(OLDEST, stream="K", consumer="one")
        assert expired is not None
        assert expired >= last - 1e-5
        assert replaced is not None
        assert replaced >= kept - 1e-5


async def test_what_waits_grows_no_younger_when_the_leader_of_its_consumer_is_killed(
    tmp_path: Path,
) -> None:
    async with (
        Cluster(size=3, binary=nats_server("2.15.1")) as cluster,
        await nats.connect(cluster.urls) as client,
    ):
        here = Stage(cluster, client)
        await here.stream(num_replicas=3)
        await here.publish("S.b")
        await here.consumer("all", deliver_policy="new")
        await here.consumer("few", deliver_policy="new", filter_subject="S.a")
        async with exporter(tmp_path, config=here.config) as watching:
            await watching.scrape()
            stored = await here.publish()
            before = await told_of_both(watching)
            victim = cluster[await leader(client, "CONSUMER.INFO.S.few")]
            await victim.kill()
            await leader(client, "STREAM.INFO.S")
            await leader(client, "CONSUMER.INFO.S.all")
            assert await leader(client, "CONSUMER.INFO.S.few") != victim.name
            for _ in range(3):
                await here.publish("S.a")
                after = await told_of_both(watching)
                for name, then in before.items():
                    assert stored - 1e-5 <= after[name] <= then, name


async def told_of_both(watching: Exporter) -> dict[str, float]:
    """Once both have a leader of whom the exporter knows: until then nothing is said of them."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        samples = await watching.scrape()
        told = {name: samples.get(OLDEST, consumer=name) for name in ("all", "few")}
        known = {name: time_ for name, time_ in told.items() if time_ is not None}
        if len(known) == len(told):
            return known
        await asyncio.sleep(LONG)
    raise AssertionError(f"not told: {told}")


async def test_a_stream_that_was_lost_with_its_server_makes_no_message_of_the_next_one_older(
    tmp_path: Path,
) -> None:
    """It is kept in memory, created when it was, and longer than before when it is scraped again."""
    async with (
        Cluster(size=3, binary=nats_server(NEWEST)) as cluster,
        await persistent(cluster.urls, error_cb=ignore) as client,
    ):
        here = Stage(cluster, client)
        await here.stream(storage="memory")
        for _ in range(3):
            await here.publish()
        await here.consumer("all")
        before = await asked(client, "$JS.API.STREAM.INFO.S")
        async with exporter(tmp_path, config=here.config) as watching:
            await watching.scrape()
            await cluster[await leader(client, "STREAM.INFO.S")].restart()
            await cluster.until_ready()
            await leader(client, "CONSUMER.INFO.S.all")
            await here.holds("S", 0)
            stored = [await here.publish() for _ in range(5)]
            subscription = await client.jetstream().pull_subscribe_bind("all", "S")
            (first,) = await subscription.fetch(1, timeout=5)
            await first.ack_sync()
            after = await asked(client, "$JS.API.STREAM.INFO.S")
            assert after["created"] == before["created"]
            told, deadline = None, time.monotonic() + 60
            while told is None and time.monotonic() < deadline:
                told = (await watching.scrape()).get(OLDEST, consumer="all")
                await asyncio.sleep(LONG)
            assert told is not None
            assert told >= stored[1] - 1e-5


async def ignore(_: Exception) -> None:
    """The server of a connection may be the one that restarts."""


async def test_a_mirror_of_another_domain_has_the_lag_since_its_origin_stored_the_message(
    tmp_path: Path,
) -> None:
    """The mirror gets the message later than that, because its link is cut meanwhile."""
    async with (
        hub_and_leaf("2.15.1") as (hub, leaf, link),
        await nats.connect(hub.urls_for("a")) as of_the_hub,
        await nats.connect(leaf.urls_for("a")) as of_the_leaf,
    ):
        origin, here = Stage(hub, of_the_hub), Stage(leaf, of_the_leaf)
        await origin.stream()
        await origin.publish()
        mirror = {"name": "S", "external": {"api": "$JS.hub.API"}}
        said = await api(here.client, "STREAM.CREATE.M", {"name": "M", "mirror": mirror})
        assert "error" not in said, said
        await here.holds("M", 1)
        await here.consumer("all", of="M", deliver_policy="new")
        await here.consumer("few", of="M", deliver_policy="new", filter_subject="S.a")
        async with exporter(tmp_path, config=here.config) as watching:
            await watching.scrape()
            cut([link])
            stored = await origin.publish()
            await asyncio.sleep(LONG)
            mend([link])
            await here.holds("M", 2)
            arrived = time.time()
            told = await told_of_both(watching)
            assert stored - 1e-5 <= told["all"] <= arrived - LONG
            assert stored - 1e-5 <= told["few"]
