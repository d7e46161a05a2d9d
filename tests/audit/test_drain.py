"""`audit --without`: what it says of a server that may be stopped, and of one that may not."""

import json
from collections.abc import Collection
from typing import Any

import msgspec
import pytest
from tests.support import status
from tests.unit.test_drain import ALONE, REPLICATED, cluster, consumer, meta, server, stream

from jetstream_exporter.audit import command, drain
from jetstream_exporter.audit.finding import Finding, Severity, judge, ordered
from jetstream_exporter.audit.observe import Observation
from jetstream_exporter.audit.room import without_room
from jetstream_exporter.config import ConfigError
from jetstream_exporter.snapshot import Server, Snapshot, Stream
from jetstream_exporter.snapshot.rows import Replica


def findings(snapshot: Snapshot, name: str = "n0") -> list[Finding]:
    return ordered(judge(drain.CHECKS, drain.of(name, Observation(snapshot))))


def errors(snapshot: Snapshot, name: str = "n0") -> list[str]:
    return [
        f"{each.check}: {each.object}: {each.seen}"
        for each in findings(snapshot, name)
        if each.severity == Severity.ERROR
    ]


def test_a_server_of_a_healthy_cluster_can_be_stopped() -> None:
    found = findings(cluster(stream(), consumer()))

    assert [each.check for each in found] == ["drain-leads", "drain-room"]
    assert drain.verdict(found, server("n0")) == "n0 can be stopped now"


@pytest.mark.parametrize(
    ("snapshot", "expected"),
    [
        (
            cluster(stream(status.raft(reachable=("n1",)))),
            "drain-majority: stream ORDERS (account APP, cluster east): 2 of 3 replicas are needed, and "
            "it reaches n0, n1",
        ),
        (
            cluster(stream(msgspec.structs.replace(ALONE, leader="n0"))),
            "drain-single-replica: stream ORDERS (account APP, cluster east): it has one replica, on this server",
        ),
        (
            cluster(consumer(status.raft(reachable=("n1", "n2"), behind=("n2",)))),
            "drain-replica-behind: consumer worker of stream ORDERS (account APP, cluster east): "
            "2 of 3 replicas are needed, and it reaches n0, n1, n2; behind: n2",
        ),
        (
            cluster(stream(status.raft(leader=None, reachable=("n0", "n1")))),
            "drain-no-leader: stream ORDERS (account APP, cluster east): no server that was asked leads it",
        ),
        (
            cluster(metas=[meta("n1")]),
            "drain-majority: cluster east: the meta group loses its majority: streams and consumers cannot be created "
            "or moved",
        ),
        (
            cluster(servers=[server("n0", list_complete=False), server("n1"), server("n2")]),
            "drain-not-judged: server n0 (cluster east): it starts, shuts down, or does not report its streams",
        ),
    ],
)
def test_what_prevents_the_drain_is_said_with_its_object(snapshot: Snapshot, expected: str) -> None:
    assert expected in errors(snapshot)
    assert drain.verdict(findings(snapshot), server("n0")) == "do not stop n0 now"


def test_a_server_that_does_not_answer_is_not_named_as_one_that_is_reached() -> None:
    """Its leader needs up to ten seconds to notice that it is frozen."""
    frozen = status.server("n2", up=False, configured=True)
    servers = [server("n0"), server("n1"), frozen]
    found = errors(cluster(stream(), servers=servers))

    assert (
        "drain-majority: stream ORDERS (account APP, cluster east): 2 of 3 replicas are needed, and "
        "it reaches n0, n1; not answering or not ready: n2"
    ) in found


def test_of_many_objects_twenty_are_named() -> None:
    rows = [stream(msgspec.structs.replace(ALONE, leader="n0"), f"S{n:02}") for n in range(23)]

    found = errors(cluster(*rows))

    assert len(found) == 21
    assert "drain-single-replica: 3 more streams: the same holds for them" in found


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("n9", "there is no server n9"),
        ("n0", "2 servers have the name n0; give east/n0 or west/n0"),
    ],
)
def test_a_name_that_is_unknown_or_ambiguous_is_refused(name: str, message: str) -> None:
    snapshot = cluster(servers=[server("n0"), server("n0", cluster="west")])

    with pytest.raises(ConfigError, match=message):
        drain.of(name, Observation(snapshot))
    assert drain.of("west/n0", Observation(snapshot)).server.cluster == "west"


