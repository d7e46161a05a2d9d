"""Names that stand for several things, and members that nobody asks, on real servers."""

import asyncio
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import nats
import pytest
from nats.js.api import ConsumerConfig
from scripts.versions import EXTREMES
from tests.support import sources
from tests.support.exporter import Samples, exporter
from tests.support.tools import nats_server

from jetstream_exporter.audit.observe import observe
from jetstream_exporter.audit.servers import without_leader
from jetstream_exporter.demo.cluster import Cluster, account
from jetstream_exporter.demo.create import create_consumer, create_stream
from jetstream_exporter.demo.ports import Port
from jetstream_exporter.demo.publish import publish

USERS = {"A": account("a")}
CONFLICTS = "jetstream_exporter_name_conflicts"
MESSAGES = "jetstream_stream_messages"


async def fill(cluster: Cluster, count: int, **streams: int) -> None:
    """Make streams of so many replicas, with `count` messages and a consumer each."""
    async with await nats.connect(cluster.urls_for("a")) as nc:
        js = nc.jetstream(timeout=20)
        for name, replicas in streams.items():
            subject = f"{name}.{cluster.name}"  # a hub hears what is published to its leaf nodes
            await create_stream(js, name=name, subjects=[subject], num_replicas=replicas)
            for _ in range(count):
                await publish(js, subject, b"")
            await create_consumer(js, name, ConsumerConfig(durable_name="c", ack_policy="explicit"))


class Hub(Cluster):
    """A cluster whose first server takes leaf nodes."""

    leaf_port = ""

    def _configuration(self, number: int, server: object) -> str:
        text = super()._configuration(number, server)  # type: ignore[arg-type]
        return text if number else f'{text}\nleafnodes: {{listen: "{self.leaf_port}"}}\n'


@asynccontextmanager
async def hub_and_leaf(
    version: str, hub_domain: str, leaf_domain: str, leaf_size: int
) -> AsyncIterator[tuple[Cluster, Cluster]]:
    """They share both accounts, the system account too, as leaf nodes of one operator do."""
    port, binary = Port(), nats_server(version)
    remotes = ", ".join(
        f'{{url: "nats://{user}:{user}@{port}", account: {name}}}'
        for user, name in (("a", "A"), ("sys", "SYS"))
    )
    hub = Hub(2, accounts=USERS, domain=hub_domain, name="hub", prefix="hub", binary=binary)
    hub.leaf_port = str(port)
    leaf = Cluster(
        leaf_size,
        accounts=USERS,
        domain=leaf_domain,
        name="leaf",
        prefix="leaf",
        extra=f"leafnodes: {{remotes: [{remotes}]}}",
        binary=binary,
    )
    try:
        async with hub, leaf:
            yield hub, leaf
    finally:
        port.release()


@pytest.mark.parametrize("version", EXTREMES)
async def test_a_leaf_node_s_stream_is_not_mixed_with_the_hub_s_of_that_name(
    version: str, tmp_path: Path
) -> None:
    async with hub_and_leaf(version, "hub", "leaf", 1) as (hub, leaf):
        await fill(hub, 1, S=2)
        await fill(leaf, 3, S=1)
        config = sources.settings(name="prod", system=sources.login(hub, tmp_path, "sys"))
        async with exporter(tmp_path, config=config) as running:
            samples = await running.until(
                "both streams", lambda s: len(s.all(MESSAGES, stream="S")) == 2
            )
            assert samples.get(MESSAGES, nats_cluster="prod") == 1
            assert samples.get(MESSAGES, nats_cluster="leaf-0") == 3
            assert samples.get(CONFLICTS, nats_cluster="prod") == 1
            assert samples.labels("nats_server_up", "server", nats_cluster="prod") == {
                "hub-0",
                "hub-1",
            }
            assert "name conflict" in running.log()
            await hub[0].kill()
            await hub[1].kill()
            samples = await running.scrape()
            assert samples.all(MESSAGES, nats_cluster="prod") == []


