"""The shortened rules are the shipped ones with shorter spans, and nothing else."""

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import yaml
from tests.rules.test_style import strays
from tests.support import promql
from tests.support.rules import ALL, RULE_FILES, Rule, duration
from tests.support.tools import tool

from jetstream_exporter.demo.stack import fast

by_any = pytest.mark.parametrize("rule", ALL, ids=lambda rule: rule.id)


def shortened(rule: Rule) -> Rule:
    return replace(rule, body=fast.rule(rule.body))


@pytest.mark.parametrize(
    ("long", "short"),
    [
        ("rate(x[5m])", "rate(x[5s])"),
        ("x offset 15m > 100", "x offset 15s > 100"),
        (
            "max_over_time(a:x:rate5m[1d] offset 1h30m)",
            "max_over_time(a:x:rate5m[1440s] offset 90s)",
        ),
        ("max_over_time(x[10m:1m])", "max_over_time(x[10s])"),
        ("x > 900", "x > 900"),
    ],
)
def test_ranges_and_offsets_are_divided_and_thresholds_stay(long: str, short: str) -> None:
    assert fast.expression(long) == short


@pytest.mark.parametrize(
    ("long", "short"),
    [
        ("for 10 minutes.", "for 10 seconds."),
        ("within 1 hour", "within 1 minute"),
        ("of the last 6 hours, in 24 hours", "of the last 6 minutes, in 24 minutes"),
        ("more than 75% of 3 replicas", "more than 75% of 3 replicas"),
    ],
)
def test_sentences_follow(long: str, short: str) -> None:
    assert fast.sentence(long) == short


@by_any
def test_only_spans_differ(rule: Rule) -> None:
    short = shortened(rule)
    assert set(short.body) == set(rule.body)
    assert short.body.get("labels") == rule.body.get("labels")
    assert promql.numbers(short.expr) == promql.numbers(rule.expr)
    assert promql.seconds(short.expr) == {max(s / 60, 1) for s in promql.seconds(rule.expr)}
    assert [s.metric for s in promql.selectors(short.expr)] == [
        s.metric for s in promql.selectors(rule.expr)
    ]


@by_any
def test_what_judges_servers_and_groups_waits_longer_than_an_election(rule: Rule) -> None:
    short = shortened(rule)
    if "for" in rule.body:
        floor = 20 if fast.PATIENT.search(rule.expr) else 1
        assert duration(short.body["for"]) == max(duration(rule.body["for"]) / 60, floor)


def test_a_sentence_of_a_shortened_rule_names_only_its_own_spans() -> None:
    spoken = [
        rule for rule in ALL if rule.alert and rule.alert != "JetStreamServerStorageFillingUp"
    ]
    for rule in spoken:
        short = shortened(rule)
        assert strays(short, "".join(short.annotations["description"].split("{{")[:1])) == []


def test_the_program_writes_files_that_prometheus_loads(tmp_path: Path) -> None:
    argv = [sys.executable, "-m", "jetstream_exporter.demo.stack.fast", *map(str, RULE_FILES)]
    subprocess.run([*argv, "--to", str(tmp_path)], check=True, capture_output=True)
    written = sorted(tmp_path.glob("*.yaml"))
    assert [path.name for path in written] == [path.name for path in RULE_FILES]
    subprocess.run([tool("promtool"), "check", "rules", *written], check=True, capture_output=True)


def test_alertmanagers_waits_are_divided_and_nothing_else() -> None:
    text = "{receiver: a, group_wait: 30s, routes: [{receiver: b, repeat_interval: 12h}]}"
    assert fast.route(yaml.safe_load(text)) == {
        "receiver": "a",
        "group_wait": "1s",
        "routes": [{"receiver": "b", "repeat_interval": "720s"}],
    }
