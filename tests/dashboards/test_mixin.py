"""The mixin offers every board and every rule, and nothing else."""

import json
from pathlib import Path

import _jsonnet
import pytest
from rules.src import compat
from rules.src.config import Config
from rules.src.render import expression
from rules.src.tables import alert
from rules.src.teams import condition, joined
from tests.support import fast_yaml
from tests.support.boards import FOLDER, Json, boards
from tests.support.promtool import promtool
from tests.support.rules import ALL

SNIPPET = """
local mixin = { prometheusAlerts+:: { groups+: [{ name: 'theirs', rules: [] }] } } + (import 'mixin.libsonnet');
{ boards: mixin.grafanaDashboards, alerts: mixin.prometheusAlerts, records: mixin.prometheusRules }
"""


@pytest.fixture(scope="module")
def mixin() -> Json:
    text = _jsonnet.evaluate_snippet("user.jsonnet", SNIPPET, jpathdir=[str(FOLDER)])
    loaded: Json = json.loads(text)
    return loaded


def test_it_offers_every_board_unchanged(mixin: Json) -> None:
    assert mixin["boards"] == boards()


def test_it_offers_every_rule_once_beside_those_of_other_mixins(mixin: Json) -> None:
    offered = [group for part in ("alerts", "records") for group in mixin[part]["groups"]]
    names = [rule.get("alert") or rule["record"] for group in offered for rule in group["rules"]]
    assert sorted(names) == sorted(rule.alert or rule.record for rule in ALL)
    assert offered[0]["name"] == "theirs"


def test_promtool_takes_all_that_it_offers_in_one_file(mixin: Json, tmp_path: Path) -> None:
    """So they are put into the one object that the Prometheus Operator reads."""
    file = tmp_path / "rules.yaml"
    groups = [group for part in ("alerts", "records") for group in mixin[part]["groups"]]
    file.write_text(fast_yaml.dump({"groups": groups}))
    promtool("check", "rules", file)


def test_what_a_selector_of_the_config_finds_raises_no_alert() -> None:
    snippet = """
    local mixin = (import 'mixin.libsonnet') + {
      _config+:: { exclude+: { JetStreamStreamNoLeader: 'stream=~"tmp_.*"' } },
    };
    mixin.prometheusAlerts
    """
    text = _jsonnet.evaluate_snippet("user.jsonnet", snippet, jpathdir=[str(FOLDER)])
    alerts = {r["alert"]: r for g in json.loads(text)["groups"] for r in g["rules"]}
    shipped = {rule.alert: rule.body for rule in ALL if rule.alert}
    changed = alerts["JetStreamStreamNoLeader"].pop("expr")
    own = shipped["JetStreamStreamNoLeader"]["expr"].strip("\n")

    assert changed == (
        f"(\n{own}\n)\nunless on (nats_cluster, account, stream)\ngroup by (nats_cluster, account, stream) "
        '(last_over_time(jetstream_stream_info{stream=~"tmp_.*"}[1h]))\n'
    )
    assert same(alerts["JetStreamConsumerStalled"]) == same(shipped["JetStreamConsumerStalled"])


def same(rule: Json) -> Json:
    """The rule without the line end that YAML gives an expression."""
    return {**rule, "expr": rule["expr"].strip()}


def test_a_threshold_a_severity_and_the_spans_of_an_alert_can_be_set() -> None:
    snippet = """
    local mixin = (import 'mixin.libsonnet') + { _config+:: {
      selector: 'env="prod"', clusterLabel: 'k8s', job: 'mine', runbookUrl: 'https://r', dashboardUrl: 'https://g',
      alerts: {
        JetStreamServerStorageHigh: { 'for': '30m', critical: { threshold: '0.95', labels: { team: 'x' } } },
        JetStreamConsumerAckNone: { enabled: false },
      },
    } };
    mixin.prometheusAlerts
    """
    text = _jsonnet.evaluate_snippet("user.jsonnet", snippet, jpathdir=[str(FOLDER)])
    offered = [r for g in json.loads(text)["groups"] for r in g["rules"]]
    high = {
        r["labels"]["severity"]: r for r in offered if r["alert"] == "JetStreamServerStorageHigh"
    }
    wanted = Config(selector='env="prod"', cluster_label="k8s", job="mine")
    rule = alert("JetStreamServerStorageHigh", "critical")
    assert high["critical"]["expr"] == expression(rule, wanted, {"threshold": "0.95"})
    assert (high["critical"]["for"], high["warning"]["for"]) == ("30m", "30m")
    assert high["critical"]["labels"]["team"] == "x"
    assert high["critical"]["annotations"]["runbook_url"] == f"https://r/{rule.name}.md"
    assert "JetStreamConsumerAckNone" not in {r["alert"] for r in offered}


