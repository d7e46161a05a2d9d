"""What a metric is: a typed line that says how to read it from a row. A table is the families of one kind of row."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Generic, Literal, TypeVar

from jetstream_exporter.snapshot import Snapshot
from jetstream_exporter.snapshot.rows import Histogram

Row = TypeVar("Row")
Value = float | int | bool | Histogram | None


@dataclass(frozen=True, slots=True)
class Family(Generic[Row]):
    """One metric. `value` gives None where a row has no such sample; `query` is an example of its use."""

    type: Literal["counter", "gauge", "histogram"]
    name: str
    help: str
    value: Callable[[Row], Value]
    origin: str  # the server's field, or how it is derived
    query: str = ""


@dataclass(frozen=True, slots=True)
class Table(Generic[Row]):
    """The families of one kind of row. A label and the function that reads it are one item.

    One row has one label set; the encoder keeps its text from scrape to scrape.
    """

    name: str
    rows: Callable[[Snapshot], Iterable[Row]]
    labels: Mapping[str, Callable[[Row], str]]
    families: tuple[Family[Row], ...]


AnyTable = Table[Any]


def gauge(
    name: str, help: str, value: Callable[[Row], Value], origin: str, query: str = ""
) -> Family[Row]:
    return Family("gauge", name, help, value, origin, query)


def counter(
    name: str, help: str, value: Callable[[Row], Value], origin: str, query: str = ""
) -> Family[Row]:
    return Family("counter", name, help, value, origin, query)


def histogram(
    name: str,
    help: str,
    value: Callable[[Row], Histogram | None],
    origin: str,
    query: str = "",
) -> Family[Row]:
    return Family("histogram", name, help, value, origin, query)
