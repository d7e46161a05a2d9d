"""Shards as a StatefulSet: each pod knows from Kubernetes which one it is, and their number is the number of pods."""

import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml
from helm_python.chart import Chart
from helm_python.errors import HelmError
from tests.support import chart

from jetstream_exporter.config import load

SHARDS: dict[str, Any] = {
    "kind": "StatefulSet",
    "replicas": 4,
    "monitor": {"kind": "ServiceMonitor"},
}
VERSION = ".Capabilities.KubeVersion.Version"


def index(stateful: chart.Object) -> str:
    """The field of the pod from which the container has its ordinal."""
    (env,) = [
        env
        for env in stateful["spec"]["template"]["spec"]["containers"][0]["env"]
        if env["name"] == "POD_INDEX"
    ]
    path: str = env["valueFrom"]["fieldRef"]["fieldPath"]
    return path


def written(values: dict[str, Any]) -> str:
    text: str = chart.the("ConfigMap", values)["data"]["config.yaml"]
    return text


@pytest.mark.parametrize("pod", ["0", "3", "jse-jetstream-exporter-3"])
def test_the_pods_read_the_rendered_configuration_and_know_which_shard_they_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, pod: str
) -> None:
    file = tmp_path / "config.yaml"
    file.write_text(written(SHARDS))
    monkeypatch.setenv("POD_INDEX", pod)
    shard = load(str(file)).shard
    assert (shard.number, shard.total) == (int(pod[-1]), 4)


def test_a_stateful_set_differs_from_a_deployment_in_what_makes_pods_shards() -> None:
    assert chart.of_kind("Deployment", SHARDS) == []
    stateful, deployment = chart.the("StatefulSet", SHARDS), chart.the("Deployment")
    chart.validate(stateful)
    assert stateful["spec"]["replicas"] == 4
    assert stateful["spec"]["serviceName"] == chart.the("Service", SHARDS)["metadata"]["name"]
    assert "strategy" not in stateful["spec"]
    mine, other = (each["spec"]["template"]["spec"] for each in (stateful, deployment))
    assert mine["containers"][0].pop("env")
    assert mine == other


def test_the_ordinal_is_the_label_of_the_pod_and_before_kubernetes_1_28_its_name(
    tmp_path: Path,
) -> None:
    assert index(chart.the("StatefulSet", SHARDS)) == (
        "metadata.labels['apps.kubernetes.io/pod-index']"
    )
    old = tmp_path / "chart"
    shutil.copytree(chart.CHART, old)
    template = old / "templates" / "deployment.yaml"
    text = template.read_text()
    assert text.count(VERSION) == 1
    for version, path in (
        ("v1.27.16-eks-1", "metadata.name"),
        ("v1.28.0-gke.1", "metadata.labels['apps.kubernetes.io/pod-index']"),
    ):
        template.write_text(text.replace(VERSION, f'"{version}"'))
        rendered = Chart.load(old).render(SHARDS, name="jse", namespace="monitoring")
        (body,) = [t for name, t in rendered.items() if name.endswith("templates/deployment.yaml")]
        assert index(yaml.safe_load(body)) == path


def test_another_number_of_pods_is_another_configuration() -> None:
    configs = [
        yaml.safe_load(written({**SHARDS, "replicas": number}))["shard"] for number in (0, 1, 16)
    ]
    assert configs == [{"ordinal_env": "POD_INDEX", "total": total} for total in (1, 1, 16)]
    assert "shard" not in yaml.safe_load(written({}))


def test_variables_of_yours_stay() -> None:
    values = chart.merged(SHARDS, {"env": [{"name": "A", "value": "1"}]})
    container = chart.the("StatefulSet", values)["spec"]["template"]["spec"]["containers"][0]
    assert [env["name"] for env in container["env"]] == ["POD_INDEX", "A"]


def test_the_notes_name_the_kind() -> None:
    assert "rollout status statefulset/jse-jetstream-exporter" in chart.text(SHARDS)["NOTES.txt"]
    assert "rollout status deployment/jse-jetstream-exporter" in chart.text()["NOTES.txt"]


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"kind": "DaemonSet"}, "at '/kind'"),
        (
            {"config": {"shard": {"ordinal_env": "MINE", "total": 3}}},
            "config.shard.total: 3 is not the number of pods, replicas: 4; remove it",
        ),
        (
            {"config": {"shard": {"ordinal": 1, "total": 4}}},
            "config.shard.ordinal: all pods of the StatefulSet would be the same shard; remove it",
        ),
        ({"config": {"shard": {"ordinal": 4, "totel": 4}}}, "totel"),
        ({"config": {"shard": {"total": 1025}}}, "at '/config/shard/total'"),
        (
            {"env": [{"name": "POD_INDEX", "value": "1"}]},
            "env: the chart sets POD_INDEX, with kind: StatefulSet",
        ),
        (
            {"monitor": {"kind": "Probe"}},
            "monitor.kind: a Probe reaches only one of the shards through the Service",
        ),
        ({"kind": "Deployment"}, "replicas: 4 pods of a Deployment would all ask for the same"),
        ({"replicas": 1025}, "at '/replicas'"),
    ],
)
def test_what_does_not_fit_is_refused_in_one_sentence(values: dict[str, Any], said: str) -> None:
    with pytest.raises(HelmError, match=said):
        chart.text(chart.merged(SHARDS, values))


def test_a_deployment_for_each_shard_is_possible_too() -> None:
    shard = {"ordinal": 2, "total": 4}
    assert yaml.safe_load(written({"config": {"shard": shard}}))["shard"] == shard
