"""From a rule of the tables to the rule that Prometheus loads."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Mapping
from string import Template
from typing import Any

from rules.src.config import REPOSITORY, Config
from rules.src.constants import CONSTANTS
from rules.src.model import IDENTITY, Alert, Rule
from rules.src.teams import joined

VARIABLES = frozenset({"nats_cluster", "account", "stream", "consumer"})  # of the dashboards
# A series of the exporter, or `up`, wherever it is selected: not within the name of a recorded series.
SERIES = re.compile(
    r"(?<![\w:\"|])(?:(?:jetstream|nats_(?:server|gateway|leafnode|route))_\w+|up(?=[{\s)]))(?![\w:(|])(\{)?|(\{)(?=__name__)"
)
# Where a list of labels begins; the rules for other exporters' names have other words for it.
CLUSTER = re.compile(r"\((nats_cluster|cluster|server_cluster|cluster_name)(?=[,)])")
LABEL = re.compile(r"(?<!\{)\{(\w+)\}(?!\})")
VALUE = re.compile(r"(?<!\{)\{value \| ([^{}]+)\}(?!\})")


def expression(rule: Rule, config: Config, values: Mapping[str, str] | None = None) -> str:
    """The PromQL of a rule. `values` goes before the rule's own."""
    known = {**CONSTANTS, "job": config.job, **rule.values, **(values or {})}
    parts = {name: _filled(part, known) for name, part in rule.parts.items()}
    filled = _filled(rule.expr, known | parts)
    if config.cluster_label:
        filled = CLUSTER.sub(rf"({config.cluster_label}, \1", filled)
    return SERIES.sub(lambda found: _selected(found, config), filled) if config.selector else filled


def _filled(text: str, known: Mapping[str, str]) -> str:
    """With the placeholders filled in; what brings further lines has them indented like its first."""
    lines = []
    for line in textwrap.dedent(text).strip().splitlines():
        indent = line[: len(line) - len(line.lstrip())]
        lines.append(Template(line).substitute(known).replace("\n", f"\n{indent}"))
    return "\n".join(lines)


def _selected(found: re.Match[str], config: Config) -> str:
    """The series with the configured selector in its braces."""
    name = found[0].removesuffix("{")
    is_open = found[1] or found[2]
    return f"{name}{{{config.selector}, " if is_open else f"{name}{{{config.selector}}}"


def sentence(text: str) -> str:
    """With Prometheus' templates in place of the short form of labels and value."""
    return VALUE.sub(r"{{ $value | \1 }}", LABEL.sub(r"{{ $labels.\1 }}", text))


def dashboard(alert: Alert, config: Config) -> str:
    """The link to the alert's board, with the alert's object chosen there."""
    chosen = [label for label in IDENTITY.get(alert.scope, ()) if label in VARIABLES]
    query = "&".join(f"var-{label}={{{{ $labels.{label} | urlquery }}}}" for label in chosen)
    return f"{config.dashboard_url}/d/{alert.board}" + (f"?{query}" if query else "")


def rendered(rule: Rule, config: Config, values: Mapping[str, str] | None = None) -> dict[str, Any]:
    """The rule as the data of a rule file. An alert about a stream or consumer reads what is recorded of it."""
    if not isinstance(rule, Alert):
        return {"record": rule.name, "expr": expression(rule, config, values)}
    times = {"for": rule.wait, "keep_firing_for": rule.keep}
    return {
        "alert": rule.name,
        "expr": expression(joined(rule), config, values),
        **{name: time for name, time in times.items() if time},
        "labels": {"severity": rule.severity, "service": "jetstream", "scope": rule.scope},
        "annotations": {
            "summary": rule.summary,
            "description": sentence(rule.description),
            "runbook_url": f"{REPOSITORY}/blob/main/{rule.page}"
            if rule.page
            else f"{config.runbook_url}/{rule.name}.md",
            "dashboard_url": dashboard(rule, config),
        },
    }
