"""Comparisons with a number, which theirs answered for objects of which ours has no series."""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING

from jetstream_exporter.migrate import labels, printer
from jetstream_exporter.migrate.names import OldName
from jetstream_exporter.migrate.selecting import UnresolvedError
from jetstream_exporter.migrate.tree import Node, bare, children, literal, parser

if TYPE_CHECKING:
    from jetstream_exporter.migrate.writer import Writer

COMPARISONS: Mapping[str, Callable[[float, float], bool]] = {
    "==": operator.eq,
    "!=": operator.ne,
    ">": operator.gt,
    "<": operator.lt,
    ">=": operator.ge,
    "<=": operator.le,
}
TURNED = {">": "<", "<": ">", ">=": "<=", "<=": ">="}
# What these make of a series that never changes is 0.
OF_CHANGE = frozenset(
    {"rate", "irate", "increase", "delta", "idelta", "deriv", "changes", "resets"}
)
FIRST_ONLY = frozenset({"and", "unless"})


def check(writer: Writer, node: Node) -> None:
    """UnresolvedError where theirs was true for what has no series now. Notes what grows for ever."""
    compared = _compared(node)
    if compared is None:
        return
    side, operation, number = compared
    inner = bare(side)
    if isinstance(inner, parser.VectorSelector):
        _note_counter(writer, inner)
    for old, value in _missing(writer, side):
        if COMPARISONS[operation](value, number):
            raise UnresolvedError(_sentence(old, f"{operation} {printer.number(number)}"))


def _compared(node: Node) -> tuple[Node, str, float] | None:
    """The side that is compared, the operator as it is read from there, and the number."""
    operation = str(node.op)
    if operation not in COMPARISONS:
        return None
    number = literal(node.rhs)
    if number is not None:
        return node.lhs, operation, number
    number = literal(node.lhs)
    return None if number is None else (node.rhs, TURNED.get(operation, operation), number)


def _missing(writer: Writer, node: Node) -> Iterator[tuple[OldName, float]]:
    """Series of theirs that ours lacks for some objects, and the value that these had below an expression."""
    if isinstance(node, parser.VectorSelector):
        old = writer.old(node)
        if old is not None and old.row.absent is not None:
            yield old, old.row.absent[1]
        return
    below = children(node)
    if isinstance(node, parser.BinaryExpr):
        compared = _compared(node)
        if compared is not None:
            yield from _left(writer, node, *compared)
            return
        below = below[:1] if str(node.op) in FIRST_ONLY else below
    is_change = isinstance(node, parser.Call) and str(node.func.name) in OF_CHANGE
    for each in below:
        for old, value in _missing(writer, each):
            yield old, 0.0 if is_change else value


def _left(
    writer: Writer, node: Node, side: Node, operation: str, number: float
) -> Iterator[tuple[OldName, float]]:
    """What a comparison within leaves of them."""
    is_bool = node.modifier is not None and node.modifier.return_bool
    for old, value in _missing(writer, side):
        hit = COMPARISONS[operation](value, number)
        if is_bool or hit:
            yield old, float(hit) if is_bool else value


def _note_counter(writer: Writer, node: Node) -> None:
    old = writer.old(node)
    if old is not None and old.kind.of == "server" and labels.is_counter(old.row.new):
        writer.notes.append(
            f"{old.row.new} counts since the start of the server; an alert on its value never resolves, so compare "
            f"increase({old.row.new}[5m])"
        )


def _sentence(old: OldName, comparison: str) -> str:
    row = old.row
    assert row.absent is not None
    series, value = row.absent
    do = (
        f"write ({row.reading}) in place of it, with its filters"
        if series
        else f"find these with unless {row.new}"
    )
    return (
        f"{old.name} was {printer.number(value)} where {row.new} has no series now, so {comparison} would never be "
        f"true there; {do}"
    )
