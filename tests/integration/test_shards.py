"""Shards of a real cluster, with odd names of accounts: together they tell what one exporter tells, nothing twice."""

import json
import random
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import nats
import pytest
from nats.js import JetStreamContext
from nats.js.errors import NotFoundError
from scripts.versions import EXTREMES
from tests.integration.test_every_source import figures
from tests.integration.test_truth import SEED, load
from tests.support.exporter import Exporter, Samples, eventually, exporter
from tests.support.oracle import check_account
from tests.support.shards import is_divided
from tests.support.sources import Way, http, system
from tests.support.tools import nats_server

from jetstream_exporter.config.shard import Shard
from jetstream_exporter.demo.cluster import Cluster, account
from jetstream_exporter.demo.create import create_consumer, create_stream
from jetstream_exporter.demo.publish import publish

TOTAL = 3
# One with a workload of every shape, and others with little. A name with a space is none that JetStream works with.
FULL = "A"
ODD = ("x&y=z", "ünï☃", "a/b?c#d", "pct%41", "+plus", "dot.ted")
NAMES = (FULL, *ODD, "EMPTY")
# What each exporter has seen by itself: elections, and messages that came between two of its scrapes.
SEEN = (
    "leader_changes_total",
    "oldest_pending_timestamp_seconds",
    "oldest_unacknowledged_timestamp_seconds",
)
Keys = set[tuple[str, frozenset[tuple[str, str]]]]


@pytest.fixture(params=EXTREMES)
async def cluster(request: pytest.FixtureRequest) -> AsyncIterator[Cluster]:
    accounts = {name: account(user(name)) for name in NAMES}
    async with Cluster(name="shards", accounts=accounts, binary=nats_server(request.param)) as made:
        yield made


def user(name: str) -> str:
    return f"u{NAMES.index(name)}"


async def fill(cluster: Cluster) -> None:
    async with await nats.connect(cluster.urls_for(user(FULL))) as nc:
        await load(nc, "a", random.Random(SEED))
    for name in ODD:
        async with await nats.connect(cluster.urls_for(user(name))) as nc:
            js = nc.jetstream(timeout=20)
            for replicas in (1, 3):
                stream = f"R{replicas}"
                await create_stream(
                    js, name=stream, subjects=[f"{stream}.>"], num_replicas=replicas
                )
                await worker(js, stream)
                for _ in range(3):
                    await publish(js, f"{stream}.x", b"x")


async def worker(js: JetStreamContext, stream: str) -> None:
    """A server may not know of the new stream yet."""

    async def made() -> bool:
        try:
            await create_consumer(js, stream, durable_name="worker", ack_policy="explicit")
        except NotFoundError:
            return False
        return True

    await eventually("a consumer", made)


@asynccontextmanager
async def exporters(
    cluster: Cluster, folder: Path, way: Way, total: int
) -> AsyncIterator[list[Exporter]]:
    async with AsyncExitStack() as stack:
        found = []
        for number in range(total):
            place = folder / f"{way.__name__}-{number}-{total}"
            place.mkdir()
            config = json.loads(way(cluster, place))
            if total > 1:
                config["shard"] = {"ordinal": number, "total": total}
            found.append(
                await stack.enter_async_context(exporter(place, config=json.dumps(config)))
            )
        yield found


def union(parts: Sequence[Samples]) -> Samples:
    """The samples of all shards, without what each says of itself; none is in two of them."""
    found = Samples("")
    for samples in parts:
        for name, rows in samples.families.items():
            if is_divided(name):
                mine = found.families.setdefault(name, {})
                assert not mine.keys() & rows.keys(), f"{name} is in two shards"
                mine |= rows
    return found


def keys(samples: Samples) -> Keys:
    return {
        (name, key)
        for name, rows in samples.families.items()
        if is_divided(name) and not name.endswith(SEEN)
        for key in rows
    }


async def scraped(shards: Sequence[Exporter]) -> Samples:
    return union([await shard.scrape() for shard in shards])


async def until_alike(whole: Exporter, shards: Sequence[Exporter]) -> None:
    """Wait until the whole and the shards have the same series."""
    await until_nothing(whole, shards, lambda said, parts: keys(said) ^ keys(parts), 90)


async def until_equal(whole: Exporter, shards: Sequence[Exporter]) -> Samples:
    """The samples of the shards, once their figures of streams and consumers are those of the whole.

    They are scraped one after the other, and a replica that returns catches up in between.
    """
    parts = await until_nothing(whole, shards, unequal, 60)
    assert len(figures(parts)["jetstream_consumer_pending_messages"]) > 20
    return parts


async def until_nothing(
    whole: Exporter,
    shards: Sequence[Exporter],
    differing: Callable[[Samples, Samples], object],
    deadline: float,
) -> Samples:
    """The samples of the shards, once nothing differs from the whole."""
    last: list[tuple[Samples, object]] = []

    async def is_nothing() -> bool:
        said, parts = await whole.scrape(), await scraped(shards)
        last.append((parts, differing(said, parts)))
        return not last[-1][1]

    try:
        await eventually("the same of the whole and of the shards", is_nothing, deadline)
    except AssertionError as error:
        raise AssertionError(f"{error}: {str(last[-1][1])[:2000]}") from error
    return last[-1][0]


def unequal(whole: Samples, parts: Samples) -> dict[str, object]:
    """By family the figures of streams and consumers that only one of both has."""
    wanted, found = figures(whole), figures(parts)
    return {
        family: different
        for family, rows in wanted.items()
        if not family.endswith(SEEN) and (different := rows.items() ^ found.get(family, {}).items())
    }


async def test_shards_together_tell_what_the_whole_tells_also_after_a_server_was_away(
    cluster: Cluster, tmp_path: Path
) -> None:
    await fill(cluster)
    mine = [{n for n in NAMES if Shard(ordinal=i, total=TOTAL).holds(n)} for i in range(TOTAL)]
    assert all(mine), "each shard is to have accounts"
    async with (
        exporters(cluster, tmp_path, http, 1) as (whole,),
        exporters(cluster, tmp_path, http, TOTAL) as shards,
    ):
        await until_alike(whole, shards)
        parts = await until_equal(whole, shards)
        assert parts.labels("jetstream_account_info", "account") == set(NAMES)
        for number, shard in enumerate(shards):
            samples = await shard.scrape()
            assert set(samples.all("jetstream_exporter_source_up")) == {1}
            assert samples.labels("jetstream_stream_info", "account") == mine[number] - {"EMPTY"}
            assert bool(samples.all("nats_server_up")) == (number == 0)
            assert samples.labels("jetstream_exporter_shard_info", "shard") == {str(number)}
        async with exporters(cluster, tmp_path, system, TOTAL) as by_system:
            await until_equal(whole, by_system)

        await cluster[2].kill()
        await shards[0].until(
            "the server that is down", lambda s: s.get("nats_server_up", server="nats-2") == 0
        )
        await until_alike(whole, shards)

        async def led_again() -> bool:
            parts = await scraped(shards)
            held = [parts.get("jetstream_stream_messages", account=n, stream="R3") for n in ODD]
            return held == [3] * len(ODD)

        await eventually("new leaders of what has other replicas", led_again, 60)
        await until_alike(whole, shards)

        await cluster[2].start()
        await shards[0].until(
            "whole lists", lambda s: s.all("jetstream_server_complete") == [1, 1, 1], 60
        )
        await cluster.until_ready()
        await until_alike(whole, shards)
        parts = await until_equal(whole, shards)
        for name in ODD:
            async with await nats.connect(cluster.urls_for(user(name))) as nc:
                assert await check_account(parts, nc, cluster.name, name) == 4
