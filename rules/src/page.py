"""What the exporter's own pages know of the alerts: `status/alerts.json` in the package.

The sentences are cut into pieces here, so that the package needs no parser of Prometheus' templates:

- a text is itself; `{"label": NAME}` is the value of a label; `{"value": FORMAT}` is the alert's value, in one of
  Prometheus' formats (`humanize`, `humanize1024`, `humanizePercentage`, `humanizeDuration`, `integer`);
- `{"label": NAME, "without": TEXT}` has a text for a label that is empty;
- `{"when": NAME, "is": VALUE or null, "then": PIECES, "otherwise": PIECES}` depends on whether the label has this
  value, or (null) any at all.
"""

from __future__ import annotations

import json
import re
from typing import Any

from rules.src.model import IDENTITY, Alert
from rules.src.tables import ALERTS

from jetstream_exporter.status import alerts

PATH = alerts.PATH  # where the package reads it
TOKEN = re.compile(r"\{\{\s*(.*?)\s*\}\}|\{value \| ([^{}]+)\}|\{(\w+)\}")
INTEGER = 'printf "%.0f"'
UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
Pieces = list[Any]


def text() -> str:
    content = {"identity": dict(IDENTITY), "alerts": [_alert(rule) for rule in ALERTS]}
    return json.dumps(content, indent=1, ensure_ascii=False) + "\n"


def seconds(time: str) -> int:
    """Of `5m`; 0 where nothing is said."""
    return int(time[:-1]) * UNITS[time[-1]] if time else 0


def _alert(rule: Alert) -> dict[str, Any]:
    return {
        "name": rule.name,
        "severity": rule.severity,
        "scope": rule.scope,
        "board": rule.board,
        "summary": rule.summary,
        "sentence": pieces(rule.description),
        "wait": seconds(rule.wait),
        "threshold": float(rule.values["threshold"]) if "threshold" in rule.values else None,
        "share": float(rule.values["share"]) if "share" in rule.values else None,
    }


def pieces(sentence: str) -> Pieces:
    """A sentence of the tables in pieces. ValueError for what no piece stands for."""
    found, rest = _until_end(sentence)
    if rest:
        raise ValueError(f"an end without a beginning: {sentence!r}")
    return found


def _until_end(text: str) -> tuple[Pieces, str]:
    """The pieces up to an `end` or `else`, and the text from there on."""
    found: Pieces = []
    while token := TOKEN.search(text):
        if token.start():
            found.append(text[: token.start()])
        action = token[1]
        if action in ("end", "else"):
            return found, text[token.start() :]
        text = text[token.end() :]
        if action is None:
            found.append(_placeholder(token))
        elif action.startswith(("with ", "if ")):
            condition, text = _condition(action, text)
            found.append(condition)
        else:
            found.append(_action(action))
    if text:
        found.append(text)
    return found, ""


def _placeholder(token: re.Match[str]) -> dict[str, Any]:
    if token[3]:
        return {"label": token[3]}
    return {"value": "integer" if token[2] == INTEGER else token[2]}


def _action(action: str) -> dict[str, Any]:
    default = re.fullmatch(r'or \$labels\.(\w+) "([^"]*)"', action)
    if default:
        return {"label": default[1], "without": default[2]}
    raise ValueError(f"no piece stands for {action!r}")


def _condition(action: str, text: str) -> tuple[dict[str, Any], str]:
    """A condition and what follows it; `text` begins behind its first braces."""
    some = re.fullmatch(r"with \$labels\.(\w+)", action)
    equal = re.fullmatch(r'if eq \$labels\.(\w+) "([^"]*)"', action)
    if some is None and equal is None:
        raise ValueError(f"no piece stands for {action!r}")
    name = some[1] if some else equal[1] if equal else ""
    then, text = _until_end(text.replace("{{ . }}", f"{{{name}}}", 1) if some else text)
    otherwise: Pieces = []
    if text.startswith("{{ else }}"):
        otherwise, text = _until_end(text.removeprefix("{{ else }}"))
    if not text.startswith("{{ end }}"):
        raise ValueError(f"no end of {action!r}")
    piece = {
        "when": name,
        "is": equal[2] if equal else None,
        "then": then,
        "otherwise": otherwise,
    }
    return piece, text.removeprefix("{{ end }}")
