"""Which labels the result of an expression has, and what each is called now: for recorded series, legends and texts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from jetstream_exporter.migrate import labels, lists
from jetstream_exporter.migrate.tree import (
    Node,
    cardinality,
    children,
    is_on,
    is_without,
    made_labels,
    parser,
    picks,
)

if TYPE_CHECKING:
    from jetstream_exporter.migrate.writer import Writer

# A label of theirs, and ours that say the same: none where it is gone.
Changes = Mapping[str, tuple[str, ...]]
Found = dict[str, tuple[str, ...]]
OF_NUMBERS = frozenset({"absent", "absent_over_time", "scalar", "time", "vector"})


def changes(writer: Writer, node: Node) -> Changes:
    """The labels of theirs that a result had for sure, and has under another name, or no more."""
    found = Labels(writer).of(node)
    return {old: new for old, new in found.items() if new != (old,)}


def for_texts(writer: Writer, node: Node) -> Changes:
    """The same, with a server's labels, which theirs had on nearly everything, and with what the expression makes."""
    return Labels(writer, every=True).of(node)


class Labels:
    """Follows the labels of an expression of theirs from its series to its result."""

    def __init__(self, writer: Writer, *, every: bool = False) -> None:
        self._writer = writer
        self._further = labels.OF_SERVERS if every else ()

    def of(self, node: Node) -> Found:
        if isinstance(node, parser.VectorSelector):
            return self._selector(node)
        if isinstance(node, parser.AggregateExpr) and not picks(node):
            return self._aggregation(node)
        if isinstance(node, parser.BinaryExpr):
            return self._operator(node)
        if isinstance(node, parser.Call) and str(node.func.name) in OF_NUMBERS:
            return {}
        found: Found = {}
        for below in children(node):
            found |= self.of(below)
        if isinstance(node, parser.Call):
            found |= {made: (made,) for made in list(made_labels(node))[:1]}
        return found

    def _selector(self, node: Node) -> Found:
        found: Found = {}
        for old in self._writer.candidates(node):
            ours = labels.labels_of(old.row.new)
            # What Prometheus gives to a target named the exporter of one server, and now names that of all.
            own = (*old.kind.labels, *old.kind.constants, *sorted(labels.OF_ONE_SERVER))
            for label in dict.fromkeys((*own, *self._further)):
                new = labels.translated(label, old.kind, ours)
                found[label] = () if new is None else (new,)
        return found

    def _aggregation(self, node: Node) -> Found:
        if node.modifier is None:
            return {}
        names = list(node.modifier.labels)
        if is_without(node.modifier):
            return _without(self.of(node.expr), names)
        made = set(made_labels(node)) & set(names)
        listed = self._listed(node.expr, [name for name in names if name not in made])
        return listed | {name: (name,) for name in made}

    def _operator(self, node: Node) -> Found:
        """Both sides' for `or`; else those of the side that may have several series, or those of `on`."""
        left, right = self.of(node.lhs), self.of(node.rhs)
        if str(node.op) == "or":
            return left | right
        modifier = node.modifier
        if modifier is None or modifier.matching is None:
            return left or right  # a number has none
        card = cardinality(modifier)
        if card in ("ManyToOne", "OneToMany"):
            brought = self._listed(node, modifier.group_labels or ())
            return (left if card == "ManyToOne" else right) | brought
        if str(node.op) in ("and", "unless"):
            return left
        names = list(modifier.matching.labels)
        if is_on(modifier):
            return self._listed(node, names)
        return _without(left, names)

    def _listed(self, node: Node, names: Iterable[str]) -> Found:
        kinds = self._writer.kinds(node)
        return {name: tuple(lists.kept([name], kinds)[0]) for name in names} if kinds else {}


def _without(found: Found, names: Iterable[str]) -> Found:
    return {old: new for old, new in found.items() if old not in names}


def merged(found: Iterable[Changes]) -> Changes:
    """Of several results, which one text is about: what one of them has is not gone."""
    whole: Found = {}
    for each in found:
        whole |= {old: new for old, new in each.items() if new or old not in whole}
    return whole


def sentence(found: Changes) -> str:
    """`server_id is now nats_cluster and server, stream_leader is gone`; empty where no label changes."""
    return ", ".join(
        f"{old} is now {' and '.join(new)}" if new else f"{old} is gone"
        for old, new in found.items()
    )
