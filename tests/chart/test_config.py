"""What the chart mounts and passes is what the exporter takes."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
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
    "limits": {"consumers": 0},
}


def written(values: dict[str, Any] | None = None) -> str:
    text: str = chart.the("ConfigMap", values)["data"]["config.yaml"]
    return text


@pytest.mark.parametrize("values", [None, {"config": ODD}])
def test_the_exporter_reads_the_rendered_configuration(values: dict[str, Any] | None) -> None:
    expected = yaml.safe_dump((values or chart.chart().values)["config"])

    assert config.parse(written(values), "rendered") == config.parse(expected, "given")


def test_a_configuration_that_the_exporter_refuses_is_refused_by_its_parser() -> None:
    with pytest.raises(config.ConfigError, match="clustrs: unknown key"):
        config.parse(written({"config": {"clustrs": []}}), "rendered")


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
