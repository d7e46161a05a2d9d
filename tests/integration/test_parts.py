"""Success means that what was asked came: real servers behind a proxy that damages one path for good."""

import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import nats
import pytest
import pytest_asyncio
from tests.support import mesh, sources
from tests.support.exporter import Exporter, Samples, exporter
from tests.support.mesh import Damage, Mesh

from jetstream_exporter.demo.cluster import Cluster, account
from jetstream_exporter.demo.create import create_stream

PART = "jetstream_exporter_source_part_up"
UP = "jetstream_exporter_source_up"
SUCCESS = "jetstream_exporter_last_success_timestamp_seconds"
LIMIT = 2**20
DAMAGES: dict[str, tuple[Damage, str]] = {
    "500": (mesh.status(500), "answered 500 Internal Server Error"),
    "403": (mesh.status(403), "answered 403 Forbidden"),
    "larger than the limit": (mesh.larger(LIMIT + 1), "the answer is larger than 1048576 bytes"),
    "hanging": (mesh.hanging, "no answer in time"),
}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def cluster() -> AsyncIterator[Cluster]:
    async with Cluster(accounts={"A": account("a")}) as made:
        async with await nats.connect(made.urls_for("a")) as nc:
            js = nc.jetstream(timeout=20)
            await create_stream(js, name="R3", subjects=["r3"], num_replicas=3)
            for i in range(6):
                await create_stream(js, name=f"R1-{i}", subjects=[f"r1.{i}"])
        yield made


@pytest.fixture
async def meshes(cluster: Cluster) -> AsyncIterator[list[Mesh]]:
    async with AsyncExitStack() as stack:
        yield [await stack.enter_async_context(mesh.mesh(url)) for url in cluster.monitor_urls]


def config(meshes: list[Mesh]) -> str:
    settings = json.loads(sources.settings(targets=[one.url for one in meshes]))
    return json.dumps(settings | {"collect": {"max_response_bytes": LIMIT}})


def parts(samples: Samples, target: str) -> dict[str, float | None]:
    names = ("varz", "healthz", "jsz")
    where = {"source": "monitoring", "target": target}
    return {name: samples.get(PART, part=name, **where) for name in names}


async def whole(running: Exporter) -> Samples:
    samples = await running.until("all", lambda s: s.all(UP) == [1, 1, 1] and len(streams(s)) == 7)
    assert samples.all(PART) == [1] * 15  # varz, healthz, jsz, accstatz and, in a cluster, routez
    return samples


def streams(samples: Samples) -> set[str]:
    return samples.labels("jetstream_stream_messages", "stream")


@pytest.mark.parametrize("name", DAMAGES)
async def test_a_list_that_fails_everywhere_is_no_success_though_all_else_answers(
    name: str, meshes: list[Mesh], tmp_path: Path
) -> None:
    damage, why = DAMAGES[name]
    async with exporter(tmp_path, config=config(meshes)) as running:
        before = (await whole(running)).get(SUCCESS)
        for one in meshes:
            one.damages["/jsz"] = damage
        for _ in range(2):
            samples = await running.scrape(timeout=8)
            for one in meshes:
                assert parts(samples, one.url) == {"varz": 1, "healthz": 1, "jsz": 0}
            assert samples.all(UP) == [0, 0, 0]
            assert samples.all("nats_server_up") == [1, 1, 1]
            assert samples.get(SUCCESS) == before
        assert f"jsz: down: {why}" in await running.text("/debug/sources")
        for one in meshes:
            one.damages.clear()
        after = (await whole(running)).get(SUCCESS)
        assert before is not None
        assert after is not None
        assert after > before


