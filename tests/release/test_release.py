"""A release, made of a copy of this tree: one version everywhere, and nothing but what belongs into each file."""

import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest
import yaml
from scripts import artefacts, release
from tests.support.chart import ROOT
from tests.support.released import DAY, VERSION

SHIPPED = "jetstream_exporter/demo/stack/shipped"  # what the demo runs, in the wheel
PAGES = "jetstream_exporter/web/status/runbooks"


def test_a_release_is_five_files_a_commit_and_a_tag(tree: Path, built: Path) -> None:
    assert {file.name for file in built.iterdir()} == {
        f"jetstream_exporter-{VERSION}-py3-none-any.whl",
        f"jetstream_exporter-{VERSION}.tar.gz",
        f"jetstream_exporter-{VERSION}.cdx.json",
        f"jetstream-exporter-{VERSION}.tgz",
        "SHA256SUMS",
    }
    assert release.git(tree, "tag", "--list") == f"v{VERSION}"
    assert release.git(tree, "log", "-1", "--format=%s") == f"Release {VERSION}"
    assert release.git(tree, "status", "--porcelain") == ""


def test_the_version_is_the_same_everywhere(tree: Path, built: Path) -> None:
    chart = yaml.safe_load((tree / "helm/Chart.yaml").read_text())

    assert (chart["version"], chart["appVersion"]) == (VERSION, VERSION)
    assert artefacts.version(tree) == VERSION
    (image,) = yaml.safe_load(chart["annotations"]["artifacthub.io/images"])
    assert image["image"].endswith(f"/jetstream-exporter:{VERSION}")
    assert f"## {VERSION} - {DAY}\n\n- Something new." in (tree / "CHANGELOG.md").read_text()
    assert (tree / "CHANGELOG.md").read_text().count(release.UNRELEASED) == 1


def test_the_wheel_holds_the_package_and_nothing_else(tree: Path, built: Path) -> None:
    with zipfile.ZipFile(next(built.glob("*.whl"))) as wheel:
        names = wheel.namelist()
    own = {name for name in names if ".dist-info/" not in name}
    folder = tree / "exporter"
    sources = {str(f.relative_to(folder)) for f in (folder / "jetstream_exporter").rglob("*.*")}
    shipped = {
        f"{SHIPPED}/{file.relative_to(tree)}"
        for name in ("rules", "alertmanager")
        for file in (tree / name).rglob("*.*")
        if not {"src", "runbooks", "compat", "scale"}
        & {*file.relative_to(tree).parts}  # what the rules are made of
    }
    shipped |= {f"{PAGES}/{file.name}" for file in (tree / "rules/runbooks").glob("*.md")}

    assert own == {name for name in sources if "__pycache__" not in name} | shipped
    assert {name.partition(".dist-info/")[2] for name in names} - {""} == {
        *("METADATA", "RECORD", "WHEEL", "entry_points.txt", "licenses/LICENSE")
    }


def test_the_source_distribution_holds_what_the_wheel_is_made_of(tree: Path, built: Path) -> None:
    with tarfile.open(next(built.glob("*.tar.gz"))) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}

    folders = ("exporter/", "rules/", "alertmanager/")
    assert {name for name in names if not name.startswith(folders)} == {
        *("CHANGELOG.md", "CONFIGURATION.md", "LICENSE", "PKG-INFO", "README.md"),
        *("pyproject.toml", ".gitignore"),
    }


def test_a_wheel_of_the_source_distribution_is_the_wheel(built: Path, tmp_path: Path) -> None:
    release.run(tmp_path, "tar", "-xzf", next(built.glob("*.tar.gz")))
    (source,) = tmp_path.iterdir()

    release.run(source, sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", tmp_path)

    (again,) = tmp_path.glob("*.whl")
    assert again.read_bytes() == next(built.glob("*.whl")).read_bytes()


@pytest.mark.parametrize(
    ("version", "said"),
    [
        ("1.2", "'1.2' is not a version like 1.2.3"),
        ("0.0.1", "the version of the package"),
        (VERSION, f"there is a tag v{VERSION} already"),
        ("9.9.0", "there are no entries under Unreleased"),
    ],
)
def test_what_cannot_be_released_is_refused(version: str, said: str, tree: Path) -> None:
    with pytest.raises(release.ReleaseError, match=said):
        release.release(tree, version, DAY)


def test_a_tree_with_changes_is_not_released(tree: Path, tmp_path: Path) -> None:
    copy = clone(tree, tmp_path)
    (copy / "stray.txt").write_text("")

    with pytest.raises(release.ReleaseError, match="changes that are not committed"):
        release.release(copy, "9.9.0", DAY)


def test_what_cannot_be_built_leaves_the_tree_as_it_was(tree: Path, tmp_path: Path) -> None:
    copy = clone(tree, tmp_path)
    changelog = (copy / "CHANGELOG.md").read_text()
    new = f"{release.UNRELEASED}\n- Something else.\n"
    (copy / "CHANGELOG.md").write_text(changelog.replace(release.UNRELEASED, new))
    (copy / "README.md").unlink()
    release.git(copy, "commit", "--quiet", "--all", "--message", "Without a page for PyPI")

    with pytest.raises(release.ReleaseError, match=r"hatchling failed: .*README\.md"):
        release.release(copy, "9.9.0", DAY)

    assert release.git(copy, "status", "--porcelain") == ""
    assert artefacts.version(copy) == VERSION
    assert release.git(copy, "tag", "--list", "v9.9.0") == ""


def clone(tree: Path, folder: Path) -> Path:
    copy = folder / "copy"
    release.git(tree, "clone", "--quiet", tree, copy)
    release.git(copy, "config", "user.name", "maintainer")
    release.git(copy, "config", "user.email", "maintainer@example.com")
    return copy


def test_make_names_the_command() -> None:
    said = subprocess.run(["make", "help"], cwd=ROOT, capture_output=True, text=True, check=True)

    assert "release" in said.stdout
