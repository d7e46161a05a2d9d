"""No alert without its proof, its runbook, its links, and metrics that the exporter has."""

import json
import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from tests.support import promql
from tests.support.each import each
from tests.support.rules import (
    ALERTS,
    ALL,
    GRAFANA_BASE,
    NAMES,
    RECORDS,
    ROOT,
    RULES,
    RUNBOOK_BASE,
    RUNBOOKS,
    Rule,
    cases,
)

from jetstream_exporter.metrics import TABLES

# The watchdog has no silent twin: that it never falls silent is its purpose.
ALWAYS_FIRING = {"JetStreamWatchdog"}
SCOPES = {
    "exporter": set(),
    "cluster": {"nats_cluster"},
    "server": {"nats_cluster", "server"},
    "account": {"nats_cluster", "account"},
    "stream": {"nats_cluster", "account", "stream"},
    "consumer": {"nats_cluster", "account", "stream", "consumer"},
}
# What Prometheus, Kubernetes and whoever configures them add to a scraped series.
TARGET = {"job", "instance", "namespace", "pod", "nats_cluster"}
FOREIGN = {
    "up": set(),
    "ALERTS": {"alertname", "alertstate", "account", "stream", "consumer"},
    "kube_pod_spec_volumes_persistentvolumeclaims_info": {"persistentvolumeclaim", "volume"},
    "kubelet_volume_stats_capacity_bytes": {"persistentvolumeclaim"},
}
BOARDS = {
    "jetstream-accounts",
    "jetstream-overview",
    "jetstream-raft",
    "jetstream-servers",
    "jetstream-stream",
    "jetstream-consumer",
    "jetstream-exporter",
}
VARIABLES = {"nats_cluster", "account", "stream", "consumer"}


def level(record: str) -> list[str]:
    """The labels of a recording rule, by its name; those of the objects are single words but for the cluster."""
    words = record.split(":", maxsplit=1)[0].removeprefix("nats_cluster").split("_")
    return ["nats_cluster", *(word for word in words if word)]


LABELS: dict[str, set[str]] = {
    **{family.name: set(table.labels) for table in TABLES for family in table.families},
    **{rule.record: set(level(rule.record)) for rule in RECORDS},
    **FOREIGN,
}
TYPES = {family.name: family.type for table in TABLES for family in table.families}
by_rule = each("rule", ALERTS, ids=lambda rule: rule.id)
by_any = each("rule", ALL, ids=lambda rule: rule.id)


def fired(alert: str, severity: str) -> Iterator[dict[str, Any]]:
    """What the cases named "<alert> fires" expect of this severity."""
    for case in cases():
        if case["name"].startswith(f"{alert} fires: "):
            for check in case["alert_rule_test"]:
                for expected in check["exp_alerts"]:
                    if expected["exp_labels"]["severity"] == severity:
                        yield expected


def silent(alert: str) -> bool:
    return any(
        not check["exp_alerts"] and check["alertname"] == alert
        for case in cases()
        if case["name"].startswith(f"{alert} stays silent: ")
        for check in case["alert_rule_test"]
    )


@pytest.mark.parametrize("name", ["README.md", "CHANGELOG.md"])
def test_a_page_that_counts_the_alerts_counts_right(name: str) -> None:
    text = (ROOT / name).read_text()
    counted = re.findall(r"^(?:- )?(?:There are )?(\d+) alerts\b", text, re.MULTILINE)
    assert counted == [str(len(NAMES))], "run `python scripts/alerts.py`"


def test_there_are_as_many_alerts_as_the_comparison_says() -> None:
    assert f"| {len(NAMES)}, each tested |" in (ROOT / "docs" / "comparison.md").read_text()


