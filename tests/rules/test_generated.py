"""The rule files are what the tables say, and every setting of the generator reaches every rule."""

import json
import re
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from rules.src import template
from rules.src.__main__ import EVERY_FILE
from rules.src.config import Config
from rules.src.constants import CONSTANTS
from rules.src.model import IDENTITY, Alert, Record, Rule
from rules.src.render import expression, rendered
from rules.src.tables import ALERTS, FILES, RULES
from rules.src.teams import JOINED, TEAM, condition, joined, with_conditions
from rules.src.yaml_text import rule_file
from tests.support import fast_yaml, promql
from tests.support.each import each
from tests.support.promtool import promtool
from tests.support.rules import RULES as FOLDER

SET = Config(
    selector='env="prod"',
    cluster_label="k8s_cluster",
    job="my-job",
    runbook_url="https://example.org/r",
    dashboard_url="https://example.org/g",
)
TOKEN = re.compile(r"<<[^<>]+>>")
FOREIGN = ("kube_", "kubelet_", "ALERTS")
by_rule = each("rule", RULES, ids=lambda rule: rule.name)


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.subject)
def test_a_committed_file_is_what_the_tables_say(file: object) -> None:
    found = next(one for one in FILES if one is file)
    committed = (FOLDER / f"{found.subject}.yaml").read_text()
    assert rule_file(found, Config()) == committed, "run `python -m rules.src`"


def test_the_committed_template_is_what_the_tables_say() -> None:
    assert template.text() == template.PATH.read_text(), "run `python -m rules.src`"


@by_rule
def test_a_file_read_back_is_the_rule(rule: Rule) -> None:
    """The text is written by hand, so YAML itself has to say that it means the same."""
    wanted = rendered(rule, Config())
    assert wanted["expr"].strip() in [body["expr"].strip() for body in read_back()]
    assert {**wanted, "expr": ""} in [{**body, "expr": ""} for body in read_back()]


@cache
def read_back() -> list[dict[str, Any]]:
    return [
        body
        for file in FILES
        for group in fast_yaml.load(rule_file(file, Config()))["groups"]
        for body in group["rules"]
    ]


@by_rule
def test_the_selector_stands_at_every_series_of_the_exporter(rule: Rule) -> None:
    recorded = {each.name for each in RULES}
    for selector in promql.selectors(expression(rule, SET)):
        if selector.metric not in recorded and not selector.metric.startswith(FOREIGN):
            assert "env" in selector.matchers, selector.metric


@by_rule
def test_the_cluster_label_stands_wherever_clusters_are_told_apart(rule: Rule) -> None:
    text = expression(rule, SET)
    assert text.count("k8s_cluster, nats_cluster") == text.count("(k8s_cluster, nats_cluster")
    assert "(nats_cluster," not in text
    assert "(nats_cluster)" not in text
    promql.parse(text)


@by_rule
def test_the_links_begin_where_they_are_told_to(rule: Rule) -> None:
    if isinstance(rule, Alert):
        links = rendered(rule, SET)["annotations"]
        assert links["runbook_url"] == f"https://example.org/r/{rule.name}.md"
        assert links["dashboard_url"].startswith(f"https://example.org/g/d/{rule.board}")


def test_every_value_every_part_and_every_constant_is_used() -> None:
    for rule in RULES:
        for name in rule.parts:
            assert f"${name}" in rule.expr, f"{rule.name}: {name}"
        for name in rule.values:
            texts = (rule.expr, *rule.parts.values())
            assert any(f"${name}" in text for text in texts), f"{rule.name}: {name}"
    every = "".join(text for rule in RULES for text in (rule.expr, *rule.parts.values()))
    for name in CONSTANTS:
        assert f"${name}" in every, name


def test_labels_of_objects_are_written_by_their_placeholder() -> None:
    for rule in RULES:
        for text in (rule.expr, *rule.parts.values()):
            assert "(nats_cluster," not in text, rule.name
            assert "(nats_cluster)" not in text, rule.name


