"""Prometheus' own tool, run to its end.

A file of rules that is evaluated whole, for each minute of each case, takes several times as long as those of its rules
that the case depends on. `judge` evaluates only these.
"""

import os
import re
import subprocess
from pathlib import Path
from typing import Any

from tests.support import fast_yaml
from tests.support.tools import tool

DEADLINE = 400  # seconds: minutes on a busy machine, for the largest file
NAME = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*")

Body = dict[str, Any]


def promtool(*argv: str | Path) -> str:
    """What it says; AssertionError with all of it where it fails."""
    done = subprocess.run(
        [tool("promtool"), *argv],
        text=True,
        capture_output=True,
        timeout=DEADLINE,
        check=False,
        env={**os.environ, "GOGC": "400"},  # it ends soon, so tidying up is a fifth of its work
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def judge(groups: list[Body], tests: Body, folder: Path) -> None:
    """Run the cases of a file of tests, each with the rules of these groups that it can depend on."""
    files = []
    for number, (asked, cases) in enumerate(_by_asked(tests["tests"]).items()):
        rules, file = folder / f"{number}.rules.yaml", folder / f"{number}.tests.yaml"
        rules.write_text(fast_yaml.dump({"groups": needed(groups, asked)}))
        content = {**tests, "rule_files": [rules.name], "tests": cases}
        file.write_text(fast_yaml.dump(content))
        files.append(file)
    assert promtool("test", "rules", *files).count("SUCCESS") == len(files) > 0


def _by_asked(cases: list[Body]) -> dict[frozenset[str], list[Body]]:
    """The cases by the names that they ask for: of alerts, and whatever stands in an expression."""
    found: dict[frozenset[str], list[Body]] = {}
    for case in cases:
        alerts = {each["alertname"] for each in case.get("alert_rule_test", [])}
        texts = [each["expr"] for each in case.get("promql_expr_test", [])]
        asked = alerts.union(*map(words, texts))
        found.setdefault(frozenset(asked), []).append(case)
    return found


def needed(groups: list[Body], asked: frozenset[str]) -> list[Body]:
    """The rules of these names, and those that they read: in an expression, a label or an annotation."""
    rules = [rule for group in groups for rule in group["rules"]]
    names, reads = set[str](), set(asked)
    while reads - names:
        names |= reads
        for rule in rules:
            if name_of(rule) in names:
                reads |= _read(rule)
    kept = [{**g, "rules": [rule for rule in g["rules"] if name_of(rule) in names]} for g in groups]
    return [group for group in kept if group["rules"]]


def name_of(rule: Body) -> str:
    return str(rule.get("alert") or rule["record"])


def _read(rule: Body) -> set[str]:
    """Every word of it: more names than it reads, and none that it reads is missing."""
    labels, notes = rule.get("labels", {}), rule.get("annotations", {})
    texts = (rule["expr"], *labels.values(), *notes.values())
    return set().union(*map(words, texts))


def words(text: object) -> set[str]:
    return set(NAME.findall(str(text)))
