"""Write the table of alerts into docs/alerting.md from the rules, and their number wherever a page says it.

python scripts/alerts.py
"""

import re
import sys
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parent.parent
BEGIN, END = "<!-- alerts: begin -->\n", "<!-- alerts: end -->\n"
# From what blinds everything to what one consumer lacks.
FILES = ("exporter", "server", "meta", "stream", "consumer", "thresholds")
HEAD = "| alert | severity | summary |\n|---|---|---|\n"
TABLE = ROOT / "docs" / "alerting.md"
COUNTED = (ROOT / "README.md", ROOT / "docs" / "comparison.md", ROOT / "CHANGELOG.md")


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
        f"| [{name}](../rules/runbooks/{name}.md) | {', '.join(rule['labels']['severity'] for rule in rules)} "
        f"| {rules[0]['annotations']['summary']} |\n"
        for name, rules in alerts().items()
    ]
    return HEAD + "".join(rows)


def counted(text: str) -> str:
    """The text with the current number where a line begins with it, and in the comparison."""
    number = len(alerts())
    text = re.sub(
        r"^((?:- )?(?:There are )?)\d+ alerts\b", rf"\g<1>{number} alerts", text, flags=re.MULTILINE
    )
    return re.sub(r"\| \d+, each tested \|", f"| {number}, each tested |", text)


def written(text: str) -> str:
    """The text with the current table between its two marks."""
    before, rest = text.split(BEGIN)
    return before + BEGIN + table() + END + rest.split(END)[1]


def main() -> int:
    TABLE.write_text(written(TABLE.read_text()))
    for page in COUNTED:
        page.write_text(counted(page.read_text()))
    return 0


if __name__ == "__main__":
    sys.exit(main())
