"""An expression as a tree, and what is in it."""

from __future__ import annotations

import contextlib
import importlib
import re
from collections.abc import Iterator
from typing import Any

from jetstream_exporter.migrate.macros import TOKEN, Hidden, hidden

Node = Any
parser: Any = None  # the extra may not be installed; `command` says so before anything is read
with contextlib.suppress(ImportError):
    parser = importlib.import_module("promql_parser")

# The parser is recursive, and ends the process where it is nested too deep.
MOST_PARTS = 250
LONGEST = 32 * 1024
PART = re.compile(r"[-+*/%^<>=!({\[]|\b(?:and|or|unless|atan2)\b", re.IGNORECASE)


class ExpressionError(Exception):
    """It cannot be read; one sentence."""


def parsed(text: str) -> tuple[Node, Hidden]:
    """The tree, and what it hides. ExpressionError where it is no PromQL in any reading of its variables."""
    if len(text) > LONGEST or _parts(text) > MOST_PARTS:
        raise ExpressionError(
            f"it has more than {LONGEST} characters or more than {MOST_PARTS} operators and brackets"
        )
    first = ""
    for way in _ways(text):
        try:
            return parser.parse(way.text), way
        except ValueError as error:
            first = first or way.put_back(str(error)).strip()
    raise ExpressionError(f"it is not PromQL: {first}")


def _parts(text: str) -> int:
    return len(PART.findall(TOKEN.sub(lambda found: found["variable"] or "", text)))


def _ways(text: str) -> Iterator[Hidden]:
    try:
        yield from hidden(text)
    except ValueError as error:
        raise ExpressionError(str(error)) from None


def children(node: Node) -> tuple[Node, ...]:
    match node:
        case parser.BinaryExpr():
            return (node.lhs, node.rhs)
        case parser.Call():
            return tuple(node.args)
        case parser.MatrixSelector():
            return (node.vector_selector,)
        case parser.AggregateExpr():
            return (node.expr,) if node.param is None else (node.expr, node.param)
        case parser.ParenExpr() | parser.SubqueryExpr() | parser.UnaryExpr():
            return (node.expr,)
    return ()


def selectors(node: Node) -> Iterator[Node]:
    if isinstance(node, parser.VectorSelector):
        yield node
    for child in children(node):
        yield from selectors(child)


def used_labels(node: Node) -> Iterator[str]:
    """The labels that an expression selects by, groups by, matches on or reads."""
    if isinstance(node, parser.VectorSelector):
        yield from (str(each.name) for each in node.matchers.matchers)
    modifier = getattr(node, "modifier", None)
    if isinstance(node, parser.AggregateExpr) and modifier is not None:
        yield from modifier.labels
    if (
        isinstance(node, parser.BinaryExpr)
        and modifier is not None
        and modifier.matching is not None
    ):
        yield from (*modifier.matching.labels, *(modifier.group_labels or ()))
    if isinstance(node, parser.StringLiteral):
        yield str(node.val)
    for child in children(node):
        yield from used_labels(child)


def made_labels(node: Node) -> Iterator[str]:
    """The labels that an expression sets by itself."""
    if isinstance(node, parser.Call) and node.func.name in ("label_replace", "label_join"):
        yield str(getattr(node.args[1], "val", ""))
    if isinstance(node, parser.AggregateExpr) and str(node.op) == "count_values":
        yield str(getattr(node.param, "val", ""))
    for child in children(node):
        yield from made_labels(child)


def bare(node: Node) -> Node:
    """Without parentheses around it."""
    while isinstance(node, parser.ParenExpr):
        node = node.expr
    return node


def picks(node: Node) -> bool:
    """Whether an aggregation leaves series as they are."""
    return str(node.op) in ("topk", "bottomk", "limitk", "limit_ratio")


def is_without(modifier: Node) -> bool:
    """Whether the labels of an aggregation are those that go, and not those that stay."""
    return not str(modifier.type).endswith("By")


def is_on(modifier: Node) -> bool:
    """Whether the labels of a match are those that have to be equal, and not those that need not."""
    return str(modifier.matching.type).endswith("Include")


def cardinality(modifier: Node) -> str:
    """Of a match: `ManyToOne` for group_left, `OneToMany` for group_right, else another word."""
    return str(modifier.card).rpartition(".")[2]


def literal(node: Node) -> float | None:
    """The number that it is."""
    node = bare(node)
    if isinstance(node, parser.UnaryExpr):
        inner = literal(node.expr)
        return None if inner is None else -inner
    return float(node.val) if isinstance(node, parser.NumberLiteral) else None


def name_of(node: Node) -> str:
    """The metric that a selector names; empty where it names none, or several by a pattern."""
    if node.name:
        return str(node.name)
    named = [m for m in node.matchers.matchers if m.name == "__name__"]
    return str(named[0].value) if len(named) == 1 and str(named[0].op).endswith(".Equal") else ""
