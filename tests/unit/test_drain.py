"""Which servers may be stopped: what each Raft group can spare, and who cannot be judged."""

from collections.abc import Collection
from datetime import timedelta
from typing import Any

import msgspec
import pytest
from tests.support import status
from tests.support.reports import NOW, peer
from tests.support.reports import led as led_group

from jetstream_exporter.snapshot import Snapshot
from jetstream_exporter.snapshot.drain import REASONS, Members, blockers, indispensable, with_drains
from jetstream_exporter.snapshot.member import Member
from jetstream_exporter.snapshot.quorum import led
from jetstream_exporter.snapshot.rows import Consumer, Meta, MetaPeer, Raft, Server, Stream
from jetstream_exporter.wire import RaftGroup

EVERYBODY = ("n0", "n1", "n2", "n3", "n4")


def judged(group: Members, counted: Collection[str] | None = None) -> dict[str, list[str]]:
    known = None if counted is None else set(counted)
    return {reason: sorted(servers) for reason, servers in indispensable(group, known)}


@pytest.mark.parametrize(
    ("group", "expected"),
    [
        (Members("n0", ("n1", "n2"), (), 2), {}),
        (
            Members("n0", ("n1",), (), 2),
            {"majority": ["n0", "n1"]},
        ),  # three, one of them away; or two
        (Members("n0", (), (), 2), {"no_majority": ["n0"]}),
        (Members("n0", ("n1", "n2", "n3"), (), 3), {}),
        (Members("n0", ("n1", "n2"), (), 3), {"majority": ["n0", "n1", "n2"]}),
        (Members("n0", (), (), None), {"single_replica": ["n0"]}),
        (Members(None, ("n1", "n2"), (), 2), {"no_leader": ["n1", "n2"]}),
        (Members(None, (), (), None), {"no_leader": []}),
        (Members("n0", ("n1", "n2"), (), 2, True), {"new_leader": ["n0", "n1", "n2"]}),
        # The one that is behind can be spared, and no other.
        (Members("n0", ("n1", "n2"), ("n2",), 2), {"replica_behind": ["n0", "n1"]}),
        (Members("n0", ("n1", "n2", "n3", "n4"), ("n2",), 3), {}),
        (Members("n0", ("n1", "n2"), ("n1", "n2"), 2), {"replica_behind": ["n0"]}),
    ],
)
def test_a_group_spares_a_member_if_a_majority_is_left(
    group: Members, expected: dict[str, list[str]]
) -> None:
    assert expected == judged(group)


def test_a_member_that_is_known_to_be_away_does_not_count_though_its_leader_still_reaches_it() -> (
    None
):
    group = Members("n0", ("n1", "n2"), (), 2)

    assert judged(group, {"n0", "n1"}) == {"majority": ["n0", "n1"]}
    assert judged(group, EVERYBODY) == {}


def server(name: str, **changed: Any) -> Server:
    row = msgspec.structs.replace(status.server(name), list_complete=True, configured=True)
    return msgspec.structs.replace(row, **changed)


THREE = [server("n0"), server("n1"), server("n2")]
REPLICATED = status.raft(reachable=("n1", "n2"))


def meta(*reached: str, leader: str | None = "n0", size: int = 3) -> Meta:
    peers = [MetaPeer(status.CLUSTER, name, True, False, 0, 0.1) for name in reached]
    return Meta(
        cluster=status.CLUSTER,
        leader=leader,
        reported_leader=None,
        reported_by=0,
        has_leader=leader is not None,
        has_quorum=True,
        peers=size,
        peers_current=len(peers) + 1,
        quorum_needed=size // 2 + 1,
        members=peers,
    )


def stream(raft: Raft = REPLICATED, name: str = "ORDERS") -> Stream:
    return msgspec.structs.replace(status.stream(), raft=raft, name=name)


def consumer(raft: Raft = REPLICATED, **settings: Any) -> Consumer:
    row = status.consumer()
    assert row.settings is not None
    changed = msgspec.structs.replace(row.settings, **settings)
    return msgspec.structs.replace(row, raft=raft, settings=changed)


def cluster(
    *rows: Stream | Consumer,
    servers: Collection[Server] = (),
    metas: Collection[Meta] | None = None,
) -> Snapshot:
    return Snapshot(
        servers=list(servers or THREE),
        metas=[meta("n1", "n2")] if metas is None else list(metas),
        streams=[row for row in rows if isinstance(row, Stream)],
        consumers=[row for row in rows if isinstance(row, Consumer)],
    )


def reasons(snapshot: Snapshot) -> dict[str, dict[str, int]]:
    """What prevents the drain of each server that is judged."""
    return {
        row.name: {reason: count for reason, count in row.drain_blockers.items() if count}
        for row in with_drains(snapshot).servers
        if row.drain_blockers is not None
    }


