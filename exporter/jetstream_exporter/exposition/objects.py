"""The label texts of a table's rows, kept from scrape to scrape. They are made anew where the rows are others."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import chain, compress, repeat
from typing import Any

from jetstream_exporter.exposition.labels import Labels, label_text
from jetstream_exporter.metrics.families import AnyTable

LabelValues = tuple[str, ...]
# A tuple for each row would be as large as its text, and be made anew in each scrape.
Columns = list[list[Any]]
Reads = Mapping[str, Callable[[Any], str]]  # labels, and what reads each from a row
NOTHING = Labels(()), None, Labels(())
AT_ONCE = 1000  # rows; longer texts are memory that the system has to make anew each time


class Objects:
    """The label texts of one table's rows, in the rows' order, and what they were made of."""

    def __init__(self) -> None:
        self.columns: Columns = []
        self.count = 0
        self.labels: Sequence[Labels] = ()

    def update(self, table: AnyTable, rows: Sequence[Any]) -> None:
        """Take the rows of a new scrape."""
        labels = table.base or table.labels
        columns = columns_of(table.named_by or labels.values(), rows)
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
        self.labels = [Labels(part, start) for part in in_parts(texts)]


class Some:
    """The labels of some of a table's rows, which are most often those of the last scrape, in parts of their own."""

    def __init__(self) -> None:
        self._all: Sequence[Labels] = ()
        self._is_there = b""
        self._labels: Sequence[Labels] = ()

    def of(self, labels: Sequence[Labels], is_there: bytes) -> Sequence[Labels]:
        """Those of the rows that are there: a byte for each row."""
        if labels is not self._all or is_there != self._is_there:
            texts = list(compress(_texts(labels), is_there))
            self._labels = [Labels(part, labels[0].starts) for part in in_parts(texts)]
            self._all, self._is_there = labels, is_there
        return self._labels


class Chosen:
    """The same of the rows that have a value of one family, whose parts are not cut anew."""

    def __init__(self) -> None:
        self._last: Sequence[tuple[Labels, bytes | None, Labels]] = ()

    def of(self, labels: Sequence[Labels], are_there: Iterable[bytes | None]) -> Iterable[Labels]:
        """Of each part those of the rows that are there."""
        before = chain(self._last, repeat(NOTHING))
        self._last = [
            last if last[:2] == (part, is_there) else (part, is_there, part.chosen(is_there))
            for part, is_there, last in zip(labels, are_there, before, strict=False)
        ]
        return [chosen for _, _, chosen in self._last]


class Added:
    """The labels of one table that adds some to those it shares, and what they were made of."""

    def __init__(self, table: AnyTable) -> None:
        base = table.base or {}
        assert (table.base is None) == (table.added is None), table.name
        self._read = table.added
        self._own = {name: read for name, read in table.labels.items() if name not in base}
        self._shared: Sequence[Labels] | None = None
        self.made_of: Columns | None = None  # the same list while it is the same
        self._labels: Sequence[Labels] = ()

    def to(self, shared: Sequence[Labels], rows: Sequence[Any]) -> Sequence[Labels]:
        """The whole labels of these rows, of which those that are shared are given."""
        if self._read is None:
            return shared
        made_of = columns_of([self._read], rows)
        if shared is not self._shared or made_of != self.made_of:
            starts = in_parts(self._starts(made_of[0], rows))
            pairs = zip(shared, starts, strict=True)
            self._labels = [Labels(part.texts, start) for part, start in pairs]
            self._shared, self.made_of = shared, made_of
        return self._labels

    def _starts(self, made_of: Sequence[object], rows: Sequence[Any]) -> list[bytes]:
        """One text for all rows that it is alike of: few are different."""
        known: dict[object, bytes] = {}
        for key, row in zip(made_of, rows, strict=True):
            if key not in known:
                (values,) = _label_values(self._own, [row])
                known[key] = b"%b," % label_text(tuple(self._own), values).encode()[:-1]
        return [known[key] for key in made_of]


def _texts(labels: Iterable[Labels]) -> Iterator[bytes]:
    return (text for part in labels for text in part.texts)


def in_parts(rows: Sequence[Any]) -> list[Sequence[Any]]:
    """No more than AT_ONCE in each."""
    return [rows[start : start + AT_ONCE] for start in range(0, len(rows), AT_ONCE)]


def columns_of(read: Iterable[Callable[[Any], Any]], rows: Sequence[Any]) -> Columns:
    return [list(map(each, rows)) for each in read]


def _rows(columns: Sequence[Sequence[Any]], count: int) -> list[tuple[Any, ...]]:
    return list(zip(*columns, strict=True)) if columns else [()] * count


def _label_values(labels: Reads, rows: Sequence[Any]) -> list[LabelValues]:
    return _rows(columns_of(labels.values(), rows), len(rows))
