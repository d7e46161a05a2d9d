"""The shortened rules are the shipped ones with shorter spans, and nothing else."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.rules.test_style import strays
from tests.support import promql
from tests.support.each import each
from tests.support.promtool import promtool
from tests.support.rules import ALL, RULE_FILES, RULES, Rule, duration

from jetstream_exporter.demo.stack import fast

TEMPLATE = json.loads((RULES / "template.json").read_text())
SETTINGS = TEMPLATE["settings"]
BODIES: dict[tuple[str, str], dict[str, Any]] = {
    (body.get("alert") or body["record"], body.get("labels", {}).get("severity", "")): body
    for file in TEMPLATE["files"]
    for group in file["groups"]
    for body in group["rules"]
}
by_any = each("rule", ALL, ids=lambda rule: rule.id)


def shortened(rule: Rule) -> Rule:
    name = (rule.alert or rule.record, rule.severity if rule.alert else "")
    return Rule(rule.file, rule.group, fast.rule(BODIES[name], SETTINGS))


@pytest.mark.parametrize(
    ("long", "short"),
    [
        ("rate(x[<<5m>>])", "rate(x[5s])"),
        ("x offset <<15m>> > 100", "x offset 15s > 100"),
        (
            "max_over_time(a:x:rate5m[<<1d>>] offset <<1h30m>>)",
            "max_over_time(a:x:rate5m[1440s] offset 90s)",
        ),
        ("x > <<threshold>>", "x > 900"),
        ("for <<10 minutes>>.", "for 10 seconds."),
        ("within <<1 hour>>", "within 1 minute"),
        ("of the last <<6 hours>>, in <<24 hours>>", "of the last 6 minutes, in 24 minutes"),
        ("by (<<cluster_label,>>nats_cluster)", "by (nats_cluster)"),
    ],
)
def test_spans_are_divided_and_other_tokens_are_settings(long: str, short: str) -> None:
    assert fast.filled(long, {"threshold": "900"}) == short


@by_any
def test_only_spans_differ(rule: Rule) -> None:
    short = shortened(rule)
    assert set(short.body) == set(rule.body)
    assert short.body.get("labels") == rule.body.get("labels")
    assert promql.numbers(short.joined) == promql.numbers(rule.joined)
    assert promql.seconds(short.joined) == {max(s / 60, 1) for s in promql.seconds(rule.joined)}
    assert [s.metric for s in promql.selectors(short.joined)] == [
        s.metric for s in promql.selectors(rule.joined)
    ]


@by_any
def test_what_judges_servers_and_groups_waits_longer_than_an_election(rule: Rule) -> None:
    short = shortened(rule)
    if "for" in rule.body:
        judged = {s.metric for s in promql.selectors(rule.expr)}
        is_of_servers = judged & OF_SERVERS or any("_leaderless:" in name for name in judged)
        floor = 20 if is_of_servers else 1
        assert duration(short.body["for"]) == max(duration(rule.body["for"]) / 60, floor)


# What an election or a missed scrape changes for some seconds.
OF_SERVERS = {
    "nats_leafnode_configured_connections",
    "nats_leafnode_connections",
    "nats_route_connections",
    "up",
    "nats_server_up",
    "nats_server_healthy",
    "jetstream_expected_present",
    "jetstream_server_meta_leader_info",
    "jetstream_meta_has_leader",
    "jetstream_meta_fault_tolerance",
    "jetstream_meta_peer_current",
    "jetstream_stream_has_leader",
    "jetstream_stream_fault_tolerance",
    "jetstream_consumer_has_leader",
    "jetstream_exporter_last_success_timestamp_seconds",
    "jetstream_exporter_source_up",
    "jetstream_exporter_source_part_up",
}


def test_a_sentence_of_a_shortened_rule_names_only_its_own_spans() -> None:
    spoken = [
        rule for rule in ALL if rule.alert and rule.alert != "JetStreamServerStorageFillingUp"
    ]
    for rule in spoken:
        short = shortened(rule)
        assert strays(short, "".join(short.annotations["description"].split("{{")[:1])) == []


def test_the_program_writes_files_that_prometheus_loads(tmp_path: Path) -> None:
    argv = [sys.executable, "-m", "jetstream_exporter.demo.stack.fast", "--to", str(tmp_path)]
    subprocess.run(argv, check=True, capture_output=True)
    written = sorted(tmp_path.glob("*.yaml"))
    assert [path.name for path in written] == [path.name for path in RULE_FILES]
    promtool("check", "rules", *written)


def test_alertmanagers_waits_are_divided_and_nothing_else() -> None:
    text = "{receiver: a, group_wait: 30s, routes: [{receiver: b, repeat_interval: 12h}]}"
    assert fast.route(yaml.safe_load(text)) == {
        "receiver": "a",
        "group_wait": "1s",
        "routes": [{"receiver": "b", "repeat_interval": "720s"}],
    }
