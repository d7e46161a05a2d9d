"""Write the table of alerts into README.md from the rules: `python scripts/alerts.py`."""

import sys
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parent.parent
BEGIN, END = "<!-- alerts: begin -->\n", "<!-- alerts: end -->\n"
# From what blinds everything to what one consumer lacks.
FILES = ("exporter", "server", "meta", "stream", "consumer")
HEAD = "| Alert | Severity | Says |\n|---|---|---|\n"


def alerts() -> dict[str, list[dict[str, Any]]]:
    """The rules of each alert: two where it knows a warning and a critical state."""
    found: dict[str, list[dict[str, Any]]] = {}
    for name in FILES:
        content = yaml.safe_load((ROOT / "rules" / f"{name}.yaml").read_text())
        for group in content["groups"]:
            for rule in group["rules"]:
                if "alert" in rule:
                    found.setdefault(rule["alert"], []).append(rule)
    return found


def table() -> str:
    rows = [
        f"| [{name}](rules/runbooks/{name}.md) | {', '.join(rule['labels']['severity'] for rule in rules)} "
        f"| {rules[0]['annotations']['summary']} |\n"
        for name, rules in alerts().items()
    ]
    return HEAD + "".join(rows)


def written(text: str) -> str:
    """The text with the table of today between its two marks."""
    before, rest = text.split(BEGIN)
    return before + BEGIN + table() + END + rest.split(END)[1]


def main() -> int:
    readme = ROOT / "README.md"
    readme.write_text(written(readme.read_text()))
    return 0


if __name__ == "__main__":
    sys.exit(main())
