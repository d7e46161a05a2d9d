"""Writes the tree of an expression anew, with our series in place of theirs."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from jetstream_exporter.migrate import comparing, labels, lists, matching, printer, series
from jetstream_exporter.migrate.macros import Hidden
from jetstream_exporter.migrate.names import Names, OldName, chosen
from jetstream_exporter.migrate.repairs import repair
from jetstream_exporter.migrate.selecting import Selected, UnresolvedError
from jetstream_exporter.migrate.series import Wrapped, bare_text
from jetstream_exporter.migrate.shapes import Kind
from jetstream_exporter.migrate.theirs import Theirs
from jetstream_exporter.migrate.tree import (
    Node,
    bare,
    made_labels,
    name_of,
    parser,
    selectors,
    used_labels,
)

OVER_ROWS = frozenset(
    {"sum", "count", "avg", "stddev", "stdvar", "quantile", "count_values", "topk", "bottomk"}
)
OF_LABELS: Mapping[str, slice] = {
    "label_replace": slice(3, 4),
    "label_join": slice(3, None),
    "sort_by_label": slice(1, None),
    "sort_by_label_desc": slice(1, None),
}


class Writer:
    """Of one expression. `notes` say what changes; UnresolvedError ends it."""

    def __init__(self, names: Names, hidden: Hidden) -> None:
        self.notes: list[str] = []
        self.hidden = hidden
        self._names = names
        self._theirs = Theirs(names)
        self._used: frozenset[str] = frozenset()
        self._write: Mapping[type, Callable[[Node], str]] = {
            parser.VectorSelector: lambda node: series.instant(self, node),
            parser.MatrixSelector: lambda node: series.window_alone(self, node),
            parser.SubqueryExpr: self._subquery,
            parser.AggregateExpr: self._aggregation,
            parser.BinaryExpr: self._binary,
            parser.Call: self._call,
            parser.ParenExpr: lambda node: f"({bare_text(self.text(node.expr))})",
            parser.UnaryExpr: lambda node: f"-{self.text(node.expr)}",
            parser.NumberLiteral: lambda node: printer.number(node.val),
            parser.StringLiteral: lambda node: printer.quoted(node.val),
        }

    @property
    def found(self) -> tuple[str, ...]:
        """Their names in the expression."""
        return tuple(self._theirs.found)

    @property
    def changed(self) -> bool:
        return bool(self.found)

    def whole(self, node: Node) -> str:
        self._used = frozenset(used_labels(node))
        for each in selectors(node):
            self._theirs.check(each)
        return bare_text(self.text(node))

    def text(self, node: Node) -> str:
        return self._write[type(node)](node)

    def old(self, node: Node) -> OldName | None:
        """The name of theirs that a selector has."""
        found = self._names.find(name_of(node))
        return chosen(found, self._used) if found else None

    def candidates(self, node: Node) -> Sequence[OldName]:
        """The same; both names where both exporters have it and nothing tells which of them is meant."""
        old = self.old(node)
        if old is None:
            return ()
        return self._names.find(old.name) if old.is_doubtful else (old,)

    def kinds(self, node: Node) -> list[tuple[Kind, frozenset[str]]]:
        """Of all series of theirs in a part of the expression: which labels they had, and have."""
        found = (self.old(each) for each in selectors(node))
        return [(each.kind, labels.labels_of(each.row.new)) for each in found if each is not None]

    def has_others(self, node: Node) -> bool:
        """Whether it has series that are not theirs."""
        return any(self.old(each) is None for each in selectors(node))

    def _subquery(self, node: Node) -> str:
        step = printer.span(node.step, self.hidden) if node.step else ""
        length = printer.span(node.range, self.hidden)
        inner = self.text(node.expr)
        return f"{inner}[{length}:{step}]{printer.modifiers(node, self.hidden)}"

    def _call(self, node: Node) -> str:
        function, around = str(node.func.name), "$x"
        arguments = []
        for argument in node.args:
            if isinstance(argument, parser.MatrixSelector):
                function, text, around = series.window(self, function, argument)
            elif isinstance(argument, parser.SubqueryExpr):
                function, text = self._over_subquery(function, argument), self.text(argument)
            else:
                text = bare_text(self.text(argument))
            arguments.append(text)
        if function in OF_LABELS and self.kinds(node):
            self._translate(function, node, arguments)
        text = around.replace("$x", f"{function}({', '.join(arguments)})")
        return Wrapped(f"({text})") if around != "$x" else text

    def _over_subquery(self, function: str, node: Node) -> str:
        """The function for a subquery over one series of theirs."""
        inner = bare(node.expr)
        old = self.old(inner) if isinstance(inner, parser.VectorSelector) else None
        if old is None:
            return function
        fixed = repair(function, Selected(old, []))
        if fixed.family != old.row.new:
            raise UnresolvedError(f"{function}() of a subquery over {old.name}: {fixed.note}")
        self.notes += [fixed.note] if fixed.note else []
        return fixed.function

    def _translate(self, function: str, node: Node, arguments: list[str]) -> None:
        """The labels that a function reads."""
        for at in range(len(arguments))[OF_LABELS[function]]:
            label = str(node.args[at].val)
            kept, lost = lists.brought([label], self.kinds(node))
            if lost:
                raise UnresolvedError(
                    f"{function}() reads the label {label}, and the new series have no such label"
                )
            arguments[at] = printer.quoted(kept[-1])

    def _aggregation(self, node: Node) -> str:
        kinds = self.kinds(node.expr)
        operation = str(node.op)
        names = list(node.modifier.labels) if node.modifier else None
        if kinds and names is not None:
            names = self._grouping(names, node)
        if kinds and operation in OVER_ROWS:
            self._say_rows(operation, node.expr)
        inner = bare_text(self.text(node.expr))
        parameter = "" if node.param is None else f"{bare_text(self.text(node.param))}, "
        grouping = printer.grouping(node, names)
        return f"{operation}{grouping}{' ' if grouping else ''}({parameter}{inner})"

    def _grouping(self, names: list[str], node: Node) -> list[str]:
        """The labels of its list as ours, but for those that the expression itself makes."""
        made = set(made_labels(node))
        theirs = [name for name in names if name not in made]
        kept = matching.grouping(self, theirs, node)
        return kept + [name for name in names if name in made and name not in kept]

    def _say_rows(self, operation: str, node: Node) -> None:
        for each in selectors(node):
            old = self.old(each)
            leads = any(m.name.startswith("is_") for m in each.matchers.matchers)
            if old is not None and not leads and old.kind.of not in ("server", "peer"):
                self.notes.append(
                    f"{operation}() counted one series of {old.name} for each replica; it now counts one for each "
                    f"{old.kind.object}"
                )

    def _binary(self, node: Node) -> str:
        operation = str(node.op)
        comparing.check(self, node)
        words = matching.words(self, node)
        flag = " bool" if node.modifier is not None and node.modifier.return_bool else ""
        return f"{self.text(node.lhs)} {operation}{flag}{words} {self.text(node.rhs)}"
