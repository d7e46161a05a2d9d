"""All rules as data with tokens, for the programs that fill them in: the chart, the mixin and the demo.

A token is a name within double angle brackets. `<<threshold>>` is the alert's threshold; `<<job>>`, `<<runbook_url>>`
and `<<dashboard_url>>` are the settings of `config.py`, whose defaults stand beside the rules. A selector stands as
`<<selector,>>` before other matchers and as `<<{selector}>>` alone, and the further cluster label as
`<<cluster_label,>>`; where an alert looks up its team, `<<cluster_label=%[4]q,>>`, the same with 5, and
`<<$cluster_label>>` stand for its matcher and its value. `<<10m>>` is a span of time in PromQL, and `<<10 minutes>>`
one in a sentence: the demo shortens both.
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

PATH = Path(__file__).resolve().parent.parent / "template.json"
SPAN = re.compile(r"(?<=\[)(?:\d+[smhdw])+|(?<=offset )(?:\d+[smhdw])+")
CLUSTER_MATCHER = re.compile(r"<<cluster_label>>=(%\[[45]\]q),")
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
        "rules": [_rule(rule) for rule in group.rules],
    }


def _rule(rule: Rule) -> dict[str, Any]:
    settable = isinstance(rule, Alert) and "threshold" in rule.values
    body = rendered(rule, TOKENS, {"threshold": "<<threshold>>"} if settable else {})
    body["expr"] = SPAN.sub(lambda found: f"<<{found[0]}>>", _tokens(body["expr"]))
    if isinstance(rule, Alert):
        body["labels"] = {name: _team(text) for name, text in body["labels"].items()}
        said = body["annotations"]["description"]
        body["annotations"]["description"] = SPELT.sub(lambda found: f"<<{found[0]}>>", said)
        if rule.real_time:
            body["real_time"] = True
        if settable:
            body["threshold"] = rule.values["threshold"]
    return body


def _team(text: str) -> str:
    """The label `team` with its tokens, and no span: how long a team is remembered need not hurry."""
    text = CLUSTER_MATCHER.sub(r"<<cluster_label=\1,>>", text)
    return text.replace(" $labels.<<cluster_label>>", "<<$cluster_label>>")


def _tokens(expr: str) -> str:
    """With the separators of optional parts within their tokens, so that an empty setting leaves nothing behind."""
    for whole, token in (
        ("<<cluster_label>>, ", "<<cluster_label,>>"),
        ("{<<selector>>}", "<<{selector}>>"),
        ("<<selector>>, ", "<<selector,>>"),
    ):
        expr = expr.replace(whole, token)
    return expr
