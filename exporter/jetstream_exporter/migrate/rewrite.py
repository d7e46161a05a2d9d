"""An expression that uses their names as one that uses ours."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from jetstream_exporter.migrate import labels
from jetstream_exporter.migrate.names import Names
from jetstream_exporter.migrate.outcome import Changes, changes, for_texts
from jetstream_exporter.migrate.selecting import UnresolvedError
from jetstream_exporter.migrate.tree import ExpressionError, parsed
from jetstream_exporter.migrate.writer import Writer

BEYOND = "it has a number, a time or a depth that cannot be rewritten"
# What their names begin with, for expressions that cannot be parsed.
LOOKS_LIKE = re.compile(r"(?<![\w:])(?:gnatsd|nats|jetstream)_[\w:]+")


@dataclass(frozen=True, slots=True)
class Rewritten:
    """What became of an expression. `new` is `old` where nothing had to change, or could.

    `notes` say what changes in the result, `unresolved` why it could not be rewritten. `labels` are those of theirs
    in the result that have another name now, or none, and `for_texts` what else a text may name.
    """

    old: str
    new: str
    names: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    unresolved: tuple[str, ...] = ()
    labels: Changes = field(default_factory=dict)
    for_texts: Changes = field(default_factory=dict)

    @property
    def changed(self) -> bool:
        return self.new != self.old


def rewrite(text: str, names: Names) -> Rewritten:
    """Never raises: what is wrong with the expression stands in the result."""
    try:
        node, hidden = parsed(text)
    except ExpressionError as error:
        found = tuple(dict.fromkeys(LOOKS_LIKE.findall(text)))
        theirs = tuple(name for name in found if not labels.is_ours(name) and names.reason(name))
        return Rewritten(text, text, theirs, unresolved=(str(error),) if theirs else ())
    writer = Writer(names, hidden)
    try:
        new = writer.whole(node)
    except UnresolvedError as error:
        reason = hidden.put_back(str(error))
        return Rewritten(text, text, writer.found, unresolved=(reason,))
    except (OverflowError, ValueError, RecursionError):  # of times that no number can hold, for one
        return Rewritten(text, text, writer.found, unresolved=(BEYOND,))
    if not writer.changed:
        return Rewritten(text, text)
    notes = [hidden.put_back(note) for note in writer.notes]
    if hidden.comments:
        notes.append("the comments of the expression were removed")
    return Rewritten(
        text,
        hidden.put_back(new),
        writer.found,
        tuple(dict.fromkeys(notes)),
        labels=changes(writer, node),
        for_texts=for_texts(writer, node),
    )
