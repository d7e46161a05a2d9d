"""The exposition from tables and rows, in one pass.

This is the hot path: twenty families of twenty thousand consumers are half a million lines. The text of an object's
labels is made once and kept while the object is there, and so are values of which the table says that they stay as they
are. The lines are not kept, since they can be written as fast as they are sent. The tests check the output with
prometheus_client's parser.
"""

from collections.abc import Iterable, Iterator, Sequence
from itertools import compress, repeat
from operator import is_not
from typing import Any

import msgspec

from jetstream_exporter.exposition.labels import Labels
from jetstream_exporter.exposition.objects import (
    Added,
    Chosen,
    Columns,
    Objects,
    Some,
    columns_of,
    in_parts,
)
from jetstream_exporter.exposition.text import Column, Samples, column, header, histograms
from jetstream_exporter.metrics.families import AnyTable, Family, Value
from jetstream_exporter.snapshot import Snapshot

Piece = bytes | Samples
Values = Sequence[Column] | Sequence[Sequence[Value]]


class _Block:
    """The values of one family, part by part, and what they were read from."""

    __slots__ = ("chosen", "made_of", "values")

    def __init__(self) -> None:
        # Compared as this very list, not by its contents: a rendering may have been given up since.
        self.made_of: Columns | None = None
        self.values: Values = ()
        self.chosen = Chosen()

    def read(
        self,
        family: Family[Any],
        parts: Iterable[Sequence[Any]],
        origins: Columns | None,
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

    def pieces(
        self, family: Family[Any], labels: Sequence[Labels], values: Sequence[Any]
    ) -> Iterable[Piece]:
        """What `read` gave with its labels, part by part."""
        if family.type == "histogram":
            return map(histograms, repeat(family.name), labels, values)
        texts, are_there = zip(*values, strict=True) if values else ((), ())
        return map(Samples, repeat(family.name), self.chosen.of(labels, are_there), texts)


class _Page:
    """A table, which of the objects are its, its families, and what its rows were made of last time."""

    __slots__ = ("added", "families", "origins", "place", "some", "table")

    def __init__(self, table: AnyTable, place: int, off: frozenset[str]) -> None:
        self.table = table
        self.added, self.some = Added(table), Some()
        self.place = place
        self.families = [(each, _Block()) for each in table.families if each.name not in off]
        self.origins: Columns | None = None

    def parts(
        self, snapshot: Snapshot, rows: Sequence[Any], labels: Sequence[Labels]
    ) -> tuple[Sequence[Any], Sequence[Labels]]:
        """What the families are read from, and the labels of that."""
        parts: Sequence[Any] = rows
        if self.table.parts is not None:
            parts, none = self.table.parts(snapshot), self.table.no_part
            is_there = bytes(map(is_not, parts, repeat(none)))
        elif self.table.chosen is not None:
            is_there = bytes(map(bool, self.table.chosen(snapshot, rows)))
        else:
            return rows, labels
        if len(parts) == len(rows) and 0 not in is_there:
            return parts, labels
        return list(compress(parts, is_there)), self.some.of(labels, is_there)

    def read(self, rows: Sequence[Any]) -> Columns | None:
        """What the values are made of: the same list while that is the same. None if the table does not say."""
        if self.table.made_of is None:
            return self.added.made_of
        origins = columns_of(self.table.made_of, rows)
        if self.origins is None or origins != self.origins:
            self.origins = origins
        return self.origins


class Encoder:
    """Renders snapshots of one cluster set after another; not for two threads at once."""

    def __init__(self, tables: Iterable[AnyTable], disabled: Iterable[str] = ()) -> None:
        off = frozenset(disabled)
        self._pages: list[_Page] = []
        self._objects: list[Objects] = []  # one for the tables that share their labels
        shared: list[Any] = []
        for table in tables:
            labels = table.base or table.labels
            place = next((i for i, each in enumerate(shared) if each is labels), len(shared))
            if place == len(shared):
                shared.append(labels)
                self._objects.append(Objects())
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
            origins, parts = page.read(rows), in_parts(rows)
            for family, block in page.families:
                if names is not None and not family.is_named(names):
                    continue
                values = block.read(family, parts, origins)
                is_first = True
                for piece in block.pieces(family, labels, values):
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
