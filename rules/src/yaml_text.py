"""A rule file as text: comments in place, one blank line between alerts, nothing quoted that need not be."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator
from functools import cache
from typing import Any

import yaml
from rules.src.config import Config
from rules.src.model import Alert, Group, Rule, RuleFile
from rules.src.render import rendered
from rules.src.teams import joined, with_conditions

WIDTH = 120


def rule_file(file: RuleFile, config: Config) -> str:
    lines = [*_comment(file.comment, ""), "groups:"]
    for group in file.groups:
        lines += [*_group(group, config), ""]
    return "\n".join(lines).rstrip() + "\n"


def _group(group: Group, config: Config) -> Iterator[str]:
    yield from _comment(group.comment, "  ")
    yield f"  - name: {group.name}"
    yield f"    interval: {group.interval}"
    yield "    rules:"
    for number, rule in enumerate(with_conditions(group.rules)):
        if number:
            yield ""
        yield from _rule(rule, config)


def _rule(rule: Rule, config: Config) -> Iterator[str]:
    body = rendered(rule, config)
    head, name = next(iter(body.items()))
    if isinstance(rule, Alert):
        if rule.pint:
            yield f"      # pint disable {rule.pint}"
        yield f"      - {head}: {name}"
        yield from _comment(joined(rule).comment, "        ")
    else:
        yield from _comment(rule.comment, "      ")
        yield f"      - {head}: {name}"
    for key in list(body)[1:]:
        yield from _entry(key, body[key], "        ")


def _entry(key: str, value: Any, indent: str) -> Iterator[str]:
    if isinstance(value, dict):
        yield f"{indent}{key}:"
        for inner, text in value.items():
            yield from _entry(inner, text, f"{indent}  ")
    elif "\n" in value or (key == "expr" and len(value) > 20):
        yield f"{indent}{key}: |"
        yield from (f"{indent}  {line}".rstrip() for line in value.splitlines())
    else:
        yield f"{indent}{key}: {_scalar(value)}"


@cache
def _scalar(text: str) -> str:
    """Plain where YAML reads it back as it is."""
    try:
        if yaml.safe_load(f"key: {text}") == {"key": text}:
            return text
    except yaml.YAMLError:
        pass
    return "'" + text.replace("'", "''") + "'"


def _comment(text: str, indent: str) -> Iterator[str]:
    for number, paragraph in enumerate(re.split(r"\n\n", text) if text else []):
        if number:
            yield f"{indent}#"
        for line in textwrap.wrap(
            paragraph, WIDTH - len(indent) - 2, break_long_words=False, break_on_hyphens=False
        ):
            yield f"{indent}# {line}"
