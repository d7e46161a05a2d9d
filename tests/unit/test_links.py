"""Gateways, leaf nodes and routes: what is asked, what a failure costs, and the rows of what was answered."""

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from tests.support import fake_nats as fakes
from tests.support.closing import closing
from tests.support.fake_nats import FakeNats, fake_nats
from tests.support.merging import merged
from tests.support.reports import outcome, server
from tests.unit.test_monitoring import Asker

from jetstream_exporter.config.exported import Filters, Limits, Selection
from jetstream_exporter.config.schema import Config
from jetstream_exporter.config.values import read_pattern
from jetstream_exporter.report import Links, ServerReport
from jetstream_exporter.scrape.processor import Processor
from jetstream_exporter.snapshot import LabelOptions, Server, Snapshot, merge
from jetstream_exporter.snapshot.links import configured_remotes, gateway_rows, seconds_of
from jetstream_exporter.snapshot.rows import Gateway, Leafnode, LeafRemotes, Route, Traffic
from jetstream_exporter.sources import links
from jetstream_exporter.sources.decoding import AnswerError, decode, refusal
from jetstream_exporter.sources.links import OF_LINKS, PATIENT_EVERY, wanted
from jetstream_exporter.wire import (
    AccountDetail,
    GatewayListener,
    GatewayRemote,
    Gatewayz,
    LeafListener,
    LeafRemote,
    Leafz,
    LeafzAnswer,
    Routez,
    Varz,
)

RECORDED = Path(__file__).resolve().parents[1] / "payloads" / "links"
VERSIONS = sorted(path.name for path in RECORDED.iterdir())
SERVER_ID = "N" + "A" * 55
PARTS = ("gatewayz", "leafz", "routez")


def body(said: Any) -> bytes:
    return json.dumps(said).encode()


def leafz(*leafs: dict[str, Any]) -> Leafz:
    return decode(body({"leafs": leafs}), Leafz)


def gatewayz(**directions: Any) -> Gatewayz:
    return decode(body({f"{name}_gateways": found for name, found in directions.items()}), Gatewayz)


def connection(**more: Any) -> dict[str, Any]:
    return {"connection": more}


def recorded(version: str) -> ServerReport:
    folder = RECORDED / version
    varz = decode((folder / "varz.json").read_bytes(), Varz)
    links = Links(
        decode((folder / "gatewayz.json").read_bytes(), Gatewayz),
        decode((folder / "leafz.json").read_bytes(), Leafz),
        decode((folder / "routez.json").read_bytes(), Routez),
    )
    return msgspec.structs.replace(server("east-0", cluster="east"), varz=varz, links=links)


def row_of(report: ServerReport) -> Server:
    (row,) = merge([report]).servers
    return row


@pytest.mark.parametrize("version", VERSIONS)
def test_what_a_server_of_a_supercluster_said_gives_its_links(version: str) -> None:
    row = row_of(recorded(version))
    assert row.gateway_remotes == ["west"]
    links = {(each.remote_cluster, each.direction): each for each in row.gateways}
    out = links["west", "outbound"]
    assert out.connections == 1
    assert out.traffic is not None
    assert out.traffic.sent_messages > 0
    assert out.traffic.received_messages == 0
    assert out.rtt is not None
    assert 0 < out.rtt < 0.1
    assert [(leaf.account, leaf.remote, leaf.connections) for leaf in row.leafnodes] == [
        ("A", "leaf-0", 1),
        ("B", "leaf-0", 1),
    ]
    assert [(route.remote, route.connections) for route in row.routes] == [("east-1", 5)]


def test_connections_to_one_place_are_summed_and_the_longest_round_trip_counts() -> None:
    said = gatewayz(
        inbound={
            "west": [
                connection(rtt="2ms", pending_bytes=1, in_msgs=10, in_bytes=100, out_msgs=1),
                connection(rtt="1.5s", pending_bytes=2, in_msgs=20, in_bytes=200, out_bytes=7),
                {"configured": True},
            ]
        }
    )
    assert gateway_rows([], said) == [Gateway("west", "inbound", 2, 3, 1.5, Traffic(1, 7, 30, 300))]
    routes = decode(
        body({"routes": [{"remote_name": "n2", "pending_size": 4, "rtt": "1ms"}] * 3}), Routez
    )
    report = msgspec.structs.replace(server("n1"), links=Links(routes=routes))
    report.varz.routes = 3  # type: ignore[union-attr]
    assert row_of(report).routes == [Route("n2", 3, 12, 0.001)]


