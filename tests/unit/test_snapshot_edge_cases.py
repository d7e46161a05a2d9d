"""Moments in which a real server's word is not what it seems: nothing false comes out of any of them."""

import pytest
from prometheus_client.parser import text_string_to_metric_families
from tests.support.recorded import NEW, OLD, edge_cases, moments
from tests.support.reports import outcome

from jetstream_exporter.config.schema import Config
from jetstream_exporter.exposition import Encoder
from jetstream_exporter.metrics import TABLES
from jetstream_exporter.report import ServerReport
from jetstream_exporter.scrape.processor import Processor
from jetstream_exporter.snapshot import Snapshot, merge, read_configs
from jetstream_exporter.snapshot.rows import AccountStore, Ephemerals

BOTH = (OLD, NEW)
PENDING, ACK_PENDING = 15, 2  # of the consumer `worker` in every recording that has one


def merged(reports: list[ServerReport]) -> Snapshot:
    return merge(reports, read_configs(reports))


def scrapes(case: str, version: str, *names: str) -> list[Snapshot]:
    """The recorded moments as one scrape after another, fifteen seconds apart."""
    processor = Processor(Config(), 0.0)
    recorded = moments(case, version)
    return [
        processor.process([outcome(r, r.server_name) for r in recorded[name]], 15.0 * n, 15.0 * n)
        for n, name in enumerate(names, 1)
    ]


@pytest.mark.parametrize(("case", "version"), edge_cases())
def test_no_edge_case_makes_a_false_figure(case: str, version: str) -> None:
    """A figure is the true one or absent; a counter never falls."""
    for name, reports in moments(case, version).items():
        for row in merged(reports).consumers:
            if row.name == "worker":
                assert row.pending in (None, PENDING), name
                assert row.ack_pending in (None, ACK_PENDING), name
                assert row.deliveries in (None, 5), name
        for stream in merged(reports).streams:
            if stream.name in ("ORDERS", "LOCAL") and stream.figures is not None:
                assert (stream.figures.messages, stream.figures.last_sequence) == (20, 20), name


@pytest.mark.parametrize("version", BOTH)
def test_a_starting_server_s_false_leadership_moves_nobody(version: str) -> None:
    before, false, settled = scrapes("after-start", version, "before", "false-leader", "settled")
    raw = moments("after-start", version)["false-leader"]
    liars = [
        r.server_name
        for r in raw
        if r.jsz
        for account in r.jsz.account_details
        for stream in account.stream_detail
        if stream.cluster
        and stream.cluster.leader == r.server_name
        and not stream.cluster.raft_group
    ]
    assert len(liars) == 1
    assert before.streams[0].raft.leader not in liars
    assert {before.streams[0].raft.leader} == {s.streams[0].raft.leader for s in (false, settled)}
    assert [s.streams[0].raft.changes for s in (before, false, settled)] == [0, 0, 0]
    assert [row.list_complete for row in false.servers if row.name in liars] == [False]


@pytest.mark.parametrize("version", BOTH)
def test_an_election_has_no_leader_no_figures_and_no_verdict_yet(version: str) -> None:
    _, between, after = scrapes("election", version, "settled", "leaderless", "elected")
    stream = between.streams[0]
    assert (
        stream.figures,
        stream.raft.leader,
        stream.raft.has_leader,
        stream.raft.has_quorum,
    ) == (None, None, False, None)
    elected = after.streams[0]
    assert (elected.raft.has_leader, elected.raft.changes) == (True, 1)


@pytest.mark.parametrize("version", BOTH)
def test_a_stopping_server_s_empty_list_takes_nothing_away(version: str) -> None:
    before, duck, emptied = scrapes("stopping", version, "before", "lame-duck", "emptied")
    assert [row.list_complete for row in before.servers] == [True, True, True]
    for moment in (duck, emptied):
        assert [(row.name, row.list_complete) for row in moment.servers] == [
            ("nats-0", True),
            ("nats-1", True),
            ("nats-2", False),
        ]
        assert [row.key for row in before.streams] == [row.key for row in moment.streams]
    (stopping,) = (row for row in emptied.servers if row.name == "nats-2")
    assert stopping.jetstream is not None
    assert (stopping.jetstream.enabled, stopping.jetstream.streams) == (True, 0)


def test_a_consumer_s_leader_just_elected_says_0_and_is_not_believed() -> None:
    reports = moments("election", NEW)["just-elected"]
    raw = [
        (said.num_pending, said.cluster.leader_since)
        for r in reports
        if r.jsz
        for account in r.jsz.account_details
        for stream in account.stream_detail
        for said in stream.consumer_detail
        if said.cluster and said.cluster.leader == r.server_name
    ]
    assert raw == [(0, None)]
    assert [(row.raft.leader, row.pending) for row in merged(reports).consumers] == [(None, None)]


