"""Each condition of the status holds where its alert's does, and has a twin in which it is silent."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import msgspec
import pytest
from tests.support.status import (
    ACCOUNT,
    CLUSTER,
    HOUR,
    MINUTE,
    NOW,
    consumer,
    found,
    leaderless,
    meta,
    raft,
    replica,
    server,
    snapshot,
    stream,
)

from jetstream_exporter.report import EventCounts
from jetstream_exporter.snapshot import Server, Snapshot
from jetstream_exporter.snapshot.rows import (
    Account,
    AccountStore,
    ExpectedObject,
    Exporter,
    Gateway,
    Lag,
    LeafRemotes,
    Route,
    StreamFeatures,
    StreamSource,
    TargetResult,
)
from jetstream_exporter.snapshot.rows.metadata import ObjectMetadata, Threshold
from jetstream_exporter.status.alerts import table
from jetstream_exporter.status.conditions import CONFIGURATION, IN_PART, JUDGED, NOT_JUDGED

Moments = list[tuple[float, Snapshot]]


class Pair(NamedTuple):
    """An alert, what makes it hold and what does not: snapshots, each with how long ago it was taken."""

    name: str
    severity: str
    holds: Moments
    silent: Moments


def now(*rows: Any, **changed: Any) -> Moments:
    return [(0.0, snapshot(*rows, **changed))]


def lasting(seconds: float, *rows: Any) -> Moments:
    """The same at the beginning and at the end of this time."""
    return [(seconds, snapshot(*rows)), (0.0, snapshot(*rows))]


def down(name: str, **changed: Any) -> Any:
    return server(name, up=False, **changed)


def catching_up(seconds: float) -> list[Any]:
    """What a server that started so long ago is late with: its health check, and its replicas."""
    late = replica("n2", current=False)
    return [
        *UP,
        server("n2", start=NOW - seconds, healthy=False),
        meta(True, False),
        stream(raft=raft(current=2), replicas=[replica("n1"), late]),
    ]


def late(lag: float, more: int, of: Any = None, **changed: Any) -> Moments:
    """A consumer whose oldest message has waited so long at the end, with so many more messages in each minute."""

    def at(ago: int) -> Snapshot:
        base = {
            "pending": 2000 - more * ago,
            "deliveries": 1000 - ago,
            "last_delivery": NOW - 60 * ago - 1,
        }
        row = consumer(**{**base, **changed})
        waits = [Lag(pending=NOW - lag)] if 60 * ago < lag else []
        return snapshot(of or stream(figures_={"first_age": None}), row, lags=waits)

    return [(60.0 * ago, at(ago)) for ago in range(15, -1, -1)]


def full_stream(*, sealed: bool) -> Any:
    return stream(
        settings_={**FULL, "features": StreamFeatures(sealed=sealed)}, figures_={"bytes": 1000}
    )


def account(**changed: Any) -> Account:
    base = {"file": AccountStore(1, 100, 0), "memory": AccountStore(0, None)}
    rest = {"api_requests": 1, "api_errors": 0, **base, **changed}
    return Account(CLUSTER, ACCOUNT, ACCOUNT, **rest)


def source(**changed: Any) -> StreamSource:
    base = {"lag": 0, "last_seen": 1.0, "healthy": True, **changed}
    return StreamSource(CLUSTER, ACCOUNT, "ORDERS", "ORIGIN", "mirror", **base)


def target(name: str, *, up: bool, **requests: bool) -> TargetResult:
    return TargetResult("monitoring", name, up, 0.1, 10, requests)


def exporter(**changed: Any) -> Exporter:
    return Exporter("1", "3.11", last_success=NOW, **changed)


def thresholds(check: str, severity: str, value: float) -> dict[str, Any]:
    return {"metadata": ObjectMetadata(thresholds=(Threshold(check, severity, value),))}


UP = (server("n0"), server("n1"))
FULL = {"max_bytes": 1000, "discard": "new"}
ALONE = stream(raft=raft(size=None, current=None, quorum_needed=None), replicas=[])
WORK = {"pending": 5, "waiting_pulls": 0, "ack_pending": 5, "last_delivery": NOW - HOUR}
WORK["last_ack"] = NOW - HOUR


def at_limit(first: int) -> Any:
    """A stream that holds a hundred messages, as many as it may."""
    ends = {"first_sequence": first, "last_sequence": first + 99}
    return stream(settings_={"max_messages": 100}, figures_=ends)


LATE = {"pending": 100, "delivered_sequence": 100, "ack_floor_sequence": 100}
WAITS = {"pending": 5, "waiting_pulls": 0, "last_delivery": None}


def near_limit(connections: int) -> Any:
    row = server("n1")
    process = msgspec.structs.replace(row.process, connections=connections, max_connections=100)
    return msgspec.structs.replace(row, process=process)


def certified(expires_in: float) -> Any:
    row = server("n1")
    process = msgspec.structs.replace(row.process, certificates={"client": NOW + expires_in})
    return msgspec.structs.replace(row, process=process)


def waiting(requests: int) -> Any:
    row = server("n1")
    return msgspec.structs.replace(
        row, jetstream=msgspec.structs.replace(row.jetstream, api_pending=requests)
    )


def gateways(west: int, north: int = 1) -> Any:
    """A server that has so many outbound connections to two clusters."""
    links = [Gateway("west", "outbound", west), Gateway("north", "outbound", north)]
    return server("n1", gateways=links, gateway_remotes=["north", "west"])


def in_west(*, up: bool) -> Any:
    return server("w0", up=up, cluster="west")


def expected(present: bool | None) -> ExpectedObject:
    return ExpectedObject(CLUSTER, "stream", ACCOUNT, "ORDERS", present)


PAIRS = [
    Pair(
        "JetStreamExpectedObjectMissing",
        "critical",
        now(*UP, expected=[expected(False)]),
        now(*UP, expected=[expected(None)]),
    ),
    Pair(
        "NatsGatewayDown",
        "critical",
        lasting(3 * MINUTE, gateways(west=0), in_west(up=True)),
        lasting(3 * MINUTE, gateways(west=0), in_west(up=False)),
    ),
    Pair(
        "NatsLeafnodeDown",
        "critical",
        lasting(3 * MINUTE, server(leaf_remotes=[LeafRemotes(ACCOUNT, 2, 1)])),
        lasting(3 * MINUTE, server(leaf_remotes=[LeafRemotes(ACCOUNT, 2, None)])),
    ),
    Pair(
        "NatsRoutesMissing",
        "critical",
        lasting(3 * MINUTE, server(routes=[Route("n1", 0), Route("n2", 4)])),
        lasting(3 * MINUTE, server(routes=[Route("n1", 4), Route("n2", 4)])),
    ),
    Pair(
        "NatsServerCertificateExpiring",
        "critical",
        now(certified(-HOUR)),
        now(certified(HOUR)),
    ),
    Pair(
        "NatsServerConnectionsNearLimit",
        "warning",
        now(near_limit(91)),
        now(near_limit(90)),
    ),
    Pair(
        "JetStreamMetaSnapshotSlow",
        "warning",
        now(*UP, meta(True, snapshot_duration=6.0)),
        now(*UP, meta(True, snapshot_duration=5.0)),
    ),
    Pair(
        "JetStreamMetaSnapshotSlow",
        "critical",
        now(*UP, meta(True, snapshot_duration=31.0)),
        now(*UP, meta(True, snapshot_duration=6.0)),
    ),
    Pair(
        "JetStreamApiBacklog",
        "warning",
        lasting(11 * MINUTE, waiting(101)),
        lasting(4 * MINUTE, waiting(101)),
    ),
    Pair(
        "JetStreamStreamReplicasDiverged",
        "critical",
        now(*UP, stream(diverged=1)),
        now(*UP, stream(diverged=0)),
    ),
    Pair(
        "JetStreamStreamMessagesDamaged",
        "critical",
        now(*UP, stream(figures_={"lost": 3})),
        now(*UP, stream(figures_={"lost": 3}, diverged=1)),
    ),
    Pair(
        "NatsServerDown",
        "critical",
        now(*UP, down("n2"), meta(True, False)),
        now(*UP, down("n2"), meta(True, True)),
    ),
    Pair(
        "JetStreamExporterServerScrapeFailing",
        "warning",
        now(*UP, down("n2"), meta(True, True)),
        now(*UP, down("n2"), meta(True, False)),
    ),
    Pair(
        "JetStreamExporterServerScrapeFailing",
        "critical",
        [(0.0, Snapshot(servers=[down("n0")]))],
        [(0.0, Snapshot(servers=[down("n0"), down("n1")]))],
    ),
    Pair(
        "JetStreamClusterVanished",
        "critical",
        [(0.0, Snapshot(servers=[down("n0"), down("n1")]))],
        now(server("n0"), down("n1")),
    ),
    Pair(
        "JetStreamServerUnhealthy",
        "critical",
        now(*UP, server("n2", healthy=False)),
        now(server("n2", healthy=False), meta(leader=None, has_leader=False)),
    ),
    Pair(
        "JetStreamServerStorageHigh",
        "warning",
        now(server(file=(81, 100, 0))),
        now(server(file=(80, 100, 0), memory=(99, 100, 0))),
    ),
    Pair(
        "JetStreamServerStorageHigh",
        "critical",
        now(server(file=(91, 100, 0))),
        now(server(file=(90, 100, 0))),
    ),
    Pair(
        "JetStreamServerMemoryStoreHigh",
        "warning",
        now(server(memory=(81, 100, 0))),
        now(server(memory=(81, None, 0))),
    ),
    Pair(
        "JetStreamServerMemoryStoreHigh",
        "critical",
        now(server(memory=(91, 100, 0))),
        now(server(memory=(85, 100, 0))),
    ),
    Pair(
        "JetStreamServerStorageOvercommitted",
        "warning",
        now(server(file=(1, 100, 101))),
        now(server(file=(1, 100, 100))),
    ),
    Pair(
        "JetStreamServerReservationsExhausted",
        "warning",
        now(server(file=(1, 100, 80)), stream(settings_={"max_bytes": 30})),
        now(server(file=(1, 100, 80)), stream(settings_={"max_bytes": 20})),
    ),
    Pair(
        "JetStreamAccountStorageHigh",
        "warning",
        now(accounts=[account(file=AccountStore(81, 100))]),
        now(accounts=[account(file=AccountStore(81, None))]),
    ),
    Pair(
        "JetStreamAccountStorageHigh",
        "critical",
        now(accounts=[account(file=AccountStore(96, 100))]),
        now(accounts=[account(file=AccountStore(95, 100))]),
    ),
    Pair(
        "JetStreamAccountLimitNear",
        "warning",
        now(accounts=[account(streams=10, max_streams=11)]),
        now(
            stream(consumers=10),
            accounts=[account(consumers=100, max_consumers=100)],
        ),
    ),
    Pair(
        "JetStreamMetaNoLeader",
        "critical",
        now(meta(leader=None, has_leader=False)),
        now(meta(leader=None, has_leader=None)),
    ),
    Pair(
        "JetStreamMetaLeaderDisagreement",
        "critical",
        now(server("n0"), server("n1", meta_leader="n1")),
        now(server("n0"), server("n1", meta_leader="")),
    ),
    Pair(
        "JetStreamMetaNoFaultTolerance",
        "warning",
        now(meta(True, False)),
        now(*UP, down("n2"), meta(True, False)),
    ),
    Pair(
        "JetStreamMetaLeaderFlapping",
        "warning",
        [(600, snapshot(meta(leader_changes=1))), (0, snapshot(meta(leader_changes=5)))],
        [(600, snapshot(meta(leader_changes=1))), (0, snapshot(meta(leader_changes=4)))],
    ),
    Pair(
        "NatsSlowConsumersDetected",
        "warning",
        [(300, snapshot(server(slow_consumers=7))), (0, snapshot(server(slow_consumers=8)))],
        lasting(300, server(slow_consumers=7)),
    ),
    Pair(
        "JetStreamStreamNoLeader",
        "critical",
        now(stream(raft=leaderless())),
        now(stream(raft=leaderless()), meta(leader=None, has_leader=False)),
    ),
    Pair(
        "JetStreamStreamUnavailable",
        "critical",
        [(60, snapshot(ALONE)), (0, snapshot(down("n0"), server("n1")))],
        [(60, snapshot(stream())), (0, snapshot(down("n0"), server("n1")))],
    ),
    Pair(
        "JetStreamStreamNoFaultTolerance",
        "warning",
        now(stream(raft=raft(current=2), replicas=[replica("n1"), replica("n2", current=False)])),
        now(
            *UP,
            down("n2"),
            stream(raft=raft(current=2), replicas=[replica("n1"), replica("n2", current=False)]),
        ),
    ),
    Pair(
        "JetStreamStreamReplicasUnplaceable",
        "warning",
        now(*UP, stream()),
        now(*UP, down("n2"), stream()),
    ),
    Pair(
        "JetStreamStreamReplicaLagging",
        "warning",
        lasting(600, stream(replicas=[replica("n1", lag=1001)])),
        [
            (600, snapshot(stream(replicas=[replica("n1", lag=5000)]))),
            (0, snapshot(stream(replicas=[replica("n1", lag=1001)]))),
        ],
    ),
    Pair(
        "JetStreamStreamStorageHigh",
        "warning",
        now(stream(settings_={"max_bytes": 1000}, figures_={"bytes": 801})),
        now(stream(settings_={"max_bytes": 1000, "max_age": None}, figures_={"bytes": 999})),
    ),
    Pair(
        "JetStreamStreamStorageHigh",
        "critical",
        now(stream(settings_=FULL, figures_={"bytes": 951})),
        now(stream(settings_={"max_bytes": 1000}, figures_={"bytes": 999})),
    ),
    Pair(
        "JetStreamStreamRejectingPublishes",
        "critical",
        now(stream(settings_={"max_messages": 100, "discard": "new"})),
        now(
            stream(
                settings_={"max_messages": 1, "discard": "new"},
                figures_={"messages": 1},
            )
        ),
    ),
    Pair(
        "JetStreamStreamConsumersNearLimit",
        "warning",
        now(server(default_max_consumers=1000), stream(consumers=901)),
        now(server(default_max_consumers=1000), stream(consumers=900)),
    ),
    Pair(
        "JetStreamStreamMessagesAgingOut",
        "critical",
        now(stream(settings_={"retention": "workqueue", "max_age": 1.3 * HOUR})),
        now(stream(settings_={"retention": "limits", "max_age": 1.3 * HOUR})),
    ),
    Pair(
        "JetStreamSourceOrMirrorLagging",
        "warning",
        now(stream(sources=[source(healthy=False)])),
        now(stream(sources=[source(lag=5000)])),
    ),
    Pair(
        "JetStreamDeadLetterGrowing",
        "warning",
        [
            (60, snapshot(stream(dead_letter=True))),
            (0, snapshot(stream(dead_letter=True, figures_={"last_sequence": 101}))),
        ],
        lasting(60, stream(dead_letter=True)),
    ),
    Pair(
        "JetStreamStreamThresholdExceeded",
        "critical",
        now(stream(settings_=thresholds("msgs", "critical", 100))),
        now(stream(settings_=thresholds("msgs", "critical", 99))),
    ),
    Pair(
        "JetStreamStreamThresholdExceeded",
        "warning",
        now(stream(settings_=thresholds("msgs", "warning", 100))),
        now(stream(settings_={**thresholds("msgs", "warning", 100), "monitored": False})),
    ),
    Pair(
        "JetStreamConsumerNoLeader",
        "critical",
        now(stream(), consumer(raft=leaderless())),
        now(stream(raft=leaderless()), consumer(raft=leaderless())),
    ),
    Pair(
        "JetStreamManyConsumersNoLeader",
        "critical",
        now(stream(), *(consumer(f"c{n:02}", raft=leaderless()) for n in range(11))),
        now(stream(), *(consumer(f"c{n:02}", raft=leaderless()) for n in range(10))),
    ),
    Pair(
        "JetStreamConsumerAheadOfStream",
        "critical",
        lasting(180, stream(), consumer(delivered_sequence=150)),
        [
            (180, snapshot(stream(), consumer(delivered_sequence=150))),
            (0, snapshot(stream(), consumer(delivered_sequence=151))),
        ],
    ),
    Pair(
        "JetStreamConsumerMessagesLost",
        "critical",
        [
            (900, snapshot(at_limit(201), consumer(**LATE))),
            (300, snapshot(at_limit(301), consumer(**LATE))),
            (0, snapshot(at_limit(301), consumer(**LATE))),
        ],
        lasting(600, at_limit(201), consumer(**LATE)),
    ),
    Pair(
        "JetStreamConsumerStalled",
        "critical",
        now(stream(), consumer(**WORK)),
        now(stream(), consumer(**{**WORK, "paused": True})),
    ),
    Pair(
        "JetStreamManyConsumersStalled",
        "critical",
        now(stream(), *(consumer(f"c{n:02}", **WORK) for n in range(11))),
        now(stream(), *(consumer(f"c{n:02}", **WORK) for n in range(10))),
    ),
    Pair(
        "JetStreamConsumerNoSubscribers",
        "warning",
        lasting(300, stream(), consumer(**WAITS)),
        lasting(300, stream(), consumer(**{**WAITS, "waiting_pulls": None})),
    ),
    Pair(
        "JetStreamManyConsumersUnattended",
        "warning",
        lasting(300, stream(), *(consumer(f"c{n:02}", **WAITS) for n in range(11))),
        lasting(300, stream(), *(consumer(f"c{n:02}", **WAITS) for n in range(10))),
    ),
    Pair(
        "JetStreamConsumerAckPendingSaturated",
        "warning",
        lasting(300, stream(), consumer(ack_pending=901)),
        lasting(300, stream(), consumer(ack_pending=1, settings_={"max_ack_pending": 1})),
    ),
    Pair(
        "JetStreamConsumerMaxDeliverExhausted",
        "critical",
        [
            (60, snapshot(stream(), consumer(events=EventCounts(max_deliveries=1)))),
            (0, snapshot(stream(), consumer(events=EventCounts(max_deliveries=3)))),
        ],
        lasting(60, stream(), consumer(events=EventCounts(max_deliveries=3))),
    ),
    Pair("JetStreamConsumerLagSeconds", "critical", late(1200, 50), late(1200, -50)),
    Pair("JetStreamConsumerLagSeconds", "warning", late(400, 50), late(290, 50)),
    Pair(
        "JetStreamConsumerThresholdExceeded",
        "critical",
        now(stream(), consumer(pending=5, settings_=thresholds("unprocessed", "critical", 5))),
        now(stream(), consumer(pending=4, settings_=thresholds("unprocessed", "critical", 5))),
    ),
    Pair(
        "JetStreamExporterSourceFailing",
        "critical",
        now(target_results=[target("a", up=True, varz=True, jsz=False)]),
        now(stream(), target_results=[target("a", up=True, varz=True, jsz=False)]),
    ),
    Pair(
        "JetStreamExporterSourceFailing",
        "warning",
        now(stream(), target_results=[target("a", up=False, varz=True, jsz=False)]),
        now(
            *UP,
            down("n2", configured=True),
            stream(),
            target_results=[target("a", up=False, varz=False, jsz=False)],
        ),
    ),
    Pair(
        "JetStreamExporterDataStale",
        "critical",
        [(0.0, snapshot(exporter=Exporter("1", "3", last_success=NOW - 121)))],
        [(0.0, snapshot(exporter=Exporter("1", "3", last_success=NOW - 120)))],
    ),
    Pair(
        "JetStreamExporterNameConflict",
        "critical",
        now(name_conflicts={CLUSTER: 1}),
        now(name_conflicts={CLUSTER: 0}),
    ),
    Pair(
        "JetStreamExporterCardinalityLimitReached",
        "warning",
        now(exporter=exporter(dropped={"streams": 3})),
        now(exporter=exporter(dropped={"streams": 0})),
    ),
]


# What would hold, were it not for one of these.
EXEMPT: Mapping[str, Moments] = {
    "a server that has just started": now(*catching_up(5 * MINUTE)),
    "a sealed stream": now(full_stream(sealed=True)),
    "late dead letters": late(1200, 50, stream(dead_letter=True)),
    "a late consumer that is paused": late(1200, 50, paused=True),
    "a late consumer of a mirror": late(1200, 50, settings_={"role": "mirror"}),
    "a late consumer that delivers nothing": late(400, 50, deliveries=7),
    "a late consumer whose backlog shrinks within a day": late(1200, -2),
    "dead letters": now(stream(dead_letter=True), consumer(**WAITS)),
}


def of_pair(pair: Pair) -> str:
    return f"{pair.name}-{pair.severity}"


@pytest.mark.parametrize("pair", PAIRS, ids=of_pair)
def test_it_holds_where_its_alert_does(pair: Pair) -> None:
    assert (pair.name, pair.severity) in found(*pair.holds)


@pytest.mark.parametrize("pair", PAIRS, ids=of_pair)
def test_it_is_silent_in_its_twin(pair: Pair) -> None:
    assert (pair.name, pair.severity) not in found(*pair.silent)


def test_every_alert_that_is_judged_has_such_a_pair() -> None:
    judged = {(each.name, each.severity) for each in table().alerts if each.name in JUDGED} - {
        (each.name, "info") for each in CONFIGURATION
    }
    judged -= {("NatsServerCertificateExpiring", "warning"), ("NatsLeafnodeDown", "warning")}
    assert sorted(judged) == sorted((pair.name, pair.severity) for pair in PAIRS)


def test_what_is_well_has_no_finding() -> None:
    assert found(*lasting(HOUR, stream(), consumer())) == set()


def test_every_other_alert_is_named_as_not_judged() -> None:
    assert {each.name for each in table().alerts} == {*JUDGED, *NOT_JUDGED}
    assert not JUDGED & set(NOT_JUDGED)
    assert set(IN_PART) <= JUDGED


def test_a_lag_that_does_not_fall_counts_after_ten_minutes() -> None:
    name = ("JetStreamSourceOrMirrorLagging", "warning")
    assert name in found(*lasting(10 * MINUTE, stream(sources=[source(lag=5000)])))
    assert name not in found(*lasting(9 * MINUTE, stream(sources=[source(lag=5000)])))


@pytest.mark.parametrize(
    ("age", "is_said"),
    [(901, True), (899, False), (5 * HOUR, True), (7 * HOUR, False)],
)
def test_a_nearly_full_stream_that_stopped_storing_lately_rejects_larger_messages(
    age: float, is_said: bool
) -> None:
    row = stream(settings_=FULL, figures_={"bytes": 940, "last_time": NOW - age})

    said = found(*now(row))

    assert is_said is (("JetStreamStreamRejectingPublishes", "critical") in said)


@pytest.mark.parametrize("name", ["KV_CONFIG", "OBJ_FILES"])
def test_a_nearly_full_bucket_may_be_quiet_but_not_full(name: str) -> None:
    rejects = ("JetStreamStreamRejectingPublishes", "critical")
    quiet, full = ({"bytes": size, "last_time": NOW - HOUR} for size in (940, 1000))

    assert rejects not in found(*now(stream(name, settings_=FULL, figures_=quiet)))
    assert rejects in found(*now(stream(name, settings_=FULL, figures_=full)))


def test_nobody_publishes_to_a_sealed_stream_that_is_full() -> None:
    said = {is_sealed: found(*now(full_stream(sealed=is_sealed))) for is_sealed in (True, False)}

    assert said[True] == set()
    assert {name for name, _ in said[False]} == {
        "JetStreamStreamStorageHigh",
        "JetStreamStreamRejectingPublishes",
    }


def test_a_server_has_ten_minutes_after_its_start_to_read_its_store_and_catch_up() -> None:
    late = {
        ("JetStreamServerUnhealthy", "critical"),
        ("JetStreamMetaNoFaultTolerance", "warning"),
        ("JetStreamStreamNoFaultTolerance", "warning"),
    }

    assert found(*now(*catching_up(600 - 1))) == set()
    assert found(*now(*catching_up(600))) == late


def test_a_server_that_started_excuses_no_replica_elsewhere() -> None:
    others = [row for row in catching_up(HOUR) if not isinstance(row, Server)]
    started = server("n1", start=NOW - MINUTE)

    assert found(*now(server("n0"), started, server("n2"), *others)) == {
        ("JetStreamMetaNoFaultTolerance", "warning"),
        ("JetStreamStreamNoFaultTolerance", "warning"),
    }


def test_dead_letters_wait_for_people() -> None:
    dead = lasting(300, stream(dead_letter=True), consumer(**WAITS))
    live = lasting(300, stream(), consumer(**WAITS))

    assert found(*dead) == set()
    assert found(*live) == {("JetStreamConsumerNoSubscribers", "warning")}