def test_a_piece_of_several_lines_is_indented_like_its_placeholder() -> None:
    rule = Record(
        name="x",
        expr="""
            max by ($stream) (
              $part
            )
        """,
        values={"window": "5m"},
        parts={"part": 'rate(a_total{b="$$c"}[$window])\nor\n0'},
    )
    assert expression(rule, Config()) == (
        'max by (nats_cluster, account, stream) (\n  rate(a_total{b="$c"}[5m])\n  or\n  0\n)'
    )


def run(*arguments: str) -> "subprocess.CompletedProcess[str]":
    argv = [sys.executable, "-m", "rules.src", *arguments]
    return subprocess.run(argv, check=False, capture_output=True, text=True, cwd=FOLDER.parent)


def test_the_generator_writes_files_that_prometheus_loads(tmp_path: Path) -> None:
    done = run("--to", str(tmp_path), "--selector", 'env="prod"', "--cluster-label", "k8s_cluster")
    assert (done.returncode, done.stderr) == (0, "")
    written = sorted(tmp_path.rglob("*.yaml"))
    assert len(written) == len(EVERY_FILE)
    promtool("check", "rules", *written)


def test_settings_never_reach_the_committed_files() -> None:
    done = run("--job", "mine")
    assert done.returncode == 2
    assert done.stderr == "rules.src: give --to FOLDER; the committed files have no settings\n"


def test_every_token_of_the_template_is_one_that_its_readers_know() -> None:
    known = {"<<selector,>>", "<<{selector}>>", "<<cluster_label,>>", "<<threshold>>"}
    known |= {"<<job>>", "<<runbook_url>>", "<<dashboard_url>>"}
    for file in json.loads(template.text())["files"]:
        for token in set(TOKEN.findall(json.dumps(file, ensure_ascii=False))) - known:
            assert token[2].isdigit(), token


OF_OBJECTS = [alert for alert in ALERTS if alert.scope in JOINED]
by_alert = each("alert", OF_OBJECTS, ids=lambda a: f"{a.name}-{a.severity}")


@by_alert
def test_an_alert_reads_what_the_rule_before_it_records_of_it_alone(alert: Alert) -> None:
    (rules,) = (
        list(with_conditions(group.rules))
        for file in FILES
        for group in file.groups
        if alert in group.rules
    )
    before = rules[rules.index(alert) - 1]
    assert isinstance(before, Record)
    assert before.of is alert
    assert before.expr == alert.expr
    of_team = {TEAM[scope] for scope in JOINED[alert.scope]}
    read = {s.metric for s in promql.selectors(expression(joined(alert), Config()))}
    assert read == {before.name} | of_team


@by_alert
def test_a_team_can_cost_no_alert(alert: Alert) -> None:
    """What has no team is added, and what is multiplied by is 1 and there once for each object."""
    text = expression(joined(alert), Config())
    found = condition(alert).name
    assert text.endswith(f"or on ({', '.join(IDENTITY[alert.scope])})\n{found}")
    for record in (rule for rule in RULES if rule.name in TEAM.values()):
        scope = next(scope for scope, name in TEAM.items() if name == record.name)
        assert record.expr.strip().startswith(f"topk by (${scope}) (1, ")
        assert ") ^ 0" in record.expr


@each("alert", ALERTS, ids=lambda a: f"{a.name}-{a.severity}")
def test_no_label_of_an_alert_is_a_template(alert: Alert) -> None:
    """Prometheus writes a template that comes out empty into the series ALERTS as it is."""
    labels = rendered(alert, SET)["labels"]
    assert labels == {"severity": alert.severity, "service": "jetstream", "scope": alert.scope}


def test_what_is_recorded_of_two_alerts_has_two_names() -> None:
    names = [condition(alert).name for alert in OF_OBJECTS]
    assert len(set(names)) == len(names)


@pytest.mark.parametrize("scope", ["exporter", "cluster", "server", "account"])
def test_what_has_no_metadata_has_no_team(scope: str) -> None:
    alert = next(alert for alert in ALERTS if alert.scope == scope)
    assert joined(alert) is alert
    assert list(with_conditions((alert,))) == [alert]


def test_an_alert_s_name_severity_and_scope_are_its_own() -> None:
    names = [(alert.name, alert.severity) for alert in ALERTS]
    assert len(names) == len(set(names))
