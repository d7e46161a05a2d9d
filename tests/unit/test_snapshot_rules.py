"""What is taken from reports and what is left out, one rule at a time."""

import re
from dataclasses import dataclass
from datetime import datetime, timedelta

import pytest
from tests.support.words import (
    BORN,
    LONG_AGO,
    NOW,
    SECOND,
    alone,
    consumer,
    follows,
    led,
    peer,
    server,
    stream,
)

from jetstream_exporter.report import Health, Report
from jetstream_exporter.snapshot import (
    Consumer,
    Naming,
    Snapshot,
    Stream,
    distinct,
    merge,
    read_configurations,
)
from jetstream_exporter.snapshot.rows import AccountStore, Ephemerals
from jetstream_exporter.snapshot.units import UNLIMITED, duration, limit, since_heard, timestamp
from jetstream_exporter.wire import (
    AccountDetail,
    ApiError,
    ApiStats,
    Cluster,
    ConsumerDetail,
    JetStreamConfig,
    LostData,
    MetaCluster,
    Position,
    Source,
    StreamDetail,
    StreamState,
    Varz,
    VarzJetStream,
)

YEAR_ONE = datetime.fromisoformat("0001-01-01T00:00:00+00:00")
STARTING = Health(503, "JetStream is still recovering meta layer")
BEHIND = Health(503, "JetStream is not current with the meta leader")


def merged(*reports: Report, naming: Naming | None = None) -> Snapshot:
    return merge(reports, read_configurations(reports), naming)


def only_stream(*reports: Report) -> Stream:
    (row,) = merged(*reports).streams
    return row


def only_consumer(*reports: Report) -> Consumer:
    (row,) = merged(*reports).consumers
    return row


def on_one(*consumers: ConsumerDetail, replicas: int = 1, **more: object) -> Report:
    """A server of a cluster with one stream that lives there alone."""
    return server("n1", stream("S", alone("n1"), *consumers, replicas=replicas, **more))  # type: ignore[arg-type]


# Whose word counts.


def test_a_consumer_led_elsewhere_than_its_stream_has_its_own_leader_s_figures() -> None:
    n1 = server(
        "n1",
        stream("S", led("n1", "n2"), consumer("c", follows("n2", "n2")), messages=50, replicas=2),
    )
    n2 = server(
        "n2",
        stream(
            "S",
            follows("n1", "n1"),
            consumer("c", led("n2", "n1"), pending=20, floor=(9, 30)),
            messages=49,
            replicas=2,
        ),
    )
    row = only_consumer(n1, n2)
    assert (row.raft.leader, row.pending) == ("n2", 20)
    assert row.ack_floor_lag == 50 - 30, "the stream's last sequence is its own leader's"


def test_a_starting_server_that_names_itself_leads_nothing() -> None:
    said = stream("S", alone("n1"), consumer("c", Cluster("C")), messages=5)
    n1 = server("n1", said, health=STARTING)
    snapshot = merged(n1)
    assert [(row.raft.leader, row.raft.has_leader, row.figures) for row in snapshot.streams] == [
        (None, False, None)
    ]
    assert [row.pending for row in snapshot.consumers] == [None]


def test_a_starting_server_does_not_push_the_true_leader_aside() -> None:
    n1 = server("n1", stream("S", alone("n1"), messages=5), health=STARTING)
    n2 = server("n2", stream("S", led("n2", "n1", "n3"), messages=9))
    row = only_stream(n1, n2)
    assert row.figures is not None
    assert (row.raft.leader, row.figures.messages) == ("n2", 9)


def test_a_new_leader_s_first_moments_give_no_zero() -> None:
    fresh = consumer("c", led("n1", "n2", "n3", since=None), pending=0)
    row = only_consumer(server("n1", stream("S", led("n1", "n2", "n3"), fresh)))
    assert (row.raft.leader, row.pending, row.raft.has_leader) == (None, None, False)


