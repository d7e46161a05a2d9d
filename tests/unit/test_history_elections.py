"""Groups without a leader: an election, a lost majority, or a leader out of the exporter's reach."""

import pytest
from tests.support.reports import consumer, follows, outcome, server, stream
from tests.support.scrapes import STOPPING, Scrapes, leaderless, meta_view, trio, verdict

from jetstream_exporter.report import PROBE, ServerReport
from jetstream_exporter.wire import MetaCluster


@pytest.fixture
def scrapes() -> Scrapes:
    return Scrapes()


def test_an_election_is_no_loss_of_the_majority_before_20_s(scrapes: Scrapes) -> None:
    scrapes.scrape(*trio("n1"))
    for after, expected in ((1, None), (10, None), (9.9, None), (0.2, False)):
        snapshot = scrapes.scrape(*leaderless("n1", "n2", "n3"), after=after)
        assert (False, expected) == verdict(None, snapshot), after
        assert (False, expected) == verdict(snapshot.consumers[0], snapshot), after


def test_an_election_that_ends_starts_the_clock_anew(scrapes: Scrapes) -> None:
    scrapes.scrape(*leaderless("n1", "n2", "n3"))
    scrapes.scrape(*trio("n1"), after=15)
    snapshot = scrapes.scrape(*leaderless("n1", "n2", "n3"), after=15)
    assert verdict(None, snapshot) == (False, None)


def behind(leader: str, *names: str) -> list[ServerReport]:
    """The servers of a group whose leader did not answer."""
    group = follows(leader)
    return [server(name, stream("S", group, consumer("c", group))) for name in names]


def test_a_leader_that_only_we_cannot_hear_leads_after_20_s(scrapes: Scrapes) -> None:
    scrapes.scrape(*trio("n3"))
    for after, expected in ((15, (False, None)), (4.9, (False, None)), (0.1, (True, True))):
        snapshot = scrapes.scrape(*behind("n3", "n1", "n2"), after=after)
        assert expected == verdict(None, snapshot), after
        assert expected == verdict(snapshot.consumers[0], snapshot), after


def test_the_figures_of_a_leader_out_of_reach_stay_absent(scrapes: Scrapes) -> None:
    scrapes.scrape(*trio("n3"))
    snapshot = scrapes.scrape(*behind("n3", "n1", "n2"), after=60)
    row = snapshot.consumers[0]
    assert (row.pending, row.raft.leader, snapshot.streams[0].figures) == (None, None, None)


def test_a_leader_never_heard_is_waited_for_from_the_exporter_s_start(scrapes: Scrapes) -> None:
    """Until then nothing is said: an exporter that asks followers alone sees no group without a leader."""
    assert verdict(None, scrapes.scrape(*behind("n3", "n1", "n2"), after=10)) == (None, None)
    assert verdict(None, scrapes.scrape(*behind("n3", "n1", "n2"), after=10)) == (True, True)


def test_of_one_member_that_is_probed_and_knows_no_leader_the_others_may_have_one(
    scrapes: Scrapes,
) -> None:
    """It is cut off, or the others died: `/probe` of one server cannot tell."""
    one = leaderless("n1")[0]
    assert one.jsz is not None
    one.jsz.meta_cluster = MetaCluster("C", "", [], 3)
    probed = outcome(one, "http://n1:1")
    probed.entry = PROBE
    for after in (1, 30):
        snapshot = scrapes.outcomes([probed], after=after)
        assert verdict(None, snapshot) == (None, None)
        assert verdict(snapshot.consumers[0], snapshot) == (None, None)
        assert (snapshot.metas[0].has_leader, snapshot.metas[0].has_quorum) == (None, None)


def test_of_one_member_left_of_three_that_are_asked_it_is_known(scrapes: Scrapes) -> None:
    one = leaderless("n1")[0]
    assert one.jsz is not None
    one.jsz.meta_cluster = MetaCluster("C", "", [], 3)
    asked = [outcome(one, "http://n1:1"), *(outcome(None, f"http://{n}:1") for n in ("n2", "n3"))]
    snapshot = scrapes.outcomes(asked)
    assert verdict(None, snapshot) == (False, False)
    assert (snapshot.metas[0].has_leader, snapshot.metas[0].has_quorum) == (False, False)


def test_two_of_three_that_know_no_leader_are_enough_to_know(scrapes: Scrapes) -> None:
    assert verdict(None, scrapes.scrape(*leaderless("n1", "n2"))) == (False, None)
    assert verdict(None, scrapes.scrape(*leaderless("n1", "n2"), after=20)) == (False, False)


def test_a_leader_that_too_few_name_has_no_known_majority(scrapes: Scrapes) -> None:
    """Two of three do not answer us: one voice and the leader's are two, enough; of five they are not."""
    group = follows("n3")
    five = server("n1", stream("S", group, replicas=5))
    assert verdict(None, scrapes.scrape(five, after=30)) == (True, None)


def test_a_server_whose_list_is_not_whole_was_not_heard(scrapes: Scrapes) -> None:
    scrapes.scrape(*trio("n3"))
    partial = server("n3", health=STOPPING)
    snapshot = scrapes.scrape(*behind("n3", "n1", "n2"), partial, after=20)
    assert verdict(None, snapshot) == (True, True)


def test_a_meta_leader_that_only_we_cannot_hear_leads_after_20_s(scrapes: Scrapes) -> None:
    seen = []
    for after in (10, 10):
        reports = [server(name, meta=meta_view("n3", "n1", "n2", "n3")) for name in ("n1", "n2")]
        (meta,) = scrapes.scrape(*reports, after=after).metas
        seen.append((meta.leader, meta.has_leader, meta.has_quorum))
    assert seen == [(None, None, None), (None, True, True)]


def test_a_meta_group_without_leader_for_20_s_has_no_majority(scrapes: Scrapes) -> None:
    seen = []
    for after in (1, 19, 1):
        reports = [server(name, meta=meta_view("")) for name in ("n1", "n2")]
        (meta,) = scrapes.scrape(*reports, after=after).metas
        seen.append((meta.has_leader, meta.has_quorum))
    assert seen == [(False, None), (False, None), (False, False)]
