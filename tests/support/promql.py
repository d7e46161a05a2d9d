"""What is in a PromQL expression: its selectors, comparisons, durations and numbers."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from typing import Any

import promql_parser as parser

Node = Any
COMPARISONS = {"==", "!=", ">", "<", ">=", "<="}


@dataclass(frozen=True, slots=True)
class Selector:
    """One metric in an expression, with all that encloses it, the outermost first."""

    node: Node
    above: tuple[Node, ...]

    @property
    def metric(self) -> str:
        return self.node.name or ""

    @property
    def matchers(self) -> tuple[str, ...]:
        return tuple(m.name for m in self.node.matchers.matchers)

    @property
    def functions(self) -> tuple[str, ...]:
        return tuple(node.func.name for node in self.above if isinstance(node, parser.Call))

    @property
    def aggregations(self) -> tuple[Node, ...]:
        return tuple(node for node in self.above if isinstance(node, parser.AggregateExpr))


@cache
def parse(text: str) -> Node:
    return parser.parse(text)


def children(node: Node) -> tuple[Node, ...]:
    match node:
        case parser.BinaryExpr():
            return (node.lhs, node.rhs)
        case parser.Call():
            return tuple(node.args)
        case parser.MatrixSelector():
            return (node.vector_selector,)
        case parser.AggregateExpr() | parser.ParenExpr() | parser.SubqueryExpr():
            return (node.expr,)
        case parser.UnaryExpr():
            return (node.expr,)
    return ()


def walk(node: Node, above: tuple[Node, ...] = ()) -> Iterator[tuple[Node, tuple[Node, ...]]]:
    yield node, above
    for child in children(node):
        yield from walk(child, (*above, node))


def nodes(text: str, kind: type) -> list[Node]:
    return [node for node, _ in walk(parse(text)) if isinstance(node, kind)]


def selectors(text: str) -> list[Selector]:
    return [
        Selector(node, above)
        for node, above in walk(parse(text))
        if isinstance(node, parser.VectorSelector)
    ]


def binaries(text: str, *operators: str) -> list[Node]:
    return [node for node in nodes(text, parser.BinaryExpr) if str(node.op) in operators]


def compares(text: str) -> bool:
    return bool(binaries(text, *COMPARISONS))


def bare(node: Node) -> Node:
    return bare(node.expr) if isinstance(node, parser.ParenExpr) else node


def value(node: Node) -> float | None:
    """The number that a part of an expression stands for, where it stands for one: 24 * 3600 is 86400."""
    node = bare(node)
    if isinstance(node, parser.NumberLiteral):
        return float(node.val)
    if isinstance(node, parser.BinaryExpr) and str(node.op) == "*":
        left, right = value(node.lhs), value(node.rhs)
        return None if left is None or right is None else left * right
    return None


def numbers(text: str) -> set[float]:
    found = (value(node) for node, _ in walk(parse(text)))
    return {number for number in found if number is not None}


def seconds(text: str) -> set[float]:
    """Every range and offset, in seconds."""
    spans = [node.range for node in nodes(text, parser.MatrixSelector)]
    spans += [node.range for node in nodes(text, parser.SubqueryExpr)]
    spans += [node.offset for node in nodes(text, parser.VectorSelector) if node.offset]
    return {span.total_seconds() for span in spans if isinstance(span, timedelta)}


def matchings(text: str) -> Iterator[tuple[str, ...]]:
    """The labels of each `on (…)`."""
    for node in nodes(text, parser.BinaryExpr):
        if node.modifier and node.modifier.matching:
            yield tuple(node.modifier.matching.labels)