def test_a_consumer_of_one_replica_of_a_replicated_stream_is_led_where_it_lives() -> None:
    single = consumer("c", alone("n2"), pending=3, config={"num_replicas": 1})
    n1 = server("n1", stream("S", led("n1", "n2", "n3")))
    n2 = server("n2", stream("S", follows("n1", "n1", "n3"), single))
    row = only_consumer(n1, n2)
    assert (row.raft.leader, row.pending, row.raft.size) == ("n2", 3, None)


def test_a_server_that_runs_alone_gives_its_name_to_the_cluster() -> None:
    n1 = server(
        "n1", stream("S", None, consumer("c", None, pending=4), replicas=1, messages=4), cluster=""
    )
    snapshot = merged(n1)
    assert [(row.cluster, row.raft.leader, row.pending) for row in snapshot.consumers] == [
        ("n1", "n1", 4)
    ]
    assert [row.figures.messages for row in snapshot.streams if row.figures] == [4]


def test_of_one_server_at_two_addresses_the_fuller_and_later_word_counts() -> None:
    early = server("n1", stream("S", alone("n1"), messages=1, replicas=1))
    late = server("n1", stream("S", alone("n1"), messages=2, replicas=1), now=NOW + timedelta(1))
    mute = server("n1", health=None, now=NOW + timedelta(2))
    for reports in ((early, late, mute), (mute, late, early)):
        snapshot = merged(*reports)
        assert [(row.name, row.stream_leaders) for row in snapshot.servers] == [("n1", 1)]
        assert [row.figures.messages for row in snapshot.streams if row.figures] == [2]


def test_a_restarted_server_s_word_beats_the_one_from_before() -> None:
    before = server("n1", now=NOW + timedelta(seconds=1), start=BORN)
    after = server("n1", now=NOW, start=BORN + timedelta(hours=1))
    assert [after] == distinct([before, after]) == distinct([after, before])


# Two clusters, accounts.


def test_two_clusters_with_equal_names_inside_do_not_mix() -> None:
    one = server("n1", stream("S", alone("n1"), messages=1, replicas=1), cluster="A")
    two = server("n1", stream("S", alone("n1"), messages=2, replicas=1), cluster="B")
    snapshot = merged(one, two)
    assert [(row.cluster, row.figures.messages) for row in snapshot.streams if row.figures] == [
        ("A", 1),
        ("B", 2),
    ]
    assert [(row.cluster, row.name, row.up) for row in snapshot.servers] == [
        ("A", "n1", True),
        ("B", "n1", True),
    ]


def test_the_configured_name_tells_clusters_of_one_name_apart() -> None:
    one = server("n1", stream("S", alone("n1"), messages=1, replicas=1), group="east")
    two = server("n1", stream("S", alone("n1"), messages=2, replicas=1), group="west")
    assert [row.cluster for row in merged(one, two).streams] == ["east", "west"]


def account(name: str, identity: str, *streams: StreamDetail, **more: int) -> AccountDetail:
    return AccountDetail(name=name, id=identity, stream_detail=list(streams), **more)  # type: ignore[arg-type]


def test_equal_stream_names_in_two_accounts_are_two_streams() -> None:
    said = [
        account("a", "A1", stream("S", alone("n1"), messages=1, replicas=1)),
        account("b", "B1", stream("S", alone("n1"), messages=2, replicas=1)),
    ]
    snapshot = merged(server("n1", accounts=said))
    assert [(row.account, row.figures.messages) for row in snapshot.streams if row.figures] == [
        ("A1", 1),
        ("B1", 2),
    ]


def labels(*accounts: AccountDetail) -> list[tuple[str, str]]:
    snapshot = merged(server("n1", accounts=accounts), naming=Naming(account_by_name=True))
    return [(row.id, row.name) for row in snapshot.accounts]


def test_an_account_may_be_called_by_its_name() -> None:
    assert labels(account("orders", "ID1")) == [("orders", "orders")]