@pytest.mark.parametrize("version", EXTREMES)
async def test_a_leaf_cluster_that_extends_the_hub_s_jetstream_is_one_with_it(
    version: str, tmp_path: Path
) -> None:
    async with hub_and_leaf(version, "", "", 2) as (hub, _):
        await fill(hub, 1, S=2)
        config = sources.settings(name="prod", system=sources.login(hub, tmp_path, "sys"))
        async with exporter(tmp_path, config=config) as running:
            samples = await running.until(
                "all servers", lambda s: s.all("nats_server_up") == [1, 1, 1, 1]
            )
            assert samples.all(CONFLICTS) == [0]
            assert samples.all("jetstream_meta_has_leader") == [1]
        async with exporter(tmp_path, targets=hub.monitor_urls) as running:
            samples = await running.until("the stream", lambda s: s.all(MESSAGES) == [1])
            assert samples.all("nats_server_up") == [1, 1]


@pytest.mark.parametrize("way", ["targets", "system"])
async def test_two_clusters_of_one_name_are_not_mixed(way: str, tmp_path: Path) -> None:
    """The official chart calls clusters and servers by the release, so all names are alike."""
    async with (
        Cluster(2, accounts=USERS, name="nats", prefix="nats") as blue,
        Cluster(2, accounts=USERS, name="nats", prefix="nats") as green,
    ):
        await asyncio.gather(fill(blue, 1, R1=1, R2=2), fill(green, 5, R1=1, R2=2, green=1))
        clusters = []
        for number, cluster in enumerate((blue, green)):
            folder = tmp_path / str(number)
            folder.mkdir()
            login = sources.login(cluster, folder, "sys")
            clusters.append(
                {"targets": cluster.monitor_urls} if way == "targets" else {"system": login}
            )
        config = json.dumps({"clusters": clusters})
        async with exporter(tmp_path, config=config) as running:
            samples = await running.until("the streams", lambda s: len(s.all(MESSAGES)) == 2)
            for _ in range(3):
                assert samples.all(MESSAGES) == [1, 1]
                assert samples.all("jetstream_stream_has_leader") == [1, 1]
                assert samples.all("jetstream_consumer_pending_messages") == [1, 1]
                assert samples.all("nats_server_up") == [1, 1]
                assert samples.all(CONFLICTS) == [1]
                assert samples.all("jetstream_exporter_source_up", source="system") == (
                    [1] * 6 if way == "system" else []
                )
                samples = await running.scrape()
            assert running.log().count("name conflict") == 1
            assert (
                "different clusters, domains or servers have the name nats"
                in await running.text("/debug/sources")
            )


def leaders(samples: Samples) -> set[float]:
    families = ("jetstream_meta_has_leader", "jetstream_stream_has_leader")
    return {value for family in families for value in samples.all(family)}


async def test_one_follower_of_three_as_the_only_target(tmp_path: Path) -> None:
    async with Cluster(3, accounts=USERS) as cluster:
        await fill(cluster, 1, S=3)
        async with exporter(tmp_path, targets=cluster.monitor_urls) as running:
            samples = await running.until("the leader", lambda s: s.all(MESSAGES) == [1])
            assert samples.all("nats_server_configured") == [1, 1, 1]
            (meta,) = samples.labels("jetstream_meta_leader", "server")
            (stream,) = samples.labels("jetstream_stream_leader", "server")
            follower = next(s for s in cluster if s.name not in (meta, stream))
            probed = Samples(await running.text(f"/probe?target={follower.monitor_url}"))
            assert leaders(probed) == set()
            assert probed.labels("nats_server_up", "server") == {follower.name}
        seen = await observe("", [follower.monitor_url], 0.0)
        assert list(without_leader(seen)) == []
        started = time.monotonic()
        async with exporter(tmp_path, targets=[follower.monitor_url]) as running:
            samples = await running.scrape()
            while time.monotonic() - started < 18:
                assert 0 not in leaders(samples)
                await asyncio.sleep(0.5)
                samples = await running.scrape()
            samples = await running.until("the leaders", lambda s: leaders(s) == {1}, 15)
            up = {
                name: (
                    samples.get("nats_server_up", server=name),
                    samples.get("nats_server_configured", server=name),
                )
                for name in samples.labels("nats_server_up", "server")
            }
            assert up == {s.name: (1, 1) if s is follower else (0, 0) for s in cluster}
            assert running.log().count("servers of a cluster are not configured as targets") == 1
