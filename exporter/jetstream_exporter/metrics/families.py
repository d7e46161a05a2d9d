"""What a metric is: a typed line that says how to read it from a row. A table is the families of one kind of row."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Generic, Literal, TypeVar

from jetstream_exporter.report import Histogram
from jetstream_exporter.snapshot import Snapshot

Row = TypeVar("Row")
Value = float | int | bool | Histogram | None


# Before Python 3.13 `Family[Row](…)` raises where a dataclass is frozen and has slots, so the name of each table is
# annotated instead: `STREAMS: Table[Stream] = Table(…)`.
@dataclass(frozen=True, slots=True)
class Family(Generic[Row]):
    """One metric. `value` gives None where a row has no such sample; `query` is an example of its use.

    The lean profile has it (`in_lean`) unless it is of streams or consumers and neither a shipped alert nor the
    Overview board reads it.
    """

    type: Literal["counter", "gauge", "histogram"]
    name: str
    help: str
    value: Callable[[Row], Value]
    origin: str  # the server's field, or how it is derived
    query: str = ""
    in_lean: bool = True

    def is_named(self, names: frozenset[str]) -> bool:
        """Whether one of these is its name, as one of the formats or one of its samples has it."""
        own = {self.name, self.name.removesuffix("_total")}
        if self.type == "histogram":
            own |= {f"{self.name}_{part}" for part in ("bucket", "sum", "count")}
        return not own.isdisjoint(names)


@dataclass(frozen=True, slots=True)
class Table(Generic[Row]):
    """The families of one kind of row. A label and the function that reads it are one item.

    One row has one label set; the encoder keeps its text from scrape to scrape, once for all tables that share the same
    mapping `labels`, or have it as the `base` to which their own labels add: such tables have the same rows. `made_of`
    gives all that a row's values are read from, `named_by` all that its labels are, and `added`, which a table with a
    base has, all that the added labels and the values are. Nobody changes these afterwards, and while they are equal
    for all rows nothing is read. What each of `named_by` and what `added` gives can be hashed. The families of a table
    with `parts` are read from these instead, one for each row or none at all; `no_part` is a row without samples.
    `of_text` says that its rows are about the text of all tables before it.
    `chosen` gives for each row something that is true where it has samples, when called with the snapshot and its rows.
    """

    name: str
    rows: Callable[[Snapshot], Iterable[Row]]
    labels: Mapping[str, Callable[[Row], str]]
    families: tuple[Family[Row], ...]
    made_of: tuple[Callable[[Row], object], ...] | None = None
    named_by: tuple[Callable[[Row], object], ...] | None = None
    base: Mapping[str, Callable[[Row], str]] | None = None
    added: Callable[[Row], object] | None = None
    parts: Callable[[Snapshot], Sequence[object]] | None = None
    no_part: object = None
    of_text: bool = False
    chosen: Callable[[Snapshot, Sequence[Row]], Iterable[object]] | None = None

    def pairs(self, snapshot: Snapshot) -> Iterator[tuple[Row, Any]]:
        """Each row, and what its families are read from."""
        if self.parts is None:
            return ((row, row) for row in self.rows(snapshot))
        pairs = zip(self.rows(snapshot), self.parts(snapshot), strict=False)
        return ((row, part) for row, part in pairs if part is not self.no_part)


AnyTable = Table[Any]


gauge = partial(Family, "gauge")
counter = partial(Family, "counter")


def histogram(
    name: str,
    help: str,
    value: Callable[[Row], Histogram | None],
    origin: str,
    query: str = "",
    *,
    in_lean: bool = True,
) -> Family[Row]:
    return Family("histogram", name, help, value, origin, query, in_lean)


def flag(value: bool) -> str:
    """A truth as a label has it."""
    return "true" if value else "false"
