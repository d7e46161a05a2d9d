"""rules.alerts.<name>.exclude and rules.clusters: what they leave out is silent, and everything else still fires."""

import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
from helm_python.errors import HelmError
from tests.support import chart, fast_yaml
from tests.support.promtool import needed, promtool
from tests.support.tools import tool

SCOPES: dict[str, dict[str, Any]] = fast_yaml.load((chart.CHART / "files/scopes.yaml").read_text())
METRICS = (chart.ROOT / "exporter/METRICS.md").read_text()
Rule = dict[str, Any]


def groups(**rules: Any) -> list[dict[str, Any]]:
    values = {"rules": {"enabled": True, **rules}}
    return [g for found in chart.of_kind("PrometheusRule", values) for g in found["spec"]["groups"]]


def alerts(**rules: Any) -> list[Rule]:
    return [rule for group in groups(**rules) for rule in group["rules"] if "alert" in rule]


def of_objects() -> list[Rule]:
    return [rule for rule in alerts() if rule["labels"]["scope"] in SCOPES and names_object(rule)]


def names_object(rule: Rule) -> bool:
    said = rule["annotations"]["description"]
    return all(f"$labels.{each}" in said for each in SCOPES[rule["labels"]["scope"]]["object"])


def section(family: str) -> list[str]:
    """The labels that the reference gives for a family."""
    (found,) = [part for part in METRICS.split("\n## ") if f"\n| `{family}` |" in part]
    return re.findall(r"`(\w+)`", found.partition("\nLabels: ")[2].partition("\n")[0])


@pytest.mark.parametrize("scope", SCOPES)
def test_the_labels_to_select_by_are_those_of_the_reference(scope: str) -> None:
    known = SCOPES[scope]

    assert known["labels"] == section(known["family"])
    assert set(known["object"]) <= set(section(known["lasting"]))


def test_every_alert_about_objects_can_leave_some_out_and_promtool_loads_it(tmp_path: Path) -> None:
    names = {rule["alert"]: rule["labels"]["scope"] for rule in of_objects()}
    changes = {
        name: {"exclude": f'{SCOPES[of]["object"][-1]}=~"x.*"'} for name, of in names.items()
    }
    file = tmp_path / "rules.yaml"
    changed = groups(alerts=changes)
    file.write_text(fast_yaml.dump({"groups": changed}))

    promtool("check", "rules", "--lint-fatal", file)
    assert len(names) > 25
    for rule in (rule for group in changed for rule in group["rules"] if "alert" in rule):
        assert ('=~"x.*"}[1h]))' in rule["expr"]) == (rule["alert"] in names)


LEADERLESS = 'jetstream_stream_has_leader{{nats_cluster="{c}",account="A",stream="{s}"}}'
INFO = 'jetstream_stream_info{{nats_cluster="{c}",account="A",stream="{s}",kind="{k}"}}'


def firing(
    folder: Path, series: dict[str, str], at: str, alert: str, **rules: Any
) -> set[tuple[str, ...]]:
    """What fires, by the labels that tell objects apart: promtool shows what it got instead of nothing."""
    judging = needed(groups(**rules), frozenset({alert}))
    (folder / "rules.yaml").write_text(fast_yaml.dump({"groups": judging}))
    test = {
        "interval": "1m",
        "input_series": [{"series": name, "values": values} for name, values in series.items()],
        "alert_rule_test": [{"eval_time": at, "alertname": alert, "exp_alerts": []}],
    }
    (folder / "tests.yaml").write_text(
        fast_yaml.dump({"rule_files": ["rules.yaml"], "tests": [test]})
    )
    done = subprocess.run(
        [tool("promtool"), "test", "rules", folder / "tests.yaml"],
        capture_output=True,
        text=True,
        check=False,
    )
    got = (done.stdout + done.stderr).partition("got:[")[2]
    found = re.findall(r"Labels:{(.*?)} Annotations|Labels:{(.*?)}", got)
    assert done.returncode == 0 or found, done.stdout + done.stderr
    return {identity("".join(each)) for each in found}


def identity(labels: str) -> tuple[str, ...]:
    pairs = dict(re.findall(r'(\w+)="((?:[^"\\]|\\.)*)"', labels))
    return tuple(pairs[k] for k in ("nats_cluster", "stream", "consumer", "server") if k in pairs)


def leaderless(*streams: tuple[str, str, str]) -> dict[str, str]:
    series = {'jetstream_meta_has_leader{nats_cluster="c"}': "1x20"}
    for cluster, stream, kind in streams:
        series[LEADERLESS.format(c=cluster, s=stream)] = "0x20"
        series[INFO.format(c=cluster, s=stream, k=kind)] = (
            "1x3 stale"  # its settings are read seldom
        )
    return series


SEEN = leaderless(("c", "tmp_1", "stream"), ("c", "ORDERS", "stream"), ("d", "KV_a", "kv"))
ALL = {("c", "tmp_1"), ("c", "ORDERS"), ("d", "KV_a")}


