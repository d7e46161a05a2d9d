"""The links of a super-cluster: figures as the servers' own answers have them, a cut and its end, with real servers."""

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from scripts.versions import EXTREMES
from tests.support import sources
from tests.support.exporter import Exporter, Samples, eventually, exporter
from tests.support.supercluster import LINKS, POOL, SuperCluster, supercluster, traffic

CONNECTIONS = "nats_gateway_connections"
PART = "jetstream_exporter_source_part_up"
UP = "jetstream_exporter_source_up"
LINK_PARTS = {"gatewayz", "leafz", "routez"}
UNCOUNTED = ("rtt_seconds", "pending_bytes", "configured", "configured_connections")
EAST_TO_WEST = {"nats_cluster": "east", "remote_cluster": "west", "direction": "outbound"}


@pytest.fixture(params=EXTREMES)
async def joined(request: pytest.FixtureRequest) -> AsyncIterator[SuperCluster]:
    async with supercluster(request.param) as made:
        yield made


def targets(joined: SuperCluster) -> list[str]:
    clusters = (joined.east, joined.west, joined.leaf)
    return [url for cluster in clusters for url in cluster.monitor_urls]


def whole(samples: Samples) -> bool:
    """Every server has dialled every other."""
    return samples.all(CONNECTIONS, direction="outbound") == [1] * 4 and bool(
        samples.all("nats_leafnode_connections", server="leaf-0", account="B")
    )


def sums(found: list[dict[str, Any]]) -> dict[str, int]:
    names = {
        "sent_messages_total": "out_msgs",
        "sent_bytes_total": "out_bytes",
        "received_messages_total": "in_msgs",
        "received_bytes_total": "in_bytes",
    }
    return {name: sum(each[field] for each in found) for name, field in names.items()}


async def truth(joined: SuperCluster) -> dict[tuple[str, ...], int]:
    """Every figure of the links, by the server's own answers."""
    said: dict[tuple[str, ...], int] = {}
    for cluster in (joined.east, joined.west, joined.leaf):
        for server in cluster:
            gatewayz = await server.ask("/gatewayz")
            outbound = {name: [one] for name, one in gatewayz["outbound_gateways"].items()}
            directions = {"outbound": outbound, "inbound": gatewayz["inbound_gateways"]}
            for direction, remotes in directions.items():
                for remote, found in remotes.items():
                    key = ("gateway", server.name, remote, direction)
                    said[(*key, "connections")] = len(found)
                    for name, number in sums([one["connection"] for one in found]).items():
                        said[(*key, name)] = number
            leafs: dict[tuple[str, str], list[dict[str, Any]]] = {}
            for leaf in (await server.ask("/leafz"))["leafs"]:
                leafs.setdefault((leaf["account"], leaf["name"]), []).append(leaf)
            for names, found in leafs.items():
                said["leafnode", server.name, *names, "connections"] = len(found)
                for name, number in sums(found).items():
                    said["leafnode", server.name, *names, name] = number
            for route in (await server.ask("/routez"))["routes"]:
                key = ("route", server.name, route["remote_name"], "connections")
                said[key] = said.get(key, 0) + 1
    return said


def figures(samples: Samples) -> dict[tuple[str, ...], int]:
    found: dict[tuple[str, ...], int] = {}
    keys = {
        "gateway": ("remote_cluster", "direction"),
        "leafnode": ("account", "remote"),
        "route": ("remote",),
    }
    for family, rows in samples.families.items():
        kind, _, name = family.removeprefix("nats_").partition("_")
        if kind in keys and name not in UNCOUNTED:
            for row, value in rows.items():
                labels = dict(row)
                named = tuple(labels[label] for label in keys[kind])
                found[kind, labels["server"], *named, name] = int(value)
    return found


async def equal_to_the_servers(running: Exporter, joined: SuperCluster) -> Samples:
    """A scrape between two equal answers of the servers: what they say moves all the time, by their own pings."""
    last: list[Any] = []

    async def is_equal() -> bool:
        before = await truth(joined)
        samples = await running.scrape()
        after = await truth(joined)
        last[:] = [samples, before, figures(samples)]
        got = figures(samples)
        if not got.keys() == before.keys() == after.keys():
            return False
        return all(before[key] <= got[key] <= after[key] for key in got)

    await eventually("a scrape between the servers' answers", is_equal, deadline=60)
    samples: Samples = last[0]
    return samples


async def wrong(running: Exporter) -> dict[tuple[str, str], str]:
    """The sentences of the status, by alert and cluster."""
    text = await running.text("/api/v1/status")
    return {
        (each["alert"], each["object"].get("cluster", "")): each["sentence"]
        for each in json.loads(text)["findings"]
    }


async def test_every_figure_of_the_links_is_the_servers_own(
    joined: SuperCluster, tmp_path: Path
) -> None:
    async with exporter(tmp_path, config=sources.settings(targets=targets(joined))) as running:
        await running.until("all links", whole, 60)
        await traffic(joined)
        samples = await equal_to_the_servers(running, joined)
        assert set(samples.all("nats_route_connections")) == {POOL + 1}
        assert samples.labels("nats_route_connections", "remote", server="east-0") == {"east-1"}
        assert samples.all("nats_gateway_configured") == [1] * 4
        assert samples.labels("nats_gateway_configured", "remote_cluster", nats_cluster="east") == {
            "west"
        }
        sent = "nats_leafnode_sent_messages_total"
        assert samples.get(sent, server="east-0", account="B", remote="leaf-0") >= 70
        assert samples.get(sent, server="leaf-0", account="A", remote="east-0") >= 30
        for family in ("gateway", "leafnode", "route"):
            seconds = samples.all(f"nats_{family}_rtt_seconds")
            assert len(seconds) > 2
            assert all(0 < each < 5 for each in seconds)


