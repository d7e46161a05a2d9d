"""Which series of an expression are theirs, and why nothing can be made of some."""

from __future__ import annotations

import re
from collections.abc import Iterable

from jetstream_exporter.migrate import labels
from jetstream_exporter.migrate.macros import WORD
from jetstream_exporter.migrate.names import Names
from jetstream_exporter.migrate.patterns import matches
from jetstream_exporter.migrate.selecting import UnresolvedError
from jetstream_exporter.migrate.tree import Node, name_of

BEGINNING = re.compile(r"gnatsd|nats|jetstream")


class Theirs:
    """The names of theirs that an expression has, in `found`."""

    def __init__(self, names: Names) -> None:
        self.found: dict[str, None] = {}
        self._names = names

    def check(self, node: Node) -> None:
        """Note the name of a selector. UnresolvedError where it has no successor."""
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


def _selected_by(pattern: str, names: Iterable[str]) -> str | None:
    """A name that a pattern matches. Where that cannot be told, it is what names begin with."""
    theirs = BEGINNING.search(pattern)
    doubtful = theirs[0] if theirs else None
    for name in names:
        hit = matches(pattern, name)
        if hit is None:
            return doubtful
        if hit:
            return name
    return None
