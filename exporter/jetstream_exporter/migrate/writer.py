"""Writes the tree of an expression anew, with our series in place of theirs."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from datetime import timedelta

from jetstream_exporter.migrate import labels, matching, printer
from jetstream_exporter.migrate.macros import WORD, Hidden
from jetstream_exporter.migrate.names import Names, OldName
from jetstream_exporter.migrate.printer import Node
from jetstream_exporter.migrate.repairs import outside_of, repair
from jetstream_exporter.migrate.selecting import Selected, UnresolvedError, selected
from jetstream_exporter.migrate.shapes import Kind
from jetstream_exporter.migrate.tree import bare, made_labels, name_of, parser, selectors

OVER_ROWS = frozenset(
    {"sum", "count", "avg", "stddev", "stdvar", "quantile", "count_values", "topk", "bottomk"}
)
BEGINNING = re.compile(r"gnatsd|nats|jetstream")
REPEATED_GROUP = re.compile(r"\)[*+?{]|\[\[:")
LONGEST_PATTERN = 1_000
SECOND = re.compile(r"\b(?:jetstream|nats)_\w+")  # in a form, beside the series that it is made of
STEP = timedelta(seconds=30)  # of a subquery in place of a window
OF_LABELS: Mapping[str, slice] = {
    "label_replace": slice(3, 4),
    "label_join": slice(3, None),
    "sort_by_label": slice(1, None),
    "sort_by_label_desc": slice(1, None),
}


class Wrapped(str):
    """In parentheses that are needed beside an operator alone."""

    __slots__ = ()


def _selected_by(pattern: str, names: Iterable[str]) -> str | None:
    """A name that a pattern matches. Where Python cannot tell or would take for ever, it is what names begin with."""
    theirs = BEGINNING.search(pattern)
    doubtful = theirs[0] if theirs else None
    if len(pattern) > LONGEST_PATTERN or REPEATED_GROUP.search(pattern):
        return doubtful
    try:
        return next((name for name in names if re.fullmatch(pattern, name)), None)
    except re.error:
        return doubtful


def bare_text(text: str) -> str:
    return text[1:-1] if isinstance(text, Wrapped) else text


class Writer:
    """Of one expression. `found` are their names in it, `notes` say what changes; UnresolvedError ends it."""

    def __init__(self, names: Names, hidden: Hidden) -> None:
        self.found: dict[str, None] = {}
        self.notes: list[str] = []
        self._names = names
        self._hidden = hidden
        self._write: Mapping[type, Callable[[Node], str]] = {
            parser.VectorSelector: self._instant,
            parser.MatrixSelector: self._window_alone,
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
    def changed(self) -> bool:
        return bool(self.found)

    def whole(self, node: Node) -> str:
        for each in selectors(node):
            self._check(each)
        return bare_text(self.text(node))

    def text(self, node: Node) -> str:
        return self._write[type(node)](node)

    def old(self, node: Node) -> OldName | None:
        """The name of theirs that a selector has."""
        found = self._names.find(name_of(node))
        return found[0] if found else None

    def kinds(self, node: Node) -> list[tuple[Kind, frozenset[str]]]:
        """Of all series of theirs in a part of the expression: which labels they had, and have."""
        found = (self.old(each) for each in selectors(node))
        return [(each.kind, labels.labels_of(each.row.new)) for each in found if each is not None]

    def has_others(self, node: Node) -> bool:
        """Whether it has series that are not theirs."""
        return any(self.old(each) is None for each in selectors(node))

    def _check(self, node: Node) -> None:
        name = name_of(node)
        if self._names.find(name):
            self.found[name] = None
        elif WORD.search(name):
            if not WORD.fullmatch(name) and self._names.reason(name):
                self.found[name] = None
                raise UnresolvedError("a variable is part of the metric's name")
        elif name and not labels.is_ours(name) and (reason := self._names.reason(name)):
            self.found[name] = None
            raise UnresolvedError(f"{name}: {reason}")
        elif not name:
            self._check_pattern(node)

    def _check_pattern(self, node: Node) -> None:
        for each in node.matchers.matchers:
            if each.name != "__name__" or WORD.search(each.value):
                continue
            hit = _selected_by(each.value, self._names.known)
            if hit:
                self.found[hit] = None
                raise UnresolvedError(
                    f"it selects metrics with a regular expression ({each.value}), which matches {hit}"
                )

    def _selected(self, node: Node) -> Selected | None:
        old = self.old(node)
        if old is None:
            return None
        result = selected(node, old)
        self.notes += [*result.notes, *([old.row.note] if old.row.note else [])]
        return result

    def _instant(self, node: Node) -> str:
        found = self._selected(node)
        after = printer.modifiers(node, self._hidden)
        if found is None:
            return self._foreign(node) + after
        form = found.row.form
        if "time()" in form and after:
            form = form.replace("time()", self._shifted(node))
        if after and SECOND.search(form):
            raise UnresolvedError(f"its successor has two series, of which each needs{after}")
        text = form.replace("$x", found.text() + after)
        if found.condition:
            inner = text if form == "$x" else f"({text})"
            text = f"{inner} and {found.condition}{after}"
        return Wrapped(f"({text})") if form != "$x" or found.condition else text

    def _shifted(self, node: Node) -> str:
        """The time to which a selector's offset leads."""
        if node.at is not None or self._hidden.span(abs(node.offset)):
            raise UnresolvedError(
                "it is an age at another time (@, or an offset in a variable), which no timestamp tells"
            )
        seconds = node.offset.total_seconds()
        return f"time() {'-' if seconds > 0 else '+'} {printer.number(abs(seconds))}"

    def _foreign(self, node: Node) -> str:
        matchers = [
            printer.matcher(each.name, printer.operator_of(each), each.value)
            for each in node.matchers.matchers
        ]
        return printer.selector(str(node.name or ""), matchers)

    def _window_alone(self, node: Node) -> str:
        """A range vector that no function takes: only whole expressions of queries for raw samples."""
        return self._window("", node)[1]

    def _window(self, function: str, node: Node) -> tuple[str, str, str]:
        """Function and argument over a window of `node`, and what is made of the call, which stands as `$x`."""
        inner = node.vector_selector
        length = printer.span(node.range, self._hidden)
        found = self._selected(inner)
        after = printer.modifiers(inner, self._hidden)
        if found is None:
            return function, f"{self._foreign(inner)}[{length}]{after}", "$x"
        fixed = repair(function, found)
        self.notes += [fixed.note] if fixed.note else []
        outside = outside_of(fixed.function, found.row.form)
        if outside is not None and not found.condition:
            return outside[0], f"{found.text(fixed.family)}[{length}]{after}", outside[1]
        text = found.row.form.replace("$x", found.text(fixed.family))
        if found.condition:
            text = f"({text}) and {found.condition}"
        step = self._step(node.range)
        self.notes.append(
            f"the range became a subquery with a step of {step}"
            if step
            else "the range became a subquery, whose step is the evaluation interval of Prometheus"
        )
        return fixed.function, f"({text})[{length}:{step}]{after}", "$x"

    def _step(self, length: timedelta) -> str:
        """Often enough for the window; Prometheus' own interval where a variable says how long that is."""
        if self._hidden.span(length):
            return ""
        return printer.span(min(STEP, max(length / 10, timedelta(seconds=1))), self._hidden)

    def _subquery(self, node: Node) -> str:
        step = printer.span(node.step, self._hidden) if node.step else ""
        length = printer.span(node.range, self._hidden)
        inner = self.text(node.expr)
        return f"{inner}[{length}:{step}]{printer.modifiers(node, self._hidden)}"

    def _call(self, node: Node) -> str:
        function, around = str(node.func.name), "$x"
        arguments = []
        for argument in node.args:
            if isinstance(argument, parser.MatrixSelector):
                function, text, around = self._window(function, argument)
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
            kept, lost = labels.translated_list([label], self.kinds(node))
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
        """The labels of a `by (…)` as ours, but for those that the expression itself makes."""
        made = set(made_labels(node))
        theirs = [name for name in names if name not in made]
        kept = matching.grouping(theirs, self.kinds(node.expr), self.notes)
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
        matching.check_numbers(self, node)
        words = matching.words(self, node)
        flag = " bool" if node.modifier is not None and node.modifier.return_bool else ""
        return f"{self.text(node.lhs)} {operation}{flag}{words} {self.text(node.rhs)}"
