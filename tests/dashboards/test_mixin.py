"""The mixin offers every board and every rule, and nothing else."""

import json
import subprocess
from pathlib import Path

import _jsonnet
import pytest
import yaml
from dashboards.src.thresholds import rules
from tests.support.boards import FOLDER, Json, boards
from tests.support.tools import tool

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
    assert sorted(names) == sorted(rule.get("alert") or rule["record"] for rule in rules())
    assert offered[0]["name"] == "theirs"


def test_promtool_takes_all_that_it_offers_in_one_file(mixin: Json, tmp_path: Path) -> None:
    """So they are put into the one object that the Prometheus Operator reads."""
    file = tmp_path / "rules.yaml"
    groups = [group for part in ("alerts", "records") for group in mixin[part]["groups"]]
    file.write_text(yaml.safe_dump({"groups": groups}))
    subprocess.run([tool("promtool"), "check", "rules", file], check=True, capture_output=True)
