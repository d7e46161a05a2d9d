"""The text formats, 0.0.4 and OpenMetrics 1.0, from tables and rows in one pass.

This is the hot path: twenty families of twenty thousand consumers are half a million lines. The text of an object's
labels is made once and kept while the object is there; the text of a whole family is kept while its values stay as
they are. The tests check the output with prometheus_client's parser.
"""

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from isal import isal_zlib

from jetstream_exporter.metrics.families import AnyTable, Family, Value
from jetstream_exporter.snapshot import Snapshot
from jetstream_exporter.snapshot.rows import Histogram

TEXT = "text/plain; version=0.0.4; charset=utf-8"
OPENMETRICS = "application/openmetrics-text; version=1.0.0; charset=utf-8"
END = b"# EOF\n"
GZIP_FORMAT = 31  # zlib's number for the largest window in a gzip envelope

LabelValues = tuple[str, ...]


class _Labels:
    """The label texts of one table's rows, in the rows' order."""

    def __init__(self) -> None:
        self.values: list[LabelValues] = []
        self.texts: list[str] = []

    def update(self, table: AnyTable, rows: Sequence[Any]) -> None:
        """Take the rows of a new scrape. `texts` stays the same list while the objects are the same."""
        values = list(zip(*(map(read, rows) for read in table.labels.values()), strict=True))
        if not table.labels:
            values = [()] * len(rows)
        if values == self.values:
            return
        old = dict(zip(self.values, self.texts, strict=True))
        names = tuple(table.labels)
        self.texts = [old.get(key) or label_text(names, key) for key in values]
        self.values = values


class _Block:
    """The text of one family, without its header, and what it was made of."""

    __slots__ = ("labels", "text", "values")

    def __init__(self) -> None:
        # Compared as this very list, not by its contents: a rendering may have been given up since.
        self.labels: list[str] | None = None
        self.values: list[Value] | None = None
        self.text = b""


class Encoder:
    """Renders snapshots of one cluster set after another; not for two threads at once."""

    def __init__(self, tables: Iterable[AnyTable], disabled: Iterable[str] = ()) -> None:
        off = frozenset(disabled)
        self._tables = [
            (table, [(family, _Block()) for family in table.families if family.name not in off])
            for table in tables
        ]
        self._labels: dict[int, _Labels] = {}

    def render(self, snapshot: Snapshot, *, openmetrics: bool = False) -> Iterator[bytes]:
        """Give the exposition in pieces, a header and a text for each family that has samples.

        The pieces of OpenMetrics lack the closing `# EOF`: others may follow.
        """
        updated: set[tuple[int, int]] = set()
        for table, families in self._tables:
            rows = table.rows(snapshot)
            rows = rows if isinstance(rows, list) else list(rows)
            labels = self._labels.setdefault(id(table.labels), _Labels())
            place = (id(table.labels), id(rows))
            if place not in updated:
                labels.update(table, rows)
                updated.add(place)
            for family, block in families:
                _fill(block, family, rows, labels.texts)
                if block.text:
                    yield header(family, openmetrics=openmetrics)
                    yield block.text


def _fill(block: _Block, family: Family[Any], rows: Sequence[Any], labels: list[str]) -> None:
    values: list[Value] = list(map(family.value, rows))
    if labels is block.labels and values == block.values:
        return
    block.text = b""  # the old text goes before the new one is made
    block.labels, block.values = labels, values
    write = _histograms if family.type == "histogram" else _samples
    block.text = write(family.name, labels, values)


def _samples(name: str, labels: list[str], values: list[Value]) -> bytes:
    kinds = set(map(type, values))
    if kinds <= {int}:
        lines = [f"{name}{label} {value}\n" for label, value in zip(labels, values, strict=True)]
    else:
        write = _writer(kinds, values)
        lines = [
            f"{name}{label} {write(value)}\n"
            for label, value in zip(labels, values, strict=True)
            if value is not None
        ]
    return "".join(lines).encode()


def _histograms(name: str, labels: list[str], values: list[Value]) -> bytes:
    lines = []
    for label, value in zip(labels, values, strict=True):
        if not isinstance(value, Histogram):
            continue
        head, below = f"{name}_bucket{label[:-1]},le=", 0
        for bound, count in zip((*value.bounds, math.inf), value.counts, strict=True):
            below += count
            lines.append(f'{head}"{number(bound)}"}} {below}\n')
        lines.append(f"{name}_sum{label} {number(value.sum)}\n{name}_count{label} {below}\n")
    return "".join(lines).encode()


def _writer(kinds: set[type], values: Iterable[Any]) -> Callable[[Any], str]:
    """The cheapest function that writes all of these values correctly."""
    if bool in kinds:
        return number if float in kinds else _integer
    if float in kinds and not math.isfinite(sum(value for value in values if value is not None)):
        return number
    return repr


def _integer(value: int) -> str:
    return str(int(value))


def number(value: float) -> str:
    """A value as both formats write it. Python says inf and nan where they say +Inf and NaN."""
    if isinstance(value, bool):
        return str(int(value))
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "+Inf" if value > 0 else "-Inf"
    return repr(value)


def header(family: Family[Any], *, openmetrics: bool) -> bytes:
    """The lines that name a family; OpenMetrics calls a counter's family by its name without `_total`."""
    name = family.name
    if openmetrics and family.type == "counter":
        name = name.removesuffix("_total")
    help_text = family.help.replace("\\", "\\\\").replace("\n", "\\n")
    if openmetrics:
        help_text = help_text.replace('"', '\\"')
    return f"# HELP {name} {help_text}\n# TYPE {name} {family.type}\n".encode()


def label_text(names: Sequence[str], values: Sequence[str]) -> str:
    """`{name="value",…}` with the formats' three escapes; empty without labels."""
    if not names:
        return ""
    pairs = (f'{name}="{escape(value)}"' for name, value in zip(names, values, strict=True))
    return "{" + ",".join(pairs) + "}"


def escape(value: str) -> str:
    return value.replace("\\", "\\\\").replace("\n", "\\n").replace('"', '\\"')


def compress(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """gzip, at the level where a scrape's text costs least."""
    compressor = isal_zlib.compressobj(level=1, wbits=GZIP_FORMAT)
    for piece in pieces:
        squeezed = compressor.compress(piece)
        if squeezed:
            yield squeezed
    yield compressor.flush()
