"""PromQL out of the parser's nodes.

The parser's own text is not PromQL where a label's value has a quote or a backslash, where a subquery has no step, and
for spans below a second.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from jetstream_exporter.exposition import escape
from jetstream_exporter.migrate.macros import Hidden
from jetstream_exporter.migrate.tree import Node, is_without

LABEL = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*")
OPERATORS = {"Equal": "=", "NotEqual": "!=", "Re": "=~", "NotRe": "!~"}
UNITS = (("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1000), ("ms", 1))
WHOLE = 1e15


def quoted(text: str) -> str:
    return '"' + escape(text).replace("\t", "\\t").replace("\r", "\\r") + '"'


def number(value: float) -> str:
    if not math.isfinite(value):
        return {"nan": "NaN", "inf": "Inf", "-inf": "-Inf"}[str(value)]
    return str(int(value)) if value == int(value) and abs(value) < WHOLE else repr(value)


def span(length: timedelta, hidden: Hidden) -> str:
    """`1h30m`; a variable as it was."""
    variable = hidden.span(abs(length))
    text = variable or _span(round(abs(length) / timedelta(milliseconds=1)))
    return f"-{text}" if length < timedelta(0) else text


def _span(milliseconds: int) -> str:
    parts = []
    for unit, size in UNITS:
        count, milliseconds = divmod(milliseconds, size)
        if count:
            parts.append(f"{count}{unit}")
    return "".join(parts) or "0s"


def matcher(name: str, operator: str, value: str) -> str:
    return f"{label(name)}{operator}{quoted(value)}"


def label(name: str) -> str:
    return name if LABEL.fullmatch(name) else quoted(name)


def labels(names: Iterable[str]) -> str:
    return f"({', '.join(label(name) for name in names)})"


def operator_of(node: Node) -> str:
    """`=~` of the parser's MatchOp.Re."""
    return OPERATORS[str(node.op).rpartition(".")[2]]


def selector(name: str, matchers: Sequence[str]) -> str:
    return f"{name}{{{', '.join(matchers)}}}" if matchers or not name else name


def modifiers(node: Node, hidden: Hidden) -> str:
    """` @ end() offset 5m` of a selector or a subquery."""
    text = ""
    if node.at is not None:
        kind = str(node.at.type).rpartition(".")[2]
        text += f" @ {_moment(node.at.at) if kind == 'At' else f'{kind.lower()}()'}"
    if node.offset:
        text += f" offset {span(node.offset, hidden)}"
    return text


def _moment(at: datetime) -> str:
    return number(at.timestamp())


def grouping(node: Node, names: Sequence[str] | None) -> str:
    """` by (a, b)` of an aggregation, with the labels given in place of its own."""
    if node.modifier is None or names is None:
        return ""
    word = "without" if is_without(node.modifier) else "by"
    return f" {word} {labels(names)}"