def test_a_configured_remote_without_outbound_connection_has_none() -> None:
    (row,) = gateway_rows(["west"], gatewayz(outbound={}))
    assert row == Gateway("west", "outbound", 0)


def test_of_a_server_whose_gateways_were_not_answered_no_connection_is_said_to_be_missing() -> None:
    report = recorded(VERSIONS[0])
    row = row_of(msgspec.structs.replace(report, links=Links()))
    assert row.gateway_remotes == ["west"]
    assert row.gateways == []


def routed(name: str, *remotes: str, cluster: str = "east", **more: Any) -> ServerReport:
    """A server that says to have routes to these, and whose varz counts them."""
    routes = decode(body({"routes": [{"remote_name": one} for one in remotes]}), Routez)
    report = server(name, cluster=cluster)
    assert report.varz is not None
    report.varz.routes = len(remotes)
    links = Links(routes=routes if remotes else None)
    return msgspec.structs.replace(report, **({"links": links} | more))


def routes_of(*reports: ServerReport) -> dict[str, dict[str, int]]:
    snapshot = merge(reports)
    return {
        row.name: {each.remote: each.connections for each in row.routes} for row in snapshot.servers
    }


def test_two_servers_of_a_cluster_that_answered_and_have_no_route_have_0() -> None:
    found = routes_of(routed("n0", "n1"), routed("n1", "n0", "n2"), routed("n2", "n1"))
    assert found == {"n0": {"n1": 1, "n2": 0}, "n1": {"n0": 1, "n2": 1}, "n2": {"n0": 0, "n1": 1}}


def test_a_server_that_varz_says_has_no_routes_at_all_is_not_asked_and_has_0() -> None:
    assert routes_of(routed("n0"), routed("n1")) == {"n0": {"n1": 0}, "n1": {"n0": 0}}


def test_no_route_is_missing_where_a_server_did_not_answer_or_could_not_say() -> None:
    """It is down or no target; its routes were not answered; it names a peer without name; it is of another cluster."""
    assert routes_of(routed("n0", "n1"))["n0"] == {"n1": 1}
    silent = routed("n0", "n1", links=Links())
    assert routes_of(silent, routed("n1", "n0"))["n0"] == {}
    assert routes_of(routed("n0", ""), routed("n1", "n0"))["n0"] == {}
    west = routed("w0", cluster="west", cluster_name="all")
    assert routes_of(routed("n0", cluster_name="all"), west) == {"n0": {}, "w0": {}}
    assert routes_of(routed("n0", cluster=""), routed("n1", cluster="")) == {"n0": {}, "n1": {}}


def test_a_server_that_is_exported_by_another_name_is_known_by_its_own() -> None:
    renamed = routed("http://n1", "n0", self_name="n1")
    assert routes_of(routed("n0", "n1"), renamed) == {"n0": {"n1": 1}, "http://n1": {"n0": 1}}


def dialling(leafs: Leafz | None, count: int = 1) -> list[LeafRemotes]:
    report = server("edge")
    assert report.varz is not None
    report.varz.leafnodes = count
    remotes = [LeafRemote("A", ["hub:7422"]), LeafRemote("A", ["hub:7423"]), LeafRemote("B", [])]
    report.varz.leaf = LeafListener(remotes=remotes)
    row = row_of(msgspec.structs.replace(report, links=Links(leafnodes=leafs)))
    return list(row.leaf_remotes)


def test_each_account_has_the_leaf_nodes_that_it_is_configured_to_connect_to() -> None:
    """One that another server made is none of them, unless its port is of the configuration: then this is the hub."""
    said = leafz(
        {"account": "A", "is_spoke": True, "port": 9},
        {"account": "A", "is_spoke": False, "port": 7422},
        {"account": "A", "is_spoke": False, "port": 50001},
        {"account": "C", "is_spoke": True},
    )
    assert dialling(said) == [LeafRemotes("A", 2, 2), LeafRemotes("B", 1, 0)]


