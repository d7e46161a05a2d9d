"""Each check of a live cluster on rows: an object that passes, and one that does not."""

from dataclasses import replace
from typing import Any

import msgspec
import pytest

from jetstream_exporter.audit import consumers, links, load, servers, streams
from jetstream_exporter.audit.finding import Finding, judge
from jetstream_exporter.audit.observe import Observation, is_loopback
from jetstream_exporter.snapshot import Consumer, Meta, Server, Snapshot, Stream
from jetstream_exporter.snapshot.incarnation import Incarnation
from jetstream_exporter.snapshot.rows import (
    Account,
    AccountStore,
    AccountTier,
    ConsumerSettings,
    Ephemerals,
    Exporter,
    Gateway,
    JetStream,
    LeafRemotes,
    Process,
    Raft,
    Route,
    Store,
    StreamFigures,
    StreamSettings,
    TargetResult,
)

CHECKS = (*servers.CHECKS, *links.CHECKS, *load.CHECKS, *streams.CHECKS, *consumers.CHECKS)
GIB = 2**30
DAY = 86400.0
NOW = 1_800_000_000.0


def blank(kind: type[msgspec.Struct], **changes: Any) -> Any:
    """A row with every field set to something that no check minds."""
    empty = {int: 0, str: "", float: 0.0, bool: False}
    values = {
        field.name: empty.get(field.type)
        for field in msgspec.structs.fields(kind)
        if field.required
    }
    return kind(**{**values, **changes})


RAFT = blank(Raft, has_leader=True, has_quorum=True, leader="n1")
IDENTITY = Incarnation(NOW, "group")
STREAM = blank(
    StreamSettings, retention="limits", storage="file", replicas=3, max_age=DAY, subjects=()
)
CONSUMER = blank(
    ConsumerSettings,
    durable=True,
    ack_policy="explicit",
    ack_wait=30.0,
    max_deliver=5,
    max_ack_pending=1000,
)


WHERE = {"cluster": "c", "account": "A", "account_id": "A", "incarnation": IDENTITY, "raft": RAFT}


def a_stream(name: str = "ORDERS", dead_letter: bool = False, **settings: Any) -> Stream:
    changed = msgspec.structs.replace(STREAM, **settings)
    none = Ephemerals(0, 0, 0)
    return blank(  # type: ignore[no-any-return]
        Stream, **WHERE, name=name, settings=changed, ephemerals=none, dead_letter=dead_letter
    )


def a_consumer(stream: str = "ORDERS", figures: Any = None, **settings: Any) -> Consumer:
    changed = msgspec.structs.replace(CONSUMER, **settings)
    return blank(  # type: ignore[no-any-return]
        Consumer,
        **WHERE,
        stream=stream,
        name="worker",
        key=("c", "A", stream, "worker"),
        settings=changed,
        **(figures or {}),
    )


def a_server(name: str = "n1", **changes: Any) -> Server:
    store = Store(used=0, limit=1000, reserved=0)
    fine = {
        "up": True,
        "healthy": True,
        "check": "full",
        "process": blank(Process, version="2.15.1", certificates={"client": NOW + 90 * DAY}),
        "jetstream": blank(JetStream, enabled=True, file=store, memory=store),
    }
    return Server(cluster="c", name=name, **{**fine, **changes})


