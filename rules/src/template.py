"""All rules as data with tokens, for the programs that fill them in: the chart, the mixin and the demo.

A token is a name within double angle brackets. `<<threshold>>` is the alert's threshold; `<<job>>`, `<<runbook_url>>`
and `<<dashboard_url>>` are the settings of `config.py`, whose defaults stand beside the rules. A selector stands as
`<<selector,>>` before other matchers and as `<<{selector}>>` alone, and the further cluster label as
`<<cluster_label,>>`. `<<10m>>` is a span of time in PromQL, and `<<10 minutes>>` one in a sentence: the demo shortens
both.

A recording rule with `of` records the expression of that alert: it belongs to it, and has its threshold.
"""

from __future__ import annotations

import json
import re
from dataclasses import asdict
from pathlib import Path
from typing import Any

from rules.src import compat, shadow
from rules.src.config import TOKENS, Config
from rules.src.model import Alert, Group, Rule, RuleFile
from rules.src.render import rendered
from rules.src.tables import FILES
from rules.src.teams import with_conditions

PATH = Path(__file__).resolve().parent.parent / "template.json"
SPAN = re.compile(r"(?<=\[)(?:\d+[smhdw])+|(?<=offset )(?:\d+[smhdw])+")
SPELT = re.compile(r"\b\d+ (?:second|minute|hour|day)s?\b")


def text() -> str:
    content = {
        "settings": asdict(Config()),
        "files": [_file(file) for file in FILES],
        "compat": [_file(file) for file in (*compat.FILES, *shadow.FILES)],
    }
    return json.dumps(content, indent=1, ensure_ascii=False) + "\n"


def _file(file: RuleFile) -> dict[str, Any]:
    return {"subject": file.subject, "groups": [_group(group) for group in file.groups]}


def _group(group: Group) -> dict[str, Any]:
    return {
        "name": group.name,
        "interval": group.interval,
        "rules": [_rule(rule) for rule in with_conditions(group.rules)],
    }


def _rule(rule: Rule) -> dict[str, Any]:
    alert = rule if isinstance(rule, Alert) else rule.of
    settable = alert is not None and "threshold" in alert.values
    body = rendered(rule, TOKENS, {"threshold": "<<threshold>>"} if settable else {})
    body["expr"] = SPAN.sub(lambda found: f"<<{found[0]}>>", _tokens(body["expr"]))
    if isinstance(rule, Alert):
        said = body["annotations"]["description"]
        body["annotations"]["description"] = SPELT.sub(lambda found: f"<<{found[0]}>>", said)
        if rule.real_time:
            body["real_time"] = True
    elif alert is not None:
        body["of"] = {"alert": alert.name, "severity": alert.severity}
    if alert is not None and settable:
        body["threshold"] = alert.values["threshold"]
    return body


def _tokens(expr: str) -> str:
    """With the separators of optional parts within their tokens, so that an empty setting leaves nothing behind."""
    for whole, token in (
        ("<<cluster_label>>, ", "<<cluster_label,>>"),
        ("{<<selector>>}", "<<{selector}>>"),
        ("<<selector>>, ", "<<selector,>>"),
    ):
        expr = expr.replace(whole, token)
    return expr