def test_a_server_without_any_leaf_node_is_not_asked_and_has_made_none() -> None:
    assert dialling(None, 0) == [LeafRemotes("A", 2, 0), LeafRemotes("B", 1, 0)]


def test_of_a_server_whose_leaf_nodes_were_not_answered_none_is_said_to_be_missing() -> None:
    assert dialling(None, 1) == [LeafRemotes("A", 2, None), LeafRemotes("B", 1, None)]


def test_an_account_that_only_leaf_nodes_name_shares_its_label_with_no_other() -> None:
    """ID5 is called SOLO, and another account has the ID SOLO."""
    report = server("edge", accounts=[AccountDetail(name="SOLO", id="ID5")])
    assert report.varz is not None
    report.varz.leafnodes = 2
    report.varz.leaf = LeafListener(remotes=[LeafRemote("ID5", []), LeafRemote("SOLO", [])])
    said = leafz({"account": "ID5", "is_spoke": True}, {"account": "SOLO", "is_spoke": True})
    report = msgspec.structs.replace(report, links=Links(leafnodes=said))
    snapshot = merged(report, label_options=LabelOptions(account_by_name=True))
    (row,) = snapshot.servers
    assert row.leaf_remotes == [LeafRemotes("ID5", 1, 1), LeafRemotes("SOLO", 1, 1)]
    assert {each.account for each in row.leafnodes} == {"ID5", "SOLO"}


def test_the_own_cluster_among_the_configured_ones_is_no_remote() -> None:
    names = ("west", "east", "", "west", "north")
    said = GatewayListener(name="east", gateways=[GatewayRemote(name) for name in names])
    assert configured_remotes(said) == ["north", "west"]


def test_servers_without_a_name_are_one_remote_and_no_id_is_a_label() -> None:
    other = SERVER_ID.replace("A", "B")
    said = leafz(
        {"name": SERVER_ID, "account": "A", "in_msgs": 1},
        {"name": other, "account": "A", "in_msgs": 2},
        {"name": "edge", "account": "A", "rtt": "1ms"},
    )
    row = row_of(msgspec.structs.replace(server("n1"), links=Links(leafnodes=said)))
    assert row.leafnodes == [
        Leafnode("A", "", 2, None, Traffic(received_messages=3)),
        Leafnode("A", "edge", 1, 0.001, Traffic()),
    ]


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("163.5µs", 163.5e-6),
        ("163.5μs", 163.5e-6),
        ("12us", 12e-6),
        ("87ns", 87e-9),
        ("1.5ms", 0.0015),
        ("2s", 2.0),
        ("1m2.5s", 62.5),
        ("1h0m1s", 3601.0),
        ("0s", None),
        ("", None),
        ("-1s", None),
        ("12", None),
        ("1 s", None),
        ("1s?", None),
        ("soon", None),
    ],
)
def test_a_duration_is_read_as_go_writes_it(text: str, seconds: float | None) -> None:
    found = seconds_of(text)
    assert found == (seconds if seconds is None else pytest.approx(seconds))


@pytest.mark.parametrize(
    "leaf",
    [
        {"name": "n" * 257},
        {"name": 7},
        {"account": "a" * 257},
        {"rtt": "1" * 65},
        {"in_msgs": -1},
        {"in_msgs": 2**64},
        {"in_bytes": "many"},
        None,
    ],
    ids=lambda leaf: repr(leaf)[:20],
)
def test_a_leaf_node_that_cannot_be_read_costs_no_other_tenant_s(leaf: Any) -> None:
    answer = {"leafs": [{"name": "good", "account": "A"}, leaf, {"name": "fine", "account": "B"}]}
    said = decode(body(answer), Leafz)
    assert [each.name for each in said.leafs] == ["good", "fine"]
    assert str(refusal(said)).startswith("1 part(s) cannot be read")
    enveloped = decode(body({"server": {"id": "X"}, "data": answer}), LeafzAnswer)
    assert enveloped.data is not None
    assert [each.name for each in enveloped.data.leafs] == ["good", "fine"]
    assert refusal(enveloped.data) is not None


