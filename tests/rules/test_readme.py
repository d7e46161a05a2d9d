"""What README.md says about the alerts is so."""

import importlib.util
import re
from pathlib import Path
from typing import Any

import yaml
from tests.support.rules import NAMES, ROOT, RUNBOOKS

README = (ROOT / "README.md").read_text()


def script() -> Any:
    spec = importlib.util.spec_from_file_location("alerts", ROOT / "scripts" / "alerts.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_table_of_alerts_is_of_today() -> None:
    assert script().written(README) == README, "run `python scripts/alerts.py`"


def test_the_table_links_each_alert_to_its_runbook() -> None:
    linked = re.findall(r"^\| \[(\w+)\]\(rules/runbooks/(\w+)\.md\)", README, re.MULTILINE)
    assert sorted(name for name, _ in linked) == NAMES
    assert all(name == page and (RUNBOOKS / f"{page}.md").is_file() for name, page in linked)


def section() -> str:
    return README.split("\n## Alerts\n")[1].split("\n## ")[0]


def test_the_short_routing_groups_and_matches_as_the_whole_one_does() -> None:
    text = re.findall(r"```yaml\n(route:.*?)```", section(), re.DOTALL)[0]
    assert len(text.strip().splitlines()) == 5
    (route,) = yaml.safe_load(text)["route"]["routes"]
    whole = yaml.safe_load((ROOT / "alertmanager" / "alertmanager.yaml").read_text())["route"]
    assert route["matchers"] == whole["routes"][1]["matchers"]
    assert route["group_by"] == whole["group_by"]


def test_its_links_lead_somewhere() -> None:
    for target in re.findall(r"\]\(((?!http)[^)#]+)\)", section()):
        assert (ROOT / Path(target)).exists(), target