def test_two_accounts_of_one_name_keep_their_ids() -> None:
    assert labels(account("same", "ID2"), account("same", "ID1")) == [
        ("ID1", "same"),
        ("ID2", "same"),
    ]


def test_a_name_that_is_another_s_id_is_not_used() -> None:
    assert labels(account("", "ID1"), account("ID1", "ID2")) == [("ID1", ""), ("ID2", "ID1")]


def test_an_account_whose_name_is_its_id_keeps_it() -> None:
    assert labels(account("APP", "APP")) == [("APP", "APP")]


def test_of_an_account_s_figures_the_highest_counts() -> None:
    """Every server says the whole cluster's; one that catches up says less."""
    behind = account("A", "A", storage=10, memory=1, reserved_storage=UNLIMITED)
    right = account("A", "A", storage=30, memory=4, reserved_storage=UNLIMITED, reserved_memory=100)
    right.api = ApiStats(total=7, errors=2)
    (row,) = merged(server("n1", accounts=[behind]), server("n2", accounts=[right])).accounts
    assert (AccountStore(30, None), AccountStore(4, 100)) == (row.file, row.memory)
    assert (row.api_requests, row.api_errors) == (7, 2)


@pytest.mark.parametrize(
    ("file", "memory", "expected"),
    [
        (1000, 0, (1000, 0)),
        (UNLIMITED, 0, (None, 0)),
        (UNLIMITED, UNLIMITED, (None, None)),
        (0, 0, (None, None)),
    ],
)
def test_an_account_that_may_store_nothing_in_memory_is_limited_to_0(
    file: int, memory: int, expected: object
) -> None:
    """What a JWT leaves out is 0, not unlimited; both are 0 where the limits are set by tier."""
    said = account("A", "A", reserved_storage=file, reserved_memory=memory)
    (row,) = merged(server("n1", accounts=[said])).accounts
    assert expected == (row.file.limit, row.memory.limit)


# Incarnations.


def test_a_stream_made_anew_is_not_mixed_with_the_one_before() -> None:
    again = BORN + timedelta(minutes=1)
    old = server(
        "n1", stream("S", alone("n1"), consumer("old", alone("n1")), messages=99, replicas=1)
    )
    new = server("n2", stream("S", alone("n2"), messages=1, replicas=1, created=again))
    snapshot = merged(old, new)
    assert [("n2", 1, again.timestamp())] == [
        (row.raft.leader, row.figures.messages, row.identity.created)
        for row in snapshot.streams
        if row.figures
    ]
    assert snapshot.consumers == []


def test_a_consumer_made_anew_is_not_mixed_with_the_one_before() -> None:
    again = BORN + timedelta(minutes=1)
    old = consumer("c", alone("n1"), pending=99, config={"num_replicas": 1})
    new = consumer("c", alone("n2"), pending=1, created=again, config={"num_replicas": 1})
    row = only_consumer(
        server("n1", stream("S", led("n1", "n2"), old, replicas=2)),
        server("n2", stream("S", follows("n1", "n1"), new, replicas=2)),
    )
    assert ("n2", 1, again.timestamp()) == (row.raft.leader, row.pending, row.identity.created)


def test_the_configuration_of_an_earlier_incarnation_is_not_this_one_s() -> None:
    known = read_configurations([on_one(consumer("c", alone("n1")))])
    again = BORN + timedelta(minutes=1)
    new = stream(
        "S", alone("n1"), consumer("c", alone("n1"), created=again), replicas=1, created=again
    )
    snapshot = merge([server("n1", new, with_config=False)], known)
    assert [row.settings for row in snapshot.streams] == [None]
    assert [row.settings for row in snapshot.consumers] == [None]


