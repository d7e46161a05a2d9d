"""Every figure equals what the test did and what the servers' own API says, at rest after a random workload."""

import contextlib
import random
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import nats
import pytest
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.js import JetStreamContext
from nats.js.api import ConsumerConfig, StreamConfig, StreamSource
from nats.js.errors import APIError, ServiceUnavailableError
from scripts.versions import EXTREMES
from tests.support.exporter import Samples, eventually, exporter
from tests.support.oracle import check_account
from tests.support.tools import nats_server

from jetstream_exporter.demo.cluster import Cluster, account
from jetstream_exporter.demo.create import answered, create_consumer, create_stream
from jetstream_exporter.demo.publish import publish

SEED = 20261123


@pytest.fixture(params=EXTREMES)
async def cluster(request: pytest.FixtureRequest) -> AsyncIterator[Cluster]:
    accounts = {"A": account("a"), "B": account("b")}
    binary = nats_server(request.param)
    async with Cluster(
        name=f"truth {request.param}".replace(" ", "-"), accounts=accounts, binary=binary
    ) as started:
        yield started


async def publish_some(js: JetStreamContext, subject: str, count: int) -> None:
    for i in range(count):
        await publish(js, f"{subject}.{i % 5}", b"x" * (i % 50))


async def work(js: JetStreamContext, stream: str, consumer: str, dice: random.Random) -> None:
    """Fetch some, acknowledge some of them, refuse some, and let the rest wait."""
    subscription = await js.pull_subscribe_bind(consumer=consumer, stream=stream)
    count = dice.randint(1, 30)
    messages: list[Msg] = []

    async def fetched() -> bool:
        """A consumer just created may not have its leader yet."""
        with contextlib.suppress(nats.errors.TimeoutError, TimeoutError):  # it raises either
            try:
                messages.extend(await subscription.fetch(count, timeout=1))
            except ServiceUnavailableError:
                return False
        return True

    await eventually("a leader of the new consumer", fetched)
    for message in messages:
        choice = dice.random()
        if choice < 0.6:
            await message.ack_sync(timeout=10)
        elif choice < 0.75:
            await message.nak(delay=3600)
        elif choice < 0.85:
            await message.term()
    await subscription.unsubscribe()


async def load(nc: Client, prefix: str, dice: random.Random) -> None:
    """Streams of every shape with consumers of every shape, in one account."""
    js = nc.jetstream(timeout=20)
    for i in range(5):
        subject = f"{prefix}.{i}"
        config = StreamConfig(
            name=f"S{i}",
            subjects=[f"{subject}.>"],
            num_replicas=dice.choice([1, 3]),
            max_bytes=dice.choice([-1, 10**6]),
            max_msgs=dice.choice([-1, 60]),
            max_age=dice.choice([0, 3600]),
            storage=dice.choice(["file", "memory"]),
            discard=dice.choice(["old", "new"]) if i else "old",
            duplicate_window=60,
        )
        await create_stream(js, config)
        await publish_some(js, subject, dice.randint(0, 55))
        for k in range(3):
            name = f"c{k}"
            await create_consumer(
                js,
                f"S{i}",
                ConsumerConfig(
                    durable_name=name,
                    ack_policy="explicit",
                    ack_wait=3600,
                    max_deliver=dice.choice([-1, 5]),
                    filter_subject=dice.choice([None, f"{subject}.1"]),
                    num_replicas=dice.choice([None, 1]),
                    max_ack_pending=dice.choice([-1, 500]),
                ),
            )
            await work(js, f"S{i}", name, dice)
    await create_consumer(
        js,
        "S0",
        ConsumerConfig(durable_name="push", deliver_subject=f"{prefix}.d", ack_policy="none"),
    )
    await create_consumer(js, "S0", ConsumerConfig(name="ephemeral", inactive_threshold=3600))
    await create_stream(js, name="MIRROR", mirror=StreamSource(name="S1"))
    await create_stream(
        js, name="SOURCED", sources=[StreamSource(name="S1"), StreamSource(name="S2")]
    )
    await answered(lambda: js.create_key_value(bucket="settings", replicas=3))
    for value in (b"1", b"2"):
        await publish(js, "$KV.settings.a", value)
    await answered(lambda: js.create_object_store("files"))
    unwanted = await publish(js, f"{prefix}.0.1", b"to be deleted")
    await publish_some(js, f"{prefix}.0", 2)
    await js.delete_msg("S0", unwanted.seq)


