"""The rules as the chart renders them: those of rules/, word for word, but for what values ask for."""

import json
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest
from helm_python.errors import HelmError
from rules.src.config import Config
from rules.src.model import Alert
from rules.src.render import expression
from rules.src.tables import ALERTS
from rules.src.tables import RULES as RULES_OF_TABLES
from rules.src.tables import alert as alert_of
from rules.src.teams import JOINED, condition, joined, with_conditions
from tests.support import chart, fast_yaml
from tests.support.promtool import judge, promtool
from tests.support.rules import PROMTOOL_FILES

RULES = chart.ROOT / "rules"
FILES = sorted(RULES.glob("*.yaml"))
Rule = dict[str, Any]


def shipped() -> dict[tuple[str, str], Rule]:
    groups = [group for file in FILES for group in fast_yaml.load(file.read_text())["groups"]]
    return by_name(groups)


def rendered(rules: dict[str, Any] | None = None) -> dict[tuple[str, str], Rule]:
    found = chart.of_kind("PrometheusRule", {"rules": {"enabled": True, **(rules or {})}})
    return by_name([group for each in found for group in each["spec"]["groups"]])


def by_name(groups: list[Rule]) -> dict[tuple[str, str], Rule]:
    rules = [rule for group in groups for rule in group["rules"]]
    named = {
        (r.get("alert") or r["record"], r.get("labels", {}).get("severity", "")): {
            **r,
            "expr": r["expr"].rstrip("\n"),
        }
        for r in rules
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


def test_so_are_their_groups_and_their_order(tmp_path: Path) -> None:
    """An alert sees what was recorded before it in its group."""
    files = {file.stem: file for file in FILES}

    for file in written(tmp_path, {}):
        assert shape(file) == shape(files[file.stem])


def shape(file: Path) -> list[dict[str, Any]]:
    groups = fast_yaml.load(file.read_text())["groups"]
    return [
        {**group, "rules": [rule.get("alert") or rule["record"] for rule in group["rules"]]}
        for group in groups
    ]


def test_one_object_a_file() -> None:
    names = [found["metadata"]["name"] for found in chart.of_kind("PrometheusRule", ON)]

    assert sorted(names) == [f"jse-jetstream-exporter-{file.stem}" for file in FILES]


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
        promtool("check", "rules", "--lint-fatal", file)


def written(folder: Path, rules: dict[str, Any]) -> list[Path]:
    """The rendered rules as files for promtool, by the names that they have in rules/."""
    files = []
    for found in chart.of_kind("PrometheusRule", {"rules": {"enabled": True, **rules}}):
        stem = found["metadata"]["name"].rpartition("-")[2]
        files.append(folder / f"{stem}.yaml")
        files[-1].write_text(fast_yaml.dump(found["spec"]))
    return files


def test_an_alert_can_be_left_out_and_every_other_stays() -> None:
    less = rendered({"alerts": {"JetStreamConsumerAckNone": {"enabled": False}}})

    own = (condition(alert_of("JetStreamConsumerAckNone")).name, "")
    assert set(rendered()) - set(less) == {("JetStreamConsumerAckNone", "info"), own}


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

    own = {(name, "") for name in conditions(out)}
    assert set(rendered({"alerts": alerts})) == set(shipped()) - set(out) - own


def conditions(alerts: Iterable[tuple[str, str]]) -> set[str]:
    """What is recorded for these alerts alone."""
    found = [alert_of(*each) for each in alerts]
    return {condition(alert).name for alert in found if alert.scope in JOINED}


def test_with_every_alert_left_out_the_recordings_stay() -> None:
    alerts = {name: {"enabled": False} for name, _ in shipped_alerts()}

    own = {(name, "") for name in conditions(shipped_alerts())}
    assert set(rendered({"alerts": alerts})) == set(shipped()) - set(shipped_alerts()) - own


def test_one_change_reaches_both_severities_of_an_alert() -> None:
    rules = rendered({"alerts": {"JetStreamServerStorageHigh": {"for": "9m"}}})

    assert {rules["JetStreamServerStorageHigh", s]["for"] for s in ("warning", "critical")} == {
        "9m"
    }


def test_labels_for_all_alerts_reach_alerts_and_not_recordings() -> None:
    rules = rendered({"alertLabels": {"team": "platform"}})

    for name, rule in rules.items():
        team = rule.get("labels", {}).get("team", "")
        if "alert" not in rule:
            assert team == ""
            assert rule == rendered()[name]
        elif rule["labels"]["scope"] in JOINED:
            assert team == ""
            own = expression(joined(alert_of(*name)), Config())
            indented = "\n".join(f"  {line}" for line in own.splitlines())
            assert rule["expr"] == (
                f'label_replace(\n{indented},\n  "team", "platform", "team", ""\n)'
            )
        else:
            assert team == "platform"


@pytest.mark.parametrize("team", ["plat$form", 'a "b"', "é\\"])
def test_the_team_of_what_names_none_is_taken_as_it_is(team: str, tmp_path: Path) -> None:
    """It stands for those without one; another one that the metadata names comes before it."""
    files = {file.stem: file for file in written(tmp_path, {"alertLabels": {"team": team}})}
    series = {name: f'{{nats_cluster="prod",account="APP",stream="{name}"' for name in ("A", "B")}
    inputs = [f"jetstream_stream_has_leader{labels}}}" for labels in series.values()]
    owned = f'jetstream_stream_labels{series["A"]},team="payments"}}'
    asked = 'count by (stream, team) (ALERTS{alertname="JetStreamStreamNoLeader"})'
    expected = [
        {"labels": f'{{stream="{name}", team={json.dumps(of, ensure_ascii=False)}}}', "value": 1}
        for name, of in (("A", "payments"), ("B", team))
    ]
    case = {
        "interval": "1m",
        "input_series": [{"series": each, "values": "0x10"} for each in inputs]
        + [{"series": owned, "values": "1x10"}],
        "promql_expr_test": [{"expr": asked, "eval_time": "5m", "exp_samples": expected}],
    }
    tests = {
        "rule_files": [str(files["stream"]), str(files["thresholds"])],
        "evaluation_interval": "1m",
        "tests": [case],
    }
    (tmp_path / "tests.yaml").write_text(fast_yaml.dump(tests, allow_unicode=True))
    promtool("test", "rules", tmp_path / "tests.yaml")


def test_a_label_of_one_alert_is_that_alert_s_whatever_the_metadata_says() -> None:
    rules = rendered({"alerts": {"JetStreamStreamNoLeader": {"labels": {"team": "platform"}}}})

    assert rules["JetStreamStreamNoLeader", "critical"]["labels"]["team"] == "platform"


def test_runbooks_and_dashboards_can_live_elsewhere() -> None:
    rules = rendered(
        {"runbookUrl": "https://wiki.example.org/run/", "dashboardUrl": "https://g.example.org/x"}
    )

    for (name, _), rule in rules.items():
        if "alert" in rule:
            notes = rule["annotations"]
            assert notes["runbook_url"] == f"https://wiki.example.org/run/{name}.md"
            assert notes["dashboard_url"].startswith("https://g.example.org/x/d/jetstream-")


by_threshold = pytest.mark.parametrize(
    "alert",
    [alert for alert in ALERTS if "threshold" in alert.values],
    ids=lambda alert: f"{alert.name}-{alert.severity}",
)


@by_threshold
def test_a_threshold_can_be_changed_wherever_it_stands(alert: Alert) -> None:
    change = {alert.name: {alert.severity: {"threshold": 0.123}}}
    rules = rendered({"alerts": change})
    if alert.scope in JOINED:
        recorded = rules[condition(alert).name, ""]
        assert recorded["expr"] == expression(alert, Config(), {"threshold": "0.123"})
    changed = rules[alert.name, alert.severity]
    assert changed["expr"] == expression(joined(alert), Config(), {"threshold": "0.123"})


@by_threshold
def test_no_sentence_names_a_threshold_that_can_be_changed(alert: Alert) -> None:
    number = alert.values["threshold"]
    for said in (number, f"{float(number):g}", f"{float(number) * 100:g}%"):
        assert re.search(rf"(?<![0-9.]){re.escape(said)}(?![0-9])", alert.description) is None


def test_what_tells_series_and_clusters_apart_reaches_every_rule(tmp_path: Path) -> None:
    """The chart fills in what the generator and the mixin fill in."""
    wanted = Config(selector='env="prod"', cluster_label="k8s_cluster", job="my-.*")
    given = {"selector": 'env="prod"', "clusterLabel": "k8s_cluster", "job": "my-.*"}
    found = rendered(given)
    for rule in with_conditions(RULES_OF_TABLES):
        name = rule.name, rule.severity if isinstance(rule, Alert) else ""
        text = expression(joined(rule) if isinstance(rule, Alert) else rule, wanted)
        assert found[name]["expr"] == text
    for file in written(tmp_path, given):
        promtool("check", "rules", file)


@pytest.mark.parametrize(
    "bad",
    [{"selector": '{a="b"}'}, {"selector": "a"}, {"clusterLabel": "k8s-cluster"}, {"job": 'a"'}],
)
def test_what_would_break_every_expression_is_refused(bad: dict[str, str]) -> None:
    with pytest.raises(HelmError, match=f"/rules/{next(iter(bad))}"):
        rendered(bad)


@pytest.mark.parametrize(
    ("alerts", "said"),
    [
        (
            {"JetStreamServerStorageHgh": {"for": "1m"}},
            "unknown alert; known alerts: JetStream",
        ),
        (
            {"NatsServerDown": {"warning": {"for": "1m"}}},
            "unknown severity; the alert has: critical",
        ),
        ({"NatsServerDown": {"threshold": 1}}, "its critical rule has no configurable threshold"),
        ({"NatsServerDown": {"for": "soon"}}, "at '/rules/alerts/NatsServerDown/for'"),
    ],
)
def test_a_change_that_cannot_be_made_is_refused(alerts: dict[str, Any], said: str) -> None:
    with pytest.raises(HelmError, match=said):
        rendered({"alerts": alerts})


@pytest.mark.parametrize(
    "file",
    [file for file in PROMTOOL_FILES if not file.stem.startswith("reports")],
    ids=lambda file: file.stem,
)
def test_the_rendered_rules_fire_as_those_of_the_repository_do(file: Path, tmp_path: Path) -> None:
    """As they are rendered, namespace and all. A case of each alert is enough, for they are the same rules."""
    tests = fast_yaml.load(file.read_text())
    asked_of = {Path(name).stem for name in tests["rule_files"]}
    shipped = [f for f in written(tmp_path, {}) if f.stem in asked_of]
    assert len(shipped) == len(asked_of)
    groups = [g for f in shipped for g in fast_yaml.load(f.read_text())["groups"]]
    judge(groups, {**tests, "tests": list(first_of_each_alert(tests["tests"]))}, tmp_path)


def first_of_each_alert(cases: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """The first case in which it fires, expecting the label of the namespace too."""
    seen: set[str] = set()
    for case in cases:
        expected = [
            (judged["alertname"], alert)
            for judged in case.get("alert_rule_test", [])
            for alert in judged.get("exp_alerts") or []
        ]
        if not {name for name, _ in expected} <= seen:
            seen.update(name for name, _ in expected)
            for _, alert in expected:
                alert["exp_labels"]["namespace"] = NAMESPACE
            yield case
