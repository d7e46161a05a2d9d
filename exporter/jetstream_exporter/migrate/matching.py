"""How two vectors are matched, and by which labels they are grouped, once the labels are ours."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from jetstream_exporter.migrate import labels, printer
from jetstream_exporter.migrate.printer import Node
from jetstream_exporter.migrate.selecting import UnresolvedError
from jetstream_exporter.migrate.shapes import Kind
from jetstream_exporter.migrate.tree import bare, children, literal, parser

if TYPE_CHECKING:
    from jetstream_exporter.migrate.writer import Writer

Kinds = Sequence[tuple[Kind, frozenset[str]]]
AT_MOST = ("==", "<", "<=")
COMPARISONS = (*AT_MOST, "!=", ">", ">=")
# What tells several series of one object of ours apart.
EXTRA = frozenset({"store", "check", "kind", "version", "server_id", "domain", "leader"})


def grouping(names: Sequence[str], kinds: Kinds, notes: list[str]) -> list[str]:
    """The labels of a `by (…)`, ours in place of theirs."""
    kept, lost = labels.translated_list(names, kinds)
    if lost:
        notes.append(
            f"{', '.join(lost)} was dropped from the grouping: the new series have no such label"
        )
    return kept


def words(writer: Writer, node: Node) -> str:
    """` on (server) group_left (version)` between the sides of an operator."""
    kinds = writer.kinds(node)
    modifier = node.modifier
    if modifier is None or modifier.matching is None:
        return _unsaid(writer, node) if kinds else ""
    fill = modifier.fill_values
    if kinds and (fill.lhs is not None or fill.rhs is not None):
        raise UnresolvedError("fill() of a match is not supported")
    names = list(modifier.matching.labels)
    include = str(modifier.matching.type).endswith("Include")
    own = _labels(writer, node, names, include) if kinds else names
    text = f" {'on' if include else 'ignoring'} {printer.labels(own)}"
    side = {"ManyToOne": "group_left", "OneToMany": "group_right"}.get(
        str(modifier.card).rpartition(".")[2]
    )
    if not side:
        return text
    given = list(modifier.group_labels or ())
    brought = grouping(given, kinds, writer.notes) if kinds else given
    return f"{text} {side} {printer.labels(label for label in brought if not include or label not in own)}"


def _labels(writer: Writer, node: Node, names: list[str], include: bool) -> list[str]:
    """The labels of `on` or `ignoring`. What `on` loses must not make one series of several."""
    kept, lost = labels.translated_list(names, writer.kinds(node))
    if not include:
        return kept
    if _mixed(writer, node) and kept != names:
        raise UnresolvedError(
            f"it joins with a series of another exporter on {', '.join(names)}, and the new series have no such label"
        )
    of_servers = [label for label in names if label in ("server_id", "server_name")]
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


def _unsaid(writer: Writer, node: Node) -> str:
    """Without `on` and `ignoring` all labels have to be equal: what only one side of ours has, is ignored."""
    left, right = _extra(writer, node.lhs), _extra(writer, node.rhs)
    if left is None or right is None:
        return ""
    if _mixed(writer, node):
        raise UnresolvedError("it is matched on all labels with a series of another exporter")
    apart = sorted(left ^ right)
    return f" ignoring {printer.labels(apart)}" if apart else ""


def _extra(writer: Writer, node: Node) -> frozenset[str] | None:
    """Labels of ours that theirs did not have; None where it is a number or its labels are chosen by `by`."""
    node = bare(node)
    if isinstance(node, parser.VectorSelector):
        return _own(writer, node)
    if isinstance(node, parser.AggregateExpr) and not _keeps_labels(node):
        return None
    found = [each for below in children(node) if (each := _extra(writer, below)) is not None]
    return frozenset.intersection(*found) if found else None


def _own(writer: Writer, node: Node) -> frozenset[str]:
    old = writer.old(node)
    if old is None:
        return frozenset()
    own = labels.labels_of(old.row.new) & EXTRA
    return own - {"store"} if old.row.form.startswith("sum without") else own


def _keeps_labels(node: Node) -> bool:
    if str(node.op) in ("topk", "bottomk", "limitk", "limit_ratio"):
        return True
    return node.modifier is not None and not str(node.modifier.type).endswith("By")


def check_numbers(writer: Writer, node: Node) -> None:
    """`limit == -1` found what is unlimited, where ours has no series; a counter that is compared grows for ever."""
    if str(node.op) not in COMPARISONS:
        return
    for side, other in ((node.lhs, node.rhs), (node.rhs, node.lhs)):
        inner, value = bare(side), literal(other)
        if value is None or not isinstance(inner, parser.VectorSelector):
            continue
        old = writer.old(inner)
        if old is not None and old.kind.of == "server" and labels.is_counter(old.row.new):
            writer.notes.append(
                f"{old.row.new} counts since the start of the server; an alert on its value never resolves, so compare "
                f"increase({old.row.new}[5m])"
            )
        absent = old is not None and (old.row.absent is not None or "absent" in old.row.note)
        if old is not None and absent and str(node.op) in AT_MOST and value <= 0:
            raise UnresolvedError(
                f"{old.name} {node.op} {printer.number(value)} selects objects without a limit, for which "
                f"{old.row.new} is absent; use unless"
            )
