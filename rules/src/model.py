"""The shapes of a rule file. The tables beside this module are made of them, and every output is rendered from them.

Expressions are PromQL with placeholders, filled by `string.Template` (a literal dollar sign is written `$$`):

- `$cluster`, `$server`, `$account`, `$stream`, `$consumer`: the labels that identify such an object, for `by (…)` and `on (…)`;
- `$NAME` for each key of the rule's `values`: a threshold, a window, a number that something else reads too;
- `$NAME` for each key of the rule's `parts`: a piece of PromQL that stands in it twice, or in other rules too;
- `$NAME` for each constant of `constants.py`. Parts may use them as well.

What has several lines takes the indentation of the line on which its placeholder stands.

In sentences `{label}` stands for the alert's label, `{value | humanize}` for its value; anything within double braces
is passed on to Prometheus as it is.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Literal

Severity = Literal["critical", "warning", "info", "none"]
Scope = Literal["exporter", "cluster", "server", "account", "stream", "consumer"]

# The labels that identify an object of each scope.
IDENTITY: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "cluster": ("nats_cluster",),
        "server": ("nats_cluster", "server"),
        "account": ("nats_cluster", "account"),
        "stream": ("nats_cluster", "account", "stream"),
        "consumer": ("nats_cluster", "account", "stream", "consumer"),
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """A recording rule. `values` names the numbers and windows in its expression that others read too.

    `of` is the alert whose expression it records, if it does.
    """

    name: str
    expr: str
    comment: str = ""
    values: Mapping[str, str] = field(default_factory=dict)
    parts: Mapping[str, str] = field(default_factory=dict)
    of: Alert | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Alert:
    """An alerting rule; an alert with two severities is two rules of one name.

    `wait` is Prometheus' `for`, `keep` its `keep_firing_for`; empty means none. `real_time` says that `wait` outlasts an
    election or a missed scrape, which no demonstration can hurry. `values["threshold"]`, where there is one, may be
    changed by users. `board` is the uid of the dashboard that the alert links to.
    """

    name: str
    severity: Severity
    scope: Scope
    board: str
    expr: str
    summary: str
    description: str
    wait: str = ""
    keep: str = ""
    real_time: bool = False
    comment: str = ""
    values: Mapping[str, str] = field(default_factory=dict)
    parts: Mapping[str, str] = field(default_factory=dict)
    pint: str = ""  # a check that pint has to leave out
    page: str = ""  # of the repository, in place of a runbook


Rule = Record | Alert


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Rules that are evaluated together, one after the other."""

    name: str
    interval: str
    rules: tuple[Rule, ...]
    comment: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleFile:
    """One file of `rules/`; `subject` is its name without the ending."""

    subject: str
    comment: str
    groups: tuple[Group, ...]
