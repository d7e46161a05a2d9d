"""The numbers of the alert rules, read from the rules: a board never disagrees with its alert."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import Any

import yaml

RULES = Path(__file__).resolve().parents[2] / "rules"
NUMBER = r"(\d+(?:\.\d+)?)"


class ThresholdError(LookupError):
    """A rule that the boards take a number from has none there, or is gone."""


@cache
def rules() -> tuple[dict[str, Any], ...]:
    files = sorted(RULES.glob("*.yaml"))
    groups = [group for file in files for group in yaml.safe_load(file.read_text())["groups"]]
    return tuple(rule for group in groups for rule in group["rules"])


def limit(alert: str, after: str, severity: str | None = None) -> float:
    """What the alert compares with, at the first comparison after the text `after`."""
    return float(_find(alert, severity, rf"{re.escape(after)}.*?(?:[<>]=?|==)\s*{NUMBER}\b"))


def factor(alert: str, before: str) -> float:
    """What the alert multiplies the metric `before` by."""
    return float(_find(alert, None, rf"{NUMBER} \* [^*]*?{re.escape(before)}\b"))


def window(name: str, metric: str) -> str:
    """The range over which the alert or recording rule looks at the metric."""
    return _find(name, None, rf"{re.escape(metric)}(?:\{{[^}}]*\}})?\[(\d+[smhd])\]")


def horizon(alert: str) -> str:
    """How far ahead the alert's forecast looks, as the rule writes it."""
    return _find(alert, None, r"predict_linear\([^,]*, ([\d *]+)\)")


def _find(name: str, severity: str | None, pattern: str) -> str:
    for rule in rules():
        said = rule.get("labels", {}).get("severity")
        named = name in (rule.get("alert"), rule.get("record"))
        found = re.search(pattern, rule["expr"], re.DOTALL)
        if named and severity in (None, said) and found:
            return found[1]
    wanted = f"{name} ({severity})" if severity else name
    raise ThresholdError(f"rules/: {wanted} has nothing that matches {pattern}")
