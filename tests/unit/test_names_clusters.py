"""Two clusters of one name: reported, decided the same way each time, and never mixed."""

import itertools
import random

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.clusters import NAMES, Scrapes, cluster, conflicts, messages, single, twin, up
from tests.support.examples import examples
from tests.support.reports import outcome, peer

from jetstream_exporter.config.schema import Cluster, Config
from jetstream_exporter.web.status import sources


@pytest.fixture
def scrape() -> Scrapes:
    return Scrapes()


@pytest.mark.parametrize(
    "leaders", [("n0", "n0"), ("n0", "n1"), ("n2", "n1"), ("n0", ""), ("", "")]
)
def test_of_two_clusters_with_all_names_alike_the_first_configured_is_exported_alone(
    scrape: Scrapes, leaders: tuple[str, str]
) -> None:
    blue, green = twin("blue", leaders[0], 1), twin("green", leaders[1], 2)
    for _ in range(3):
        snapshot = scrape(blue, green)
        expected = {("C", "R1"): 1, ("C", "R3"): 1 if leaders[0] else None}
        assert messages(snapshot) == expected
        assert up(snapshot) == [("C", name) for name in NAMES]
        assert len(snapshot.servers) == 3  # what is left out is not down: it answered
        assert conflicts(snapshot) == {"C": 1}
        (text,) = snapshot.conflicts
        assert text == (
            "different clusters, domains or servers have the name C: the one of "
            "http://blue-n0:8222, http://blue-n1:8222, http://blue-n2:8222 keeps the name, "
            "and the data of http://green-n0:8222, http://green-n1:8222, http://green-n2:8222 "
            "is not exported; give each of them a unique name (clusters[].name)"
        )


def test_the_one_that_was_there_before_stays_while_its_servers_are_silent(scrape: Scrapes) -> None:
    blue, green = twin("blue", "n0", 1), twin("green", "n1", 2)
    scrape(blue, green)
    silent = [outcome(None, one.target) for one in blue]
    snapshot = scrape(silent, green)
    assert messages(snapshot) == {}
    assert up(snapshot) == []
    assert conflicts(snapshot) == {"C": 1}
    assert messages(scrape(blue, green)) == {("C", "R1"): 1, ("C", "R3"): 1}


def test_a_twin_that_appears_later_changes_nothing_but_the_count(scrape: Scrapes) -> None:
    blue, green = twin("blue", "n0", 1), twin("green", "n1", 2)
    silent = [outcome(None, one.target) for one in blue]
    before = scrape(silent, green)
    assert messages(before) == {("C", "R1"): 2, ("C", "R3"): 2}
    assert conflicts(before) == {"C": 0}
    after = scrape(blue, green)
    assert messages(after) == messages(before)
    assert conflicts(after) == {"C": 1}


@pytest.mark.parametrize("order", list(itertools.permutations(range(6)))[::37])
def test_two_clusters_among_the_targets_of_one_are_not_mixed(
    scrape: Scrapes, order: tuple[int, ...]
) -> None:
    both = [*twin("blue", "n0", 1), *twin("green", "n1", 2)]
    snapshot = scrape([both[i] for i in order])
    assert messages(snapshot) == {("C", "R1"): 1, ("C", "R3"): 1}
    assert conflicts(snapshot) == {"C": 1}


def test_two_clusters_of_one_name_whose_servers_differ_are_told_by_their_meta_groups(
    scrape: Scrapes,
) -> None:
    one = cluster("a", "a0", "a1", leader="a0", streams={"a0": [single("S", "a0", 1)]})
    two = cluster("b", "b0", "b1", leader="b0", streams={"b1": [single("S", "b1", 2)]})
    for entries in ([[*one, *two]], [one, two]):
        snapshot = Scrapes()(*entries)
        assert messages(snapshot) == {("C", "S"): 1}
        assert up(snapshot) == [("C", "a0"), ("C", "a1")]
        assert conflicts(snapshot) == {"C": 1}


def test_two_clusters_under_one_configured_name_keep_their_own_names_apart(
    scrape: Scrapes,
) -> None:
    one = cluster("a", "a0", leader="a0", streams={"a0": [single("S", "a0", 1)]}, called="A")
    two = cluster("b", "b0", leader="b0", streams={"b0": [single("S", "b0", 2)]}, called="B")
    both = [msgspec.structs.replace(o) for o in (*one, *two)]
    for each in both:
        assert each.server is not None
        each.cluster_name = each.server.cluster_name = "prod"
        assert each.server.jsz is not None
        assert each.server.jsz.meta_cluster is not None
        each.server.jsz.meta_cluster.replicas = [peer(f"{each.server.server_name}x")]
    snapshot = scrape(both)
    assert messages(snapshot) == {("prod", "S"): 1, ("B", "S"): 2}
    assert conflicts(snapshot) == {"prod": 1, "B": 0}


heard = st.lists(st.sampled_from(NAMES), max_size=3, unique=True)
leaders = st.sampled_from(["", *NAMES])


@examples(60)
@given(st.lists(st.tuples(heard, heard, leaders, leaders), min_size=1, max_size=4), st.randoms())
def test_no_object_is_ever_mixed_from_two_configured_clusters(
    moments: list[tuple[list[str], list[str], str, str]], chance: random.Random
) -> None:
    """Whoever is heard of them, whoever leads, in whatever order they answer."""
    scrape = Scrapes()
    owner = None
    for blue, green, *leading in moments:
        entries = [
            [
                one
                for one in twin(host, leader, count)
                if one.server and one.server.server_name in some
            ]
            for host, leader, count, some in (
                ("blue", leading[0], 1, blue),
                ("green", leading[1], 2, green),
            )
        ]
        for entry in entries:
            chance.shuffle(entry)
        snapshot = scrape(*entries)
        ids = {row.process.server_id for row in snapshot.servers if row.process is not None}
        hosts = {identity.split("-")[1] for identity in ids}
        counts = {count for count in messages(snapshot).values() if count is not None}
        assert len(hosts) <= 1
        assert counts <= {{"blue": 1, "green": 2}[host] for host in hosts}
        owner = owner or next(iter(hosts), None)
        assert hosts <= {owner}


@examples(30)
@given(st.randoms(), leaders, leaders, st.booleans())
def test_the_order_of_the_answers_decides_nothing(
    chance: random.Random, one: str, other: str, apart: bool
) -> None:
    blue, green = twin("blue", one, 1), twin("green", other, 2)
    entries = [blue, green] if apart else [[*blue, *green]]
    expected = Scrapes()(*entries)
    for entry in entries:
        chance.shuffle(entry)
    snapshot = Scrapes()(*entries)
    assert messages(expected) == messages(snapshot)
    assert list(expected.conflicts) == list(snapshot.conflicts)
    assert up(expected) == up(snapshot)


def test_clusters_that_are_configured_anew_are_named_anew(scrape: Scrapes) -> None:
    blue, green = twin("blue", "n0", 1), twin("green", "n1", 2)
    scrape(blue, green)
    scrape.processor.configure(Config(clusters=[Cluster(targets=["http://green:8222"])]))
    assert messages(scrape(green)) == {("C", "R1"): 2, ("C", "R3"): 2}


def test_the_page_of_the_sources_names_the_conflicts(scrape: Scrapes) -> None:
    snapshot = scrape(twin("<blue>", "n0", 1), twin("green", "n1", 2))
    text = sources.page(twin("blue", "n0", 1), list(snapshot.conflicts), None, 0)
    assert "different clusters, domains or servers have the name C" in text
    assert "<blue>" not in text
