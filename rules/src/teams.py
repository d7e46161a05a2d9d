"""The label `team` of alerts about streams and consumers: that of the object's metadata, joined by the expression.

An alert without a team has to fire all the same, so that its expression would be evaluated once for those with a team and
once for those without. It is therefore recorded first, under the name of its alert, and the alert reads what was found.
Nothing that is said of a team can cost an alert: the side that is joined has one series for each object and the value 1,
and what it does not have is added without a team.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import replace

from rules.src.model import Alert, Group, Record, Rule, Scope

SINCE = {
    "stream": "nats_cluster_account_stream_team:jetstream_stream_labels:since",
    "consumer": "nats_cluster_account_stream_consumer_team:jetstream_consumer_labels:since",
}
TEAM = {
    "stream": "nats_cluster_account_stream_team:jetstream_stream_labels:newest",
    "consumer": "nats_cluster_account_stream_consumer_team:jetstream_consumer_labels:newest",
}
# Those whose team is joined, in this order: a consumer without one has that of its stream.
JOINED: dict[str, tuple[Scope, ...]] = {"stream": ("stream",), "consumer": ("consumer", "stream")}
LEVEL = {
    "stream": "nats_cluster_account_stream",
    "consumer": "nats_cluster_account_stream_consumer",
}
WORD = re.compile(r"(?<=[a-z])(?=[A-Z])")


def with_conditions(rules: Iterable[Rule]) -> Iterator[Rule]:
    """The rules of a group, with what each alert about a stream or consumer reads right before it."""
    for rule in rules:
        if isinstance(rule, Alert) and rule.scope in JOINED:
            yield condition(rule)
        yield rule


def condition(alert: Alert) -> Record:
    """The recording rule of the alert's own expression: the objects that the alert is about, without a team."""
    words = WORD.sub("_", alert.name.replace("JetStream", "Jetstream")).lower()
    return Record(
        name=f"{LEVEL[alert.scope]}:{words}_{alert.severity}:alert",
        expr=alert.expr,
        comment=alert.comment,
        values=alert.values,
        parts=alert.parts,
        of=alert,
    )


def joined(alert: Alert) -> Alert:
    """The alert as Prometheus evaluates it: what was recorded of it, with the team where there is one."""
    if alert.scope not in JOINED:
        return alert
    found = condition(alert).name
    with_team = [
        f"{found}\n* on (${scope}) group_left (team)\n{TEAM[scope]}"
        for scope in JOINED[alert.scope]
    ]
    expr = f"\nor on (${alert.scope})\n".join((*with_team, found))
    return replace(alert, expr=expr, comment="", parts={})


def _records(scope: Scope) -> tuple[Record, Record]:
    first = scope == "stream"
    return (
        Record(
            name=SINCE[scope],
            comment=(
                "Since when each team is in the metadata; only of objects that have one. While a pair of exporters "
                "reads a change of the team at different times, both teams are there."
                if first
                else ""
            ),
            expr=f"""
                {SINCE[scope]}
                and on (${scope}, team)
                group by (${scope}, team) (jetstream_{scope}_labels{{team!=""}})
                or on (${scope}, team)
                time() * group by (${scope}, team) (jetstream_{scope}_labels{{team!=""}})
            """,
        ),
        Record(
            name=TEAM[scope],
            comment=(
                "One team of each object, with the value 1: the one that came last, even if the object or its "
                "metadata ended within the hour."
                if first
                else "The same of consumers, without those that have the team of their stream: each alert reads all of it."
            ),
            expr=f"topk by (${scope}) (1, last_over_time({SINCE[scope]}[1h])) ^ 0"
            + ("" if first else f"\nunless on ($stream, team)\n{TEAM['stream']}"),
        ),
    )


TEAMS = Group(
    name="jetstream-teams",
    interval="1m",
    rules=(*_records("stream"), *_records("consumer")),
)
