"""Who leads a Raft group, and whether a majority stands behind it."""

from datetime import timedelta

import pytest
from tests.support.reports import LONG_AGO, NOW, SECOND, follows, led, peer, unreplicated

from jetstream_exporter.report import Health, ServerReport
from jetstream_exporter.snapshot.member import Leader, Member, is_list_complete, reports_since
from jetstream_exporter.snapshot.meta import meta_rows
from jetstream_exporter.snapshot.quorum import claims_lead, leader_of, reachable, weighed
from jetstream_exporter.snapshot.quorum import led as state_of
from jetstream_exporter.snapshot.rows import Raft
from jetstream_exporter.snapshot.units import UNKNOWN_PEER
from jetstream_exporter.wire import Jsz, MetaCluster, Peer, RaftGroup

ALL = frozenset({"n1", "n2", "n3"})


def member(
    name: str, *, standalone: bool = False, list_complete: bool = True, says: bool = True
) -> Member:
    return Member(name, standalone, list_complete, says, NOW.timestamp())


def report(health: Health | None, jsz: Jsz | None) -> ServerReport:
    return ServerReport("ID", "n1", "C", health=health, jsz=jsz)


@pytest.mark.parametrize(
    ("health", "complete"),
    [
        (Health(200), True),
        (Health(503, "JetStream is not current with the meta leader"), True),
        (Health(503, "JetStream has not established contact with a meta leader"), True),
        (Health(503, "JetStream stream 'A > S' is not current: group node unhealthy"), True),
        (Health(503, "JetStream is still recovering meta layer"), False),
        (Health(503, "JetStream meta layer is not running"), False),
        (Health(503, "JetStream stream 'A > S' could not be recovered"), False),
        (Health(503, "JetStream not enabled"), False),
        (Health(500, "failed to be ready for connections after 1ms: server"), False),
        (Health(404), False),
        (None, False),
    ],
)
def test_a_list_is_whole_unless_its_server_starts_stops_or_is_shut_off(
    health: Health | None, complete: bool
) -> None:
    assert complete is is_list_complete(report(health, Jsz()))


def test_no_list_is_not_a_whole_list() -> None:
    assert is_list_complete(report(Health(200), None)) is False


@pytest.mark.parametrize(
    ("version", "expected"),
    [
        ("2.10.26", False),
        ("2.11.8", False),
        ("2.11.9", True),
        ("2.11.11", True),
        ("2.12.0", True),
        ("2.15.1", True),
        ("2.11.8-RC.1", False),
        ("2.16.0-dev", True),
        ("2.11.10+build.3", True),
        ("", True),
        ("devel", True),
    ],
)
def test_leader_since_is_reported_from_2_11_9_on(version: str, expected: bool) -> None:
    assert expected is reports_since(version)


def test_a_leader_names_itself_with_a_group_and_since_when() -> None:
    assert claims_lead(member("n1"), led("n1", "n2", "n3"), 3) is True


def test_a_follower_claims_nothing() -> None:
    assert claims_lead(member("n2"), follows("n1", "n1", "n3"), 3) is False


def test_a_leader_just_elected_does_not_claim_before_it_says_since_when() -> None:
    assert claims_lead(member("n1"), led("n1", "n2", "n3", since=None), 3) is False


def test_a_version_that_never_says_since_when_claims_without() -> None:
    assert claims_lead(member("n1", says=False), led("n1", "n2", "n3", since=None), 3) is True


def test_a_starting_server_does_not_lead_what_is_replicated() -> None:
    assert claims_lead(member("n1"), unreplicated("n1"), 3) is False


def test_without_a_configuration_a_starting_server_is_not_believed_either() -> None:
    assert claims_lead(member("n1", list_complete=False), unreplicated("n1"), None) is False


def test_without_a_configuration_a_whole_server_leads_what_it_holds_alone() -> None:
    assert claims_lead(member("n1"), unreplicated("n1"), None) is True


def test_without_a_configuration_a_server_that_knows_no_meta_leader_is_not_believed() -> None:
    """2.10 calls its list whole while it still names itself the leader of everything."""
    starting = member("n1")
    starting.meta_current = False
    assert not claims_lead(starting, unreplicated("n1"), None)