@pytest.mark.parametrize("name", DAMAGES)
async def test_one_server_of_three_whose_list_fails_is_named_and_is_no_success(
    name: str, meshes: list[Mesh], tmp_path: Path
) -> None:
    async with exporter(tmp_path, config=config(meshes)) as running:
        before = (await whole(running)).get(SUCCESS)
        meshes[1].damages["/jsz"] = DAMAGES[name][0]
        samples = await running.scrape(timeout=8)
        assert parts(samples, meshes[1].url) == {"varz": 1, "healthz": 1, "jsz": 0}
        assert parts(samples, meshes[0].url) == {"varz": 1, "healthz": 1, "jsz": 1}
        assert samples.get(UP, target=meshes[1].url) == 0
        assert samples.get(SUCCESS) == before


async def test_a_proxy_that_drops_the_query_is_no_success(
    cluster: Cluster, meshes: list[Mesh], tmp_path: Path
) -> None:
    async with exporter(tmp_path, config=config(meshes)) as running:
        before = (await whole(running)).get(SUCCESS)
        for one, url in zip(meshes, cluster.monitor_urls, strict=True):
            one.damages["/jsz"] = mesh.without_query(url)
        samples = await running.scrape(timeout=8)
        for one in meshes:
            assert parts(samples, one.url) == {"varz": 1, "healthz": 1, "jsz": 0}
        assert samples.get(SUCCESS) == before
        assert "a proxy may drop the query of the URL" in await running.text("/debug/sources")


async def test_a_mesh_that_allows_some_paths_only_is_told_from_the_first_scrape_on(
    meshes: list[Mesh], tmp_path: Path
) -> None:
    for one in meshes:
        one.damages |= {"/jsz": mesh.status(403), "/varz": mesh.status(403)}
    async with exporter(tmp_path, config=config(meshes)) as running:
        for _ in range(2):
            samples = await running.scrape(timeout=8)
            for one in meshes:
                assert parts(samples, one.url) == {"varz": 0, "healthz": 1, "jsz": 0}
            assert samples.all(UP) == [0, 0, 0]
            assert samples.all(SUCCESS) == []


async def test_a_server_that_is_gone_has_all_its_parts_and_the_others_are_a_success(
    cluster: Cluster, tmp_path: Path
) -> None:
    dead = "http://127.0.0.1:1"
    targets = [*cluster.monitor_urls[:2], dead]
    async with exporter(tmp_path, config=sources.settings(targets=targets)) as running:
        first = await running.scrape()
        samples = await running.scrape()
        assert parts(samples, dead) == {"varz": 0, "healthz": 0, "jsz": 0}
        before, after = first.get(SUCCESS), samples.get(SUCCESS)
        assert before is not None
        assert after is not None
        assert after > before


async def test_sources_over_nats_have_their_parts_on_every_scrape(
    cluster: Cluster, tmp_path: Path
) -> None:
    config = sources.settings(
        system=sources.login(cluster, tmp_path, "sys"),
        accounts=[
            sources.login(cluster, tmp_path, "a"),
            sources.login(cluster, tmp_path, "nobody"),
        ],
        advisories=[sources.login(cluster, tmp_path, "a")],
    )
    async with exporter(tmp_path, config=config) as running:
        samples = await running.scrape()

        def of(source: str, **labels: str) -> dict[str, float | None]:
            names = samples.labels(PART, "part", source=source, **labels)
            return {name: samples.get(PART, source=source, part=name, **labels) for name in names}

        url = samples.labels(UP, "target", source="advisories").pop().split()[0]
        assert of("system", target=url) == {"connection": 1, "statsz": 1}
        for i in range(3):
            assert of("system", target=f"demo/nats-{i}") == {
                "varz": 1,
                "healthz": 1,
                "jsz": 1,
                "routez": 1,
                "accstatz": 1,
            }
        every = ("connection", "info", "streams", "consumers")
        assert of("account", target=f"{url} A") == dict.fromkeys(every, 1)
        assert of("account", target=f"{url} accounts[1]") == dict.fromkeys(every, 0)
        assert of("advisories") == {"connection": 1, "subscriptions": 1}
