"""Small clusters that show together every family: recorded where there is a recording, else of the wire's own structs.

Each is a cluster of its own by the name under which it is configured, so none changes the figures of another.
"""

from collections.abc import Iterable
from datetime import timedelta

import msgspec
from tests.support.recorded import NEW, moments
from tests.support.reports import LONG_AGO, NOW, consumer, led, peer, server, stream, unreplicated

from jetstream_exporter.report import (
    EventBatch,
    EventCounts,
    Events,
    Health,
    LeaderAnswer,
    Links,
    LookupCounts,
    Lookups,
    Outcome,
    RequestResult,
    ServerAnswer,
    ServerReport,
)
from jetstream_exporter.sources.nats.identity import AccountIdentity
from jetstream_exporter.sources.nats.leaders import AccountCluster, Leaders
from jetstream_exporter.wire import (
    AccountInfo,
    AccountLimits,
    AccountStat,
    AccountTraffic,
    Accstatz,
    ApiStats,
    ApiStream,
    ConsumerConfig,
    ConsumerDetail,
    GatewayConnection,
    GatewayListener,
    GatewayRemote,
    Gatewayz,
    Jsz,
    LeafListener,
    Leafnode,
    LeafRemote,
    Leafz,
    Listener,
    MetaCluster,
    MetaSnapshot,
    PriorityGroup,
    RaftGroup,
    RemoteGateway,
    Route,
    Routez,
    Source,
    StreamConfig,
    Tier,
)

SECOND = 1_000_000_000
GIB = 1 << 30
LATER = NOW + timedelta(days=90)
ALL_COUNTED = frozenset(EventCounts.__struct_fields__)


def everything() -> list[Outcome]:
    return [
        *recorded("mirror-and-source", "origin-gone"),
        *recorded("no-limits", "standalone"),
        *recorded("paused", "standalone"),
        *by_hand(),
        *twins(),
        api(),
        events(),
    ]


def answered(reports: Iterable[ServerReport], name: str, entry: int = 0) -> list[Outcome]:
    """What the monitoring ports of a cluster of this configured name answered."""
    parts = {
        "varz": RequestResult(True),
        "healthz": RequestResult(True),
        "jsz": RequestResult(True),
    }
    return [
        Outcome(
            "monitoring",
            f"http://{name}-{number}:8222",
            0.01,
            received=1000,
            answer=ServerAnswer(msgspec.structs.replace(report, cluster_name=name)),
            cluster_name=name,
            requests=parts,
            entry=entry,
        )
        for number, report in enumerate(reports, 1)
    ]


def recorded(case: str, moment: str) -> list[Outcome]:
    return answered(moments(case, NEW)[moment], case)