async def test_all_figures_are_the_servers_own_after_a_random_workload(
    cluster: Cluster, tmp_path: Path
) -> None:
    dice = random.Random(SEED)
    for user in ("a", "b"):
        async with await nats.connect(cluster.urls_for(user)) as nc:
            await load(nc, user, dice)
    async with exporter(tmp_path, cluster.monitor_urls) as running:
        for user, name in (("a", "A"), ("b", "B")):
            async with await nats.connect(cluster.urls_for(user)) as nc:
                samples = await running.until("the mirror's last message", is_mirrored(name))
                assert await check_account(samples, nc, cluster.name, name) >= 5 * 4 + 5
                kinds = {
                    stream: samples.labels(
                        "jetstream_stream_info", "kind", account=name, stream=stream
                    )
                    for stream in ("S0", "KV_settings", "OBJ_files")
                }
                assert kinds == {"S0": {"stream"}, "KV_settings": {"kv"}, "OBJ_files": {"object"}}
                place = {"account": name, "stream": "S0"}
                assert samples.get("jetstream_stream_ephemeral_consumers", **place) == 1
                healthy = samples.all("jetstream_stream_source_healthy", account=name)
                assert healthy == [1, 1, 1]
                await scale_down(nc, "KV_settings")
                samples = await running.until("the new number of replicas", is_single(name))
                place = {"account": name, "stream": "KV_settings"}
                assert samples.get("jetstream_stream_messages", **place) == 1
                assert samples.get("jetstream_stream_has_quorum", **place) == 1
        servers = await running.scrape()
        check_servers(servers, cluster)


async def scale_down(nc: Client, stream: str) -> None:
    """To one replica: its server says then what a starting server says of every stream."""
    js = nc.jetstream(timeout=20)
    config = (await js.stream_info(stream)).config
    config.num_replicas = 1
    await js.update_stream(config)


def is_mirrored(account: str) -> Callable[[Samples], bool]:
    """Mirrors copy for a moment after the last write."""

    def holds(samples: Samples) -> bool:
        family = "jetstream_stream_messages"
        copied = samples.get(family, account=account, stream="MIRROR")
        return copied == samples.get(family, account=account, stream="S1")

    return holds


def is_single(account: str) -> Callable[[Samples], bool]:
    place = {"account": account, "stream": "KV_settings"}
    return lambda samples: samples.get("jetstream_stream_replicas", **place) == 1


def check_servers(samples: Samples, cluster: Cluster) -> None:
    for server in cluster:
        place = {"nats_cluster": cluster.name, "server": server.name}
        assert samples.get("nats_server_up", **place) == 1
        assert samples.get("nats_server_healthy", check="full", **place) == 1
        assert samples.get("jetstream_server_complete", **place) == 1
    leaders = sum(samples.all("jetstream_server_stream_leaders"))
    assert leaders == len(samples.all("jetstream_stream_leader"))
    # A stream's replicas are counted on each server that holds one.
    held = sum(samples.all("jetstream_server_streams"))
    assert held == sum(samples.all("jetstream_stream_replicas"))
    assert samples.all("jetstream_meta_peers") == [3]
    assert samples.all("jetstream_meta_fault_tolerance") == [1]


async def test_consumers_led_elsewhere_than_their_stream_have_their_leaders_figures(
    tmp_path: Path,
) -> None:
    async with Cluster(name="apart") as cluster, await nats.connect(cluster.urls) as nc:
        js = nc.jetstream(timeout=20)
        await create_stream(js, name="S", subjects=["s"], num_replicas=3)
        for _ in range(7):
            await publish(js, "s", b"")
        for i in range(12):
            await create_consumer(
                js, "S", ConsumerConfig(durable_name=f"c{i}", ack_policy="explicit")
            )
        led_by = {(await js.consumer_info("S", f"c{i}")).cluster.leader for i in range(12)}
        assert len(led_by) > 1, "all consumers landed on one leader: the test shows nothing"
        async with exporter(tmp_path, cluster.monitor_urls) as running:
            samples = await running.scrape()
            assert samples.all("jetstream_consumer_pending_messages") == [7.0] * 12
            assert samples.labels("jetstream_consumer_leader", "server") == led_by


