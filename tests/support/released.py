"""A release of a copy of this tree."""

import datetime
import shutil
from pathlib import Path

from scripts import release
from tests.support.chart import ROOT

DAY = datetime.date(2026, 12, 24)
VERSION = "9.8.7"
NEEDED = (
    *("pyproject.toml", "README.md", "LICENSE", "CHANGELOG.md", "CONFIGURATION.md", ".gitignore"),
    *("exporter", "helm", "rules", "dashboards", "alertmanager", "requirements", "tests/chart"),
)


def make_release(root: Path) -> None:
    ignored = shutil.ignore_patterns("__pycache__")
    for name in NEEDED:
        source, target = ROOT / name, root / name
        if source.is_dir():
            shutil.copytree(source, target, symlinks=True, ignore=ignored)
        else:
            shutil.copy(source, target)
    heading = release.UNRELEASED
    (root / "CHANGELOG.md").write_text(f"# Changelog\n\n{heading}\n- Something new.\n")
    release.git(root, "init", "--quiet")
    release.git(root, "config", "user.name", "maintainer")
    release.git(root, "config", "user.email", "maintainer@example.com")
    release.git(root, "add", "--all")
    release.git(root, "commit", "--quiet", "--message", "All")
    assert f"--build-arg VERSION={VERSION}" in release.release(root, VERSION, DAY)
