"""The encoder writes nothing that Prometheus refuses, whatever it is given: one sample would cost the whole scrape."""

import subprocess
from typing import Any, NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.accepted import check, is_accepted_number
from tests.support.examples import examples
from tests.support.tools import tool

from jetstream_exporter.exposition import END, Encoder
from jetstream_exporter.metrics.families import Table, Value, counter, gauge, histogram
from jetstream_exporter.report import Histogram
from jetstream_exporter.snapshot import Snapshot

thorough = examples(300)
LARGEST_FLOAT = int(1.7976931348623157e308)
# Half a step above it, which rounds up to infinity.
TOO_LARGE = 2**1024 - 2**970


class Row(NamedTuple):
    name: str
    value: Value
    count: Value = None
    times: Histogram | None = None


def encoder(rows: list[Row]) -> Encoder:
    table: Table[Row] = Table(
        name="rows",
        rows=lambda _: rows,
        labels={"name": lambda row: row.name, "more": lambda row: row.name[::-1]},
        families=(
            gauge("a_gauge", "h", lambda row: row.value, "o"),
            counter("a_total", "h", lambda row: row.count, "o"),
            histogram("a_seconds", "h", lambda row: row.times, "o"),
        ),
    )
    return Encoder([table])


def rendered(rows: list[Row], *, openmetrics: bool = False) -> bytes:
    pieces = list(encoder(rows).render(Snapshot(), openmetrics=openmetrics))
    return b"".join([*pieces, END] if openmetrics else pieces)


def values(text: bytes) -> list[str]:
    lines = text.decode().split("\n")
    return [line.rpartition(" ")[2] for line in lines if line.startswith("a_gauge{")]


# Surrogates too: no source can bring them, and yet.
names = st.text(st.characters(), max_size=6)
edges = st.sampled_from(
    [0, LARGEST_FLOAT, TOO_LARGE - 1, TOO_LARGE, 2**64 - 1, -(2**63), 10**308, 10**309]
)
integers = st.one_of(
    edges, edges.map(lambda n: -n), st.integers(), st.integers(-(2**2100), 2**2100)
)
numbers = st.one_of(integers, st.floats(), st.booleans(), st.none())
counts = st.one_of(st.integers(0, 2**2100), st.none())
times = st.builds(
    Histogram,
    counts=st.lists(st.integers(0, 2**1030), min_size=15, max_size=15),
    sum=st.floats(min_value=0),
)
rows_of = st.lists(
    st.builds(Row, names, numbers, counts, st.none() | times),
    max_size=6,
    unique_by=lambda r: r.name,
)


@pytest.mark.slow
@thorough
@given(rows_of)
def test_whatever_rows_there_are_prometheus_accepts_the_text(rows: list[Row]) -> None:
    check(rendered(rows))


@pytest.mark.slow
@thorough
@given(rows_of)
def test_whatever_rows_there_are_prometheus_accepts_openmetrics(rows: list[Row]) -> None:
    check(rendered(rows, openmetrics=True), openmetrics=True)


@thorough
@given(st.lists(st.one_of(integers, st.none()), min_size=1, max_size=6))
def test_what_is_too_large_costs_its_own_sample_only(some: list[int | None]) -> None:
    """Even where the sum of all of them is small."""
    found = values(rendered([Row(str(i), value) for i, value in enumerate(some)]))
    assert found == [str(value) for value in some if value is not None and abs(value) < TOO_LARGE]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (LARGEST_FLOAT, str(LARGEST_FLOAT)),
        (TOO_LARGE - 1, str(TOO_LARGE - 1)),
        (TOO_LARGE, None),
        (-TOO_LARGE, None),
        (float("inf"), "+Inf"),
        (float("nan"), "NaN"),
        (5e-324, "5e-324"),
        (True, "1"),
        (None, None),
    ],
)
def test_the_edges_of_a_number(value: Value, text: str | None) -> None:
    assert values(rendered([Row("x", value)])) == ([] if text is None else [text])
    mixed = values(rendered([Row("x", value), Row("y", 0.5), Row("z", 2**2000)]))
    assert mixed == ([] if text is None else [text]) + ["0.5"]


@pytest.mark.parametrize(
    "text", ["1e309", "9" * 309, "-1e309", "inf", "nan", "1_0", "0x1p3", "", "٣"]
)
def test_the_oracle_refuses_what_go_refuses(text: str) -> None:
    assert not is_accepted_number(text)


@pytest.mark.parametrize(
    "text", ["1e308", "9" * 308, "1e-400", "+Inf", "NaN", "-5", "5e-324", "1.0"]
)
def test_the_oracle_accepts_what_go_accepts(text: str) -> None:
    assert is_accepted_number(text)


def test_promtool_reads_the_edges() -> None:
    """Go itself, on what the two parsers of Python say is right."""
    edges = [TOO_LARGE - 1, TOO_LARGE, -TOO_LARGE, 2**64 - 1, 5e-324, float("inf"), float("nan")]
    odd = ["\0", "\r", '"\\\n', "\ud800", "\u2028", "\U0010ffff", ""]
    rows = [Row(name, value) for name, value in zip(odd, edges, strict=True)]
    done = subprocess.run(
        [tool("promtool"), "check", "metrics"],
        check=False,
        input=rendered(rows),
        capture_output=True,
    )
    assert b"error while linting" not in done.stderr + done.stdout, done.stderr
    assert b"parsing" not in done.stderr, done.stderr


@pytest.mark.parametrize("broken", ["Samples", "column", "histograms"])
def test_a_family_whose_text_failed_once_is_there_again(
    broken: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    times = Histogram()
    kept = encoder([Row("x", 1, 2, times)])
    whole = b"".join(kept.render(Snapshot()))
    failing = encoder([Row("x", 1, 2, times)])

    def fail(*_: Any) -> bytes:
        raise MemoryError

    with monkeypatch.context() as patched:
        patched.setattr(f"jetstream_exporter.exposition.encoder.{broken}", fail)
        with pytest.raises(MemoryError):
            list(failing.render(Snapshot()))
    assert b"".join(failing.render(Snapshot())) == whole


def test_a_value_that_could_not_be_read_once_is_there_again() -> None:
    answers: list[Any] = [ZeroDivisionError(), 7, 7]

    def read(_: Row) -> Value:
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer  # type: ignore[no-any-return]

    table: Table[Row] = Table(
        "t", lambda _: [Row("x", 0)], {"name": lambda r: r.name}, (gauge("g", "h", read, "o"),)
    )
    kept = Encoder([table])
    with pytest.raises(ZeroDivisionError):
        list(kept.render(Snapshot()))
    assert b"".join(kept.render(Snapshot())).endswith(b'g{name="x"} 7\n')
    assert b"".join(kept.render(Snapshot())).endswith(b'g{name="x"} 7\n')
