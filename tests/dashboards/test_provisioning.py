"""Grafana in the compose file finds the data source and the boards where it looks for them."""

from pathlib import PurePosixPath

import yaml
from tests.support.boards import FOLDER, boards

ROOT = FOLDER.parent
GRAFANA = yaml.safe_load((ROOT / "examples/compose/compose.yaml").read_text())["services"][
    "grafana"
]
MOUNTED = {
    PurePosixPath(volume.split(":")[1]): (
        ROOT / "examples/compose" / volume.split(":")[0]
    ).resolve()
    for volume in GRAFANA["volumes"]
}
PROVISIONING = PurePosixPath("/etc/grafana/provisioning")


def mounted(kind: str) -> dict[str, object]:
    (source,) = (s for target, s in MOUNTED.items() if target.parent == PROVISIONING / kind)
    loaded: dict[str, object] = yaml.safe_load(source.read_text())
    return loaded


def test_the_boards_are_where_the_provider_looks() -> None:
    (provider,) = mounted("dashboards")["providers"]  # type: ignore[misc]
    folder = MOUNTED[PurePosixPath(provider["options"]["path"])]
    assert {file.name for file in folder.rglob("*.json")} == set(boards())


def test_the_data_source_knows_the_scrape_interval() -> None:
    """Grafana derives $__rate_interval from it; a rate over less than four scrapes has gaps."""
    (source,) = mounted("datasources")["datasources"]  # type: ignore[misc]
    prometheus = yaml.safe_load((ROOT / "examples/compose/prometheus.yml").read_text())
    assert source["type"] == "prometheus"
    assert source["jsonData"]["timeInterval"] == prometheus["global"]["scrape_interval"]