@pytest.mark.parametrize(
    ("selector", "left"),
    [
        (None, ALL),
        ('stream=~"tmp_.*"', ALL - {("c", "tmp_1")}),
        ('stream="tmp_"', ALL),
        (' stream =~ "tmp_.*|KV_.*" ,', {("c", "ORDERS")}),
        ("kind!=`stream`", ALL - {("d", "KV_a")}),
        ("nats_cluster='c', stream!~\"tmp_\\\\d\"", ALL - {("c", "ORDERS")}),
    ],
)
def test_what_is_selected_is_silent_and_all_else_fires(
    selector: str | None, left: set[tuple[str, ...]], tmp_path: Path
) -> None:
    changes = {"JetStreamStreamNoLeader": {"exclude": selector}} if selector else {}

    assert firing(tmp_path, SEEN, "10m", "JetStreamStreamNoLeader", alerts=changes) == left


def test_a_server_is_left_out_while_it_is_down_and_has_no_version_to_tell(tmp_path: Path) -> None:
    series = {}
    for server in ("n1", "n2"):
        own = f'{{nats_cluster="c",server="{server}"}}'
        series |= {f"nats_server_up{own}": "0x200", f"jetstream_meta_peer_current{own}": "0x200"}
    change = {"NatsServerDown": {"exclude": 'server="n1"'}}

    assert firing(tmp_path, series, "180m", "NatsServerDown", alerts=change) == {("c", "n2")}


@pytest.mark.parametrize(
    ("clusters", "left"),
    [([], ALL), (["c"], {("c", "tmp_1"), ("c", "ORDERS")}), (["c", "d"], ALL), (["x$1"], set())],
)
def test_alerts_are_about_the_clusters_that_are_named(
    clusters: list[str], left: set[tuple[str, ...]], tmp_path: Path
) -> None:
    assert firing(tmp_path, SEEN, "10m", "JetStreamStreamNoLeader", clusters=clusters) == left


def test_the_watchdog_is_about_no_cluster_and_always_fires(tmp_path: Path) -> None:
    assert firing(tmp_path, SEEN, "10m", "JetStreamWatchdog", clusters=["c"]) == {()}


@pytest.mark.parametrize("name", ['a"b', "a\\b", "$1", "$x", "é", "nats-a/first", "a\nb"])
def test_any_name_of_a_cluster_is_a_name(name: str, tmp_path: Path) -> None:
    quoted = name.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    series = {LEADERLESS.format(c=c, s="S"): "0x20" for c in (quoted, "other")}

    found = firing(tmp_path, series, "10m", "JetStreamStreamNoLeader", clusters=[name])
    assert found == {(quoted, "S")}


def change(selector: Any, alert: str = "JetStreamStreamNoLeader") -> dict[str, Any]:
    return {"rules": {"enabled": True, "alerts": {alert: {"exclude": selector}}}}


@pytest.mark.parametrize(
    ("selector", "said"),
    [
        ('stream=~"("', r'exclude: "\(" is not a valid regular expression of Prometheus'),
        ('stream=~"a)|(b"', "is not a valid regular expression"),
        ('stream=~"(?<x>a)(?=b)"', "is not a valid regular expression"),
        ('stream=~"\\\\"', "is not a valid regular expression"),
        ("stream=~`[`", "is not a valid regular expression"),
        ('steam="x"', "jetstream_stream_info has no label steam; it has: nats_cluster, account"),
        ('consumer="x"', "jetstream_stream_info has no label consumer"),
        ('__name__="x"', "has no label __name__"),
        ("stream", "is not a valid PromQL label selector, such as stream=~"),
        ("stream=tmp", "is not a valid PromQL label selector"),
        ('{stream="x"}', "without braces"),
        ('stream="x"} or vector(1) or {a="b"', "is not a valid PromQL label selector"),
        ('stream="x" kind="kv"', "is not a valid PromQL label selector"),
        ('stream=="x"', "is not a valid PromQL label selector"),
        ('stream="x\ny"', "is not a valid PromQL label selector"),
        ('stream="x\\"', "is not a valid PromQL label selector"),
        (["x"], "at '/rules/alerts/JetStreamStreamNoLeader/exclude'"),
    ],
)
def test_a_selector_that_would_not_work_is_refused_with_what_is_wrong(
    selector: Any, said: str
) -> None:
    with pytest.raises(HelmError, match=said):
        chart.text(change(selector))


@pytest.mark.parametrize(
    ("alert", "said"),
    [
        ("JetStreamWatchdog", "the alert is about the exporter and has no servers, streams"),
        ("JetStreamMetaNoLeader", "the alert is about a cluster and has no"),
    ],
)
def test_an_alert_without_objects_says_that_there_is_nothing_to_leave_out(
    alert: str, said: str
) -> None:
    with pytest.raises(HelmError, match=said):
        chart.text(change('job="x"', alert))


def test_a_family_that_is_switched_off_cannot_be_selected_by() -> None:
    off = {"config": {"families": {"disabled": ["jetstream_stream_info"]}}}

    with pytest.raises(HelmError, match="needs the metric jetstream_stream_info, which config"):
        chart.text({**change('stream="x"'), **off})


def test_one_severity_can_leave_out_what_the_other_keeps() -> None:
    own = {"JetStreamStreamStorageHigh": {"critical": {"exclude": 'stream="x"'}}}
    found = [r for r in alerts(alerts=own) if r["alert"] == "JetStreamStreamStorageHigh"]

    assert {
        r["labels"]["severity"]: "unless on (nats_cluster, account, stream)\ngroup" in r["expr"]
        for r in found
    } == {
        "warning": False,
        "critical": True,
    }
