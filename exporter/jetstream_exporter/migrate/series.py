"""A selector as text, alone or over a window: ours in place of theirs, and anybody else's as it was."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import TYPE_CHECKING

from jetstream_exporter.migrate import printer
from jetstream_exporter.migrate.macros import Hidden
from jetstream_exporter.migrate.repairs import outside_of, repair
from jetstream_exporter.migrate.selecting import Selected, UnresolvedError, selected
from jetstream_exporter.migrate.tree import Node

if TYPE_CHECKING:
    from jetstream_exporter.migrate.writer import Writer

SECOND = re.compile(r"\b(?:jetstream|nats)_\w+")  # in a form, beside the series that it is made of
STEP = timedelta(seconds=30)  # of a subquery in place of a window


class Wrapped(str):
    """In parentheses that are needed beside an operator alone."""

    __slots__ = ()


def bare_text(text: str) -> str:
    return text[1:-1] if isinstance(text, Wrapped) else text


def instant(writer: Writer, node: Node) -> str:
    """The newest samples of a selector."""
    found = _selected(writer, node)
    after = printer.modifiers(node, writer.hidden)
    if found is None:
        return _foreign(node) + after
    form = found.row.form
    if "time()" in form and after:
        form = form.replace("time()", _shifted(node, writer.hidden))
    if after and SECOND.search(form):
        raise UnresolvedError(f"its successor has two series, of which each needs{after}")
    text = form.replace("$x", found.text() + after)
    if found.condition:
        inner = text if form == "$x" else f"({text})"
        text = f"{inner} and {found.condition}{after}"
    return Wrapped(f"({text})") if form != "$x" or found.condition else text


def window(writer: Writer, function: str, node: Node) -> tuple[str, str, str]:
    """Function and argument over a window of `node`, and what is made of the call, which stands as `$x`."""
    inner = node.vector_selector
    length = printer.span(node.range, writer.hidden)
    found = _selected(writer, inner)
    after = printer.modifiers(inner, writer.hidden)
    if found is None:
        return function, f"{_foreign(inner)}[{length}]{after}", "$x"
    fixed = repair(function, found)
    writer.notes += [fixed.note] if fixed.note else []
    outside = outside_of(fixed.function, found.row.form)
    if outside is not None and not found.condition:
        return outside[0], f"{found.text(fixed.family)}[{length}]{after}", outside[1]
    text = found.row.form.replace("$x", found.text(fixed.family))
    if found.condition:
        text = f"({text}) and {found.condition}"
    step = _step(node.range, writer.hidden)
    writer.notes.append(
        f"the range became a subquery with a step of {step}"
        if step
        else "the range became a subquery, whose step is the evaluation interval of Prometheus"
    )
    return fixed.function, f"({text})[{length}:{step}]{after}", "$x"


def window_alone(writer: Writer, node: Node) -> str:
    """A range vector that no function takes: only whole expressions of queries for raw samples."""
    return window(writer, "", node)[1]


def _selected(writer: Writer, node: Node) -> Selected | None:
    old = writer.old(node)
    if old is None:
        return None
    result = selected(node, old)
    writer.notes += [*result.notes, *([old.row.note] if old.row.note else [])]
    return result


def _shifted(node: Node, hidden: Hidden) -> str:
    """The time to which a selector's offset leads."""
    if node.at is not None or hidden.span(abs(node.offset)):
        raise UnresolvedError(
            "it is an age at another time (@, or an offset in a variable), which no timestamp tells"
        )
    seconds = node.offset.total_seconds()
    return f"time() {'-' if seconds > 0 else '+'} {printer.number(abs(seconds))}"


def _foreign(node: Node) -> str:
    matchers = [
        printer.matcher(each.name, printer.operator_of(each), each.value)
        for each in node.matchers.matchers
    ]
    return printer.selector(str(node.name or ""), matchers)


def _step(length: timedelta, hidden: Hidden) -> str:
    """Often enough for the window; Prometheus' own interval where a variable says how long that is."""
    if hidden.span(length):
        return ""
    return printer.span(min(STEP, max(length / 10, timedelta(seconds=1))), hidden)