def test_a_leader_s_configuration_beats_a_follower_s() -> None:
    """A follower may not have applied the last update yet."""
    n1 = server("n1", stream("S", led("n1", "n2"), config={"max_bytes": 2000}, replicas=2))
    n2 = server("n2", stream("S", follows("n1", "n1"), config={"max_bytes": 1000}, replicas=2))
    for reports in ((n1, n2), (n2, n1)):
        settings = only_stream(*reports).settings
        assert settings is not None
        assert settings.max_bytes == 2000


def test_a_light_answer_brings_no_configuration() -> None:
    said = server("n1", stream("S", alone("n1"), replicas=1), with_config=False)
    assert read_configurations([said]) == {}


def test_a_starting_server_s_own_time_of_creation_makes_no_other_incarnation() -> None:
    """Before 2.11 a server knows the common one from its meta leader, and until then its disk's (seen on 2.10.26)."""
    read = server("n1", stream("S", led("n1", "n2", "n3"), consumer("c", led("n1", "n2", "n3"))))
    late = BORN + timedelta(milliseconds=3)
    said = stream("S", alone("n1"), consumer("c", Cluster("C"), created=late), created=late)
    starting = server("n1", said, version="2.10.26", meta=MetaCluster(), with_config=False)
    snapshot = merge([starting], read_configurations([read]))
    stream_row, consumer_row = snapshot.streams[0], snapshot.consumers[0]
    assert (stream_row.raft.leader, stream_row.figures) == (None, None)
    assert [row.identity.created for row in (stream_row, consumer_row)] == [BORN.timestamp()] * 2
    assert stream_row.settings is not None
    assert consumer_row.settings is not None


# What a server that is cut off still says.


def meta(leader: str) -> MetaCluster:
    return MetaCluster(leader=leader, cluster_size=3)


def cut_off(detail: StreamDetail) -> Report:
    """A server that lost the meta leader and led the stream before."""
    return server("n1", detail, meta=meta(""))


def majority(*details: StreamDetail) -> list[Report]:
    return [server(name, *details, meta=meta("n2")) for name in ("n2", "n3")]


def test_a_stream_deleted_by_the_majority_is_gone_although_its_leader_lists_it() -> None:
    snapshot = merged(cut_off(stream("S", led("n1", "n2", "n3"), messages=9)), *majority())
    assert (snapshot.streams, snapshot.consumers) == ([], [])


def test_a_consumer_deleted_by_the_majority_is_gone_although_its_leader_lists_it() -> None:
    kept = stream("S", follows("n2", "n1", "n3"))
    group = led("n1", "n2", "n3", group="C-R3F-1")
    alone_with_it = cut_off(stream("S", follows("", "n1", "n2", "n3"), consumer("c", group)))
    snapshot = merged(alone_with_it, *majority(kept))
    assert ([row.name for row in snapshot.streams], snapshot.consumers) == (["S"], [])


def test_a_stream_made_anew_by_the_majority_is_the_one_that_counts() -> None:
    """Even with one replica, where the old one has a Raft group."""
    old = cut_off(stream("S", led("n1", "n2", "n3"), messages=9))
    new = stream("S", alone("n2"), messages=1, replicas=1, created=BORN + timedelta(hours=1))
    n2, n3 = server("n2", new, meta=meta("n2")), server("n3", meta=meta("n2"))
    (row,) = merged(old, n2, n3).streams
    assert row.figures is not None
    assert (row.raft.leader, row.figures.messages) == ("n2", 1)


def test_a_stream_that_lives_only_on_a_server_that_is_cut_off_is_shown() -> None:
    """Nobody else holds it, so that nobody can tell it was deleted."""
    row = merged(cut_off(stream("S", alone("n1"), replicas=1)), *majority()).streams[0]
    assert (row.name, row.raft.leader) == ("S", "n1")


def test_without_a_majority_everything_that_is_listed_is_there() -> None:
    n2 = server("n2", meta=meta("n2"))
    said = stream("S", follows("", "n1", "n2", "n3"))
    assert [row.name for row in merged(cut_off(said), n2).streams] == ["S"]


