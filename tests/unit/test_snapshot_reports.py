"""Which of several reports counts, and what a server that is cut off still says."""

from datetime import timedelta

from tests.support.merging import BEHIND, STARTING, merged, only_consumer, only_stream
from tests.support.reports import BORN, NOW, consumer, follows, led, server, stream, unreplicated

from jetstream_exporter.report import ServerReport
from jetstream_exporter.snapshot import distinct
from jetstream_exporter.wire import AccountDetail, ApiStats, MetaCluster, RaftGroup, StreamDetail

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
    said = stream("S", unreplicated("n1"), consumer("c", RaftGroup("C")), messages=5)
    n1 = server("n1", said, health=STARTING)
    snapshot = merged(n1)
    assert [(row.raft.leader, row.raft.has_leader, row.figures) for row in snapshot.streams] == [
        (None, False, None)
    ]
    assert [row.pending for row in snapshot.consumers] == [None]


def test_a_starting_server_does_not_push_the_true_leader_aside() -> None:
    n1 = server("n1", stream("S", unreplicated("n1"), messages=5), health=STARTING)
    n2 = server("n2", stream("S", led("n2", "n1", "n3"), messages=9))
    row = only_stream(n1, n2)
    assert row.figures is not None
    assert (row.raft.leader, row.figures.messages) == ("n2", 9)


def test_a_new_leader_s_first_moments_give_no_zero() -> None:
    fresh = consumer("c", led("n1", "n2", "n3", since=None), pending=0)
    row = only_consumer(server("n1", stream("S", led("n1", "n2", "n3"), fresh)))
    assert (row.raft.leader, row.pending, row.raft.has_leader) == (None, None, False)


def test_a_consumer_of_one_replica_of_a_replicated_stream_is_led_where_it_lives() -> None:
    single = consumer("c", unreplicated("n2"), pending=3, config={"num_replicas": 1})
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
    early = server("n1", stream("S", unreplicated("n1"), messages=1, replicas=1))
    late = server(
        "n1", stream("S", unreplicated("n1"), messages=2, replicas=1), now=NOW + timedelta(1)
    )
    mute = server("n1", health=None, now=NOW + timedelta(2))
    for reports in ((early, late, mute), (mute, late, early)):
        snapshot = merged(*reports)
        assert [(row.name, row.stream_leaders) for row in snapshot.servers] == [("n1", 1)]
        assert [row.figures.messages for row in snapshot.streams if row.figures] == [2]


def test_a_restarted_server_s_word_beats_the_one_from_before() -> None:
    before = server("n1", now=NOW + timedelta(seconds=1), start=BORN)
    after = server("n1", now=NOW, start=BORN + timedelta(hours=1))
    assert [after] == distinct([before, after]) == distinct([after, before])


# What a server that is cut off still says.


def meta(leader: str) -> MetaCluster:
    return MetaCluster(leader=leader, cluster_size=3)


def cut_off(detail: StreamDetail) -> ServerReport:
    """A server that lost the meta leader and led the stream before."""
    return server("n1", detail, meta=meta(""))


def majority(*details: StreamDetail) -> list[ServerReport]:
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
    new = stream("S", unreplicated("n2"), messages=1, replicas=1, created=BORN + timedelta(hours=1))
    n2, n3 = server("n2", new, meta=meta("n2")), server("n3", meta=meta("n2"))
    (row,) = merged(old, n2, n3).streams
    assert row.figures is not None
    assert (row.raft.leader, row.figures.messages) == ("n2", 1)


def test_a_stream_that_lives_only_on_a_server_that_is_cut_off_is_shown() -> None:
    """Nobody else holds it, so that nobody can tell it was deleted."""
    row = merged(cut_off(stream("S", unreplicated("n1"), replicas=1)), *majority()).streams[0]
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
    said = stream("S", follows("", "n1", "n2", "n3"), consumer("c", RaftGroup("C")))
    back = server("n1", said, meta=meta("n2"), health=BEHIND)
    snapshot = merged(back, *majority())
    assert (snapshot.streams, snapshot.consumers) == ([], [])


def test_an_only_replica_moved_while_a_server_was_away_is_not_contested_by_it() -> None:
    """Both say it is theirs alone: one of them from its disk."""
    old = stream("S", unreplicated("n1"), messages=9, replicas=1)
    back = server("n1", old, meta=meta("n2"), health=BEHIND)
    new = server("n2", stream("S", unreplicated("n2"), messages=1, replicas=1), meta=meta("n2"))
    (row,) = merged(back, new, server("n3", meta=meta("n2"))).streams
    assert row.figures is not None
    assert (row.raft.leader, row.figures.messages) == ("n2", 1)


def test_an_account_s_use_is_not_that_of_before_by_a_server_that_is_cut_off() -> None:
    def using(name: str, leader: str, stored: int, asked: int) -> ServerReport:
        said = AccountDetail(id="APP", storage=stored, api=ApiStats(asked))
        return server(name, accounts=[said], meta=meta(leader))

    reports = using("n1", "", 900, 52), using("n2", "n2", 100, 50), using("n3", "n2", 90, 50)
    (account,) = merged(*reports).accounts
    assert (account.file.used, account.api_requests) == (100, 52)
