"""Of any reports whatever: the merge is a function of their set, and says nothing that none of them said."""

import random
from collections.abc import Sequence
from unittest import mock

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scripts.versions import NEWEST, OLDEST
from tests.support.examples import examples
from tests.support.reports import BORN, LONG_AGO, consumer, follows, led, server, stream
from tests.support.strategies import outcomes, plain, reports

from jetstream_exporter.config.exported import Filters, Limits
from jetstream_exporter.config.schema import Config
from jetstream_exporter.report import ServerReport
from jetstream_exporter.scrape.object_limits import counted
from jetstream_exporter.scrape.processor import Processor
from jetstream_exporter.snapshot import (
    Snapshot,
    merge,
    read_configs,
)
from jetstream_exporter.snapshot.plain import PlainRows
from jetstream_exporter.snapshot.rows import Consumer, Raft, Stream
from jetstream_exporter.snapshot.units import count
from jetstream_exporter.state.history import History
from jetstream_exporter.wire import ConsumerDetail, RaftGroup, StreamConfig, StreamDetail

small = st.sampled_from(["a", "b", "A"])
alike = reports(names=small, servers=plain)
relaxed = examples(40)

Said = tuple[ServerReport, str, StreamDetail]


def details(said: Sequence[ServerReport]) -> list[Said]:
    return [
        (report, account.id, detail)
        for report in said
        if report.jsz is not None
        for account in report.jsz.account_details
        for detail in account.stream_detail
    ]


def of_stream(said: Sequence[ServerReport], cluster: str, account: str, name: str) -> list[Said]:
    return [
        (report, identity, detail)
        for report, identity, detail in details(said)
        if (report.label, identity, detail.name) == (cluster, account, name)
    ]


def of_consumer(
    said: Sequence[ServerReport], row: Consumer
) -> list[tuple[ServerReport, ConsumerDetail]]:
    return [
        (report, consumer)
        for report, _, detail in of_stream(said, row.cluster, row.account_id, row.stream)
        for consumer in detail.consumer_detail
        if consumer.name == row.name
    ]


@relaxed
@given(alike, st.randoms(use_true_random=False), st.integers(1, 3))
def test_neither_order_nor_repetition_of_reports_matters(
    said: list[ServerReport], chance: random.Random, times: int
) -> None:
    known = read_configs(said)
    expected = merge(said, known)
    shuffled = said * times
    chance.shuffle(shuffled)
    assert expected == merge(shuffled, known)


@relaxed
@given(alike)
def test_what_is_reported_is_exported_and_nothing_else(said: list[ServerReport]) -> None:
    snapshot = merge(said)
    streams = {(r.label, account, d.name) for r, account, d in details(said)}
    assert {row.key for row in snapshot.streams} <= streams
    servers = {(r.label, r.server_name) for r in said}
    assert servers == {(row.cluster, row.name) for row in snapshot.servers if row.up}
    for row in snapshot.servers:
        assert row.up or named_by_meta(said, row.cluster, row.name)


def named_by_meta(said: Sequence[ServerReport], cluster: str, name: str) -> bool:
    groups = [
        report.jsz.meta_cluster
        for report in said
        if report.jsz and report.jsz.meta_cluster and report.label == cluster
    ]
    return any(
        name == group.leader or name in [peer.name for peer in group.replicas] for group in groups
    )


def claims(report: ServerReport, group: RaftGroup | None) -> bool:
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
def test_every_figure_is_one_server_s_and_that_server_names_itself(
    said: list[ServerReport],
) -> None:
    snapshot = merge(said, read_configs(said))
    for led_by in snapshot.streams:
        is_consistent(led_by.raft, led_by.figures is not None)
        assert led_by.raft.leader is None or has_source(said, led_by)
    for row in snapshot.consumers:
        is_consistent(row.raft, row.pending is not None)
        assert row.raft.leader is None or has_word(said, row)


def has_source(said: Sequence[ServerReport], row: Stream) -> bool:
    words = [
        detail
        for report, _, detail in of_stream(said, *row.key)
        if report.server_name == row.raft.leader and claims(report, detail.cluster)
    ]
    if row.figures is None:
        return any(detail.state is None for detail in words)
    figures = (row.figures.messages, row.figures.bytes, row.figures.last_sequence)
    states = [detail.state for detail in words if detail.state]
    said_of = [(state.messages, state.bytes, state.last_seq) for state in states]
    return figures in [tuple(map(count, numbers)) for numbers in said_of]


def has_word(said: Sequence[ServerReport], row: Consumer) -> bool:
    words = [
        consumer
        for report, consumer in of_consumer(said, row)
        if report.server_name == row.raft.leader and claims(report, consumer.cluster)
    ]
    figures = (row.pending, row.ack_pending, row.redelivered, row.deliveries, row.acknowledged)
    return figures in [
        (
            count(word.num_pending),
            count(word.num_ack_pending),
            count(word.num_redelivered),
            count(word.delivered.consumer_seq),
            count(word.ack_floor.consumer_seq),
        )
        for word in words
    ]