def test_a_counter_above_63_bits_is_read() -> None:
    said = decode(body({"leafs": [{"name": "n", "in_bytes": 2**64 - 1}]}), Leafz)
    assert said.leafs[0].in_bytes == 2**64 - 1


@pytest.mark.parametrize(
    "said",
    [
        {"outbound_gateways": {"n" * 257: {}}},
        {"outbound_gateways": {"west": {"connection": {"pending_bytes": -1}}}},
        {"inbound_gateways": {"west": {}}},
        [],
    ],
    ids=lambda said: repr(said)[:30],
)
def test_gateways_that_no_server_has_are_refused(said: Any) -> None:
    with pytest.raises(AnswerError):
        decode(body(said), Gatewayz)


# What the limits and the filters leave out.


def leaf_names(count: int, account: str) -> list[dict[str, Any]]:
    return [{"name": f"{account}{i:03}", "account": account} for i in range(count)]


def exported(report: ServerReport, config: Config) -> tuple[Server, Snapshot]:
    snapshot = Processor(config, 0.0).process([outcome(report, "http://0")], 1.0, 1.0)
    (row,) = snapshot.servers
    return row, snapshot


def test_an_account_with_many_leaf_nodes_does_not_push_out_another_s() -> None:
    said = leafz(*leaf_names(100, "A"), *leaf_names(2, "B"))
    report = msgspec.structs.replace(server("n1"), links=Links(leafnodes=said))
    row, snapshot = exported(report, Config(limits=Limits(leafnodes=10)))
    assert [leaf.account for leaf in row.leafnodes] == ["A"] * 8 + ["B"] * 2
    assert snapshot.exporter is not None
    assert snapshot.exporter.dropped["leafnode"] == 92
    assert snapshot.exporter.objects["leafnode"] == 10


def test_gateways_and_routes_have_a_limit_each() -> None:
    report = recorded(VERSIONS[-1])
    row, snapshot = exported(report, Config(limits=Limits(gateways=0, routes=0)))
    assert (row.gateways, row.routes, row.gateway_remotes) == ([], [], [])
    assert len(row.leafnodes) == 2
    assert snapshot.exporter is not None
    dropped = snapshot.exporter.dropped
    assert dropped["gateway"] == len(row_of(report).gateways)
    assert (dropped["route"], dropped["gateway_remote"]) == (1, 1)


def test_leaf_nodes_of_an_account_that_is_not_wanted_are_not_exported() -> None:
    only_b = Filters(accounts=Selection(include=[read_pattern("B")]))
    row, _ = exported(recorded(VERSIONS[0]), Config(filters=only_b))
    assert [leaf.account for leaf in row.leafnodes] == ["B"]
    assert row.routes != []


def test_links_that_one_source_did_not_get_come_from_the_other() -> None:
    """Whichever of the two reports is worth more."""
    report = recorded(VERSIONS[0])
    halves = [
        msgspec.structs.replace(report, links=Links(gateways=report.links.gateways)),
        msgspec.structs.replace(
            report, links=Links(None, report.links.leafnodes, report.links.routes)
        ),
    ]
    whole = row_of(report)
    for reports in (halves, halves[::-1]):
        (row,) = merge(reports).servers
        assert (row.gateways, row.leafnodes, row.routes) == (
            whole.gateways,
            whole.leafnodes,
            whole.routes,
        )
    stranger = msgspec.structs.replace(halves[1], server_id="another start", jsz=None)
    (row,) = merge([halves[0], stranger]).servers
    assert (row.leafnodes, row.routes) == ([], [])


# What is asked over HTTP.


def varz(fake: FakeNats, **more: Any) -> fakes.Way:
    return fakes.says(body(fake.truth("/varz") | more))


@pytest.fixture
async def fake() -> AsyncIterator[FakeNats]:
    async with fake_nats("n1") as made:
        yield made


LINKED = {"gateway": {"name": "east"}, "leafnodes": 1, "routes": 4}
ANSWERS: dict[str, Any] = {
    "/gatewayz": {"outbound_gateways": {"west": connection(rtt="1ms")}},
    "/leafz": {"leafs": [{"name": "edge", "account": "A"}]},
    "/routez": {"routes": [{"remote_name": "n2"}]},
}