def test_a_server_that_is_not_whole_cannot_say_that_something_is_gone() -> None:
    reports = majority()
    for report in reports:
        report.health = STARTING
    said = cut_off(stream("S", led("n1", "n2", "n3")))
    assert [row.name for row in merged(said, *reports).streams] == ["S"]


def test_a_stream_deleted_while_a_server_was_away_does_not_come_back_with_it() -> None:
    """It names the meta leader a second or two before it is current with it (seen on 2.12.8 and 2.15.1)."""
    said = stream("S", follows("", "n1", "n2", "n3"), consumer("c", Cluster("C")))
    back = server("n1", said, meta=meta("n2"), health=BEHIND)
    snapshot = merged(back, *majority())
    assert (snapshot.streams, snapshot.consumers) == ([], [])


def test_an_only_replica_moved_while_a_server_was_away_is_not_contested_by_it() -> None:
    """Both say it is theirs alone: one of them from its disk."""
    old = stream("S", alone("n1"), messages=9, replicas=1)
    back = server("n1", old, meta=meta("n2"), health=BEHIND)
    new = server("n2", stream("S", alone("n2"), messages=1, replicas=1), meta=meta("n2"))
    (row,) = merged(back, new, server("n3", meta=meta("n2"))).streams
    assert row.figures is not None
    assert (row.raft.leader, row.figures.messages) == ("n2", 1)


def test_an_account_s_use_is_not_that_of_before_by_a_server_that_is_cut_off() -> None:
    def using(name: str, leader: str, stored: int, asked: int) -> Report:
        said = AccountDetail(id="APP", storage=stored, api=ApiStats(asked))
        return server(name, accounts=[said], meta=meta(leader))

    reports = using("n1", "", 900, 52), using("n2", "n2", 100, 50), using("n3", "n2", 90, 50)
    (account,) = merged(*reports).accounts
    assert (account.file.used, account.api_requests) == (100, 52)


# Rows.


def test_an_ephemeral_consumer_is_one_without_a_durable_name() -> None:
    rows = [
        consumer("durable", alone("n1"), pending=1000),
        consumer("x1", alone("n1"), durable=False, pending=3),
        consumer("x2", alone("n1"), durable=False, pending=8),
    ]
    row = only_stream(on_one(*rows))
    assert (Ephemerals(2, 11, 8), 3) == (row.ephemerals, row.consumers)


def test_without_ephemerals_their_pending_is_0() -> None:
    assert Ephemerals(0, 0, 0) == only_stream(on_one()).ephemerals


def test_without_known_ephemerals_a_consumer_not_read_yet_may_be_one() -> None:
    said = on_one(consumer("x", alone("n1"), pending=3))
    said.with_config = False
    assert [Ephemerals(None, None, None)] == [row.ephemerals for row in merged(said).streams]


def test_of_a_stream_that_nobody_leads_ephemerals_may_be_elsewhere() -> None:
    lost = stream("S", follows("", "n1", "n2"))
    assert Ephemerals(None, None, None) == only_stream(server("n1", lost)).ephemerals


def test_ephemerals_without_a_leader_have_no_pending() -> None:
    lost = consumer("x", Cluster("C"), durable=False)
    assert Ephemerals(1, None, None) == only_stream(on_one(lost)).ephemerals


def test_an_ephemeral_of_a_replicated_stream_with_limits_lives_on_one_server() -> None:
    single = consumer("x", alone("n1"), durable=False, pending=2)
    row = only_consumer(server("n1", stream("S", led("n1", "n2", "n3"), single), health=STARTING))
    assert (row.raft.leader, row.pending) == ("n1", 2)


def test_an_ephemeral_of_a_replicated_work_queue_is_replicated() -> None:
    claimed = consumer("x", alone("n1"), durable=False, pending=2)
    queue = stream("S", led("n1", "n2", "n3"), claimed, config={"retention": "workqueue"})
    starting = server("n1", queue, meta=MetaCluster())
    row = only_consumer(starting)
    assert (row.raft.leader, row.pending) == (None, None)