@pytest.mark.parametrize("version", BOTH)
def test_a_survivor_says_healthy_while_the_replicated_stream_is_lost(version: str) -> None:
    """Its health check stays at 200 for some seconds; the verdict comes from the group's own members."""
    before, after = scrapes("no-quorum", version, "before", "survivor")
    (survivor,) = moments("no-quorum", version)["survivor"]
    assert [(row.name, row.raft.has_leader, row.raft.has_quorum) for row in before.streams] == [
        ("LOCAL", True, True),
        ("ORDERS", True, True),
    ]
    assert [
        (row.name, row.raft.has_leader, row.raft.has_quorum, row.figures and row.figures.messages)
        for row in after.streams
    ] == [("LOCAL", True, True, 20), ("ORDERS", False, False, None)]
    assert [row.pending for row in after.consumers] == [PENDING, None]
    assert [(row.name, row.name == survivor.server_name) for row in after.servers] == [
        (row.name, row.up) for row in after.servers
    ]


def test_an_empty_cluster_has_zeros_where_zero_is_the_truth() -> None:
    snapshot = merged(moments("all-zero", NEW)["empty"])
    (stream,), (row,) = snapshot.streams, snapshot.consumers
    assert stream.figures is not None
    assert (
        stream.figures.messages,
        stream.figures.bytes,
        stream.figures.last_sequence,
        stream.figures.first_time,
        stream.figures.last_time,
    ) == (0, 0, 0, None, None)
    assert (
        row.pending,
        row.ack_pending,
        row.redelivered,
        row.ack_floor_lag,
        row.deliveries,
    ) == (0, 0, 0, 0, 0)
    assert (row.last_delivery, row.last_ack) == (None, None)
    assert [(r.size, r.current) for r in (stream.raft, row.raft)] == [(3, 3)] * 2


def test_no_limit_is_absent_and_a_limit_is_a_number() -> None:
    snapshot = merged(moments("no-limits", NEW)["standalone"])
    assert [("APP", AccountStore(34, None)), ("SMALL", AccountStore(34, 1 << 21))] == [
        (row.id, row.file) for row in snapshot.accounts
    ]
    assert [row.settings.max_bytes for row in snapshot.streams if row.settings] == [None, 4096]
    assert [row.settings.max_deliver for row in snapshot.consumers if row.settings] == [None, 3]


def test_names_of_any_script_and_with_any_punctuation_arrive_whole() -> None:
    (snapshot,) = scrapes("utf8-names", NEW, "standalone")
    expected = {"Größe", 'say"cheese"', "{}", 'a="b",', "日本🐇", "#", "$x'`"}
    text = b"".join(Encoder(TABLES).render(snapshot)).decode()
    families = {family.name: family for family in text_string_to_metric_families(text)}
    samples = families["jetstream_consumer_pending_messages"].samples
    assert {(name, name, "Größe 🐇", 0.0) for name in expected} == {
        (s.labels["stream"], s.labels["consumer"], s.labels["account"], s.value) for s in samples
    }


def test_a_server_without_jetstream_is_up_healthy_and_says_so() -> None:
    snapshot = merged(moments("no-jetstream", NEW)["standalone"])
    (server,) = snapshot.servers
    assert server.jetstream is not None
    assert (
        server.up,
        server.healthy,
        server.list_complete,
        server.jetstream.enabled,
    ) == (True, True, True, False)
    assert (
        snapshot.streams,
        snapshot.consumers,
        snapshot.accounts,
        snapshot.metas,
    ) == ([], [], [], [])


def origins(name: str) -> list[tuple[str, str, str, int | None, bool]]:
    return [
        (row.name, source.origin, source.kind, source.lag, source.healthy)
        for row in merged(moments("mirror-and-source", NEW)[name]).streams
        for source in row.sources
    ]


def test_mirrors_and_sources_are_their_leader_s_word() -> None:
    assert origins("in-step") == [
        ("GATHERED", "ORIGIN", "source", 0, True),
        ("GATHERED", "OTHER", "source", 0, True),
        ("MIRROR", "ORIGIN", "mirror", 0, True),
        ("ORPHAN", "GONE", "mirror", 0, True),
    ]


def test_a_mirror_whose_origin_was_deleted_is_unhealthy_although_its_lag_is_0() -> None:
    assert [row for row in origins("origin-gone") if not row[-1]] == [
        ("ORPHAN", "GONE", "mirror", 0, False)
    ]


def test_a_paused_consumer_says_so() -> None:
    (row,) = merged(moments("paused", NEW)["standalone"]).consumers
    assert (row.paused, row.pending, row.ack_pending) == (True, PENDING, ACK_PENDING)


@pytest.mark.parametrize("version", BOTH)
def test_ephemerals_are_counted_and_not_named(version: str) -> None:
    (snapshot,) = scrapes("ephemerals", version, "three")
    assert [(Ephemerals(3, 20 + 15 + 10, 20), 4)] == [
        (row.ephemerals, row.consumers) for row in snapshot.streams
    ]
    assert [row.name for row in snapshot.consumers] == ["worker"]