def linked(fake: FakeNats) -> None:
    fake.ways = {"/varz": varz(fake, **LINKED)}
    fake.ways |= {path: fakes.says(body(answer)) for path, answer in ANSWERS.items()}


def test_a_server_is_asked_for_what_varz_says_there_is() -> None:
    one = Varz(server_id="X")
    assert wanted(None, OF_LINKS) == []
    assert wanted(one, OF_LINKS) == []
    one.routes = 3
    assert wanted(one, OF_LINKS) == ["routez"]
    one.gateway, one.leafnodes = GatewayListener(name="east"), 1
    assert wanted(one, OF_LINKS) == list(PARTS)


async def test_a_server_that_stands_alone_is_asked_nothing_more(fake: FakeNats) -> None:
    async with closing(Asker([fake.url], further=OF_LINKS)) as asker:
        for _ in range(2):
            said = (await asker.ask())[fake.url]
            assert set(said.requests) == {"varz", "healthz", "jsz"}
        assert {question.split("?")[0] for question in fake.questions} == {
            "/varz",
            "/healthz",
            "/jsz",
        }


async def test_each_scrape_asks_for_links_once_in_its_first_and_in_later_ones(
    fake: FakeNats,
) -> None:
    linked(fake)
    async with closing(Asker([fake.url], further=OF_LINKS)) as asker:
        for number in (1, 2):
            said = (await asker.ask())[fake.url]
            assert said.error is None
            assert {name for name, part in said.requests.items() if part.up} >= set(PARTS)
            assert said.server is not None
            assert said.server.links.routes is not None
            assert [fake.asked(f"/{name}") for name in PARTS] == [number] * 3


@pytest.mark.parametrize("part", PARTS)
@pytest.mark.parametrize("way", ["status", "garbage", "close"])
async def test_a_request_for_links_that_fails_costs_its_own_part(
    part: str, way: str, fake: FakeNats
) -> None:
    linked(fake)
    ways = {
        "status": fakes.says(b"", "403 Forbidden"),
        "garbage": fakes.says(b"[1"),
        "close": fakes.reset,
    }
    fake.ways[f"/{part}"] = ways[way]
    async with closing(Asker([fake.url], further=OF_LINKS)) as asker:
        for _ in range(2):
            said = (await asker.ask())[fake.url]
            assert said.error is None
            assert [name for name, result in said.requests.items() if not result.up] == [part]
            report = said.server
            assert report is not None
            assert report.jsz is not None
            links = report.links
            answered = dict(
                zip(PARTS, (links.gateways, links.leafnodes, links.routes), strict=True)
            )
            assert [name for name, answer in answered.items() if answer is None] == [part]


async def test_links_that_hang_cost_a_moment_and_nothing_else(
    fake: FakeNats, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(links, "PATIENCE", 0.2)
    linked(fake)
    for name in PARTS:
        fake.ways[f"/{name}"] = fakes.silent
    async with closing(Asker([fake.url], further=OF_LINKS)) as asker:
        for _ in range(3):
            said = (await asker.ask(60))[fake.url]
            assert said.error is None
            assert {said.requests[name].text for name in PARTS} == {"no answer in time"}
            assert asker.took < 20  # of 60


async def test_links_that_hung_before_are_given_no_time_of_their_own_but_now_and_then(
    fake: FakeNats, monkeypatch: pytest.MonkeyPatch
) -> None:
    linked(fake)
    fake.ways[f"/{PARTS[0]}"] = fakes.silent
    async with closing(Asker([fake.url], further=OF_LINKS)) as asker:
        for number in range(1 + PATIENT_EVERY):
            is_patient = number % PATIENT_EVERY == 0
            monkeypatch.setattr(links, "PATIENCE", 0.8 if is_patient else 60)
            await asker.ask(90)
            assert asker.took > 0.8 if is_patient else asker.took < 20
        fake.ways = {path: way for path, way in fake.ways.items() if path != f"/{PARTS[0]}"}
        linked(fake)
        said = (await asker.ask(20))[fake.url]
        assert said.requests[PARTS[0]].up
