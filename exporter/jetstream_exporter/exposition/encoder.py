"""The exposition from tables and rows, in one pass.

This is the hot path: twenty families of twenty thousand consumers are half a million lines. The text of an object's
labels is made once and kept while the object is there; the text of a whole family is kept while its values stay as
they are. The tests check the output with prometheus_client's parser.
"""

from collections.abc import Iterable, Iterator, Sequence
from itertools import compress
from typing import Any

from jetstream_exporter.exposition.text import (
    encoded_values,
    header,
    histograms,
    label_text,
    samples,
)
from jetstream_exporter.metrics.families import AnyTable, Family, Value
from jetstream_exporter.snapshot import Snapshot

LabelValues = tuple[str, ...]


class _Labels:
    """The label texts of one table's rows, in the rows' order, and what they were made of."""

    def __init__(self) -> None:
        self.keys: list[Any] = []
        self.texts: list[str] = []

    def update(self, table: AnyTable, rows: Sequence[Any]) -> None:
        """Take the rows of a new scrape. `texts` stays the same list while the objects are the same."""
        if table.named_by is None:
            keys: list[Any] = _label_values(table, rows)
        else:
            keys = list(map(table.named_by, rows))
        if keys == self.keys:
            return
        values = keys if table.named_by is None else _label_values(table, rows)
        old = dict(zip(self.keys, self.texts, strict=True))
        names = tuple(table.labels)
        self.texts = [
            old.get(key) or label_text(names, row) for key, row in zip(keys, values, strict=True)
        ]
        self.keys = keys


def _label_values(table: AnyTable, rows: Sequence[Any]) -> list[LabelValues]:
    if not table.labels:
        return [()] * len(rows)
    return list(zip(*(map(read, rows) for read in table.labels.values()), strict=True))


class _Block:
    """The text of one family, without its header, and what it was made of."""

    __slots__ = ("labels", "made_of", "text")

    def __init__(self) -> None:
        # Compared as this very list, not by its contents: a rendering may have been given up since.
        self.labels: list[str] | None = None
        self.made_of: Sequence[object] | None = None
        self.text = b""


class _Page:
    """A table, which of the label texts are its, its families, and what its rows were made of last time."""

    __slots__ = ("families", "labels", "origins", "place", "table")

    def __init__(self, table: AnyTable, place: int, off: frozenset[str]) -> None:
        self.table = table
        self.place = place
        self.families = [(each, _Block()) for each in table.families if each.name not in off]
        self.origins: list[object] | None = None
        self.labels: list[str] = []  # of the rows that have the table's part

    def parts(
        self, snapshot: Snapshot, rows: Sequence[Any], labels: list[str]
    ) -> tuple[Sequence[Any], list[str]]:
        """What the families are read from, and the labels of that: the same list while the objects are the same."""
        if self.table.parts is None:
            return rows, labels
        parts, none = self.table.parts(snapshot), self.table.no_part
        is_there = [part is not none for part in parts]
        labels = list(compress(labels, is_there))
        if labels != self.labels:
            self.labels = labels
        return list(compress(parts, is_there)), self.labels

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
        self._labels: list[_Labels] = []  # one for the tables that share their labels
        shared: list[Any] = []
        for table in tables:
            place = next((i for i, each in enumerate(shared) if each is table.labels), len(shared))
            if place == len(shared):
                shared.append(table.labels)
                self._labels.append(_Labels())
            self._pages.append(_Page(table, place, off))

    def render(
        self,
        snapshot: Snapshot,
        *,
        openmetrics: bool = False,
        names: frozenset[str] | None = None,
    ) -> Iterator[bytes]:
        """Give the exposition in pieces, a header and a text for each family that has samples.

        The pieces of OpenMetrics lack the closing `# EOF`: others may follow.
        """
        updated: dict[int, Sequence[Any]] = {}
        for page in self._pages:
            if not page.families:
                continue
            rows = page.table.rows(snapshot)
            rows = rows if isinstance(rows, list) else list(rows)
            labels = self._labels[page.place]
            if updated.get(page.place) is not rows:
                labels.update(page.table, rows)
                updated[page.place] = rows
            rows, texts = page.parts(snapshot, rows, labels.texts)
            origins = page.read(rows)
            for family, block in page.families:
                if names is not None and not family.is_named(names):
                    continue
                _fill(block, family, rows, texts, origins)
                if block.text:
                    yield header(family, openmetrics=openmetrics)
                    yield block.text


def _fill(
    block: _Block,
    family: Family[Any],
    rows: Sequence[Any],
    labels: list[str],
    origins: list[object] | None,
) -> None:
    if origins is not None and labels is block.labels and origins is block.made_of:
        return
    values: list[Value] = list(map(family.value, rows))
    encoded = encoded_values(values)
    made_of = origins if origins is not None else values if encoded is None else encoded
    if origins is None and labels is block.labels and made_of == block.made_of:
        return
    # The old text goes before the new one is made, and nothing is kept for true if that fails.
    block.text, block.labels, block.made_of = b"", None, None
    if family.type == "histogram":
        block.text = histograms(family.name, labels, values)
    else:
        block.text = samples(family.name, labels, values, encoded)
    block.labels, block.made_of = labels, made_of
