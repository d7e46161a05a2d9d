"""The rules as the chart renders them: those of rules/, word for word, but for what values ask for."""

import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from helm_python.errors import HelmError
from tests.support import chart
from tests.support.rules import PROMTOOL_FILES
from tests.support.tools import tool

RULES = chart.ROOT / "rules"
FILES = sorted(RULES.glob("*.yaml"))
THRESHOLDS: dict[str, dict[str, list[str]]] = yaml.safe_load(
    (chart.CHART / "files/thresholds.yaml").read_text()
)
Rule = dict[str, Any]


def shipped() -> dict[tuple[str, str], Rule]:
    groups = [group for file in FILES for group in yaml.safe_load(file.read_text())["groups"]]
    return by_name(groups)


def rendered(rules: dict[str, Any] | None = None) -> dict[tuple[str, str], Rule]:
    found = chart.of_kind("PrometheusRule", {"rules": {"enabled": True, **(rules or {})}})
    return by_name([group for each in found for group in each["spec"]["groups"]])


def by_name(groups: list[Rule]) -> dict[tuple[str, str], Rule]:
    rules = [rule for group in groups for rule in group["rules"]]
    named = {
        (r.get("alert") or r["record"], r.get("labels", {}).get("severity", "")): r for r in rules
    }
    assert len(named) == len(rules)
    return named


def without_namespace(rule: Rule) -> Rule:
    if "alert" not in rule:
        return rule
    labels = {name: value for name, value in rule["labels"].items() if name != "namespace"}
    return {**rule, "labels": labels}


def test_the_rules_are_those_of_the_repository() -> None:
    assert {name: without_namespace(rule) for name, rule in rendered().items()} == shipped()


def test_one_object_a_file() -> None:
    names = [found["metadata"]["name"] for found in chart.of_kind("PrometheusRule", ON)]

    assert names == [f"jse-jetstream-exporter-{file.stem}" for file in FILES]


ON = {"rules": {"enabled": True}}


def test_every_alert_carries_the_namespace_by_which_it_is_routed() -> None:
    alerts = [rule for rule in rendered().values() if "alert" in rule]
    elsewhere = rendered({"namespaceLabel": "elsewhere"})

    assert {rule["labels"]["namespace"] for rule in alerts} == {"monitoring"}
    assert elsewhere["NatsServerDown", "critical"]["labels"]["namespace"] == "elsewhere"


def test_prometheus_finds_the_rules() -> None:
    for found in chart.of_kind("PrometheusRule", ON):
        assert found["metadata"]["labels"]["release"] == "kube-prometheus-stack"


def test_promtool_accepts_the_rendered_rules(tmp_path: Path) -> None:
    for file in written(tmp_path, {}):
        subprocess.run(
            [tool("promtool"), "check", "rules", "--lint-fatal", file],
            check=True,
            capture_output=True,
        )


def written(folder: Path, rules: dict[str, Any]) -> list[Path]:
    """The rendered rules as files for promtool, by the names that they have in rules/."""
    files = []
    for found in chart.of_kind("PrometheusRule", {"rules": {"enabled": True, **rules}}):
        stem = found["metadata"]["name"].rpartition("-")[2]
        files.append(folder / f"{stem}.yaml")
        files[-1].write_text(yaml.safe_dump(found["spec"]))
    return files


def test_an_alert_can_be_left_out_and_every_other_stays() -> None:
    less = rendered({"alerts": {"JetStreamConsumerAckNone": {"enabled": False}}})

    assert set(rendered()) - set(less) == {("JetStreamConsumerAckNone", "info")}


def test_a_change_touches_one_alert_and_there_only_what_it_names() -> None:
    name = ("JetStreamServerStorageHigh", "warning")
    change = {
        "for": "9m",
        "keepFiringFor": "8m",
        "severity": "info",
        "threshold": "0.7",
        "labels": {"team": "storage"},
    }

    before = rendered()
    after = rendered({"alerts": {name[0]: {"warning": change}}})
    changed = after.pop((name[0], "info"))
    expected = before.pop(name)
    expected["for"] = "9m"
    expected["keep_firing_for"] = "8m"
    expected["expr"] = expected["expr"].replace("> 0.80", "> 0.7")
    expected["labels"] |= {"severity": "info", "team": "storage"}

    assert changed == expected
    assert after == before