def by_hand() -> list[Outcome]:
    """What no recording has: push, backoff, sampling, metadata, all limits, certificates, an unsupported stream."""
    limits = {
        "subjects": ["limited.>"],
        "max_msgs": 100,
        "max_bytes": 4096,
        "max_age": 3600 * SECOND,
        "max_consumers": 5,
        "max_msg_size": 1024,
        "max_msgs_per_subject": 10,
        "duplicate_window": 120 * SECOND,
        "metadata": {
            "io.jetstream-exporter.monitor": "false",
            "io.jetstream-exporter.team": "payments",
            "io.nats.monitor.msgs-warn": "10",
            "io.nats.monitor.peer-seen-critical": "5 minutes",
            "app.kubernetes.io/name": "shop",
        },
    }
    group = led("hand-1", "hand-2", "hand-3")
    pushed = consumer(
        "pushed",
        group,
        pending=2,
        config={
            "deliver_subject": "inbox",
            "ack_wait": 30 * SECOND,
            "max_deliver": 5,
            "backoff": [SECOND, 60 * SECOND],
            "sample_freq": "100%",
            "inactive_threshold": 3600 * SECOND,
            "metadata": {
                "io.jetstream-exporter.monitor": "true",
                "io.jetstream-exporter.lag-critical": "5m",
                "io.jetstream-exporter.slo-lag": "99.9% < 30s",
                "io.jetstream-exporter.team": "ledger",
                "io.nats.monitor.unprocessed-critical": "many",
            },
            "priority_policy": "pinned_client",
            "priority_groups": ["a", "b"],
        },
        push_bound=True,
        priority_groups=[PriorityGroup("a", "client", LONG_AGO), PriorityGroup("b")],
    )
    origins = [Source("ORIGIN", active=SECOND), Source("ORIGIN", active=SECOND)]
    limited = stream("LIMITED", group, pushed, messages=40, config=limits, sources=origins)
    newer = stream(
        "NEWER", None, replicas=1, config={"metadata": {"_nats.req.level": "9"}}, messages=0
    )
    snapshot = MetaSnapshot(7, 700, LONG_AGO, SECOND // 4)
    meta = MetaCluster(
        "hand", "hand-1", [peer("hand-2"), peer("hand-3")], 3, quorum_needed=2, snapshot=snapshot
    )
    leader = server("hand-1", limited, cluster="hand", meta=meta)
    assert leader.varz is not None
    leader.varz.tls_cert_not_after = LATER
    leader.varz.cluster = Listener("hand", LATER)
    leader.varz.gomemlimit = GIB
    leader.varz.gateway = GatewayListener(
        "hand", gateways=[GatewayRemote("hand"), GatewayRemote("far")]
    )
    leader.varz.leaf = LeafListener(remotes=[LeafRemote("APP", ["hub:7422"])])
    leader.links = links()
    lone = server(
        "lone", newer, cluster="", health=Health(503, "JetStream stream 'APP > NEWER' failed")
    )
    assert isinstance(lone.jsz, Jsz)
    lone.jsz.api = ApiStats(level=3)
    return [*answered([leader], "by-hand"), *answered([lone], "too-new")]


def links() -> Links:
    """A gateway that is connected, one that is cut off, a leaf node and the clients of an account, a pool of routes."""
    there = RemoteGateway(GatewayConnection("1.5ms", 64, 10, 20, 1000, 2000))
    return Links(
        Gatewayz({}, {"far": [there, there]}),
        Leafz([Leafnode("edge", "APP", "20ms", 1, 2, 100, 200)]),
        Routez([Route("hand-2", "400µs", 8), Route("hand-2", "300µs", 0)]),
        Accstatz(
            [AccountStat("APP", "", 3, 1, 12, AccountTraffic(9, 900), AccountTraffic(7, 700), 2)]
        ),
    )


def twins() -> list[Outcome]:
    """Two that have nothing in common, and ask for one name."""
    first = server("n1", stream("A", unreplicated("n1"), replicas=1), cluster="")
    second = msgspec.structs.replace(
        server("n1", stream("B", unreplicated("n1"), replicas=1), cluster=""), server_id="ID-other"
    )
    second.varz = msgspec.structs.replace(first.varz, server_id="ID-other")
    pair = [*answered([first], "twins", entry=1), *answered([second], "twins", entry=2)]
    pair[1].target = "http://twins-2:8222"
    return pair


def api() -> Outcome:
    """An account's own API: what it knows of tiers, limits and objects that its servers are too old for."""
    leaders = Leaders(
        AccountCluster("api", "API", "", "2.12.8", ""),
        AccountIdentity("APP", "application"),
        "nats://api:4222",
    )
    leaders.add_stream(
        ApiStream(
            config=StreamConfig(name="ORDERS", num_replicas=3, storage="file"),
            created=LONG_AGO,
            cluster=RaftGroup("API", "S-R3F-api", "a1", LONG_AGO, [peer("a2"), peer("a3")]),
        )
    )
    leaders.add_consumer(
        "ORDERS",
        ConsumerDetail(
            name="worker",
            config=ConsumerConfig(durable_name="worker", ack_policy="explicit"),
            cluster=RaftGroup("API", "C-R3F-api", "a2", LONG_AGO, [peer("a1"), peer("a3")]),
        ),
    )
    offline = "unsupported - required API level: 9, current API level: 1"
    leaders.add_unanswered_stream("FUTURE", offline)
    durable = ConsumerConfig(durable_name="tomorrow", ack_policy="explicit")
    leaders.add_consumer(
        "ORDERS",
        ConsumerDetail("tomorrow", config=durable, cluster=RaftGroup("API"), unsupported=offline),
    )
    leaders.info = AccountInfo(
        streams=2,
        consumers=2,
        reserved_storage=GIB,
        limits=AccountLimits(GIB, 10 * GIB, 10, 20),
        tiers={"R3": Tier(0, 4096, 0, GIB, 2, 2, AccountLimits(GIB, 10 * GIB, 10, 20))},
        account="APP",
        name="application",
    )
    names = ("connection", "info", "streams", "consumers")
    return Outcome(
        "account",
        "nats://api:4222",
        0.02,
        received=2000,
        cluster_name="api",
        requests={name: RequestResult(True) for name in names}
        | {"subscriptions": RequestResult(False, "refused")},
        answer=LeaderAnswer(
            leaders.reports(),
            Lookups({}, LookupCounts(found=7, missing=1, too_large=2), lambda _keys: None),
        ),
    )


def events() -> Outcome:
    """One event of each field, on a consumer whose acknowledgements are sampled."""
    counts = EventCounts(1, 2, 3, 4, 5)
    counts.observe_ack(0.02)
    batch = EventBatch(
        {"nak": 2},
        {("APP", "LIMITED", "pushed"): counts, ("APP", "LIMITED"): EventCounts(quorum_lost=6)},
        {"not_json": 1},
    )
    received = Events("by-hand", True, 1, {"*": ALL_COUNTED}, lambda: batch)
    return Outcome(
        "advisories",
        "nats://by-hand:4222",
        0.01,
        cluster_name="by-hand",
        requests={"connection": RequestResult(True), "subscriptions": RequestResult(True)},
        answer=received,
    )
