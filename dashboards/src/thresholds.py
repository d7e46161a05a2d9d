"""The numbers of the alert rules, read from the tables of the rules: a board never disagrees with its alert."""

from __future__ import annotations

from rules.src.model import Severity
from rules.src.tables import alert


def threshold(name: str, severity: Severity | None = None) -> float:
    """What the alert compares with."""
    return float(alert(name, severity).values["threshold"])


def value(name: str, key: str) -> str:
    """Another number or window of the alert, as PromQL writes it."""
    return alert(name).values[key]