def test_of_several_that_hold_the_only_replica_nobody_leads() -> None:
    """A stream was scaled up a moment before all servers restarted; one of them has an empty replica."""
    views = [(member(name), unreplicated(name)) for name in ("n1", "n2")]
    index, raft = leader_of(views, 1, ALL)
    assert (index, raft.leader, raft.has_leader) == (-1, None, False)


def test_a_starting_server_does_not_contest_an_only_replica_that_was_moved_away_from_it() -> None:
    """Its disk still holds the old one, and until a meta leader tells it better it names itself the leader."""
    starting = member("n1")
    starting.meta_current = False
    views = [(starting, unreplicated("n1")), (member("n2"), unreplicated("n2"))]
    assert leader_of(views, 1, ALL)[1].leader == "n2"
    assert leader_of(views[::-1], 1, ALL)[1].leader == "n2"


def test_a_single_replica_told_of_by_two_ways_is_led() -> None:
    carried = Leader("n1", False, False, True, None)
    index, raft = leader_of(
        [(member("n1"), unreplicated("n1")), (carried, unreplicated("n1"))], 1, ALL
    )
    assert index >= 0
    assert raft.leader == "n1"


def test_the_only_one_to_speak_leads_while_the_number_of_replicas_changes() -> None:
    index, raft = leader_of([(member("n1"), unreplicated("n1"))], 3, ALL)
    assert (index, raft.leader, raft.config_mismatch) == (0, "n1", True)


def test_the_only_one_to_speak_does_not_lead_before_it_knows_a_meta_leader() -> None:
    starting = member("n1")
    starting.meta_current = False
    index, raft = leader_of([(starting, unreplicated("n1"))], 3, ALL)
    assert (index, raft.leader, raft.has_leader) == (-1, None, False)


def test_what_is_configured_for_one_replica_is_led_even_while_the_list_is_not_whole() -> None:
    assert claims_lead(member("n1", list_complete=False), unreplicated("n1"), 1) is True


def test_in_a_cluster_silence_about_the_group_is_no_claim() -> None:
    assert claims_lead(member("n1"), None, 1) is False
    assert claims_lead(member("n1"), RaftGroup("C"), 1) is False


@pytest.mark.parametrize("group", [None, RaftGroup(), RaftGroup(leader="n1")])
def test_a_server_that_runs_alone_leads_everything_it_holds(group: RaftGroup | None) -> None:
    assert claims_lead(member("n1", standalone=True), group, None) is True


def test_a_server_that_runs_alone_does_not_lead_what_names_another() -> None:
    assert claims_lead(member("n1", standalone=True), RaftGroup(leader="n2"), None) is False


@pytest.mark.parametrize(
    ("peers", "expected"),
    [
        ([], 1),
        ([peer("n2"), peer("n3")], 3),
        ([peer("n2", current=False, active=10 * SECOND - 1)], 2),
        ([peer("n2", current=False, active=10 * SECOND)], 1),
        ([peer("n2", current=False, active=0)], 1),  # never heard, not "just now"
        ([peer("n2", current=True, active=0)], 2),
        ([peer("n2", offline=True)], 2),  # minutes late either way
    ],
)
def test_a_member_counts_that_is_current_or_was_heard_within_ten_seconds(
    peers: list[Peer], expected: int
) -> None:
    assert expected == 1 + len(reachable(peers))


def led_with(*peers: Peer, since: float = 3600) -> Raft:
    group = RaftGroup("C", "G", "n1", NOW - timedelta(seconds=since), list(peers))
    index, raft = leader_of([(member("n1"), group)], None, ALL)
    assert index == 0
    return raft


def test_three_of_three_tolerate_one_failure() -> None:
    raft = led_with(peer("n2"), peer("n3"))
    assert (
        raft.has_quorum,
        raft.size,
        raft.current,
        raft.quorum_needed,
        raft.fault_tolerance,
    ) == (True, 3, 3, 2, 1)


def test_two_of_three_have_a_majority_and_tolerate_nothing() -> None:
    raft = led_with(peer("n2"), peer("n3", current=False, active=60 * SECOND))
    assert (raft.has_quorum, raft.current, raft.fault_tolerance) == (True, 2, 0)


def test_a_leader_that_hears_nobody_has_no_majority() -> None:
    gone = [peer(name, current=False, active=11 * SECOND) for name in ("n2", "n3")]
    raft = led_with(*gone)
    assert (raft.has_leader, raft.has_quorum, raft.fault_tolerance) == (True, False, -1)