def test_every_alert_takes_every_change_for_each_of_its_severities() -> None:
    """All at once, each its own, so that none can reach another."""
    expected, alerts = {}, {}
    for number, ((name, severity), rule) in enumerate(shipped_alerts().items(), start=1):
        new = "none" if severity == "critical" else "info"
        change = {"for": f"{number}m", "keepFiringFor": f"{number}s", "severity": new}
        alerts.setdefault(name, {})[severity] = {**change, "labels": {"number": str(number)}}
        labels = {**rule["labels"], "severity": new, "number": str(number), "namespace": NAMESPACE}
        changed = {"for": f"{number}m", "keep_firing_for": f"{number}s", "labels": labels}
        expected[name, new] = {**rule, **changed}
    records = {name: rule for name, rule in shipped().items() if "record" in rule}

    assert len(expected) == len(shipped_alerts()) > 40
    assert rendered({"alerts": alerts}) == {**records, **expected}


NAMESPACE = chart.RELEASE["namespace"]


def shipped_alerts() -> dict[tuple[str, str], Rule]:
    return {name: rule for name, rule in shipped().items() if "alert" in rule}


def test_what_is_said_of_a_severity_goes_before_what_is_said_of_the_alert() -> None:
    own = {"for": "2m", "labels": {"b": "own"}}
    change = {"for": "1m", "labels": {"a": "all", "b": "all"}, "critical": own}
    rules = rendered(
        {"alerts": {"JetStreamServerStorageHigh": change}, "alertLabels": {"a": "any", "c": "any"}}
    )
    critical = rules["JetStreamServerStorageHigh", "critical"]
    warning = rules["JetStreamServerStorageHigh", "warning"]

    assert (critical["for"], warning["for"]) == ("2m", "1m")
    assert critical["labels"].items() >= {"a": "all", "b": "own", "c": "any"}.items()
    assert warning["labels"].items() >= {"a": "all", "b": "all", "c": "any"}.items()


@pytest.mark.parametrize("half", [0, 1])
def test_every_alert_can_be_left_out_for_each_of_its_severities(half: int) -> None:
    names = list(shipped_alerts())
    out = names[half::2]
    alerts: dict[str, Any] = {}
    for name, severity in out:
        alerts.setdefault(name, {})[severity] = {"enabled": False}

    assert set(rendered({"alerts": alerts})) == set(shipped()) - set(out)


def test_with_every_alert_left_out_the_recordings_stay() -> None:
    alerts = {name: {"enabled": False} for name, _ in shipped_alerts()}

    assert set(rendered({"alerts": alerts})) == set(shipped()) - set(shipped_alerts())


def test_one_change_reaches_both_severities_of_an_alert() -> None:
    rules = rendered({"alerts": {"JetStreamServerStorageHigh": {"for": "9m"}}})

    assert {rules["JetStreamServerStorageHigh", s]["for"] for s in ("warning", "critical")} == {
        "9m"
    }


def test_labels_for_all_alerts_reach_alerts_and_not_recordings() -> None:
    rules = rendered({"alertLabels": {"team": "platform"}})

    for rule in rules.values():
        assert rule.get("labels", {}).get("team") == ("platform" if "alert" in rule else None)


def test_runbooks_and_dashboards_can_live_elsewhere() -> None:
    rules = rendered(
        {"runbookUrl": "https://wiki.example.org/run/", "dashboardUrl": "https://g.example.org/x"}
    )

    for (name, _), rule in rules.items():
        if "alert" in rule:
            notes = rule["annotations"]
            assert notes["runbook_url"] == f"https://wiki.example.org/run/{name}.md"
            assert notes["dashboard_url"].startswith("https://g.example.org/x/d/jetstream-")


