"""What the chart mounts and passes is what the exporter takes."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from helm_python.errors import HelmError
from tests.support import chart

from jetstream_exporter import config

MOUNT = "/etc/jetstream-exporter"
ODD = {
    "clusters": [
        {"name": 'o\'brien: "1e3"', "targets": ["http://a-headless.b.svc:8222", "https://c"]},
        {"name": "é", "targets": ["srv+http://_monitor._tcp.nats-headless"]},
    ],
    "collect": {"timeout": "1h30m", "max_response_bytes": 268435456, "health_check": "full"},
    "filters": {"streams": {"exclude": [r"KV_.*", r"[$]MQTT_.+", "{{ .Values }}"]}},
    "labels": {"account": "name"},
    "expect": [
        {
            "cluster": "é",
            "servers": ["nats-0"],
            "accounts": [{"account": "A", "streams": ["ORDERS"], "consumers": ["ORDERS/o'brien"]}],
        }
    ],
    "limits": {"consumers": 0},
}


def written(values: dict[str, Any] | None = None) -> str:
    text: str = chart.the("ConfigMap", values)["data"]["config.yaml"]
    return text


@pytest.mark.parametrize("values", [None, {"config": ODD}])
def test_the_exporter_reads_the_rendered_configuration(values: dict[str, Any] | None) -> None:
    expected = chart.merged((values or chart.chart().values)["config"], {})
    if values is None:
        expected["clusters"][0]["name"] = "monitoring/jse"

    assert config.parse(written(values), "rendered") == config.parse(
        yaml.safe_dump(expected), "given"
    )


def names(*clusters: dict[str, Any], **release: str) -> list[str]:
    values = {"config": {"clusters": [{"targets": ["http://a:8222"], **each} for each in clusters]}}
    text = chart.the("ConfigMap", values, **release)["data"]["config.yaml"]
    return [each["name"] for each in yaml.safe_load(text)["clusters"]]


def test_a_cluster_without_a_name_is_called_by_namespace_and_release() -> None:
    """The official NATS chart calls every cluster by its release, which is often the same in each namespace."""
    assert names({}) == ["monitoring/jse"]
    assert names({}, name="exporter", namespace="nats-a") == ["nats-a/exporter"]
    assert names({"name": "orders"}, {}, {}) == ["orders", "monitoring/jse", "monitoring/jse-3"]


def test_a_name_of_yours_stays_and_an_empty_one_means_what_the_servers_say() -> None:
    assert names({"name": "orders"}, {"name": ""}) == ["orders", ""]


def test_the_notes_say_what_the_clusters_are_called_and_why_it_matters() -> None:
    notes = chart.text()["NOTES.txt"]

    assert "The label nats_cluster is monitoring/jse." in notes
    assert "two clusters with the same name hide each other's alerts" in notes


@pytest.mark.parametrize("clusters", ["http://a:8222", {}, ["http://a:8222"], [None]])
def test_what_is_no_list_of_clusters_is_refused_before_anything_is_installed(clusters: Any) -> None:
    with pytest.raises(HelmError, match="/config/clusters"):
        chart.the("ConfigMap", {"config": {"clusters": clusters}})


def test_a_key_that_the_exporter_does_not_know_is_refused_before_anything_is_installed() -> None:
    with pytest.raises(HelmError, match="'clustrs' not allowed"):
        written({"config": {"clustrs": []}})
    with pytest.raises(config.ConfigError, match="clustrs: unknown key"):
        config.parse("clustrs: []", "here.yaml")


def test_a_profile_that_does_not_exist_is_refused_before_anything_is_installed() -> None:
    with pytest.raises(HelmError, match="at '/config/families/profile'"):
        written({"config": {"families": {"profile": "small"}}})
    lean = written({"config": {"families": {"profile": "lean"}}})
    assert config.parse(lean, "here.yaml").families.profile == "lean"


@pytest.mark.parametrize("level", ["debug", "info", "warn", "error"])
@pytest.mark.parametrize("log_format", ["logfmt", "json"])
def test_the_exporter_takes_the_arguments_of_its_container(
    level: str, log_format: str, tmp_path: Path
) -> None:
    values = {
        "log": {"level": level, "format": log_format},
        "webConfigSecret": {"name": "web"},
        "extraArgs": ["--target=http://nats-9:8222"],
    }
    (tmp_path / "config").mkdir()
    (tmp_path / "config/config.yaml").write_text(written(values))
    (tmp_path / "web").mkdir()
    (tmp_path / "web/web-config.yaml").write_text("")
    args = [arg.replace(MOUNT, str(tmp_path)) for arg in chart.container(values)["args"]]

    done = subprocess.run(
        [sys.executable, "-m", "jetstream_exporter", *args, "--config.check"],
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stderr
