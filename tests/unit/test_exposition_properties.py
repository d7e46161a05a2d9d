"""Whatever names and figures servers send, what is exported reads back as the same, by Prometheus' own parsers."""

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.openmetrics.parser import text_string_to_metric_families as read_openmetrics
from prometheus_client.parser import text_string_to_metric_families as read_text
from tests.support.examples import examples
from tests.support.reports import consumer, server, stream, unreplicated
from tests.support.strategies import outcomes, reports, texts

from jetstream_exporter.config.exported import Filters
from jetstream_exporter.config.schema import Config
from jetstream_exporter.exposition import END, Encoder
from jetstream_exporter.exposition.labels import Labels, label_text
from jetstream_exporter.exposition.text import Samples, column, number
from jetstream_exporter.metrics import TABLES
from jetstream_exporter.scrape.processor import Processor
from jetstream_exporter.snapshot import Snapshot

relaxed = examples(25)
awkward = reports(names=texts, servers=texts)

Sample = tuple[str, frozenset[tuple[str, str]], float]


def snapshot_of(said: Any) -> Snapshot:
    processor = Processor(Config(filters=Filters(ephemeral_consumers=True)), 0.0)
    return processor.process(outcomes(said), 1.0, 1.0)


OF_ROWS = [table for table in TABLES if not table.of_text]


def text(snapshot: Snapshot, *, openmetrics: bool = False, encoder: Encoder | None = None) -> str:
    pieces = list((encoder or Encoder(OF_ROWS)).render(snapshot, openmetrics=openmetrics))
    return b"".join([*pieces, END] if openmetrics else pieces).decode()


def told(snapshot: Snapshot) -> list[Sample]:
    """The samples by the tables alone, without any text."""
    return [
        (family.name, frozenset((name, f(row)) for name, f in table.labels.items()), float(value))
        for table in OF_ROWS
        for row, part in table.pairs(snapshot)
        for family in table.families
        if (value := family.value(part)) is not None
    ]


def read(families: Any) -> Iterator[Sample]:
    for family in families:
        for sample in family.samples:
            yield sample.name, frozenset(sample.labels.items()), float(sample.value)


def in_order(
    samples: Iterator[Sample] | list[Sample],
) -> list[tuple[str, list[tuple[str, str]], float]]:
    return sorted((name, sorted(labels), value) for name, labels, value in samples)


@relaxed
@given(awkward)
def test_the_text_format_reads_back_as_it_was_told(said: Any) -> None:
    snapshot = snapshot_of(said)
    assert in_order(told(snapshot)) == in_order(read(read_text(text(snapshot))))


@relaxed
@given(awkward)
def test_openmetrics_reads_back_as_it_was_told(said: Any) -> None:
    snapshot = snapshot_of(said)
    families = read_openmetrics(text(snapshot, openmetrics=True))
    assert in_order(told(snapshot)) == in_order(read(families))


@relaxed
@given(awkward)
def test_no_series_comes_twice(said: Any) -> None:
    series = [(name, labels) for name, labels, _ in told(snapshot_of(said))]
    assert len(set(series)) == len(series)


@pytest.mark.slow
@relaxed
@given(st.lists(awkward, min_size=2, max_size=4), st.data())
def test_what_the_encoder_keeps_from_scrape_to_scrape_changes_nothing(
    sequence: list[Any], data: st.DataObject
) -> None:
    """A scrape may come again, may bring other rows, and may be given up in the middle."""
    kept = Encoder(OF_ROWS)
    for said in data.draw(st.permutations([*sequence, *sequence])):
        snapshot = snapshot_of(said)
        if data.draw(st.booleans()):
            abandoned = kept.render(snapshot)
            for _ in range(data.draw(st.integers(0, 20))):
                next(abandoned, None)
            abandoned.close()
        openmetrics = data.draw(st.booleans())
        expected = text(snapshot, openmetrics=openmetrics)
        assert expected == text(snapshot, openmetrics=openmetrics, encoder=kept)


def named(*names: str) -> Snapshot:
    said = stream(
        "S", unreplicated("n1"), *(consumer(name, unreplicated("n1")) for name in names), replicas=1
    )
    return snapshot_of([server("n1", said)])


def test_a_scrape_given_up_in_the_middle_leaves_no_old_name_behind() -> None:
    kept = Encoder(OF_ROWS)
    text(named("a"), encoder=kept)
    abandoned = kept.render(named("b"))
    while b"jetstream_consumer_pending_messages{" not in next(abandoned):
        pass
    abandoned.close()
    assert text(named("b")) == text(named("b"), encoder=kept)


@given(st.lists(texts, min_size=1, max_size=4))
def test_every_label_value_reads_back(values: list[str]) -> None:
    names = [f"l{n}" for n in range(len(values))]
    line = f"m{label_text(names, values)} 1\n"
    (family,) = read_text(line)
    assert dict(zip(names, values, strict=True)) == family.samples[0].labels


@given(st.one_of(st.integers(0, 2**64 - 1), st.floats(), st.booleans()))
def test_every_number_reads_back(value: float) -> None:
    (family,) = read_text(f"m {number(value)}\n")
    assert repr(float(value)) == repr(float(family.samples[0].value))


numbers = st.one_of(
    st.none(), st.integers(), st.floats(), st.integers(0, 2**70), st.floats(-1, 1), st.just(10**400)
)


@given(st.lists(numbers, max_size=8), st.booleans())
def test_many_numbers_at_once_are_written_as_each_is_by_itself(
    values: list[float | None], is_added_to: bool
) -> None:
    starts = ['{added="1",' if is_added_to else "{"] * len(values)
    labels = [f'{start}n="{n}"}}' for n, start in enumerate(starts)]
    expected = [
        f"m{label} {number(value)}\n"
        for label, value in zip(labels, values, strict=True)
        if number(value) is not None
    ]
    texts = [f'n="{n}"}} '.encode() for n in range(len(values))]
    given = Labels(texts, [start.encode() for start in starts]) if is_added_to else Labels(texts)
    text, is_there = column(values)
    found = Samples("m", given.chosen(is_there), text)
    assert bytes(found).decode() == "".join(expected)
    assert len(found) == len(bytes(found))


@relaxed
@given(st.lists(awkward, min_size=2, max_size=3))
def test_an_encoder_that_wrote_other_scrapes_writes_what_a_new_one_does(scrapes: list[Any]) -> None:
    kept = Encoder(OF_ROWS)
    processor = Processor(Config(filters=Filters(ephemeral_consumers=True)), 0.0)
    for i, said in enumerate(scrapes):
        snapshot = processor.process(outcomes(said), 1.0 + i, 1.0 + i)
        assert text(snapshot) == text(snapshot, encoder=kept)
