"""The text formats, 0.0.4 and OpenMetrics 1.0: headers, labels, numbers and samples."""

import math
from collections.abc import Iterable, Iterator, Sequence
from itertools import compress as compress_by
from types import NoneType
from typing import Any

import msgspec
from isal import isal_zlib

from jetstream_exporter.metrics.families import Family, Value
from jetstream_exporter.report import Histogram

TEXT = "text/plain; version=0.0.4; charset=utf-8"
OPENMETRICS = "application/openmetrics-text; version=1.0.0; charset=utf-8"
END = b"# EOF\n"
GZIP_FORMAT = 31  # zlib's number for the largest window in a gzip envelope

LONGEST = 30  # characters of a number of 64 bits, or of a float without exponent


def samples(
    name: str, labels: list[str], values: list[Value], encoded: bytes | None = None
) -> bytes:
    texts = encoded.decode().split(",") if encoded else None
    if texts is None or max(map(len, texts)) > LONGEST:
        texts = [number(value) or "null" for value in values]  # type: ignore[arg-type]  # no histogram
    if "null" in texts:
        is_there = [text != "null" for text in texts]
        labels, texts = list(compress_by(labels, is_there)), list(compress_by(texts, is_there))
    pieces = [name, "", " ", "", "\n"] * len(texts)
    pieces[1::5] = labels
    pieces[3::5] = texts
    return "".join(pieces).encode()


def histograms(name: str, labels: list[str], values: list[Value]) -> bytes:
    lines = []
    for label, value in zip(labels, values, strict=True):
        if not isinstance(value, Histogram):
            continue
        count, total = number(sum(value.counts)), number(value.sum)
        if count is None or total is None:
            continue
        head, below = f"{name}_bucket{label[:-1]},le=", 0
        for bound, here in zip((*value.bounds, math.inf), value.counts, strict=True):
            below += here
            lines.append(f'{head}"{number(bound)}"}} {below}\n')
        lines.append(f"{name}_sum{label} {total}\n{name}_count{label} {count}\n")
    return "".join(lines).encode()


def encoded_values(values: list[Value]) -> bytes | None:
    """The values as text with commas between them, "null" for None; None where `number` has to write them.

    msgspec writes the digits that Python does, many times faster. Only what it writes differently is left to `number`:
    exponents, the smallest fractions, infinity and NaN.
    """
    if not set(map(type, values)) <= {int, float, NoneType}:
        return None
    try:
        text = msgspec.json.encode(values)[1:-1]
    except (OverflowError, ValueError):
        return None
    if b"e" in text or b"0.0000" in text or text.count(b"null") != values.count(None):
        return None
    return text


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


def label_text(names: Sequence[str], values: Sequence[str]) -> str:
    """`{name="value",…}` with the formats' three escapes; empty without labels."""
    if not names:
        return ""
    pairs = (f'{name}="{escape(value)}"' for name, value in zip(names, values, strict=True))
    text = "{" + ",".join(pairs) + "}"
    # A half of a surrogate pair is no character, and cannot be encoded.
    return text if text.isascii() else text.encode("utf-8", "replace").decode()


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
