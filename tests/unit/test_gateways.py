"""Which clusters are one JetStream, and what follows for the meta group they share."""

from collections.abc import Iterable

from jetstream_exporter.report import LeaderReport, ServerReport
from jetstream_exporter.snapshot import merge
from jetstream_exporter.wire import Jsz, MetaCluster, Peer, StreamDetail

SIZE = 4


def says(cluster: str, name: str, leader: str, peers: Iterable[str] = ()) -> ServerReport:
    """A server that names the meta leader; a leader names the peers that it sees."""
    replicas = [Peer(name=peer, current=True, active=1) for peer in peers]
    group = MetaCluster(name=cluster, leader=leader, replicas=replicas, cluster_size=SIZE)
    return ServerReport(f"id {cluster} {name}", name, cluster, jsz=Jsz(meta_cluster=group))


SUPERCLUSTER = [
    says("east", "e0", "w0"),
    says("east", "e1", "w0"),
    says("west", "w0", "w0", ["w1", "e0", "e1"]),
    says("west", "w1", "w0"),
]


def test_clusters_behind_gateways_have_the_one_meta_leader() -> None:
    snapshot = merge(SUPERCLUSTER)
    assert snapshot.joined == {frozenset(("east", "west"))}
    assert [(meta.cluster, meta.leader, meta.has_quorum) for meta in snapshot.metas] == [
        ("east", "w0", True),
        ("west", "w0", True),
    ]
    # Each member stands once, with its leader.
    assert [len(meta.members) for meta in snapshot.metas] == [0, 3]


def test_unrelated_clusters_with_servers_of_equal_names_are_never_taken_for_one() -> None:
    snapshot = merge(
        [
            says("prod", "n1", "n0"),  # its own n0 died a moment ago
            says("prod", "n2", "n0"),
            says("test", "n0", "n0", ["n1", "n2"]),
            says("test", "n1", "n0"),
        ]
    )
    assert snapshot.joined == frozenset()
    assert [(meta.cluster, meta.leader) for meta in snapshot.metas] == [
        ("prod", None),
        ("test", "n0"),
    ]


def test_a_leader_that_does_not_count_the_others_is_another_groups() -> None:
    assert merge([*SUPERCLUSTER, says("far", "f0", "w0")]).joined == {frozenset(("east", "west"))}


def test_leaders_in_two_clusters_that_one_account_was_told_of_are_one_jetstream() -> None:
    claims = {"n": [StreamDetail(name="S")]}
    words = [LeaderReport("A", "APP", "APP", cluster, claims=claims) for cluster in "cd"]
    alone = LeaderReport("B", "APP", "APP", "", "n", claims=claims)
    assert merge([*words, alone]).joined == {frozenset(("c", "d"))}
