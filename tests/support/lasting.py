"""For how long what an expression selects has lasted before it has a result."""

from collections.abc import Iterable, Set
from itertools import product
from typing import Any

import promql_parser as parser
from tests.support import promql
from tests.support.rules import RECORDS

RECORDED = {record.record: record.expr for record in RECORDS}
TOOK_ALL_ALONG = {"min_over_time"}
STOOD_STILL = {"max_over_time", "changes"}  # compared with 0


def lasting(node: Any, known: frozenset[str] = frozenset()) -> Set[float]:
    """The seconds for which one branch or the other of an expression had to hold before it has a result."""
    node = promql.bare(node)
    if isinstance(node, parser.BinaryExpr):
        return of_two(node, known)
    if isinstance(node, parser.Call) and node.func.name in TOOK_ALL_ALONG:
        return {longest(node)}
    if isinstance(node, parser.VectorSelector) and node.name in RECORDED and node.name not in known:
        return lasting(promql.parse(RECORDED[node.name]), known | {node.name})
    return together(lasting(child, known) for child in promql.children(node))


def of_two(node: Any, known: frozenset[str]) -> Set[float]:
    left = lasting(node.lhs, known)
    match str(node.op):
        case "unless":
            return left
        case "or":
            return left | lasting(node.rhs, known)
        case "==" if promql.value(node.rhs) == 0:
            still = [
                longest(call)
                for call, _ in promql.walk(node.lhs)
                if isinstance(call, parser.Call) and call.func.name in STOOD_STILL
            ]
            return {max(still)} if still else left
    return together([left, lasting(node.rhs, known)])


def together(parts: Iterable[Set[float]]) -> Set[float]:
    """What has to hold at once lasts as long as the longest."""
    return {max(each, default=0.0) for each in product(*parts)}


def longest(call: Any) -> float:
    (span,) = (a.range.total_seconds() for a in call.args if isinstance(a, parser.MatrixSelector))
    return float(span)