def a_meta(peers: int = 3, **changes: Any) -> Meta:
    values = {"cluster": "c", "has_leader": True, "has_quorum": True, "peers": peers}
    return blank(Meta, quorum_needed=peers // 2 + 1, **{**values, **changes})  # type: ignore[no-any-return]


def observed(
    *streams: Stream,
    consumers: tuple[Consumer, ...] = (),
    before: tuple[Consumer, ...] = (),
    servers: tuple[Server, ...] | None = None,
    meta: Meta | None = None,
    **changes: Any,
) -> Observation:
    letters = a_stream("ORDERS-dead-letters", dead_letter=True)
    snapshot = Snapshot(
        servers=(a_server("n1"), a_server("n2"), a_server("n3")) if servers is None else servers,
        metas=(meta or a_meta(),),
        streams=(*(streams or (a_stream(),)), letters),
        consumers=consumers or (a_consumer(),),
        **{key: changes.pop(key) for key in ("target_results", "exporter") if key in changes},
    )
    return Observation(snapshot, Snapshot(consumers=before), 10.0, NOW, **changes)


def judged(seen: Observation) -> list[Finding]:
    return judge(CHECKS, seen)


def process(**changes: Any) -> Process:
    return blank(Process, **{"version": "2.15.1", "certificates": {}, **changes})  # type: ignore[no-any-return]


def jetstream(**changes: Any) -> JetStream:
    store = Store(used=0, limit=1000, reserved=0)
    return blank(JetStream, **{"enabled": True, "file": store, "memory": store, **changes})  # type: ignore[no-any-return]


def with_servers(**changes: Any) -> Observation:
    return observed(servers=(a_server("n1", **changes), a_server("n2"), a_server("n3")))


def with_subjects(number: int) -> Stream:
    return msgspec.structs.replace(a_stream(), figures=blank(StreamFigures, subjects=number))


def with_memory(*bytes_: int) -> Observation:
    names = ("n1", "n2", "n3")
    servers = zip(names, bytes_, strict=True)
    return observed(servers=tuple(a_server(n, process=process(memory=m)) for n, m in servers))


def with_ephemerals(stream: Stream) -> Stream:
    return msgspec.structs.replace(stream, ephemerals=Ephemerals(2, 0, 0))


def slow(under_way: int, acknowledged: int) -> Observation:
    """Ten seconds in which so many were acknowledged while so many were under way."""
    figures = {"ack_pending": under_way, "acknowledged": 100, "ack_floor_sequence": 200}
    later = {**figures, "acknowledged": 100 + acknowledged, "ack_floor_sequence": 999_999}
    return observed(consumers=(a_consumer(figures=later),), before=(a_consumer(figures=figures),))


def test_a_cluster_as_it_should_be_has_no_finding() -> None:
    assert judged(observed()) == []


def test_what_nobody_told_is_not_judged_by_other_checks() -> None:
    stream = msgspec.structs.replace(a_stream(), settings=None)
    consumer = msgspec.structs.replace(a_consumer(), settings=None)

    found = judged(observed(stream, consumers=(consumer,)))

    assert [f.check for f in found] == ["not-judged"]


def linked(name: str, **changes: Any) -> Server:
    return a_server(
        name,
        **{
            "gateway_remotes": ("west",),
            "gateways": (Gateway("west", "outbound", 1), Gateway("west", "inbound", 2)),
            "leaf_remotes": (LeafRemotes("A", 2, 2), LeafRemotes("B", 1, None)),
            "routes": (Route("n2", 3),),
            **changes,
        },
    )


def with_links(**changes: Any) -> Observation:
    return observed(servers=(linked("n1", **changes), linked("n2"), linked("n3")))


def an_account(**changes: Any) -> Account:
    store = AccountStore(used=0, limit=1000, reserved=0)
    return blank(  # type: ignore[no-any-return]
        Account,
        **{"cluster": "c", "id": "A", "name": "app", "file": store, "memory": store} | changes,
    )


def with_account(stream: Stream | None = None, **changes: Any) -> Observation:
    seen = observed(*([stream] if stream else []))
    snapshot = msgspec.structs.replace(seen.snapshot, accounts=(an_account(**changes),))
    return replace(seen, snapshot=snapshot)


def a_tier(**changes: Any) -> AccountTier:
    store = AccountStore(used=0, limit=1000, reserved=0)
    return blank(AccountTier, **{"tier": "R3", "file": store, "memory": store, **changes})  # type: ignore[no-any-return]


def with_consumers(number: int) -> Stream:
    return msgspec.structs.replace(a_stream(), consumers=number)


FAILING: list[tuple[str, str, Observation, str]] = [
    (
        "server-unreachable",
        "error",
        observed(target_results=(blank(TargetResult, target="http://n4:8222", up=False),)),
        "target http://n4:8222: it did not return everything that was requested (it did not "
        "answer)",
    ),
    (
        "server-unreachable",
        "error",
        observed(
            servers=(a_server("n1"), Server(cluster="c", name="n4:8222", up=False)),
            target_results=(blank(TargetResult, target="http://n4:8222", up=False),),
            errors={"http://n4:8222": "cannot connect: Connection refused"},
        ),
        "it did not return everything that was requested (cannot connect: Connection refused)",
    ),
    (
        "server-unreachable",
        "error",
        observed(servers=(a_server("n1"), Server(cluster="c", name="n2", up=False))),
        "server n2 (cluster c): other servers of the cluster report this server",
    ),
    ("server-unhealthy", "error", with_servers(healthy=False), "its health check (full) fails"),
    (
        "jetstream-disabled",
        "warning",
        with_servers(jetstream=jetstream(enabled=False)),
        "server n1 (cluster c): JetStream is not enabled",
    ),
    (
        "meta-without-quorum",
        "error",
        observed(meta=a_meta(has_leader=False, has_quorum=False)),
        "cluster c: the meta group has no leader",
    ),
    (
        "meta-without-quorum",
        "error",
        observed(meta=a_meta(has_quorum=False)),
        "cluster c: the meta group has lost its majority",
    ),
    (
        "even-number-of-servers",
        "warning",
        observed(meta=a_meta(4)),
        "4 servers have JetStream and the majority is 3, so the cluster tolerates the failure "
        "of 1, as 3 servers would",
    ),
    (
        "mixed-versions",
        "warning",
        with_servers(process=process(version="2.12.8")),
        "cluster c: 2.12.8: n1; 2.15.1: n2, n3",
    ),
    (
        "store-overcommitted",
        "warning",
        with_servers(jetstream=jetstream(file=Store(used=0, limit=1000, reserved=1001))),
        "streams reserve 1001 bytes, and the limit of the file store is 1000 bytes",
    ),
    (
        "monitoring-unauthenticated",
        "info",
        observed(open_targets=("http://nats-0:8222",)),
        "target http://nats-0:8222: it answers requests without a password",
    ),
    (
        "certificate-expiring",
        "warning",
        with_servers(process=process(certificates={"cluster": NOW + 29 * DAY})),
        "the certificate of cluster expires in 29.0 days",
    ),
    (
        "certificate-expiring",
        "error",
        with_servers(process=process(certificates={"cluster": NOW - DAY})),
        "the certificate of cluster has expired",
    ),
    (
        "gateway-down",
        "error",
        with_links(gateways=(Gateway("west", "outbound", 0), Gateway("west", "inbound", 2))),
        "server n1 (cluster c): it has no connection to cluster west, which its configuration names",
    ),
    (
        "gateways-differ",
        "warning",
        with_links(gateway_remotes=("north", "west")),
        "cluster c: its servers name different gateways: n2 lacks north; n3 lacks north",
    ),
    (
        "leafnode-down",
        "error",
        with_links(leaf_remotes=(LeafRemotes("A", 2, 1),)),
        "it has 1 of the 2 leaf node connections of account A that its configuration names",
    ),
    (
        "route-missing",
        "error",
        with_links(routes=(Route("n2", 0), Route("n3", 0))),
        "server n1 (cluster c): it has no route to n2, n3",
    ),
    (
        "account-near-limit",
        "warning",
        with_account(file=AccountStore(used=801, limit=1000, reserved=0)),
        "account app (cluster c): it uses 801 of 1000 bytes of its file storage",
    ),
    (
        "account-near-limit",
        "warning",
        with_account(memory=AccountStore(used=0, limit=1000, reserved=901)),
        "account app (cluster c): its streams reserve 901 of 1000 bytes of its memory storage",
    ),
    (
        "account-near-limit",
        "warning",
        with_account(streams=10, max_streams=11),
        "account app (cluster c): it has 10 of at most 11 streams",
    ),
    (
        "account-near-limit",
        "warning",
        with_account(tiers=(a_tier(streams=10, max_streams=11),)),
        "account app (cluster c): in tier R3 it has 10 of at most 11 streams",
    ),
    (
        "account-near-limit",
        "warning",
        with_account(with_consumers(91), consumers=91, max_consumers=100),
        "stream ORDERS (account A, cluster c): it has 91 consumers, and its account permits 100",
    ),
    (
        "cpu-high",
        "warning",
        with_servers(process=process(cores=8, max_procs=2, cpu_cores_used=1.81)),
        "server n1 (cluster c): it uses 1.8 of 2 processor cores",
    ),
    (
        "memory-near-limit",
        "warning",
        with_servers(process=process(memory=901, memory_limit=1000)),
        "server n1 (cluster c): it uses 90% of GOMEMLIMIT (1000 bytes)",
    ),
    (
        "memory-uneven",
        "info",
        with_memory(GIB, 4 * GIB, GIB),
        f"server n2 (cluster c): it uses {4 * GIB} bytes of memory, and the mean is {2 * GIB}",
    ),
    (
        "many-raft-groups",
        "warning",
        with_servers(jetstream=jetstream(ha_assets=1001)),
        "server n1 (cluster c): it is a member of 1001 Raft groups",
    ),
    (
        "many-subjects",
        "warning",
        observed(with_subjects(1_000_001)),
        "stream ORDERS (account A, cluster c): its messages have 1000001 subjects",
    ),
    (
        "not-judged",
        "warning",
        observed(exporter=blank(Exporter, dropped={"consumer": 7, "stream": 0})),
        "7 objects of kind consumer: they are above the configured limit",
    ),
    (
        "not-judged",
        "warning",
        observed(msgspec.structs.replace(a_stream(), settings=None)),
        "stream ORDERS (account A, cluster c): no server reported its configuration",
    ),
    (
        "replicas-above-servers",
        "error",
        observed(a_stream(replicas=5)),
        "it is configured with 5 replicas, and 3 servers have JetStream",
    ),
    (
        "single-replica",
        "warning",
        observed(a_stream(replicas=1)),
        "it has one replica in a cluster of 3 servers, on n1",
    ),
    (
        "stream-unlimited",
        "warning",
        observed(a_stream(max_age=None)),
        "neither max_bytes nor max_age nor max_msgs is set",
    ),
    (
        "stream-unlimited",
        "info",
        observed(a_stream("KV_settings", max_age=None)),
        "stream KV_settings (account A, cluster c): neither",
    ),
    (
        "interest-retention-consumers",
        "warning",
        observed(with_ephemerals(a_stream(retention="interest"))),
        "interest retention with 2 ephemeral consumers",
    ),
    (
        "unlimited-deliveries",
        "warning",
        observed(consumers=(a_consumer(max_deliver=None),)),
        "max_deliver is unlimited",
    ),
    (
        "ack-pending-unlimited",
        "warning",
        observed(consumers=(a_consumer(max_ack_pending=None),)),
        "consumer worker of stream ORDERS (account A, cluster c): max_ack_pending is unlimited",
    ),
    (
        "ack-none",
        "warning",
        observed(consumers=(a_consumer(ack_policy="none", max_ack_pending=None),)),
        "it is a durable consumer with ack policy none",
    ),
    (
        "ack-wait-short",
        "warning",
        slow(under_way=310, acknowledged=100),
        "messages take about 31.0 s to be acknowledged; ack_wait is 30 s",
    ),
]


@pytest.mark.parametrize(("check", "severity", "seen", "said"), FAILING)
def test_what_is_wrong_is_found_and_nothing_else(
    check: str, severity: str, seen: Observation, said: str
) -> None:
    (found,) = judged(seen)

    assert (found.check, str(found.severity)) == (check, severity)
    assert said in f"{found.object}: {found.seen}"


PASSING: list[Observation] = [
    with_links(),
    observed(servers=(linked("n1"), Server(cluster="d", name="d1", up=True))),
    with_links(gateways=(), routes=()),
    with_account(file=AccountStore(used=800, limit=1000, reserved=900)),
    with_account(file=AccountStore(used=10**9, limit=None, reserved=10**9)),
    with_account(streams=9, max_streams=10),
    with_account(with_consumers(90), consumers=500, max_consumers=100),
    observed(meta=a_meta(5)),
    observed(open_targets=("http://127.0.0.1:8222", "http://localhost:8222", "http://[::1]:8222")),
    with_servers(process=process(certificates={"client": NOW + 31 * DAY})),
    with_servers(jetstream=jetstream(file=Store(used=0, limit=1000, reserved=1000))),
    with_servers(jetstream=jetstream(file=Store(used=0, limit=None, reserved=10**12))),
    with_servers(process=process(cores=2, cpu_cores_used=1.8)),
    with_servers(process=process(cores=0, cpu_cores_used=1.8)),
    with_servers(process=process(memory=900, memory_limit=1000)),
    with_servers(process=process(memory=900)),
    with_memory(GIB // 8, GIB, GIB // 8),
    with_memory(3 * GIB, 4 * GIB, 2 * GIB),
    with_servers(jetstream=jetstream(ha_assets=1000)),
    observed(with_subjects(1_000_000)),
    observed(a_stream(max_age=None, max_bytes=1)),
    observed(a_stream(max_age=None, max_messages=1)),
    observed(a_stream("$MQTT_sess", replicas=1, max_age=None)),
    observed(with_ephemerals(a_stream(retention="limits"))),
    observed(a_stream(retention="interest")),
    observed(consumers=(a_consumer(durable=False, max_deliver=None, max_ack_pending=None),)),
    slow(under_way=300, acknowledged=100),
    observed(consumers=(a_consumer(figures={"ack_pending": 9}),), before=(a_consumer(),)),
    observed(consumers=(a_consumer(),), before=(a_consumer(figures={"ack_pending": 9}),)),
    slow(under_way=1000, acknowledged=0),  # stalled, which says nothing of its pace
    slow(under_way=0, acknowledged=100),
]


@pytest.mark.parametrize("seen", PASSING)
def test_what_is_right_is_silent(seen: Observation) -> None:
    assert judged(seen) == []


def test_a_server_alone_needs_no_replicas() -> None:
    seen = Observation(Snapshot(servers=(a_server("n1"),), streams=(a_stream(replicas=1),)))

    assert judged(seen) == []


def test_without_a_dead_letter_stream_both_kinds_of_consumers_are_told() -> None:
    def without_letters(consumer: Consumer) -> Finding:
        seen = observed(consumers=(consumer,))
        bare = msgspec.structs.replace(seen.snapshot, streams=(a_stream(),))
        (found,) = judged(Observation(bare))
        return found

    limited = without_letters(a_consumer())
    unlimited = without_letters(a_consumer(max_deliver=None))

    assert (limited.check, str(limited.severity)) == ("no-dead-letter-stream", "info")
    assert "stops delivering a message after 5 deliveries" in limited.seen
    assert unlimited.check == "unlimited-deliveries"
    assert "its account has no dead-letter stream" in unlimited.seen


def test_a_reader_of_dead_letters_need_not_acknowledge() -> None:
    reader = a_consumer("ORDERS-dead-letters", ack_policy="none")

    assert judged(observed(consumers=(reader,))) == []


def test_on_interest_retention_a_consumer_that_does_not_acknowledge_is_told_twice() -> None:
    found = judged(
        observed(a_stream(retention="interest"), consumers=(a_consumer(ack_policy="none"),))
    )

    assert [f.check for f in found] == ["interest-retention-consumers", "ack-none"]
    assert "with consumer worker, which acknowledges nothing" in found[0].seen


def test_every_check_has_a_failing_case() -> None:
    shown = {check for check, *_ in FAILING} | {"no-dead-letter-stream"}

    assert shown == {check.name for check in CHECKS}


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        ("http://127.0.0.2:8222", True),
        ("srv+http://localhost", True),
        ("http://10.0.0.1:8222", False),
        ("http://nats-headless:8222", False),
    ],
)
def test_loopback_is_known(target: str, expected: bool) -> None:
    assert is_loopback(target) is expected


