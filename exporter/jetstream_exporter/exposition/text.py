"""The text formats, 0.0.4 and OpenMetrics 1.0: headers, numbers and samples."""

import math
from array import array
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple, cast

import msgspec
from isal import isal_zlib

from jetstream_exporter.exposition.labels import Labels
from jetstream_exporter.metrics.families import Family, Value
from jetstream_exporter.report import Histogram

TEXT = "text/plain; version=0.0.4; charset=utf-8"
OPENMETRICS = "application/openmetrics-text; version=1.0.0; charset=utf-8"
END = b"# EOF\n"
GZIP_FORMAT = 31  # zlib's number for the largest window in a gzip envelope


class Column(NamedTuple):
    """The values of a family as text with commas between them, of the rows that have one: a byte for each row.

    `is_there` is None where all rows have one.
    """

    text: bytes
    is_there: bytes | None


class Samples:
    """The lines of one family. They are written when they are wanted, by `bytes`; `len` is how long that is.

    Nobody changes what they are made of, which takes a tenth of the memory.
    """

    __slots__ = ("_column", "_labels", "_name")

    def __init__(self, name: str, labels: Labels, values: bytes) -> None:
        """`values` are the text of a `Column`, and the labels those of its rows that have one."""
        self._name, self._labels, self._column = name.encode(), labels, values

    def __len__(self) -> int:
        rows = len(self._labels.texts)
        commas = max(0, rows - 1)
        return (len(self._name) + 1) * rows + self._labels.size + len(self._column) - commas

    @property
    def lines(self) -> int:
        return len(self._labels.texts)

    def __bytes__(self) -> bytes:
        labels, starts = self._labels.texts, self._labels.starts
        if not labels:
            return b""
        if not isinstance(starts, bytes):
            return self._with_starts(starts)
        name = self._name + starts
        value = self._column.partition(b",")[0]
        if _is_all(self._column, value, len(labels)):
            between = value + b"\n" + name
            return b"%b%b%b\n" % (name, between.join(labels), value)
        pieces = [b"", b"", b"\n" + name] * len(labels)
        pieces[0::3], pieces[1::3] = labels, self._column.split(b",")
        pieces[-1] = b"\n"
        return name + b"".join(pieces)

    def _with_starts(self, starts: Sequence[bytes]) -> bytes:
        labels = self._labels.texts
        pieces = [b"\n" + self._name, b"", b"", b""] * len(labels)
        pieces[1::4], pieces[2::4], pieces[3::4] = starts, labels, self._column.split(b",")
        pieces[0] = self._name
        return b"".join(pieces) + b"\n"


def _is_all(values: bytes, value: bytes, rows: int) -> bool:
    """Whether it is the value of every row."""
    return len(values) == rows * (len(value) + 1) - 1 and values == b",".join([value] * rows)


def histograms(name: str, labels: Labels, values: Sequence[Value]) -> bytes:
    lines = []
    for start, label, value in zip(labels.each_start(), labels.texts, values, strict=True):
        if not isinstance(value, Histogram):
            continue
        count, total = number(sum(value.counts)), number(value.sum)
        if count is None or total is None:
            continue
        text = (start + label).decode()
        head, below = f"{name}_bucket{text[:-2]},le=", 0
        for bound, here in zip((*value.bounds, math.inf), value.counts, strict=True):
            below += here
            lines.append(f'{head}"{number(bound)}"}} {below}\n')
        lines.append(f"{name}_sum{text}{total}\n{name}_count{text}{count}\n")
    return "".join(lines).encode()


def column(values: Sequence[float | None]) -> Column:
    """The values of the rows that have one.

    msgspec writes the digits that Python does, many times faster. Only what it writes differently is left to `number`:
    exponents, the smallest fractions, infinity and NaN.
    """
    there, is_there = values, None
    if not _are_numbers(values):
        there = [value for value in values if value is not None]
        if not there:
            return Column(b"", bytes(len(values)))
        if len(there) < len(values):
            is_there = bytes([value is not None for value in values])
        if not _are_numbers(there):
            return _one_by_one(values)
    text = msgspec.json.encode(there)[1:-1]
    if b"e" in text:
        text = text.replace(b"true", b"1").replace(b"false", b"0")
    return Column(text, is_there) if _is_exact(text) else _one_by_one(values)


def _is_exact(text: bytes) -> bool:
    """Whether Python would write these numbers alike. One byte is found many times faster than several."""
    if b"e" in text or b"n" in text:  # an exponent, and the null that stands for infinity and NaN
        return False
    return not (b"." in text and b"0.0000" in text)


def _are_numbers(values: Sequence[float | None]) -> bool:
    """Whether all are numbers that a float can hold."""
    for kind in "qd":
        try:
            array(kind, cast("list[float]", values))  # the fastest test of all of them
        except (TypeError, OverflowError):
            continue
        return True
    return False


def _one_by_one(values: Sequence[float | None]) -> Column:
    texts = list(map(number, values))
    text = ",".join(text for text in texts if text is not None)
    is_there = bytes([text is not None for text in texts]) if None in texts else None
    return Column(text.encode(), is_there)


def number(value: float | None) -> str | None:
    """A value as both formats write it; None if there is none, or if Prometheus would refuse it.

    Python says inf and nan where they say +Inf and NaN. Prometheus refuses the whole text for one number that is larger
    than a float can be (`strconv.ParseFloat`: value out of range).
    """
    if value is None:
        return None
    if isinstance(value, bool):
        return str(int(value))
    try:
        as_float = float(value)
    except OverflowError:
        return None
    if math.isnan(as_float):
        return "NaN"
    if math.isinf(as_float):
        return "+Inf" if as_float > 0 else "-Inf"
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


def compress(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """gzip, at the level where a scrape's text costs least."""
    compressor = isal_zlib.compressobj(level=1, wbits=GZIP_FORMAT)
    for piece in pieces:
        squeezed = compressor.compress(piece)
        if squeezed:
            yield squeezed
    yield compressor.flush()
