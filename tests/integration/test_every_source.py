"""One cluster read through its monitoring ports, its system account and its accounts' JetStream APIs: one truth."""

import random
from collections.abc import AsyncIterator
from pathlib import Path

import nats
import pytest
from scripts.versions import EXTREMES
from tests.integration.test_truth import SEED, is_mirrored, load
from tests.support.exporter import Samples, exporter
from tests.support.sources import ALL
from tests.support.tools import nats_server

from jetstream_exporter.demo.cluster import Cluster, account

OF_SERVERS = ("replicas_diverged",)  # which the API of an account does not tell
# Times by which a message was stored. Each exporter bounds them by its own scrapes, and they began one after the other.
BOUNDED = ("oldest_pending_timestamp_seconds", "oldest_unacknowledged_timestamp_seconds")
STREAMS_AND_CONSUMERS = ("jetstream_stream_", "jetstream_consumer_")


@pytest.fixture(params=EXTREMES)
async def cluster(request: pytest.FixtureRequest) -> AsyncIterator[Cluster]:
    accounts = {"A": account("a"), "B": account("b")}
    async with Cluster(name="ways", accounts=accounts, binary=nats_server(request.param)) as made:
        yield made


def figures(samples: Samples) -> dict[str, dict[frozenset[tuple[str, str]], float]]:
    """What is said of streams and consumers, but for what is another at every moment."""
    return {
        name: rows
        for name, rows in samples.families.items()
        if name.startswith(STREAMS_AND_CONSUMERS)
        and not name.endswith(("last_seen_seconds", "_age_seconds", *OF_SERVERS))
    }


async def test_all_ways_give_equal_figures_at_rest(cluster: Cluster, tmp_path: Path) -> None:
    dice = random.Random(SEED)
    for user in ("a", "b"):
        async with await nats.connect(cluster.urls_for(user)) as nc:
            await load(nc, user, dice)
    said: dict[str, Samples] = {}
    for way in ALL:
        folder = tmp_path / way.__name__
        folder.mkdir()
        async with exporter(folder, config=way(cluster, folder)) as running:
            samples = await running.scrape()
            page = await running.text("/debug/sources")
            assert set(samples.all("jetstream_exporter_source_up")) == {1}, page
            for name in ("A", "B"):
                samples = await running.until("the last message", is_mirrored(name))
            said[way.__name__] = samples
    http = figures(said["http"])
    assert len(http["jetstream_consumer_pending_messages"]) > 20
    for name, samples in said.items():
        assert figures(samples).keys() == http.keys(), name
        for family, rows in figures(samples).items():
            if family.endswith(BOUNDED):
                assert rows.keys() == http[family].keys(), f"{name}: {family}"
            else:
                assert rows.items() ^ http[family].items() == set(), f"{name}: {family}"