def test_of_a_healthy_cluster_each_server_can_be_stopped() -> None:
    rows = with_drains(cluster(stream(), consumer())).servers

    assert [row.is_drainable for row in rows] == [True, True, True]
    assert rows[0].drain_blockers == dict.fromkeys(REASONS, 0)


ALONE = status.raft(leader="n1", size=None, current=None, quorum_needed=None)


def test_the_only_replica_of_a_stream_or_durable_consumer_keeps_its_server() -> None:
    found = reasons(cluster(stream(ALONE), consumer(ALONE)))

    assert found == {"n0": {}, "n1": {"single_replica": 2}, "n2": {}}


@pytest.mark.parametrize("settings", [{"durable": False}, {"role": "mirror"}])
def test_a_consumer_that_is_made_anew_keeps_no_server(settings: dict[str, Any]) -> None:
    assert reasons(cluster(consumer(ALONE, **settings)))["n1"] == {}


def test_a_server_that_does_not_answer_is_missing_from_every_group_at_once() -> None:
    servers = [server("n0"), server("n1"), server("n2", up=False, jetstream=None)]

    found = reasons(cluster(stream(), servers=servers))

    assert found == {"n0": {"majority": 2}, "n1": {"majority": 2}}  # with the meta group


def test_one_that_is_known_by_its_address_alone_is_missing_too() -> None:
    servers = [server("n0"), server("n1"), server("10.0.0.3:8222", up=False, jetstream=None)]

    assert reasons(cluster(stream(), servers=servers, metas=()))["n0"] == {"majority": 1}


def test_a_server_that_starts_is_not_counted_on_and_not_judged() -> None:
    servers = [server("n0"), server("n1"), server("n2", list_complete=False)]

    assert reasons(cluster(stream(), servers=servers)) == {
        "n0": {"majority": 2},
        "n1": {"majority": 2},
    }


def test_of_a_server_that_nobody_asks_the_leader_knows() -> None:
    servers = [server("n0"), server("n1"), server("n2", up=False, configured=False, jetstream=None)]

    assert reasons(cluster(stream(), servers=servers)) == {"n0": {}, "n1": {}}


def test_a_member_without_a_known_name_may_be_any_server() -> None:
    raft = status.raft(reachable=("",))

    assert reasons(cluster(stream(raft))) == {name: {"majority": 1} for name in ("n0", "n1", "n2")}


def test_a_meta_group_of_two_spares_nobody() -> None:
    found = reasons(cluster(servers=THREE[:2], metas=[meta("n1", size=2)]))

    assert found == {"n0": {"majority": 1}, "n1": {"majority": 1}}


def test_without_a_meta_leader_no_server_can_be_stopped() -> None:
    found = reasons(cluster(metas=[meta(leader=None)]))

    assert found == {name: {"no_leader": 1} for name in ("n0", "n1", "n2")}


def test_a_stream_is_not_handed_to_servers_whose_store_is_full() -> None:
    def snapshot(*full: str) -> Snapshot:
        servers = [
            server(name, jetstream=status.server(name, file=(100, 100, 0)).jetstream)
            if name in full
            else server(name)
            for name in ("n0", "n1", "n2")
        ]
        return cluster(stream(), servers=servers)

    assert reasons(snapshot("n1", "n2"))["n0"] == {"store_full": 1}
    assert reasons(snapshot("n1"))["n0"] == {}
    assert reasons(snapshot("n0", "n1", "n2"))["n0"] == {}  # no worse than now


def test_what_is_found_names_the_objects() -> None:
    found = list(blockers(cluster(stream(ALONE), stream(name="OTHER"))))

    assert [(each.server, each.reason, [row.name for row in each.objects]) for each in found] == [
        ("n1", "single_replica", ["ORDERS"])
    ]


def raft_of(group: RaftGroup) -> Raft:
    return led(Member("n1", False, True, True, None), group, 3)


def test_the_leader_says_whom_it_reaches_and_who_is_behind() -> None:
    replicas = [
        peer("n2"),
        peer("n3", current=False, lag=1001),
        peer("n4", current=False, lag=1000),
        peer("n5", current=False, active=11_000_000_000),
    ]
    group = msgspec.structs.replace(led_group("n1"), replicas=replicas)

    raft = raft_of(group)

    assert (raft.reachable, raft.behind) == (("n2", "n3", "n4"), ("n3",))


@pytest.mark.parametrize(("age", "is_new"), [(5, True), (15, False)])
def test_a_leader_that_was_elected_just_now_does_not_know_its_followers_yet(
    age: int, is_new: bool
) -> None:
    since = NOW - timedelta(seconds=age)
    replicas = [peer("n2"), peer("n3", current=False, active=0)]
    group = msgspec.structs.replace(led_group("n1", since=since), replicas=replicas)

    raft = led(Member("n1", False, True, True, NOW.timestamp()), group, 3)

    assert (raft.is_new, raft.reachable) == (is_new, ("n2", "n3") if is_new else ("n2",))