ODD_NAMES = (
    'quo"te',
    "br{ace}s",
    "ünï-ço∂é",
    "tab\x0bbed",
    "a,b=c",
    "日本",
    "$dollar",
    "\x01",
    "a\u2028b",
    "'",
)


async def test_every_name_that_nats_allows_comes_out_as_valid_exposition(tmp_path: Path) -> None:
    async with (
        Cluster(size=1, accounts={"acc{ou}nt é'": account("u")}) as cluster,
        await nats.connect(cluster.urls) as nc,
    ):
        js = nc.jetstream(timeout=20)
        made = set()
        for i, name in enumerate(ODD_NAMES):
            try:
                await create_stream(js, name=name, subjects=[f"odd.{i}"])
                await create_consumer(
                    js, name, ConsumerConfig(durable_name=name, ack_policy="explicit")
                )
            except (ValueError, APIError):
                continue
            made.add(name)
        assert len(made) >= 8
        async with exporter(tmp_path, cluster.monitor_urls) as running:
            samples = await running.scrape()
            assert samples.labels("jetstream_stream_messages", "stream") == made
            assert samples.labels("jetstream_consumer_pending_messages", "consumer") == made
            assert samples.labels("jetstream_stream_messages", "account") == {"acc{ou}nt é'"}


async def test_a_new_consumer_is_exported_with_the_next_scrape_and_a_deleted_one_is_gone(
    tmp_path: Path,
) -> None:
    async with Cluster(size=1) as cluster, await nats.connect(cluster.urls) as nc:
        js = nc.jetstream(timeout=20)
        await create_stream(js, name="S", subjects=["s"])
        async with exporter(tmp_path, cluster.monitor_urls) as running:
            await running.scrape()
            await publish(js, "s", b"")
            await create_consumer(
                js, "S", ConsumerConfig(durable_name="new", ack_policy="explicit")
            )
            samples = await running.scrape()
            assert samples.get("jetstream_consumer_pending_messages", consumer="new") == 1
            assert samples.get("jetstream_consumer_info", consumer="new", type="pull") == 1
            await js.delete_consumer("S", "new")
            assert (await running.scrape()).all("jetstream_consumer_has_leader") == []


async def test_a_server_without_jetstream_is_up_and_says_so(tmp_path: Path) -> None:
    async with Cluster(size=1, extra="") as cluster:
        plain = cluster[0]
        text = plain.config.read_text()
        await plain.stop()
        plain.config.write_text(
            "\n".join(line for line in text.splitlines() if not line.startswith("jetstream"))
        )
        plain.config.write_text(
            plain.config.read_text().replace('"jetstream": "enabled"', '"jetstream": "disabled"')
        )
        await plain.start()
        async with exporter(tmp_path, cluster.monitor_urls) as running:
            samples = await running.scrape()
        assert samples.all("nats_server_up") == [1]
        assert samples.all("jetstream_server_enabled") == [0]
        assert samples.all("jetstream_server_complete") == [1]
        assert samples.all("jetstream_stream_has_leader") == []


async def test_a_memory_store_in_which_nothing_may_be_kept_is_limited_to_0(tmp_path: Path) -> None:
    """To a server's stores 0 is no word for "unlimited": it refuses every stream in memory then."""
    async with (
        Cluster(size=1, max_memory_store=0) as cluster,
        await nats.connect(cluster.urls) as nc,
    ):
        with pytest.raises(APIError, match="insufficient memory resources"):
            await create_stream(nc.jetstream(), name="S", subjects=["s"], storage="memory")
        async with exporter(tmp_path, cluster.monitor_urls) as running:
            samples = await running.scrape()
        assert samples.get("jetstream_server_store_limit_bytes", store="memory") == 0
        assert samples.get("jetstream_server_store_ratio", store="memory") is None