@pytest.mark.parametrize("name", sorted(THRESHOLDS))
def test_a_threshold_stands_where_the_chart_looks_for_it(name: str) -> None:
    rules = shipped()
    for severity, (before, number, after) in THRESHOLDS[name].items():
        rule = rules[name, severity]
        assert rule["expr"].count(f"{before}{number}{after}") == 1
        assert re.search(rf"{re.escape(before + number)}[0-9.]", rule["expr"]) is None

        changed = rendered({"alerts": {name: {severity: {"threshold": 0.123}}}})[name, severity]
        assert changed["expr"] == rule["expr"].replace(
            f"{before}{number}{after}", f"{before}0.123{after}"
        )


@pytest.mark.parametrize("name", sorted(THRESHOLDS))
def test_no_sentence_names_a_threshold_that_can_be_changed(name: str) -> None:
    for severity, (_, number, _) in THRESHOLDS[name].items():
        sentence = shipped()[name, severity]["annotations"]["description"]
        for said in (number, f"{float(number):g}", f"{float(number) * 100:g}%"):
            assert re.search(rf"(?<![0-9.]){re.escape(said)}(?![0-9])", sentence) is None


@pytest.mark.parametrize(
    ("alerts", "said"),
    [
        (
            {"JetStreamServerStorageHgh": {"for": "1m"}},
            "there is no such alert; there are: JetStream",
        ),
        ({"NatsServerDown": {"warning": {"for": "1m"}}}, "no such severity; it has: critical"),
        ({"NatsServerDown": {"threshold": 1}}, "its critical rule has no threshold"),
        ({"NatsServerDown": {"for": "soon"}}, "at '/rules/alerts/NatsServerDown/for'"),
    ],
)
def test_a_change_that_cannot_be_made_is_refused(alerts: dict[str, Any], said: str) -> None:
    with pytest.raises(HelmError, match=said):
        rendered({"alerts": alerts})


@pytest.mark.parametrize("file", PROMTOOL_FILES, ids=lambda file: file.stem)
def test_the_rendered_rules_pass_every_test_of_the_repository(file: Path, tmp_path: Path) -> None:
    """As they are rendered, namespace and all; quickly, for a test meets only the alerts that it names."""
    (shipped,) = [f for f in written(tmp_path, {}) if f.stem == file.stem]
    groups = yaml.safe_load(shipped.read_text())["groups"]
    whole = yaml.load(file.read_text(), chart.FASTEST)

    for alerts, cases in by_alerts(whole["tests"]).items():
        stem = "-".join(sorted(alerts))
        rules = [{**group, "rules": asked(group, alerts)} for group in groups]
        (tmp_path / f"{stem}.rules").write_text(yaml.safe_dump({"groups": rules}))
        tests = {**whole, "rule_files": [f"{stem}.rules"], "tests": cases}
        (tmp_path / f"{stem}.tests").write_text(yaml.safe_dump(tests))
    done = subprocess.run(
        [tool("promtool"), "test", "rules", *tmp_path.glob("*.tests")],
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("SUCCESS") == len(list(tmp_path.glob("*.tests")))


def by_alerts(cases: list[dict[str, Any]]) -> dict[frozenset[str], list[dict[str, Any]]]:
    """The tests by the alerts that they name, expecting the label of the namespace too."""
    found: dict[frozenset[str], list[dict[str, Any]]] = {}
    for case in cases:
        judged = case.get("alert_rule_test", [])
        for expected in (alert for each in judged for alert in each.get("exp_alerts") or []):
            expected["exp_labels"]["namespace"] = chart.RELEASE["namespace"]
        found.setdefault(frozenset(each["alertname"] for each in judged), []).append(case)
    return found


def asked(group: Rule, alerts: frozenset[str]) -> list[Rule]:
    return [rule for rule in group["rules"] if rule.get("alert") in {None, *alerts}]
