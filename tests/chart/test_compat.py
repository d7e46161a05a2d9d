"""The rules for other exporters' names, as the chart renders them."""

from typing import Any

import pytest
from helm_python.errors import HelmError
from rules.src.compat import FILES
from rules.src.config import Config
from rules.src.render import rendered
from tests.support import chart, fast_yaml

NAMES = [file.subject.removeprefix("compat/") for file in FILES]


def groups(**compat: Any) -> dict[str, list[dict[str, Any]]]:
    values = {"compat": compat} | compat.pop("more", {})
    found = chart.of_kind("PrometheusRule", values)
    return {each["metadata"]["name"]: each["spec"]["groups"] for each in found}


def test_by_default_there_are_none() -> None:
    assert chart.of_kind("PrometheusRule", {}) == []


@pytest.mark.parametrize("name", NAMES)
def test_they_are_those_of_the_repository(name: str) -> None:
    found = groups(series=[name])
    file = fast_yaml.load((chart.ROOT / "rules" / "compat" / f"{name}.yaml").read_text())
    (written,) = found.values()

    for group, own in zip(written, file["groups"], strict=True):
        assert group["name"] == own["name"]
        assert [r["record"] for r in group["rules"]] == [r["record"] for r in own["rules"]]
        assert [r["expr"].strip() for r in group["rules"]] == [
            r["expr"].strip() for r in own["rules"]
        ]


def test_the_series_of_consumers_can_be_left_out() -> None:
    (left,) = groups(series=["pne-helm"], consumers=False).values()

    assert [group["name"] for group in left] == ["compat-pne-helm"]


def test_selector_and_cluster_label_reach_them() -> None:
    more = {"rules": {"selector": 'env="prod"', "clusterLabel": "k8s_cluster"}}
    (found,) = groups(series=["surveyor"], more=more).values()
    (file,) = (file for file in FILES if file.subject == "compat/surveyor")
    config = Config(selector='env="prod"', cluster_label="k8s_cluster")
    wanted = [rendered(rule, config)["expr"] for group in file.groups for rule in group.rules]

    assert [rule["expr"] for group in found for rule in group["rules"]] == wanted


def test_they_do_not_need_the_alerts_and_the_operator_selects_them() -> None:
    (found,) = chart.of_kind("PrometheusRule", {"compat": {"series": ["pne"]}})

    assert found["metadata"]["labels"]["release"] == "kube-prometheus-stack"
    chart.validate(found)


@pytest.mark.parametrize("name", NAMES)
def test_the_shadow_comes_with_its_alert_and_its_board(name: str) -> None:
    values = {"compat": {"shadow": [name]}, "rules": {"alertLabels": {"team": "a"}}}
    (found,) = chart.of_kind("PrometheusRule", values)
    (group,) = found["spec"]["groups"]
    alert = group["rules"][-1]
    file = fast_yaml.load((chart.ROOT / "rules" / "compat" / f"shadow-{name}.yaml").read_text())
    (own,) = file["groups"]

    chart.validate(found)
    assert [r["expr"].strip() for r in group["rules"]] == [r["expr"].strip() for r in own["rules"]]
    assert alert["labels"] == {
        **own["rules"][-1]["labels"],
        "team": "a",
        "namespace": chart.RELEASE["namespace"],
    }
    assert alert["annotations"] == own["rules"][-1]["annotations"]


def test_the_board_of_the_shadow_is_there_where_the_others_are() -> None:
    def boards(**values: Any) -> set[str]:
        found = chart.of_kind("ConfigMap", values)
        return {key for each in found for key in each["data"] if key.endswith(".json")}

    shown = {"enabled": True}
    everyday = boards(dashboards=shown)
    assert boards(compat={"shadow": ["pne"]}) == set()
    assert boards(dashboards=shown, compat={"shadow": ["pne"]}) - everyday == {
        "jetstream-shadow.json"
    }


def test_an_unknown_exporter_is_refused() -> None:
    with pytest.raises(HelmError, match="series"):
        groups(series=["telegraf"])