def test_a_leader_of_a_few_seconds_cannot_have_heard_everybody() -> None:
    unheard = [peer(name, current=False, active=0) for name in ("n2", "n3")]
    assert led_with(*unheard, since=9.9).has_quorum is True
    assert led_with(*unheard, since=10.0).has_quorum is False


@pytest.mark.parametrize("wanted", [None, 1, 3])
@pytest.mark.parametrize("count", range(5))
def test_a_group_with_nothing_to_weigh_is_what_weighing_makes_of_it(
    count: int, wanted: int | None
) -> None:
    """Nearly all groups take the short way."""
    peers = [peer(f"n{n}", active=n * 60 * SECOND) for n in range(2, 2 + count)]
    short = state_of(member("n1"), RaftGroup("C", "G", "n1", NOW, peers), wanted)
    assert short == weighed(member("n1"), peers, NOW.timestamp(), wanted)


@pytest.mark.parametrize("name", ["", UNKNOWN_PEER])
def test_a_current_follower_whose_name_is_unknown_counts_and_has_none(name: str) -> None:
    raft = led_with(peer("n2"), peer(name))
    assert (raft.current, raft.reachable) == (3, ("n2", ""))


def test_four_need_three() -> None:
    raft = led_with(peer("n2"), peer("n3"), peer("n4"))
    assert (raft.size, raft.quorum_needed, raft.fault_tolerance) == (4, 3, 1)


def test_a_replica_that_is_only_assigned_yet_is_no_member() -> None:
    """2.15 lists it while it is added."""
    raft = led_with(peer("n2"), peer("n3"), peer("n4", current=False, active=0, pending=True))
    assert (raft.size, raft.current, raft.quorum_needed) == (3, 3, 2)


def test_of_two_leaders_the_one_elected_last_is_right() -> None:
    early = led("n1", "n2", "n3", since=LONG_AGO)
    late = led("n2", "n1", "n3", since=LONG_AGO + timedelta(seconds=1))
    for views in (
        [(member("n1"), early), (member("n2"), late)],
        [(member("n2"), late), (member("n1"), early)],
    ):
        index, raft = leader_of(views, 3, ALL)
        assert "n2" == views[index][0].name == raft.leader


def test_of_two_leaders_that_do_not_say_since_when_the_one_with_followers_is_right() -> None:
    old = [(member(name, says=False), led(name, "x", since=None)) for name in ("n1", "n2")]
    third = (member("n3", says=False), follows("n1", "n1", "n2"))
    for views in ([*old, third], [third, *reversed(old)]):
        assert leader_of(views, 3, ALL)[1].leader == "n1"


def leaderless(*names: str, wanted: int | None = 3) -> Raft:
    group = RaftGroup("C", "G", "", None, [])
    index, raft = leader_of([(member(name), group) for name in names], wanted, ALL)
    assert index == -1
    return raft


def test_one_of_three_left_is_no_majority_at_once() -> None:
    raft = leaderless("n1")
    assert (raft.has_leader, raft.has_quorum, raft.size, raft.quorum_needed) == (False, False, 3, 2)


def test_two_of_three_without_a_leader_may_be_electing_one() -> None:
    raft = leaderless("n1", "n2")
    assert (raft.has_leader, raft.has_quorum) == (False, None)


def test_without_a_configuration_nothing_is_said_of_a_leaderless_group() -> None:
    raft = leaderless("n1", wanted=None)
    assert (
        raft.has_leader,
        raft.has_quorum,
        raft.size,
        raft.quorum_needed,
    ) == (False, None, None, None)


def test_a_leader_that_nobody_could_ask_is_kept_by_name() -> None:
    views = [(member(name), follows("n3", "n3")) for name in ("n1", "n2")]
    raft = leader_of(views, 3, frozenset({"n1", "n2"}))[1]
    assert (raft.reported_leader, raft.reported_by, raft.has_quorum) == ("n3", 2, None)


def test_a_server_that_was_heard_and_does_not_claim_is_not_the_leader() -> None:
    views = [(member(name), follows("n3", "n3")) for name in ("n1", "n2")]
    raft = leader_of(views, 3, ALL)[1]
    assert (raft.reported_leader, raft.reported_by) == (None, 0)