def sources(*origins: Source, mirror: Source | None = None) -> list[tuple[object, ...]]:
    row = only_stream(
        server("n1", stream("S", alone("n1"), replicas=1, sources=list(origins), mirror=mirror))
    )
    return [(s.origin, s.kind, s.lag, s.last_seen, s.healthy) for s in row.sources]


def test_a_mirror_that_hears_its_origin_is_healthy() -> None:
    assert sources(mirror=Source("O", 3, SECOND // 2)) == [("O", "mirror", 3, 0.5, True)]


def test_an_origin_never_heard_has_no_lag_and_no_time() -> None:
    assert sources(mirror=Source("O", 0, -1)) == [("O", "mirror", None, None, False)]


@pytest.mark.parametrize(("active", "healthy"), [(30 * SECOND, True), (30 * SECOND + 1, False)])
def test_an_origin_silent_for_more_than_30_s_is_not_healthy(active: int, healthy: bool) -> None:
    assert [("O", "source", 0, active / SECOND, healthy)] == sources(Source("O", 0, active))


def test_an_origin_with_an_error_is_not_healthy() -> None:
    failed = Source("O", 0, 1, ApiError(404, 10059, "stream not found"))
    assert sources(failed) == [("O", "source", 0, 1e-9, False)]


def test_of_several_origins_of_one_name_the_worst_is_shown() -> None:
    one, two, never = Source("O", 5, SECOND), Source("O", 2, 40 * SECOND), Source("O", 0, -1)
    for origins in ([one, two, never], [never, two, one], [two, never, one]):
        assert sources(*origins) == [("O", "source", 5, 40.0, False)]


def test_a_source_and_a_mirror_of_one_name_are_two() -> None:
    both = sources(Source("O", 1, SECOND), mirror=Source("O", 2, SECOND))
    assert [(row[1], row[2]) for row in both] == [("mirror", 2), ("source", 1)]


def test_a_replica_whose_name_no_server_knows_has_no_row_but_counts() -> None:
    unnamed = peer("Server name unknown at this time (peerID: V6bJzNMr)")
    group = Cluster("C", "G", "n1", LONG_AGO, [peer("n2"), unnamed])
    row = only_stream(server("n1", stream("S", group)))
    assert ([r.server for r in row.replicas], row.raft.size, row.raft.current) == (["n2"], 3, 3)


def test_a_replica_only_assigned_yet_has_no_row() -> None:
    group = Cluster("C", "G", "n1", LONG_AGO, [peer("n2"), peer("n4", pending=True)])
    row = only_stream(server("n1", stream("S", group)))
    assert ([r.server for r in row.replicas], row.raft.size) == (["n2"], 2)


def test_a_replica_never_heard_has_no_last_seen() -> None:
    group = Cluster(
        "C", "G", "n1", LONG_AGO, [peer("n3", active=0), peer("n2", active=2 * SECOND, lag=4)]
    )
    row = only_stream(server("n1", stream("S", group)))
    assert [(r.server, r.last_seen, r.lag) for r in row.replicas] == [
        ("n2", 2.0, 4),
        ("n3", None, 0),
    ]


def test_a_floor_above_the_last_sequence_is_no_negative_lag() -> None:
    """The stream's and the consumer's leader answered at different moments."""
    row = only_consumer(on_one(consumer("c", alone("n1"), floor=(7, 12)), messages=10))
    assert row.ack_floor_lag == 0


def test_waiting_pulls_are_a_pull_consumer_s_and_binding_a_push_consumer_s() -> None:
    pull = consumer("pull", alone("n1"), num_waiting=2, config={"max_waiting": 512})
    push = consumer(
        "push",
        alone("n1"),
        push_bound=True,
        config={"deliver_subject": "d", "max_waiting": 512},
    )
    rows = merged(on_one(pull, push)).consumers
    assert [
        (row.name, row.waiting_pulls, row.push_bound, row.settings and row.settings.max_waiting)
        for row in rows
    ] == [("pull", 2, None, 512), ("push", None, True, None)]


def test_until_the_configuration_is_read_neither_pulls_nor_binding_are_shown() -> None:
    said = on_one(consumer("c", alone("n1"), num_waiting=2, push_bound=True))
    (row,) = merge([said]).consumers
    assert (row.waiting_pulls, row.push_bound) == (None, None)


def test_a_consumer_s_times_are_seconds_and_never_the_year_1() -> None:
    said = consumer("c", alone("n1"), paused=True)
    said.delivered = Position(1, 1, NOW)
    said.ack_floor = Position(0, 0, YEAR_ONE)
    row = only_consumer(on_one(said))
    assert (NOW.timestamp(), None, True) == (row.last_delivery, row.last_ack, row.paused)


def test_an_empty_stream_has_no_first_and_no_last_message() -> None:
    state = StreamState(first_seq=11, last_seq=10, first_ts=YEAR_ONE, last_ts=NOW)
    said = stream("S", alone("n1"), replicas=1)
    said.state = state
    figures = only_stream(server("n1", said)).figures
    assert figures is not None
    assert (
        figures.first_sequence,
        figures.last_sequence,
        figures.first_time,
        figures.last_time,
    ) == (11, 10, None, None)


def test_a_stream_s_messages_have_their_times_and_losses() -> None:
    said = stream("S", alone("n1"), replicas=1)
    said.state = StreamState(
        messages=2, first_ts=BORN, last_ts=NOW, num_deleted=4, lost=LostData([3, 4, 5])
    )
    figures = only_stream(server("n1", said)).figures
    assert figures is not None
    assert (BORN.timestamp(), NOW.timestamp(), 4, 3) == (
        figures.first_time,
        figures.last_time,
        figures.deleted,
        figures.lost,
    )


@dataclass(frozen=True)
class Letters:
    name: str
    subjects: tuple[str, ...]
    expected: bool


@pytest.mark.parametrize(
    "case",
    [
        Letters("ORDERS", ("orders.>",), False),
        Letters("ORDERS-deadletter", ("x",), True),
        Letters("X", ("orders.>", "orders.dlq"), True),
    ],
)
def test_a_stream_holds_dead_letters_by_its_name_or_a_subject(case: Letters) -> None:
    said = server(
        "n1", stream(case.name, alone("n1"), replicas=1, config={"subjects": list(case.subjects)})
    )
    naming = Naming(dead_letter=re.compile("dead|dlq"))
    assert [case.expected] == [row.dead_letter for row in merged(said, naming=naming).streams]
    assert [row.dead_letter for row in merged(said).streams] == [False]


# Units and sentinels.


@pytest.mark.parametrize(
    ("value", "expected"),
    [(-1, None), (0, None), (UNLIMITED, None), (1, 1), (UNLIMITED - 1, UNLIMITED - 1)],
)
def test_a_limit_of_minus_1_0_or_2_to_the_64_less_1_is_none(value: int, expected: object) -> None:
    assert expected == limit(value)


@pytest.mark.parametrize(("value", "expected"), [(0, None), (-1, None), (1_500_000_000, 1.5)])
def test_a_duration_is_in_seconds_and_0_is_none(value: int, expected: object) -> None:
    assert expected == duration(value)
    assert expected == since_heard(value)


def test_the_year_1_is_never() -> None:
    assert (None, None, NOW.timestamp()) == (timestamp(None), timestamp(YEAR_ONE), timestamp(NOW))


def test_a_stream_s_configuration_is_translated() -> None:
    said = stream(
        "S",
        alone("n1"),
        replicas=1,
        config={
            "max_age": 72 * 3600 * SECOND,
            "max_bytes": 1 << 30,
            "max_msgs": 1_000_000,
            "max_consumers": -1,
            "max_msg_size": 1024,
            "max_msgs_per_subject": 5,
            "duplicate_window": 600 * SECOND,
        },
    )
    settings = only_stream(server("n1", said)).settings
    assert settings is not None
    assert (
        settings.max_age,
        settings.max_bytes,
        settings.max_messages,
        settings.max_consumers,
        settings.max_message_bytes,
        settings.max_messages_per_subject,
        settings.duplicate_window,
        settings.replicas,
    ) == (259200.0, 1 << 30, 1_000_000, None, 1024, 5, 600.0, 1)


def test_a_consumer_s_configuration_is_translated() -> None:
    said = consumer(
        "c",
        alone("n1"),
        config={
            "ack_wait": 30 * SECOND,
            "max_deliver": -1,
            "max_ack_pending": 1000,
            "filter_subjects": ["a", "b"],
        },
    )
    settings = only_consumer(on_one(said)).settings
    assert settings is not None
    assert (
        settings.ack_wait,
        settings.max_deliver,
        settings.max_ack_pending,
        settings.filtered,
        settings.durable,
        settings.push,
        settings.ack_policy,
        settings.deliver_policy,
    ) == (30.0, None, 1000, True, True, False, "explicit", "all")


# Servers.


def test_a_member_of_the_meta_group_that_was_not_asked_is_down() -> None:
    group = MetaCluster(
        leader="n1",
        cluster_size=3,
        replicas=[peer("n2"), peer("Server name unknown at this time (peerID: x)")],
    )
    rows = merged(server("n1", meta=group)).servers
    assert [(row.name, row.up) for row in rows] == [("n1", True), ("n2", False)]


def test_a_server_without_a_list_says_nothing_of_leaderships() -> None:
    said = server("n1")
    said.jsz = None
    (row,) = merged(said).servers
    assert (
        row.up,
        row.jetstream,
        row.stream_leaders,
        row.consumer_leaders,
        row.complete,
    ) == (True, None, None, None, False)


def test_certificates_are_named_by_their_listener() -> None:
    said = server("n1")
    said.varz = Varz(server_id="ID", tls_cert_not_after=NOW)
    said.varz.leaf.tls_cert_not_after = BORN
    said.varz.mqtt.tls_cert_not_after = YEAR_ONE
    (row,) = merged(said).servers
    assert row.process is not None
    assert {"client": NOW.timestamp(), "leafnode": BORN.timestamp()} == row.process.certificates


def test_what_a_version_does_not_count_is_absent() -> None:
    said = server("n1")
    said.varz = Varz(server_id="ID", cpu=150.0, max_connections=-1)
    (row,) = merged(said).servers
    assert row.process is not None
    assert (
        row.process.stale_connections,
        row.process.stalled_clients,
        row.process.max_connections,
        row.process.cpu_cores_used,
    ) == (None, None, None, 1.5)


def test_a_domain_that_varz_never_learnt_is_jsz_s() -> None:
    """A server asked for varz before its JetStream ran leaves JetStream's configuration out of it for good."""
    said = server("n1")
    assert said.varz is not None
    assert said.jsz is not None
    said.varz.jetstream = VarzJetStream()
    said.jsz.config = JetStreamConfig(domain="hub")
    assert [row.process.domain for row in merged(said).servers if row.process] == ["hub"]


# What is said aloud.


def test_two_accounts_of_one_name_are_said_aloud_where_names_are_the_label() -> None:
    mute = server("n0")
    mute.jsz = None
    said = server(
        "n1", accounts=[account("same", "ID1"), account("same", "ID2"), account("x", "X")]
    )
    naming = Naming(account_by_name=True)
    assert merged(mute, said, naming=naming).conflicts == [
        "2 accounts of the cluster C are called same; they keep their ids"
    ]
    assert merged(mute, said).conflicts == []