@by_rule
def test_an_alert_has_a_case_in_which_it_fires_with_all_its_labels_and_sentences(
    rule: Rule,
) -> None:
    found = list(fired(rule.alert, rule.severity))
    assert found, f'no case named "{rule.alert} fires: …" expects severity {rule.severity}'
    for expected in found:
        assert {"severity", "service", "scope"} | SCOPES[rule.scope] <= set(expected["exp_labels"])
        assert set(expected["exp_annotations"]) == set(rule.annotations)


@each("alert", sorted(set(NAMES) - ALWAYS_FIRING))
def test_an_alert_has_a_case_in_which_it_stays_silent(alert: str) -> None:
    assert silent(alert), f'no case named "{alert} stays silent: …" expects no alert'


def test_a_case_says_in_its_name_what_it_proves() -> None:
    names = [case["name"] for case in cases()]
    assert sorted(set(names)) == sorted(names)
    for case in cases():
        alert = case["name"].split()[0]
        assert re.match(rf"{alert} (fires|stays silent): ", case["name"]), case["name"]
        assert alert in NAMES, case["name"]
        assert {check["alertname"] for check in case["alert_rule_test"]} == {alert}


def families(selector: promql.Selector) -> set[str]:
    """The metric of a selector, or those whose names match its pattern: at least one."""
    if selector.metric:
        return {selector.metric}
    (pattern, *_) = (m.value for m in selector.node.matchers.matchers if m.name == "__name__")
    found = {name for name in LABELS if re.fullmatch(pattern, name)}
    assert found, pattern
    return found


@by_any
def test_every_metric_is_one_that_exists(rule: Rule) -> None:
    unknown = {name for s in promql.selectors(rule.expr) for name in families(s)} - set(LABELS)
    assert not unknown


@by_any
def test_every_label_is_one_that_its_metric_has(rule: Rule) -> None:
    recorded = {record.record for record in RECORDS}  # aggregated already, so joined as they are
    for selector in promql.selectors(rule.expr):
        known = {label for name in families(selector) for label in LABELS[name]} | TARGET
        known |= set() if selector.metric else {"__name__"}
        grouped = (
            {label for a in selector.aggregations[-1:] for label in a.modifier.labels}
            if selector.metric not in recorded
            and (selector.aggregations and selector.aggregations[-1].modifier)
            else set()
        )
        assert set(selector.matchers) | grouped <= known, selector.metric


@by_rule
def test_the_runbook_of_an_alert_is_there(rule: Rule) -> None:
    url = rule.annotations["runbook_url"]
    assert url == f"{RUNBOOK_BASE}{rule.alert}.md"
    assert (RUNBOOKS / f"{rule.alert}.md").is_file()


def test_no_runbook_outlived_its_alert() -> None:
    assert sorted(path.stem for path in RUNBOOKS.glob("*.md")) == NAMES


def variables(uid: str) -> set[str]:
    """The variables of the board as it is in dashboards/."""
    board = json.loads((ROOT / "dashboards" / f"{uid}.json").read_text())
    assert board["uid"] == uid
    return {variable["name"] for variable in board["templating"]["list"]}


@by_rule
def test_the_dashboard_of_an_alert_is_there_and_knows_its_variables(rule: Rule) -> None:
    url = re.sub(
        r"\{\{ \$labels\.(\w+) \| urlquery \}\}", r"<\1>", rule.annotations["dashboard_url"]
    )
    assert url.startswith(GRAFANA_BASE)
    assert "{{" not in url
    uid = urlsplit(url).path.removeprefix("/d/")
    given = dict(parse_qsl(urlsplit(url).query))
    assert given == {f"var-{name}": f"<{name}>" for name in SCOPES[rule.scope] & VARIABLES}
    assert uid in BOARDS
    if (ROOT / "dashboards" / f"{uid}.json").exists():
        assert {name.removeprefix("var-") for name in given} <= variables(uid)


def test_only_rule_files_and_runbooks_lie_in_the_folder_that_users_copy() -> None:
    folders = {path.name for path in RULES.iterdir() if path.is_dir()} - {"__pycache__"}
    assert folders == {"compat", "runbooks", "scale", "src"}
