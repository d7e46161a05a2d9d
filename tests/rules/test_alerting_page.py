"""What docs/alerting.md says about the alerts is true."""

import importlib.util
import re
from typing import Any

from tests.support import fast_yaml
from tests.support.rules import NAMES, ROOT, RUNBOOKS

PAGE = (ROOT / "docs" / "alerting.md").read_text()


def script() -> Any:
    spec = importlib.util.spec_from_file_location("alerts", ROOT / "scripts" / "alerts.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_table_of_alerts_is_of_today() -> None:
    assert script().written(PAGE) == PAGE, "run `python scripts/alerts.py`"


def test_the_table_links_each_alert_to_its_runbook() -> None:
    linked = re.findall(r"^\| \[(\w+)\]\(\.\./rules/runbooks/(\w+)\.md\)", PAGE, re.MULTILINE)
    assert sorted(name for name, _ in linked) == NAMES
    assert all(name == page and (RUNBOOKS / f"{page}.md").is_file() for name, page in linked)


def test_the_short_routing_groups_and_matches_as_the_whole_one_does() -> None:
    text = re.findall(r"```yaml\n(route:.*?)```", PAGE, re.DOTALL)[0]
    assert len(text.strip().splitlines()) == 6
    (route,) = fast_yaml.load(text)["route"]["routes"]
    whole = fast_yaml.load((ROOT / "alertmanager" / "alertmanager.yaml").read_text())["route"]
    assert route["matchers"] == whole["routes"][1]["matchers"]
    assert route["group_by"] == whole["group_by"]