def test_a_threshold_that_no_rule_has_is_refused() -> None:
    snippet = """
    ((import 'mixin.libsonnet') + { _config+:: { alerts: { NatsServerDown: { threshold: 1 } } } }).prometheusAlerts
    """
    with pytest.raises(RuntimeError, match="NatsServerDown: its critical rule has no threshold"):
        _jsonnet.evaluate_snippet("user.jsonnet", snippet, jpathdir=[str(FOLDER)])


def test_the_series_of_other_exporters_are_offered_where_they_are_asked_for() -> None:
    snippet = """
    local mixin = (import 'mixin.libsonnet') + {
      _config+:: { compat: ['surveyor'], compatConsumers: false, selector: 'env="prod"' },
    };
    mixin.prometheusRules
    """
    text = _jsonnet.evaluate_snippet("user.jsonnet", snippet, jpathdir=[str(FOLDER)])
    groups = {group["name"]: group["rules"] for group in json.loads(text)["groups"]}
    (file,) = (file for file in compat.FILES if file.subject == "compat/surveyor")
    wanted = [expression(rule, Config(selector='env="prod"')) for rule in file.groups[0].rules]

    assert [rule["expr"] for rule in groups["compat-surveyor"]] == wanted
    assert "compat-surveyor-consumers" not in groups


def test_what_is_recorded_for_an_alert_has_its_settings() -> None:
    snippet = """
    local mixin = (import 'mixin.libsonnet') + { _config+:: {
      clusterLabel: 'k8s',
      alerts: {
        JetStreamStreamStorageHigh: { critical: { threshold: '0.99' } },
        JetStreamConsumerAckNone: { enabled: false },
      },
    } };
    { alerts: mixin.prometheusAlerts, records: mixin.prometheusRules }
    """
    made = json.loads(_jsonnet.evaluate_snippet("u.jsonnet", snippet, jpathdir=[str(FOLDER)]))
    records = {r["record"]: r["expr"] for g in made["records"]["groups"] for r in g["rules"]}
    alerts = {
        (r["alert"], r["labels"]["severity"]): r["expr"]
        for g in made["alerts"]["groups"]
        for r in g["rules"]
    }
    config = Config(cluster_label="k8s")
    for severity, number in (("critical", "0.99"), ("warning", "0.80")):
        rule = alert("JetStreamStreamStorageHigh", severity)
        assert alerts[rule.name, severity] == expression(joined(rule), config)
        own = expression(rule, config, {"threshold": number})
        assert records[condition(rule).name] == own
    assert condition(alert("JetStreamConsumerUnlimitedRedelivery")).name in records
    assert condition(alert("JetStreamConsumerAckNone")).name not in records


def test_the_shadow_brings_its_alert_its_rules_and_its_board() -> None:
    snippet = """
    local mixin = (import 'mixin.libsonnet') + { _config+:: { shadow: ['pne'] } };
    { boards: mixin.grafanaDashboards, alerts: mixin.prometheusAlerts, records: mixin.prometheusRules }
    """
    text = _jsonnet.evaluate_snippet("user.jsonnet", snippet, jpathdir=[str(FOLDER)])
    made = json.loads(text)
    named = {
        part: [group["name"] for group in made[part]["groups"]] for part in ("alerts", "records")
    }

    assert "compat-shadow-pne.alerts" in named["alerts"]
    assert "compat-shadow-pne" in named["records"]
    assert set(made["boards"]) - set(boards()) == {"jetstream-shadow.json"}
