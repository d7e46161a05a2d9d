"""What has one name because it is one, and is no conflict."""

import msgspec
import pytest
from tests.support.clusters import NAMES, Scrapes, cluster, conflicts, messages, twin, up
from tests.support.reports import peer

from jetstream_exporter.wire import MetaCluster


@pytest.fixture
def scrape() -> Scrapes:
    return Scrapes()


def test_one_cluster_configured_in_two_parts_is_one_by_its_raft_groups(scrape: Scrapes) -> None:
    whole = twin("blue", "n0", 1)
    snapshot = scrape(whole[:1], whole[1:])
    assert messages(snapshot) == {("C", "R1"): 1, ("C", "R3"): 1}
    assert conflicts(snapshot) == {"C": 0}


def test_the_same_server_at_two_addresses_is_no_conflict(scrape: Scrapes) -> None:
    whole = twin("blue", "n0", 1)
    again = [msgspec.structs.replace(one, target=one.target + "9") for one in whole]
    for entries in ([[*whole, *again]], [whole, again]):
        snapshot = Scrapes()(*entries)
        assert conflicts(snapshot) == {"C": 0}
        assert messages(snapshot) == {("C", "R1"): 1, ("C", "R3"): 1}


def test_a_cut_network_with_two_leaders_is_one_cluster(scrape: Scrapes) -> None:
    whole = cluster("blue", *NAMES, leader="n0")
    cut = whole[1].server
    assert cut is not None
    assert cut.jsz is not None
    cut.jsz.meta_cluster = MetaCluster("C", "n1", [peer("n0"), peer("n2")], 3)
    snapshot = scrape(whole)
    assert conflicts(snapshot) == {"C": 0}
    assert len(up(snapshot)) == 3


@pytest.mark.parametrize("leader", ["", "e0"])
def test_a_super_cluster_under_one_name_is_one_with_and_without_a_leader(
    scrape: Scrapes, leader: str
) -> None:
    east = cluster("x", "e0", "e1", called="east", cluster_name="prod", size=4)
    west = cluster("x", "w0", "w1", called="west", cluster_name="prod", size=4)
    for each in (*east, *west):
        assert each.server is not None
        assert each.server.jsz is not None
        name = each.server.server_name
        others = [peer(n) for n in ("e0", "e1", "w0", "w1") if n != name]
        each.server.jsz.meta_cluster = MetaCluster("", leader, others if name == leader else [], 4)
    snapshot = scrape([*east, *west])
    assert conflicts(snapshot) == {"prod": 0}
    assert len(up(snapshot)) == 4
    assert len(snapshot.metas) == 1


def test_a_cluster_that_restarts_and_moves_keeps_its_name(scrape: Scrapes) -> None:
    scrape(twin("blue", "n0", 1))
    snapshot = scrape(twin("moved", "n1", 2))
    assert conflicts(snapshot) == {"C": 0}
    assert messages(snapshot) == {("C", "R1"): 2, ("C", "R3"): 2}


def test_a_server_that_cannot_list_its_streams_stays_where_it_is(scrape: Scrapes) -> None:
    whole = twin("blue", "n0", 1, cluster_name="prod")
    scrape(whole)
    assert whole[1].server is not None
    whole[1].server.jsz = None
    snapshot = scrape(whole)
    assert conflicts(snapshot) == {"prod": 0}
    assert len(up(snapshot)) == 3