async def test_a_cut_gateway_is_seen_in_two_scrapes_and_so_is_its_end(
    joined: SuperCluster, tmp_path: Path
) -> None:
    async with exporter(tmp_path, config=sources.settings(targets=targets(joined))) as running:
        await running.until("all links", whole, 60)
        joined.cut("west")
        await running.scrape()
        samples = await running.scrape()
        assert samples.all(CONNECTIONS, **EAST_TO_WEST) == [0, 0]
        assert samples.all("nats_gateway_sent_messages_total", **EAST_TO_WEST) == []
        assert samples.all("nats_gateway_configured", nats_cluster="east") == [1, 1]
        assert samples.all(CONNECTIONS, nats_cluster="west", direction="outbound") == [1, 1]
        said = await wrong(running)
        assert said["NatsGatewayDown", "east"].startswith(
            "Servers of cluster east have no gateway connection to cluster west"
        )
        joined.mend("west")

        async def is_back() -> bool:
            said = [await server.ask("/gatewayz") for server in joined.east]
            return all(one["outbound_gateways"] for one in said)

        await eventually("the gateways", is_back, deadline=60)
        samples = await running.scrape()
        assert samples.all(CONNECTIONS, **EAST_TO_WEST) == [1, 1]
        assert ("NatsGatewayDown", "east") not in await wrong(running)


@pytest.mark.parametrize("version", EXTREMES)
async def test_a_leaf_node_without_domain_is_one_as_well(version: str, tmp_path: Path) -> None:
    async with supercluster(version, leaf_domain="") as joined:
        config = sources.settings(targets=joined.east.monitor_urls)
        async with exporter(tmp_path, config=config) as running:
            samples = await running.until(
                "the leaf node", lambda s: len(s.all("nats_leafnode_connections")) == 2
            )
            place = {"server": "east-0", "remote": "leaf-0"}
            assert samples.labels("nats_leafnode_connections", "account", **place) == {"A", "B"}


async def test_without_collect_links_nothing_is_asked_and_nothing_exported(
    joined: SuperCluster, tmp_path: Path
) -> None:
    config = json.loads(sources.settings(targets=joined.east.monitor_urls))
    config["collect"] = {"links": False}
    async with exporter(tmp_path, config=json.dumps(config)) as running:
        samples = await running.scrape()
        assert samples.all("nats_server_routes") != []
        assert figures(samples) == {}
        asked = (await joined.east[0].ask("/varz"))["http_req_stats"]
        assert asked["/varz"] > 0
        assert [asked.get(path, 0) for path in ("/gatewayz", "/leafz")] == [0, 0]


async def test_the_system_account_reports_the_links_of_all_servers_with_the_least_permissions(
    joined: SuperCluster, tmp_path: Path
) -> None:
    login = sources.login(joined.east, tmp_path, "least")
    async with exporter(tmp_path, config=sources.settings(system=login)) as running:
        samples = await running.until(
            "all gateways", lambda s: s.all(CONNECTIONS, direction="outbound") == [1] * 4, 60
        )
        assert set(samples.all("nats_route_connections")) == {POOL + 1}
        assert len(samples.all("nats_route_connections")) == 4
        samples = await running.until(
            "the leaf node", lambda s: len(s.all("nats_leafnode_connections")) == 2
        )
        assert set(samples.all(PART, source="system")) == {1}
        assert samples.get(PART, target="east/east-0", part="leafz") == 1
        assert samples.get(PART, target="east/east-1", part="leafz") is None
        assert "not permitted" not in running.log()
        joined.cut("west")
        await running.scrape()
        samples = await running.scrape()
        assert samples.all(CONNECTIONS, nats_cluster="east", direction="outbound") == [0, 0]


async def test_without_the_permissions_for_links_only_they_are_missing(
    joined: SuperCluster, tmp_path: Path
) -> None:
    login = sources.login(joined.east, tmp_path, "figures")
    async with exporter(tmp_path, config=sources.settings(system=login)) as running:
        samples = await running.until("four servers", lambda s: s.all("nats_server_up") == [1] * 4)
        assert set(samples.all(UP)) == {1}
        assert set(samples.all("jetstream_server_complete")) == {1}
        missing = samples.labels(PART, "part", source="system")
        assert missing == {
            "connection",
            "statsz",
            "varz",
            "healthz",
            "jsz",
            "accstatz",
            *LINK_PARTS,
        }
        for part in LINK_PARTS:
            assert set(samples.all(PART, part=part)) == {0}
        assert set(samples.all(PART, part="jsz")) == {1}
        assert figures(samples) == {}
        assert max(samples.all("jetstream_exporter_source_duration_seconds")) < 8  # of 10
        assert "$sys.req.server.ping.gatewayz" in running.log().lower()


def test_the_page_about_sources_names_the_permissions_for_links() -> None:
    text = (Path(__file__).parents[2] / "docs" / "sources.md").read_text()
    for request in LINKS:
        assert f"`$SYS.REQ.SERVER.{request}`" in text
