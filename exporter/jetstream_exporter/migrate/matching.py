"""How two vectors are matched, and by which labels they are grouped, once the labels are ours."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from jetstream_exporter.migrate import labels, lists, printer
from jetstream_exporter.migrate.macros import WORD
from jetstream_exporter.migrate.selecting import UnresolvedError
from jetstream_exporter.migrate.tree import (
    Node,
    bare,
    cardinality,
    children,
    is_on,
    is_without,
    name_of,
    parser,
    picks,
    selectors,
)

if TYPE_CHECKING:
    from jetstream_exporter.migrate.writer import Writer

OF_SERVERS = frozenset({"server_id", "server_name", *labels.OF_ONE_SERVER})


def grouping(writer: Writer, names: Sequence[str], node: Node) -> list[str]:
    """The labels of a `by (…)` or a `without (…)` of an aggregation, ours in place of theirs."""
    kinds = writer.kinds(node.expr)
    if not is_without(node.modifier):
        found, lost = lists.kept(names, kinds)
    else:
        found, lost = lists.left_out(names, kinds)
        found += sorted((_extra(writer, node.expr) or frozenset()) - set(found))
    _say_lost(writer, lost, "grouping")
    return found


def _say_lost(writer: Writer, lost: Sequence[str], what: str) -> None:
    if lost:
        writer.notes.append(
            f"{', '.join(lost)} was dropped from the {what}: the new series have no such label"
        )


def words(writer: Writer, node: Node) -> str:
    """` on (server) group_left (version)` between the sides of an operator."""
    kinds = writer.kinds(node)
    modifier = node.modifier
    if modifier is None or modifier.matching is None:
        is_matched = kinds and not (_may_be_number(node.lhs) or _may_be_number(node.rhs))
        apart = _apart(writer, node) if is_matched else []
        return f" ignoring {printer.labels(apart)}" if apart else ""
    fill = modifier.fill_values
    if kinds and (fill.lhs is not None or fill.rhs is not None):
        raise UnresolvedError("fill() of a match is not supported")
    names = list(modifier.matching.labels)
    include = is_on(modifier)
    match = _on if include else _ignoring
    own = match(writer, node, names) if kinds else names
    text = f" {'on' if include else 'ignoring'} {printer.labels(own)}"
    side = {"ManyToOne": "group_left", "OneToMany": "group_right"}.get(cardinality(modifier))
    if not side:
        return text
    given = list(modifier.group_labels or ())
    brought, lost = lists.brought(given, kinds) if kinds else (given, [])
    _say_lost(writer, lost, f"labels of {side}")
    return f"{text} {side} {printer.labels(label for label in brought if not include or label not in own)}"


def _ignoring(writer: Writer, node: Node, names: list[str]) -> list[str]:
    found, _ = lists.left_out(names, writer.kinds(node))
    return [*found, *(label for label in _apart(writer, node) if label not in found)]


def _on(writer: Writer, node: Node, names: list[str]) -> list[str]:
    """What it loses must not make one series of several."""
    kept, lost = lists.kept(names, writer.kinds(node))
    if _mixed(writer, node) and kept != names:
        raise UnresolvedError(
            f"it joins with a series of another exporter on {', '.join(names)}, and the new series have no such label"
        )
    of_servers = [label for label in names if label in OF_SERVERS]
    if of_servers and not all("server" in own for _, own in writer.kinds(node)):
        raise_if_only(kept, of_servers)
        kept = list(
            dict.fromkeys(["nats_cluster", *(label for label in kept if label != "server")])
        )
    elif not kept and names:
        raise UnresolvedError(
            f"it matches on {', '.join(lost)}, and the new series have no such label"
        )
    return kept


def raise_if_only(kept: Sequence[str], of_servers: Sequence[str]) -> None:
    if set(kept) <= {"nats_cluster", "server"}:
        raise UnresolvedError(
            f"it matches on {', '.join(of_servers)} a series of a server with a series of a whole cluster"
        )


def _mixed(writer: Writer, node: Node) -> bool:
    """Whether one side has series of theirs, and the other only series of somebody else."""
    left, right = bool(writer.kinds(node.lhs)), bool(writer.kinds(node.rhs))
    if left == right:
        return False
    return writer.has_others(node.rhs if left else node.lhs)


def _apart(writer: Writer, node: Node) -> list[str]:
    """Where all labels but some have to be equal: those that only one side of ours has, and no side of theirs had."""
    left, right = _extra(writer, node.lhs), _extra(writer, node.rhs)
    if left is None or right is None:
        _check_chosen(writer, node)
        return []
    if _mixed(writer, node):
        raise UnresolvedError("it is matched on all labels with a series of another exporter")
    return sorted(left ^ right)


def _may_be_number(node: Node) -> bool:
    """Whether it is made of Grafana's variables alone, such as a threshold."""
    found = list(selectors(node))
    return bool(found) and all(
        WORD.fullmatch(name_of(each)) and not each.matchers.matchers for each in found
    )


def _check_chosen(writer: Writer, node: Node) -> None:
    """Labels that `by` chose, and that have another name in ours, must not have to equal those of somebody else."""
    if str(node.op) == "or" or not _mixed(writer, node):
        return
    for each in (node.lhs, node.rhs):
        names, kinds = _chosen(each), writer.kinds(each)
        if kinds and lists.kept(names, kinds) != (names, []):
            raise UnresolvedError(
                f"it is matched on {', '.join(names)} with a series of another exporter, "
                "and the new series have no such label"
            )


def _chosen(node: Node) -> list[str]:
    """The labels that the outermost `by` leaves."""
    if isinstance(node, parser.AggregateExpr) and not (picks(node) or _is_without(node)):
        return list(node.modifier.labels) if node.modifier is not None else []
    return next((found for below in children(node) if (found := _chosen(below))), [])


def _extra(writer: Writer, node: Node) -> frozenset[str] | None:
    """Labels of ours that theirs did not have; None where it is a number or its labels are chosen by `by`."""
    node = bare(node)
    if isinstance(node, parser.VectorSelector):
        old = writer.old(node)
        return frozenset() if old is None else lists.only_ours(old)
    if isinstance(node, parser.AggregateExpr) and not picks(node):
        return frozenset() if _is_without(node) else None  # it leaves them out
    found = [each for below in children(node) if (each := _extra(writer, below)) is not None]
    return frozenset.intersection(*found) if found else None


def _is_without(node: Node) -> bool:
    return node.modifier is not None and is_without(node.modifier)
