"""What the command has to say of an expression, a panel or a file."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from jetstream_exporter.migrate.rewrite import Rewritten

Level = Literal["unresolved", "note"]


@dataclass(frozen=True, slots=True)
class Finding:
    """`place` is where in the file: `panel "Storage", query A`. `old` and `new` are the expression that it is about."""

    level: Level
    place: str
    message: str
    old: str = ""
    new: str = ""


@dataclass(slots=True)
class FileResult:
    """What became of one file: `text` is the migrated one; empty where it could not be read."""

    path: str
    kind: Literal["dashboard", "rules", ""] = ""
    text: str = ""
    output: str = ""
    expressions: int = 0  # that use their names
    rewritten: int = 0
    findings: list[Finding] = field(default_factory=list)

    @property
    def unresolved(self) -> int:
        """Expressions without a successor, and what could not be read."""
        return sum(each.level == "unresolved" for each in self.findings)

    def take(self, found: Rewritten, place: str, old: str) -> None:
        """Count what became of an expression, and say it; `old` is how it is shown."""
        self.expressions += bool(found.names)
        self.rewritten += found.changed
        for reason in found.unresolved:
            self.say("unresolved", place, reason, old)
        for note in found.notes:
            self.say("note", place, note, old, found.new)

    def say(self, level: Level, place: str, message: str, old: str = "", new: str = "") -> None:
        self.findings.append(Finding(level, place, message, old, new))
