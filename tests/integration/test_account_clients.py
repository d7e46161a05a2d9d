"""The clients of each account: figures as the servers' own answers have them, with real servers."""

import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import nats
import pytest
from scripts.versions import EXTREMES
from tests.integration.test_topologies import JwtCluster
from tests.support import sources
from tests.support.exporter import Exporter, Samples, eventually, exporter
from tests.support.supercluster import ACCOUNTS, FIGURES, allowed
from tests.support.tools import nats_server

from jetstream_exporter.demo.cluster import Cluster, account

FIELDS = {
    "connections": ("conns",),
    "leafnodes": ("leafnodes",),
    "subscriptions": ("num_subscriptions",),
    "sent_messages_total": ("sent", "msgs"),
    "sent_bytes_total": ("sent", "bytes"),
    "received_messages_total": ("received", "msgs"),
    "received_bytes_total": ("received", "bytes"),
    "slow_consumers_total": ("slow_consumers",),
}
PART = "jetstream_exporter_source_part_up"
USERS = {
    "A": account("a"),
    "B": account("b", jetstream=False),
    "IDLE": account("idle", jetstream=False),
    "SYS": {
        "users": [
            {"user": "sys", "password": "sys"},
            allowed("least", FIGURES, ACCOUNTS),
            allowed("figures", FIGURES),
        ]
    },
}
Figures = dict[tuple[str, ...], int]


@pytest.fixture(params=EXTREMES)
async def cluster(request: pytest.FixtureRequest) -> AsyncIterator[Cluster]:
    """Two servers and clients that send, of two accounts; a third account has none."""
    async with AsyncExitStack() as stack:
        made = Cluster(3, accounts=USERS, binary=nats_server(request.param))
        await stack.enter_async_context(made)
        for number, (user, count) in enumerate((("a", 30), ("b", 70))):
            here = await stack.enter_async_context(await nats.connect(made.urls_for(user)[number]))
            inbox = await here.subscribe("there")
            for _ in range(count):
                await here.publish("there", b"x" * 100)
            for _ in range(count):
                await inbox.next_msg(timeout=5)
        yield made


def field(one: dict[str, Any], path: tuple[str, ...]) -> int:
    value: Any = one
    for name in path:
        value = value[name]
    return int(value)


async def truth(cluster: Cluster) -> Figures:
    """Every figure of the accounts that clients have used; that of the system account moves as it is asked."""
    return {
        (server.name, one["acc"], name): field(one, path)
        for server in cluster
        for one in (await server.ask("/accstatz?unused=1"))["account_statz"]
        if one["conns"] + one["sent"]["msgs"] + one["received"]["msgs"] and one["acc"] != "SYS"
        for name, path in FIELDS.items()
    }


def figures(samples: Samples) -> Figures:
    return {
        (labels["server"], labels["account"], family.removeprefix("nats_account_")): int(value)
        for family, rows in samples.families.items()
        if family.startswith("nats_account_")
        for row, value in rows.items()
        if (labels := dict(row))["account"] != "SYS"
    }


async def until_equal(running: Exporter, cluster: Cluster) -> Figures:
    last: list[Figures] = []

    async def is_equal() -> bool:
        before = await truth(cluster)
        got = figures(await running.scrape())
        last[:] = [before, got]
        return got == before == await truth(cluster)

    await eventually("the servers' own figures", is_equal, deadline=30)
    return last[1]


async def test_every_figure_of_an_account_is_the_servers_own(
    cluster: Cluster, tmp_path: Path
) -> None:
    """Over the monitoring ports, and over the system account with the least permissions."""
    system = sources.settings(system=sources.login(cluster, tmp_path, "least"))
    for config in (sources.settings(targets=cluster.monitor_urls), system):
        async with exporter(tmp_path, config=config) as running:
            await running.until("three servers", lambda s: s.all("nats_server_up") == [1] * 3)
            found = await until_equal(running, cluster)
            assert {account for _, account, _ in found} == {"A", "B"}
            assert found["nats-0", "A", "received_messages_total"] >= 30
            assert found["nats-1", "B", "sent_bytes_total"] >= 7000
            assert found["nats-1", "B", "connections"] == 1
            assert (await running.scrape()).all(PART, part="accstatz") == [1] * 3


async def test_without_the_permission_for_accounts_only_they_are_missing(
    cluster: Cluster, tmp_path: Path
) -> None:
    config = json.loads(sources.settings(system=sources.login(cluster, tmp_path, "figures")))
    config["collect"] = {"links": False}
    async with exporter(tmp_path, config=json.dumps(config)) as running:
        samples = await running.until(
            "three servers", lambda s: s.all("jetstream_server_complete") == [1] * 3
        )
        assert figures(samples) == {}
        assert samples.all(PART, part="accstatz") == [0] * 3
        assert set(samples.all(PART, part="jsz")) == {1}
        assert ACCOUNTS.lower() in running.log().lower()


async def test_without_collect_accounts_nothing_is_asked_and_nothing_exported(
    cluster: Cluster, tmp_path: Path
) -> None:
    config = json.loads(sources.settings(targets=cluster.monitor_urls))
    config["collect"] = {"accounts": False}
    async with exporter(tmp_path, config=json.dumps(config)) as running:
        assert figures(await running.scrape()) == {}
        asked = (await cluster[0].ask("/varz"))["http_req_stats"]
        assert asked["/varz"] > 0
        assert asked.get("/accstatz", 0) == 0


async def test_accounts_by_jwt_are_labelled_by_id_or_by_name(tmp_path: Path) -> None:
    async with (
        JwtCluster(tmp_path) as cluster,
        await nats.connect(cluster.urls, user_credentials=str(tmp_path / "app.creds")),
    ):
        for label, wanted in (("id", cluster.app.id), ("name", "ORDERS-APP")):
            for way in ({"targets": cluster.monitor_urls}, {"system": cluster.login("sys")}):
                config = {"clusters": [way], "labels": {"account": label}}
                async with exporter(tmp_path, config=json.dumps(config)) as running:
                    samples = await running.scrape()
                    assert samples.get("nats_account_connections", account=wanted) == 1, way


def test_the_page_about_sources_names_the_permission_for_accounts() -> None:
    text = (Path(__file__).parents[2] / "docs" / "sources.md").read_text()
    assert f"`{ACCOUNTS}`" in text
