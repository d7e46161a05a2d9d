"""The rule files, their promtool tests and their runbooks, read once."""

import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from tests.support import fast_yaml

ROOT = Path(__file__).resolve().parents[2]
RULES = ROOT / "rules"
RUNBOOKS = RULES / "runbooks"
RULE_FILES = sorted(RULES.glob("*.yaml"))
PROMTOOL_FILES = sorted((ROOT / "tests" / "rules").glob("*.yaml"))
RUNBOOK_BASE = "https://github.com/jetstream-exporter/jetstream-exporter/blob/main/rules/runbooks/"
GRAFANA_BASE = "https://grafana.example.com/d/"
UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


@dataclass(frozen=True, slots=True)
class Rule:
    file: str
    group: str
    body: dict[str, Any]

    @property
    def alert(self) -> str:
        return str(self.body.get("alert", ""))

    @property
    def record(self) -> str:
        return str(self.body.get("record", ""))

    @property
    def reads(self) -> str:
        """What is recorded for this alert alone; empty where there is nothing."""
        return next(iter(re.findall(r"[\w:]+:alert\b", self.joined)), "") if self.alert else ""

    @property
    def joined(self) -> str:
        """The expression as it is in the file."""
        return str(self.body["expr"])

    @property
    def expr(self) -> str:
        """The expression; of an alert that joins its team, the one that is recorded for it."""
        return CONDITIONS[self.reads].joined if self.reads else self.joined

    @property
    def is_condition(self) -> bool:
        return self.record.endswith(":alert")

    @property
    def severity(self) -> str:
        return str(self.body["labels"]["severity"])

    @property
    def scope(self) -> str:
        return str(self.body["labels"]["scope"])

    @property
    def annotations(self) -> dict[str, str]:
        return dict(self.body["annotations"])

    @property
    def id(self) -> str:
        return f"{self.alert}-{self.severity}" if self.alert else self.record


def load(files: list[Path]) -> list[Rule]:
    return [
        Rule(path.name, group["name"], rule)
        for path in files
        for group in fast_yaml.load(path.read_text())["groups"]
        for rule in group["rules"]
    ]


ALL = load(RULE_FILES)
ALERTS = [rule for rule in ALL if rule.alert]
CONDITIONS = {rule.record: rule for rule in ALL if rule.is_condition}
RECORDS = [rule for rule in ALL if rule.record and not rule.is_condition]
NAMES = sorted({rule.alert for rule in ALERTS})


def duration(text: str) -> float:
    """'1h30m' in seconds."""
    return float(sum(int(n) * UNITS[u] for n, u in re.findall(r"(\d+)([smhd])", text)))


@cache
def cases() -> list[dict[str, Any]]:
    """Every named promtool test."""
    return [case for path in PROMTOOL_FILES for case in fast_yaml.load(path.read_text())["tests"]]


def with_records(expr: str) -> list[str]:
    """The expression and those of the recording rules it is made of; one that reads its own past counts once."""
    used = [rule for rule in RECORDS if rule.record in expr and rule.expr != expr]
    return [expr, *(text for rule in used for text in with_records(rule.expr))]
