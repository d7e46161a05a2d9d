"""Every rule, in the order in which a reader should meet them: from what blinds everything to what one consumer lacks."""

from __future__ import annotations

from rules.src import consumer, exporter, meta, server, stream, thresholds
from rules.src.model import Alert, Record, RuleFile, Severity

FILES: tuple[RuleFile, ...] = (
    exporter.FILE,
    server.FILE,
    meta.FILE,
    stream.FILE,
    consumer.FILE,
    thresholds.FILE,
)
RULES = tuple(rule for file in FILES for group in file.groups for rule in group.rules)
ALERTS = tuple(rule for rule in RULES if isinstance(rule, Alert))
RECORDS = tuple(rule for rule in RULES if isinstance(rule, Record))


def alert(name: str, severity: Severity | None = None) -> Alert:
    """The alert of this name, and of this severity where it has two. LookupError if there is none."""
    found = [rule for rule in ALERTS if rule.name == name and severity in (None, rule.severity)]
    if not found:
        raise LookupError(f"there is no alert {name} {severity or ''}".rstrip())
    return found[0]


def record(name: str) -> Record:
    """The recording rule of this name. LookupError if there is none."""
    for rule in RECORDS:
        if rule.name == name:
            return rule
    raise LookupError(f"there is no recording rule {name}")