def placed(name: str, size: int, *followers: str, **settings: Any) -> Stream:
    """A stream led by n0, with so many reserved bytes."""
    row = stream(status.raft(reachable=followers), name)
    assert row.settings is not None
    changed = msgspec.structs.replace(row.settings, max_bytes=size, **settings)
    assert row.figures is not None
    figures = msgspec.structs.replace(row.figures, bytes=1)
    replicas = [Replica("east", "APP", name, each, True, False, 0, 0.1) for each in followers]
    return msgspec.structs.replace(row, settings=changed, figures=figures, replicas=replicas)


def rooms(*free: int, assets: int | None = None) -> list[Server]:
    """n0, and so many other servers with this much free space."""
    servers = [server("n0")]
    for number, size in enumerate(free, 1):
        row = status.server(f"n{number}", file=(0, size, 0))
        assert row.jetstream is not None
        jetstream = msgspec.structs.replace(row.jetstream, ha_assets=10, max_ha_assets=assets)
        servers.append(server(f"n{number}", jetstream=jetstream))
    return servers


def told(servers: Collection[Server], *rows: Stream) -> list[str]:
    snapshot = cluster(*rows, servers=servers)
    return list(without_room(servers[0], snapshot))  # type: ignore[index]


def test_replicas_that_fit_on_other_servers_are_not_mentioned() -> None:
    assert (
        told(rooms(0, 0, 500, 300), placed("A", 500, "n1", "n2"), placed("B", 300, "n1", "n2"))
        == []
    )


def test_replicas_without_another_server_are_told() -> None:
    assert told(rooms(900, 900), placed("A", 1, "n1", "n2")) == [
        "stream A already has a replica on every other server, so the replicas on this one cannot be placed elsewhere"
    ]


def test_bytes_that_fit_nowhere_are_told() -> None:
    found = told(rooms(0, 0, 500), placed("A", 400, "n1", "n2"), placed("B", 300, "n1", "n2"))

    assert found == [
        "stream B with 300 bytes does not fit on the other servers, within the limits of their stores and max_ha_assets"
    ]


def test_assets_above_the_limit_of_a_server_are_told() -> None:
    assert told(rooms(0, 0, 500, assets=11), placed("A", 1, "n1", "n2")) == []
    assert told(rooms(0, 0, 500, assets=10), placed("A", 1, "n1", "n2")) != []


def test_manifests_cannot_be_asked_for_a_server(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        command.main(["--without", "n0", "--manifests", "-"])

    assert stopped.value.code == 2
    assert "--without needs a running cluster" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("raft", "code", "first"),
    [
        (REPLICATED, 0, "n0 can be stopped now"),
        (status.raft(reachable=("n1",)), 1, "do not stop n0 now"),
    ],
)
def test_the_verdict_comes_first_and_is_the_exit_code(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    raft: Any,
    code: int,
    first: str,
) -> None:
    async def observe(*_: object) -> Observation:
        return Observation(cluster(stream(raft)))

    monkeypatch.setattr(command, "observe_everything", observe)

    assert command.main(["--without", "n0"]) == code
    assert capsys.readouterr().out.splitlines()[0] == first
    assert command.main(["--without", "n0", "--format", "json"]) == code
    assert json.loads(capsys.readouterr().out)["checks"][0] == "drain-not-judged"


def test_an_empty_name_is_no_audit_of_something_else(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        command.main(["--without=", "--target=http://127.0.0.1:1"])
    assert ended.value.code == 2
    assert "the name of a server is needed" in capsys.readouterr().err


def test_one_that_is_no_target_is_not_taken_for_one_that_is_down() -> None:
    servers = [server("n0", up=False, configured=False, jetstream=None), server("n1"), server("n2")]
    (found,) = [
        each for each in findings(cluster(servers=servers)) if each.check == "drain-not-judged"
    ]
    assert found.seen == "no target answers for it: add its monitoring port to the targets"


def test_where_no_server_answers_none_is_named_as_known() -> None:
    silent = Snapshot(servers=[server("localhost:8222", up=False, jetstream=None)])
    with pytest.raises(ConfigError, match="no server answered"):
        drain.of("n0", Observation(silent))