def test_a_server_that_names_itself_without_the_right_to_is_not_hearsay() -> None:
    views = [(member("n1", list_complete=False), unreplicated("n1")), (member("n2"), follows("n3"))]
    raft = leader_of(views, 3, frozenset({"n2"}))[1]
    assert (raft.reported_leader, raft.reported_by) == ("n3", 1)


def test_of_several_hearsay_leaders_the_one_most_members_name_counts() -> None:
    views = [
        (member("n1"), follows("n4")),
        (member("n2"), follows("n5")),
        (member("n3"), follows("n5")),
    ]
    raft = leader_of(views, 5, ALL)[1]
    assert (raft.reported_leader, raft.reported_by) == ("n5", 2)


# The meta group.


def view(leader: str, *peers: Peer, size: int = 3, quorum: int | None = None) -> MetaCluster:
    return MetaCluster(leader=leader, replicas=list(peers), cluster_size=size, quorum_needed=quorum)


def views(**said: MetaCluster) -> list[ServerReport]:
    return [
        ServerReport(name, name, "C", health=Health(200), jsz=Jsz(meta_cluster=group))
        for name, group in said.items()
    ]


def test_the_meta_leader_s_word_counts() -> None:
    reports = views(n1=view("n1", peer("n2"), peer("n3", lag=7)), n2=view("n1"), n3=view("n1"))
    (row,) = meta_rows("C", reports, ALL)
    assert (
        row.leader,
        row.has_leader,
        row.has_quorum,
        row.peers,
        row.peers_current,
        row.quorum_needed,
    ) == ("n1", True, True, 3, 3, 2)
    assert [(member.server, member.lag) for member in row.members] == [("n2", 0), ("n3", 7)]


def test_of_two_meta_leaders_the_one_that_more_servers_name_is_right() -> None:
    reports = views(n1=view("n1", peer("n2")), n2=view("n2", peer("n3")), n3=view("n2"))
    assert [row.leader for row in meta_rows("C", reports, ALL)] == ["n2"]
    assert [row.leader for row in meta_rows("C", reports[::-1], ALL)] == ["n2"]


def test_the_server_s_own_quorum_beats_the_computed_one() -> None:
    """META.RESCUE lowers it, on 2.15."""
    reports = views(n1=view("n1", peer("n2", current=False, active=0), size=3, quorum=1))
    (row,) = meta_rows("C", reports, ALL)
    assert (
        row.quorum_needed,
        row.has_quorum,
        row.fault_tolerance,
        row.rescue,
    ) == (1, True, 0, False)


def test_before_2_15_nothing_is_said_of_a_rescue() -> None:
    (row,) = meta_rows("C", views(n1=view("n1", peer("n2"), peer("n3"))), ALL)
    assert row.rescue is None


def test_a_meta_leader_that_hears_nobody_has_no_majority() -> None:
    gone = [peer(name, current=False, active=12 * SECOND) for name in ("n2", "n3")]
    (row,) = meta_rows("C", views(n1=view("n1", *gone)), ALL)
    assert (
        row.has_leader,
        row.has_quorum,
        row.peers_current,
        row.fault_tolerance,
    ) == (True, False, 1, -1)


def test_a_meta_group_without_leader_may_be_electing_one() -> None:
    (row,) = meta_rows("C", views(n1=view(""), n2=view("")), ALL)
    assert (row.has_leader, row.has_quorum) == (False, None)


def test_one_of_three_is_no_majority_of_the_meta_group() -> None:
    (row,) = meta_rows("C", views(n1=view("")), ALL)
    assert (row.has_leader, row.has_quorum, row.quorum_needed) == (False, False, 2)


def test_a_meta_leader_out_of_our_reach_is_kept_by_name() -> None:
    (row,) = meta_rows("C", views(n1=view("n3"), n2=view("n3")), frozenset({"n1", "n2"}))
    assert (row.leader, row.reported_leader, row.reported_by, row.has_quorum) == (
        None,
        "n3",
        2,
        None,
    )


def test_a_meta_member_without_a_known_name_has_no_row_but_counts() -> None:
    unnamed = peer("Server name unknown at this time (peerID: abc)")
    (row,) = meta_rows("C", views(n1=view("n1", peer("n2"), unnamed)), ALL)
    assert ([member.server for member in row.members], row.peers_current) == (["n2"], 3)


def test_a_server_that_runs_alone_has_no_meta_group() -> None:
    assert meta_rows("n1", [ServerReport("n1", "n1", "", jsz=Jsz())], frozenset()) == []
