"""What compose.yaml mounts exists and is accepted by who reads it."""

import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from scripts.versions import NEWEST
from tests.support import chart
from tests.support.tools import nats_server, tool

from jetstream_exporter import config
from jetstream_exporter.demo.orders import __main__ as orders
from jetstream_exporter.demo.orders import streams

FOLDER = chart.ROOT / "examples/compose"
COMPOSE: dict[str, Any] = yaml.safe_load((FOLDER / "compose.yaml").read_text())
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]


def mounts() -> list[tuple[str, str]]:
    volumes = [volume for service in SERVICES.values() for volume in service.get("volumes", [])]
    return [tuple(volume.split(":")[:2]) for volume in volumes]


def test_every_file_that_is_mounted_exists() -> None:
    sources = {source for source, _ in mounts()}
    files = {source for source in sources if source.startswith(".")}

    # Made from the sources of the repository, and checked there.
    assert [f for f in files if not (FOLDER / f).exists() and f != "../../dashboards"] == []
    assert sources - files == set(COMPOSE["volumes"])


def test_it_listens_on_the_laptop_alone() -> None:
    ports = [port for service in SERVICES.values() for port in service.get("ports", [])]

    assert len(ports) == 5
    assert all(re.fullmatch(r"127\.0\.0\.1:(\d+):\1", port) for port in ports)


def test_every_image_is_pinned_or_built_here() -> None:
    for service in SERVICES.values():
        assert "build" in service or re.search(r":v?\d+\.\d+", service["image"])


def test_nats_is_the_version_of_the_other_examples() -> None:
    values = yaml.safe_load((FOLDER.parent / "kubernetes/nats-values.yaml").read_text())

    assert SERVICES["nats-0"]["image"].endswith(f":{values['container']['image']['tag']}")


def test_nats_server_accepts_its_configuration() -> None:
    done = subprocess.run(
        [nats_server(NEWEST), "-t", "-c", FOLDER / "nats.conf"],
        env=SERVICES["nats-1"]["environment"],
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stderr


def test_the_exporter_asks_every_server() -> None:
    parsed = config.parse((FOLDER / "exporter.yaml").read_text(), "exporter.yaml")
    servers = [name for name in SERVICES if name.startswith("nats-")]

    assert parsed.clusters[0].targets == [f"http://{name}:8222" for name in servers]


def test_the_exporter_hears_the_advisories_of_every_server() -> None:
    parsed = config.parse((FOLDER / "exporter.yaml").read_text(), "exporter.yaml")
    (advisories,) = parsed.clusters[0].advisories

    assert advisories.urls == [
        f"nats://{name}:4222" for name in SERVICES if name.startswith("nats-")
    ]


ORDERS = [name for name in SERVICES if name.startswith("orders-")]


@pytest.mark.parametrize("name", ORDERS)
def test_each_part_of_the_workload_has_a_command_line_that_is_understood(name: str) -> None:
    service = SERVICES[name]
    program, flag, module, *flags = service["entrypoint"]
    parsed = orders.make_parser().parse_args([*flags, *service["command"]])

    assert (program, flag, module) == ("/usr/bin/python3", "-m", "jetstream_exporter.demo.orders")
    assert parsed.role == name.removeprefix("orders-")
    assert len(parsed.server) == 3


def test_the_servers_have_room_for_the_streams_of_the_workload() -> None:
    configured = re.search(r"max_file_store: (\d+)Gi", (FOLDER / "nats.conf").read_text())
    wanted = sum(stream.max_bytes or 0 for stream in (streams.orders(), streams.dead_letters()))

    assert ORDERS
    assert configured
    assert int(configured[1]) << 30 > wanted


def test_prometheus_accepts_its_configuration(tmp_path: Path) -> None:
    text = (FOLDER / "prometheus.yml").read_text()
    here = text.replace("/etc/prometheus/rules", str(chart.ROOT / "rules"))
    (tmp_path / "prometheus.yml").write_text(here)

    done = subprocess.run(
        [tool("promtool"), "check", "config", tmp_path / "prometheus.yml"],
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    assert ("../../rules", "/etc/prometheus/rules") in mounts()


def test_alertmanager_accepts_its_configuration() -> None:
    subprocess.run(
        [tool("amtool"), "check-config", FOLDER / "alertmanager.yml"],
        check=True,
        capture_output=True,
    )


@pytest.mark.parametrize("name", ["exporter", "prometheus", "alertmanager"])
def test_who_is_named_in_a_configuration_is_a_service(name: str) -> None:
    files = {(FOLDER / source).resolve() for source, _ in mounts()}
    texts = "".join(file.read_text() for file in files if file.suffix in (".yml", ".yaml"))

    assert name in SERVICES
    assert re.search(rf"\b{name}:\d+", texts)
