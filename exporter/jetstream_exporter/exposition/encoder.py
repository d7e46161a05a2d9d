"""The exposition from tables and rows, in one pass.

This is the hot path: twenty families of twenty thousand consumers are half a million lines. The text of an object's
labels is made once and kept while the object is there, and so are values of which the table says that they stay as they
are. The lines are not kept, since they can be written as fast as they are sent. The tests check the output with
prometheus_client's parser.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import compress, repeat
from typing import Any

import msgspec

from jetstream_exporter.exposition.text import (
    Labels,
    Samples,
    column,
    header,
    histograms,
    label_text,
)
from jetstream_exporter.metrics.families import AnyTable, Family, Value
from jetstream_exporter.snapshot import Snapshot

LabelValues = tuple[str, ...]
Reads = Mapping[str, Callable[[Any], str]]  # labels, and what reads each from a row
Piece = bytes | Samples
AT_ONCE = 1000  # rows; longer texts are memory that the system has to make anew each time


class _Objects:
    """The label texts of one table's rows, in the rows' order, and what they were made of."""

    def __init__(self) -> None:
        # By column: a tuple for each row would be as large as its text, and be made anew in each scrape.
        self.columns: list[list[Any]] = []
        self.count = 0
        self.labels: Sequence[Labels] = ()

    def update(self, table: AnyTable, rows: Sequence[Any]) -> None:
        """Take the rows of a new scrape."""
        labels = table.base or table.labels
        columns = _columns(table.named_by or labels.values(), rows)
        if columns == self.columns and len(rows) == self.count:
            return
        keys = _rows(columns, len(rows))
        values = keys if table.named_by is None else _label_values(labels, rows)
        old = dict(zip(_rows(self.columns, self.count), _texts(self.labels), strict=True))
        names = tuple(labels)
        start = b"{" if names else b""
        texts = [
            old.get(key) or b"%b " % label_text(names, row).encode()[len(start) :]
            for key, row in zip(keys, values, strict=True)
        ]
        self.columns, self.count = columns, len(rows)
        self.labels = [Labels(part, start) for part in _in_parts(texts)]


def _texts(labels: Iterable[Labels]) -> Iterator[bytes]:
    return (text for part in labels for text in part.texts)


def _in_parts(rows: Sequence[Any]) -> list[Sequence[Any]]:
    """No more than AT_ONCE in each."""
    return [rows[start : start + AT_ONCE] for start in range(0, len(rows), AT_ONCE)]


def _columns(read: Iterable[Callable[[Any], Any]], rows: Sequence[Any]) -> list[list[Any]]:
    return [list(map(each, rows)) for each in read]


def _rows(columns: Sequence[Sequence[Any]], count: int) -> list[tuple[Any, ...]]:
    return list(zip(*columns, strict=True)) if columns else [()] * count


def _label_values(labels: Reads, rows: Sequence[Any]) -> list[LabelValues]:
    return _rows(_columns(labels.values(), rows), len(rows))


class _Added:
    """The labels of one table that adds some to those it shares, and what they were made of."""

    def __init__(self, table: AnyTable) -> None:
        base = table.base or {}
        self._read = table.added
        self._own = {name: read for name, read in table.labels.items() if name not in base}
        self._shared: Sequence[Labels] | None = None
        self._made_of: list[object] = []
        self._labels: Sequence[Labels] = ()

    def to(self, shared: Sequence[Labels], rows: Sequence[Any]) -> Sequence[Labels]:
        """The whole labels of these rows, of which those that are shared are given."""
        if self._read is None:
            return shared
        made_of = list(map(self._read, rows))
        if shared is not self._shared or made_of != self._made_of:
            starts = _in_parts(self._starts(made_of, rows))
            pairs = zip(shared, starts, strict=True)
            self._labels = [Labels(part.texts, start) for part, start in pairs]
            self._shared, self._made_of = shared, made_of
        return self._labels

    def _starts(self, made_of: Sequence[object], rows: Sequence[Any]) -> list[bytes]:
        """One text for all rows that it is alike of: few are different."""
        known: dict[object, bytes] = {}
        for key, row in zip(made_of, rows, strict=True):
            if key not in known:
                (values,) = _label_values(self._own, [row])
                known[key] = b"%b," % label_text(tuple(self._own), values).encode()[:-1]
        return [known[key] for key in made_of]


Values = Sequence[bytes] | Sequence[Sequence[Value]]


class _Block:
    """The values of one family, part by part, and what they were read from."""

    __slots__ = ("made_of", "values")

    def __init__(self) -> None:
        # Compared as this very list, not by its contents: a rendering may have been given up since.
        self.made_of: Sequence[object] | None = None
        self.values: Values = ()

    def read(
        self,
        family: Family[Any],
        parts: Iterable[Sequence[Any]],
        origins: list[object] | None,
    ) -> Values:
        """The family's values, of which `column` made texts unless they are histograms."""
        if origins is not None and origins is self.made_of:
            return self.values
        values: Any = [list(map(family.value, rows)) for rows in parts]
        if family.type != "histogram":
            values = list(map(column, values))
        if origins is not None:
            self.made_of, self.values = origins, values
        found: Values = values
        return found


