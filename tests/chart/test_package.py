"""`helm package` carries the rules and dashboards, which are links here, and nothing it need not."""

import base64
import tarfile
from pathlib import Path

import pytest
import yaml
from helm_python import chart as helm
from tests.support import chart

from jetstream_exporter import __version__

# etcd's limit on an object; a release is stored in a Secret, compressed and in base64.
SECRET_BYTES = 2**20
PREFIX = "jetstream-exporter/"


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return Path(helm.package(chart.CHART, destination=tmp_path_factory.mktemp("chart")))


def members(archive: Path) -> dict[str, bytes]:
    with tarfile.open(archive) as tar:
        return {
            member.name.removeprefix(PREFIX): content.read()
            for member in tar
            if (content := tar.extractfile(member)) is not None
        }


@pytest.mark.parametrize(
    ("folder", "ending"),
    [
        ("rules", "template.json"),
        ("dashboards", "json"),
        ("alertmanager", "alertmanagerconfig.yaml"),
    ],
)
def test_what_is_a_link_here_is_a_file_there(archive: Path, folder: str, ending: str) -> None:
    originals = {f"{folder}/{f.name}": f for f in (chart.ROOT / folder).glob(f"*{ending}")}
    inside = members(archive)

    assert originals
    assert (chart.CHART / folder).is_symlink()
    for name, original in originals.items():
        assert inside[name] == original.read_bytes()


def test_it_carries_nothing_that_a_release_need_not(archive: Path) -> None:
    folders = {"templates", "rules", "dashboards", "alertmanager", "files"}
    single = {"Chart.yaml", "values.yaml", "values.schema.json", ".helmignore"}

    for name in members(archive):
        assert name in single or name.partition("/")[0] in folders, name
        assert not name.endswith((".md", ".png")), name
        assert "/src/" not in name, name
        assert not (name.startswith("rules/") and name.endswith(".yaml")), name  # it has templates


def test_it_renders_as_the_folder_does(archive: Path) -> None:
    values = {"rules": {"enabled": True}, "dashboards": {"enabled": True}}
    with helm.Chart.load(archive) as packed:
        rendered = packed.render(values, **chart.RELEASE)

    assert {k.partition("/templates/")[2]: v for k, v in rendered.items()} == chart.text(values)


def test_a_release_fits_into_a_secret(archive: Path) -> None:
    """The release's Secret holds the chart and the rendered objects, gzipped as the archive is."""
    rendered = sum(len(text) for text in chart.text({"dashboards": {"enabled": True}}).values())
    compressed = len(base64.b64encode(archive.read_bytes()))

    assert compressed + rendered / 4 < SECRET_BYTES


def test_the_chart_has_the_version_of_the_package() -> None:
    described = yaml.safe_load((chart.CHART / "Chart.yaml").read_text())

    assert described["version"] == __version__
    assert described["appVersion"] == __version__