@relaxed
@given(alike)
def test_no_object_comes_twice_and_all_are_sorted(said: list[ServerReport]) -> None:
    snapshot = merge(said)
    for keys in (
        [(row.cluster, row.name) for row in snapshot.servers],
        [row.key for row in snapshot.streams],
        [row.key for row in snapshot.consumers],
        [(row.cluster, row.id) for row in snapshot.accounts],
        [(row.cluster, "") for row in snapshot.metas],
    ):
        assert sorted(set(keys)) == keys


@pytest.mark.slow
@relaxed
@given(st.lists(alike, min_size=1, max_size=4))
def test_history_keeps_nothing_of_reports_but_what_is_there(
    scrapes: list[list[ServerReport]],
) -> None:
    """Whatever was said before: a quarter of an hour of silence later nothing is held."""
    history = History(0.0)
    for now, said in enumerate(scrapes):
        asked = outcomes(said)
        history.configurations.remember(asked)
        snapshot = merge(said, history.configurations.cache)
        history.annotate(snapshot, asked, float(now))
    history.annotate(Snapshot(), [], 10_000.0)
    assert len(history) == 0
    assert history.configurations.cache == {}


def process(config: Config, said: list[ServerReport]) -> Snapshot:
    return Processor(config, 0.0).process(outcomes(said), 1.0, 1.0)


@pytest.mark.slow
@relaxed
@given(alike, st.integers(0, 5), st.integers(0, 3), st.integers(0, 3))
def test_the_budget_keeps_no_more_than_its_limits_and_counts_the_rest(
    said: list[ServerReport], consumers: int, streams: int, others: int
) -> None:
    named = Filters(ephemeral_consumers=True)
    everything = process(Config(filters=named), said)
    kinds = dict.fromkeys(Limits.__struct_fields__, others)
    limits = Limits(**(kinds | {"streams": streams, "consumers": consumers}))
    within = process(Config(filters=named, limits=limits), said)
    assert within.exporter is not None
    assert everything.exporter is not None
    keys = {row.key for row in within.streams}
    candidates = [row for row in everything.consumers if row.key[:3] in keys]
    assert [row for row in candidates if row in within.consumers] == within.consumers
    assert [row.key for row in everything.streams if row.key in keys] == [
        row.key for row in within.streams
    ]
    there = counted(everything) | {"consumer": len(candidates)}
    for kind in ("server", "account", "stream", "consumer", "meta_peer"):
        assert within.exporter.objects[kind] == min(there[kind], getattr(limits, f"{kind}s"))
        assert within.exporter.dropped[kind] == there[kind] - within.exporter.objects[kind]
    for kind in ("replica", "stream_source", "tls_listener", "account_tier"):
        assert within.exporter.objects[kind] <= getattr(limits, f"{kind}s")
    assert set(everything.exporter.dropped.values()) == {0}


NAMES = ("n1", "n2", "n3")
groups = st.sampled_from(["", "C-R3F-1", "C-R3F-1", "C-R3F-1", "C-R3F-2"])
born = st.sampled_from([BORN, BORN, BORN, LONG_AGO])


@st.composite
def words_of(draw: st.DrawFn, name: str, cluster: str) -> ConsumerDetail:
    """What a server says of the consumer, mostly that of a group in order, led by n1."""
    leader = draw(st.sampled_from(["n1", "n1", "n1", "n2", name, ""]))
    since = draw(st.sampled_from([LONG_AGO, LONG_AGO, None]))
    others = [other for other in NAMES if other != name]
    group = draw(groups)
    raft = led(leader, *others, since=since, group=group) if leader == name else None
    said = consumer("A", raft or follows(leader, *others, group=group), pending=7)
    said.created = draw(born)
    if not cluster and draw(st.booleans()):
        said.cluster = None
    return said


@st.composite
def clusters(draw: st.DrawFn) -> list[ServerReport]:
    cluster = draw(st.sampled_from(["C", "C", ""]))
    version = draw(st.sampled_from([NEWEST, OLDEST]))
    said = []
    for name in NAMES[: draw(st.integers(1, 3))]:
        number = draw(st.sampled_from([1, 1, 1, 2]))
        consumers = [draw(words_of(name, cluster)) for _ in range(number)]
        found = stream("S", led("n1", *NAMES[1:]), *consumers, messages=9)
        found.config = StreamConfig(num_replicas=draw(st.sampled_from([1, 3])))
        said.append(server(name, found, cluster=cluster, version=version))
    return said


@examples(300)
@given(clusters(), clusters())
def test_a_consumer_of_which_nothing_is_to_be_weighed_is_what_weighing_makes_of_it(
    before: list[ServerReport], said: list[ServerReport]
) -> None:
    for report in before:
        report.with_config = True
    known = read_configs(before)
    found = merge(said, known)
    with mock.patch.object(PlainRows, "of", return_value=None):
        assert found == merge(said, known)