class _Page:
    """A table, which of the objects are its, its families, and what its rows were made of last time."""

    __slots__ = ("added", "families", "origins", "place", "table")

    def __init__(self, table: AnyTable, place: int, off: frozenset[str]) -> None:
        self.table = table
        self.added = _Added(table)
        self.place = place
        self.families = [(each, _Block()) for each in table.families if each.name not in off]
        self.origins: list[object] | None = None

    def parts(
        self, snapshot: Snapshot, rows: Sequence[Any], labels: Sequence[Labels]
    ) -> tuple[Sequence[Any], Sequence[Labels]]:
        """What the families are read from, and the labels of that."""
        parts: Sequence[Any] = rows
        if self.table.parts is not None:
            parts, none = self.table.parts(snapshot), self.table.no_part
            is_there: Sequence[object] = [part is not none for part in parts]
        elif self.table.chosen is not None:
            is_there = list(self.table.chosen(snapshot, rows))
        else:
            return rows, labels
        if len(parts) == len(rows) and all(is_there):
            return parts, labels
        texts = list(compress(_texts(labels), is_there))
        return list(compress(parts, is_there)), list(map(Labels, _in_parts(texts)))

    def read(self, rows: Sequence[Any]) -> list[object] | None:
        """What the values are made of: the same list while that is the same. None if the table does not say."""
        if self.table.made_of is None:
            return None
        origins = list(map(self.table.made_of, rows))
        if self.origins is None or origins != self.origins:
            self.origins = origins
        return self.origins


class Encoder:
    """Renders snapshots of one cluster set after another; not for two threads at once."""

    def __init__(self, tables: Iterable[AnyTable], disabled: Iterable[str] = ()) -> None:
        off = frozenset(disabled)
        self._pages: list[_Page] = []
        self._objects: list[_Objects] = []  # one for the tables that share their labels
        shared: list[Any] = []
        for table in tables:
            labels = table.base or table.labels
            place = next((i for i, each in enumerate(shared) if each is labels), len(shared))
            if place == len(shared):
                shared.append(labels)
                self._objects.append(_Objects())
            page = _Page(table, place, off)
            if page.families:
                self._pages.append(page)

    def render(
        self,
        snapshot: Snapshot,
        *,
        openmetrics: bool = False,
        names: frozenset[str] | None = None,
    ) -> Iterator[bytes]:
        """The exposition in pieces, as `pieces` gives them, each written."""
        for piece in self.pieces(snapshot, openmetrics=openmetrics, names=names):
            yield bytes(piece)

    def pieces(
        self,
        snapshot: Snapshot,
        *,
        openmetrics: bool = False,
        names: frozenset[str] | None = None,
    ) -> Iterator[Piece]:
        """Give a header and the samples of each family that has any.

        The pieces stay what they are, whatever is rendered later. Those of OpenMetrics lack the closing `# EOF`: others
        may follow.
        """
        updated: dict[int, Sequence[Any]] = {}
        counts: dict[str, int] = {}
        for page in self._pages:
            if page.table.of_text:
                snapshot = _counted(snapshot, counts)
            rows = page.table.rows(snapshot)
            rows = rows if isinstance(rows, list) else list(rows)
            objects = self._objects[page.place]
            if updated.get(page.place) is not rows:
                objects.update(page.table, rows)
                updated[page.place] = rows
            rows, labels = page.parts(snapshot, rows, objects.labels)
            labels = page.added.to(labels, rows)
            origins, parts = page.read(rows), _in_parts(rows)
            for family, block in page.families:
                if names is not None and not family.is_named(names):
                    continue
                values = block.read(family, parts, origins)
                is_first = True
                for piece in map(_samples, repeat(family.name), labels, values):
                    if len(piece):
                        if is_first:
                            yield header(family, openmetrics=openmetrics)
                        is_first = False
                        counts[family.name] = counts.get(family.name, 0) + _lines(piece)
                        yield piece


def _lines(piece: Piece) -> int:
    return piece.lines if isinstance(piece, Samples) else piece.count(b"\n")


def _counted(snapshot: Snapshot, counts: dict[str, int]) -> Snapshot:
    if snapshot.exporter is None:
        return snapshot
    exporter = msgspec.structs.replace(snapshot.exporter, samples=counts)
    return msgspec.structs.replace(snapshot, exporter=exporter)


def _samples(name: str, labels: Labels, values: bytes | Sequence[Value]) -> Piece:
    if isinstance(values, bytes):
        return Samples(name, labels, values)
    return histograms(name, labels, values)
