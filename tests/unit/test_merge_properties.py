"""Of any reports whatever: the merge is a function of their set, and says nothing that none of them said."""

import random
from collections.abc import Sequence

from hypothesis import given, settings
from hypothesis import strategies as st
from tests.support.strategies import outcomes, plain, reports

from jetstream_exporter.config.schema import Config, Filters, Limits
from jetstream_exporter.history import History
from jetstream_exporter.processing import Processor
from jetstream_exporter.report import Report
from jetstream_exporter.snapshot import Snapshot, cluster_label, merge, read_configurations
from jetstream_exporter.snapshot.rows import Consumer, Raft, Stream
from jetstream_exporter.wire import Cluster, ConsumerDetail, StreamDetail

small = st.sampled_from(["a", "b", "A"])
alike = reports(names=small, servers=plain)
relaxed = settings(max_examples=40, deadline=None, derandomize=True)

Said = tuple[Report, str, StreamDetail]


def details(said: Sequence[Report]) -> list[Said]:
    return [
        (report, account.id, detail)
        for report in said
        if report.jsz is not None
        for account in report.jsz.account_details
        for detail in account.stream_detail
    ]


def of_stream(said: Sequence[Report], cluster: str, account: str, name: str) -> list[Said]:
    return [
        (report, identity, detail)
        for report, identity, detail in details(said)
        if (cluster_label(report), identity, detail.name) == (cluster, account, name)
    ]


def of_consumer(said: Sequence[Report], row: Consumer) -> list[tuple[Report, ConsumerDetail]]:
    return [
        (report, consumer)
        for report, _, detail in of_stream(said, row.cluster, row.account_id, row.stream)
        for consumer in detail.consumer_detail
        if consumer.name == row.name
    ]


@relaxed
@given(alike, st.randoms(use_true_random=False), st.integers(1, 3))
def test_neither_order_nor_repetition_of_reports_matters(
    said: list[Report], chance: random.Random, times: int
) -> None:
    known = read_configurations(said)
    expected = merge(said, known)
    shuffled = said * times
    chance.shuffle(shuffled)
    assert expected == merge(shuffled, known)


@relaxed
@given(alike)
def test_what_is_reported_is_exported_and_nothing_else(said: list[Report]) -> None:
    snapshot = merge(said)
    streams = {(cluster_label(r), account, d.name) for r, account, d in details(said)}
    assert {row.key for row in snapshot.streams} <= streams
    servers = {(cluster_label(r), r.server_name) for r in said}
    assert servers == {(row.cluster, row.name) for row in snapshot.servers if row.up}
    for row in snapshot.servers:
        assert row.up or named_by_meta(said, row.cluster, row.name)


def named_by_meta(said: Sequence[Report], cluster: str, name: str) -> bool:
    groups = [
        report.jsz.meta_cluster
        for report in said
        if report.jsz and report.jsz.meta_cluster and cluster_label(report) == cluster
    ]
    return any(
        name == group.leader or name in [peer.name for peer in group.replicas] for group in groups
    )


def claims(report: Report, group: Cluster | None) -> bool:
    if group is None or not group.leader:
        return not report.cluster
    return group.leader == report.server_name


def is_consistent(raft: Raft, has_figures: bool) -> None:
    assert raft.has_leader is (raft.leader is not None)
    if raft.leader is None:
        assert not has_figures
        assert raft.has_quorum is not True
    if raft.fault_tolerance is not None and raft.size is not None:
        assert raft.fault_tolerance <= raft.size // 2


@relaxed
@given(alike)
def test_every_figure_is_one_server_s_and_that_server_names_itself(said: list[Report]) -> None:
    snapshot = merge(said, read_configurations(said))
    for stream in snapshot.streams:
        is_consistent(stream.raft, stream.figures is not None)
        assert stream.raft.leader is None or has_source(said, stream)
    for row in snapshot.consumers:
        is_consistent(row.raft, row.pending is not None)
        assert row.raft.leader is None or has_word(said, row)


def has_source(said: Sequence[Report], row: Stream) -> bool:
    words = [
        detail
        for report, _, detail in of_stream(said, *row.key)
        if report.server_name == row.raft.leader and claims(report, detail.cluster)
    ]
    if row.figures is None:
        return any(detail.state is None for detail in words)
    figures = (row.figures.messages, row.figures.bytes, row.figures.last_sequence)
    states = [detail.state for detail in words if detail.state]
    return figures in [(state.messages, state.bytes, state.last_seq) for state in states]


def has_word(said: Sequence[Report], row: Consumer) -> bool:
    words = [
        consumer
        for report, consumer in of_consumer(said, row)
        if report.server_name == row.raft.leader and claims(report, consumer.cluster)
    ]
    figures = (row.pending, row.ack_pending, row.redelivered, row.deliveries, row.acknowledged)
    return figures in [
        (
            word.num_pending,
            word.num_ack_pending,
            word.num_redelivered,
            word.delivered.consumer_seq,
            word.ack_floor.consumer_seq,
        )
        for word in words
    ]


@relaxed
@given(alike)
def test_no_object_comes_twice_and_all_are_sorted(said: list[Report]) -> None:
    snapshot = merge(said)
    for keys in (
        [(row.cluster, row.name) for row in snapshot.servers],
        [row.key for row in snapshot.streams],
        [row.key for row in snapshot.consumers],
        [(row.cluster, row.id) for row in snapshot.accounts],
        [(row.cluster, "") for row in snapshot.metas],
    ):
        assert sorted(set(keys)) == keys


@relaxed
@given(st.lists(alike, min_size=1, max_size=4))
def test_history_keeps_nothing_of_reports_but_what_is_there(scrapes: list[list[Report]]) -> None:
    """Whatever was said before: a quarter of an hour of silence later nothing is held."""
    history = History(0.0)
    for now, said in enumerate(scrapes):
        asked = outcomes(said)
        history.learn(asked)
        snapshot = merge(said, history.known)
        history.complete(snapshot, asked, float(now))
    history.complete(Snapshot(), [], 10_000.0)
    assert len(history) == 0
    assert history.known == {}


def process(config: Config, said: list[Report]) -> Snapshot:
    return Processor(config, 0.0).process(outcomes(said), 1.0, 1.0)


@relaxed
@given(alike, st.integers(0, 5), st.integers(0, 3))
def test_the_budget_drops_from_the_end_of_a_stable_order(
    said: list[Report], consumers: int, streams: int
) -> None:
    named = Filters(ephemeral_consumers=True)
    everything = process(Config(filters=named), said)
    within = process(Config(filters=named, limits=Limits(streams, consumers)), said)
    kept = {row.key for row in within.streams}
    assert everything.streams[:streams] == within.streams
    candidates = [row for row in everything.consumers if row.key[:3] in kept]
    assert candidates[:consumers] == within.consumers
    assert within.exporter is not None
    assert within.exporter.dropped == {
        "stream": len(everything.streams) - len(within.streams),
        "consumer": len(candidates) - len(within.consumers),
    }