@pytest.mark.parametrize(
    ("seen", "check", "said", "unsaid"),
    [
        (observed(a_stream(replicas=1)), "single-replica", "--replicas=3.", "Run three servers"),
        (
            observed(a_stream(replicas=1), meta=a_meta(2)),
            "single-replica",
            "Run three servers, then configure three replicas",
            "Configure three replicas:",
        ),
        (
            observed(a_stream("a b'c", replicas=1)),
            "single-replica",
            """nats stream edit 'a b'"'"'c' --replicas=3""",
            "edit a b",
        ),
        (observed(a_stream(replicas=5)), "replicas-above-servers", "--replicas=3.", "=5"),
        (
            observed(meta=a_meta(2)),
            "even-number-of-servers",
            "Run 3 servers with JetStream.",
            "five",
        ),
        (
            observed(meta=a_meta(4)),
            "even-number-of-servers",
            "Run 5 servers with JetStream, or 3.",
            "of the two",
        ),
        (
            with_servers(jetstream=jetstream(memory=Store(used=0, limit=10, reserved=11))),
            "store-overcommitted",
            "max_memory_store",
            "max_file_store",
        ),
        (
            observed(a_stream("KV_settings", max_age=None)),
            "stream-unlimited",
            "The size of a bucket is limited only",
            "until the server's store is full",
        ),
        (
            observed(exporter=blank(Exporter, dropped={"consumer": 7})),
            "not-judged",
            "Raise limits.consumers",
            "leader",
        ),
        (
            observed(msgspec.structs.replace(a_stream(), settings=None)),
            "not-judged",
            "when the stream has a leader",
            "limits",
        ),
        (
            observed(meta=a_meta(has_leader=False, has_quorum=False)),
            "meta-without-quorum",
            "An election takes up to 10 s",
            "still names",
        ),
        (
            observed(
                servers=(a_server("n1"), Server(cluster="c", name="n4:8222", up=False)),
                target_results=(blank(TargetResult, target="http://n4:8222", up=False),),
                errors={"http://n4:8222": "varz: status 401"},
            ),
            "server-unreachable",
            "http.password_file",
            "NetworkPolicy",
        ),
        (
            observed(
                target_results=(
                    blank(TargetResult, target="nats://n4:4222 accounts[0]", up=False),
                ),
                errors={"nats://n4:4222 accounts[0]": "the server refuses the login"},
            ),
            "server-unreachable",
            "the login and the permissions of this connection",
            "curl",
        ),
        (
            observed(servers=(a_server("n1"), Server(cluster="c", name="n2", up=False))),
            "server-unreachable",
            "Otherwise add its monitoring port as a target",
            "curl",
        ),
        (
            observed(with_ephemerals(a_stream(retention="interest"))),
            "interest-retention-consumers",
            "If an ephemeral consumer is deleted",
            "explicit acknowledgement",
        ),
        (
            with_servers(process=process(certificates={"cluster": NOW - DAY})),
            "certificate-expiring",
            "new connections fail",
            "From its last day",
        ),
    ],
)
def test_why_and_do_follow_from_what_was_seen(
    seen: Observation, check: str, said: str, unsaid: str
) -> None:
    found = next(finding for finding in judged(seen) if finding.check == check)
    words = f"{found.why} {found.advice}"

    assert said in words
    assert unsaid not in words
