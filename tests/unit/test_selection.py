"""Which objects are exported: names by patterns, ephemerals by wish, and nothing without its stream."""

import re

import msgspec
import pytest
from tests.support.reports import consumer, outcome, server, stream, unreplicated

from jetstream_exporter.config.exported import Filters, Limits, Selection, limit_of
from jetstream_exporter.config.schema import Config
from jetstream_exporter.config.values import Pattern
from jetstream_exporter.scrape.processor import Processor
from jetstream_exporter.scrape.selection import Selector, matcher
from jetstream_exporter.snapshot import Snapshot
from jetstream_exporter.wire import AccountDetail, ConsumerDetail, Source, StreamDetail


def patterns(*texts: str) -> list[Pattern]:
    found = []
    for text in texts:
        pattern = Pattern(text)
        pattern.regex = re.compile(text)
        found.append(pattern)
    return found


def choice(include: str = "", exclude: str = "") -> Selection:
    return Selection(include=patterns(*include.split()), exclude=patterns(*exclude.split()))


@pytest.mark.parametrize(
    ("include", "exclude", "kept"),
    [
        ("", "", ["ORDERS", "ORDERS_DLQ", "KV_x"]),
        ("ORDERS", "", ["ORDERS"]),
        ("ORDERS.*", "", ["ORDERS", "ORDERS_DLQ"]),
        ("ORDERS KV_.*", "", ["ORDERS", "KV_x"]),
        ("", "KV_.*", ["ORDERS", "ORDERS_DLQ"]),
        ("ORDERS.*", ".*_DLQ", ["ORDERS"]),
        ("ORDERS", "ORDERS", []),
        ("orders", "", []),
    ],
)
def test_a_name_is_kept_that_one_pattern_includes_and_none_excludes(
    include: str, exclude: str, kept: list[str]
) -> None:
    keep = matcher(choice(include, exclude))
    for _ in range(2):  # the second time from memory
        assert [name for name in ("ORDERS", "ORDERS_DLQ", "KV_x") if keep(name)] == kept


def test_a_pattern_is_the_whole_name_with_line_ends() -> None:
    keep = matcher(choice("A"))
    assert not keep("A\n")
    assert not keep("xA")


def durable(name: str) -> ConsumerDetail:
    return consumer(name, unreplicated("n1"))


def a_stream(name: str, *consumers: ConsumerDetail) -> StreamDetail:
    return stream(name, unreplicated("n1"), *consumers, replicas=1)


def selected(**filters: object) -> Snapshot:
    passing = consumer("passing", unreplicated("n1"), durable=False)
    accounts = [
        AccountDetail(
            name="APP",
            id="APP",
            stream_detail=[
                a_stream("S", durable("billing"), durable("audit"), passing),
                a_stream("T", durable("billing")),
            ],
        ),
        AccountDetail(name="LAB", id="LAB", stream_detail=[a_stream("S", durable("billing"))]),
    ]
    config = Config(filters=Filters(**filters))  # type: ignore[arg-type]
    said = [outcome(server("n1", accounts=accounts), "http://n1")]
    return Processor(config, 0.0).process(said, 1.0, 1.0)


def consumers(snapshot: Snapshot) -> list[str]:
    return [f"{row.account}/{row.stream}/{row.name}" for row in snapshot.consumers]


def test_ephemeral_consumers_are_counted_and_named_only_where_it_is_wished() -> None:
    everything = ["APP/S/audit", "APP/S/billing", "APP/T/billing", "LAB/S/billing"]
    assert consumers(selected()) == everything
    assert selected().streams[0].ephemerals.count == 1
    wished = selected(ephemeral_consumers=True)
    assert consumers(wished) == sorted([*everything, "APP/S/passing"])


def test_a_consumer_whose_configuration_is_unknown_may_be_an_ephemeral_one() -> None:
    snapshot = selected()
    unknown = [msgspec.structs.replace(row, settings=None) for row in snapshot.consumers]
    unread = msgspec.structs.replace(snapshot, consumers=unknown)
    found, _ = Selector(Config()).select(unread)
    assert (consumers(found), len(unread.consumers)) == ([], len(unknown))


def test_a_consumer_goes_with_its_stream() -> None:
    snapshot = selected(streams=choice("T"))
    assert [row.name for row in snapshot.streams] == ["T"]
    assert consumers(snapshot) == ["APP/T/billing"]


def test_a_consumer_s_name_is_chosen_in_every_stream() -> None:
    snapshot = selected(consumers=choice("", "audit"))
    assert consumers(snapshot) == ["APP/S/billing", "APP/T/billing", "LAB/S/billing"]
    assert len(snapshot.streams) == 3, "a stream stays without its consumers"


def test_an_account_is_left_out_with_everything_in_it() -> None:
    snapshot = selected(accounts=choice("", "LAB"))
    assert {row.account for row in snapshot.streams} == {"APP"}
    assert {row.id for row in snapshot.accounts} == {"APP"}
    assert consumers(snapshot) == ["APP/S/audit", "APP/S/billing", "APP/T/billing"]


def test_what_a_filter_leaves_out_is_not_counted_as_dropped_by_a_limit() -> None:
    snapshot = selected(streams=choice("T"))
    assert snapshot.exporter is not None
    assert set(snapshot.exporter.dropped.values()) == {0}
    assert snapshot.exporter.objects["stream"] == 1


def test_a_source_with_a_name_that_no_stream_can_have_is_left_out_and_counted() -> None:
    """A server lets a tenant name a source in another account by a megabyte, and that would be a label."""
    names = ["O", "x" * 256, "x" * 257, "x" * 1_000_000]
    row = stream("S", unreplicated("n1"), sources=[Source(name) for name in names])
    said = [outcome(server("n1", row), "http://n1")]
    snapshot = Processor(Config(), 0.0).process(said, 1.0, 1.0)
    assert [source.origin for source in snapshot.streams[0].sources] == ["O", "x" * 256]
    assert snapshot.exporter is not None
    assert snapshot.exporter.dropped["stream_source"] == 2


def test_each_kind_that_is_dropped_has_a_limit_of_the_configuration() -> None:
    _, dropped = Selector(Config()).select(Snapshot())
    keys = {limit_of(kind).removeprefix("limits.") for kind in dropped}
    assert {"gateways", "leafnodes", "consumers"} <= keys <= set(Limits.__struct_fields__)
