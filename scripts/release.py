"""Make a release of this working tree: `make release VERSION=1.2.3`.

Writes the version to the one place where it stands (the package) and to the chart, which has to repeat it, dates the
changelog, builds wheel, source distribution and chart into dist/, commits and tags. It pushes nothing: what is left to
do is printed.
"""

from __future__ import annotations

import argparse
import datetime
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VERSION = re.compile(r"\d+\.\d+\.\d+")
PACKAGE = "exporter/jetstream_exporter/__init__.py"
CHART = "helm/Chart.yaml"
CHANGELOG = "CHANGELOG.md"
UNRELEASED = "## Unreleased\n"
NEXT = """\
Released {version} in {root}: committed, tagged v{version}, and built in dist/. To publish it:
  git push --follow-tags
  python -m twine upload dist/jetstream_exporter-{version}*
  docker buildx build --platform linux/amd64,linux/arm64 --push \\
    --build-arg VERSION={version} --build-arg REVISION={revision} \\
    --tag <registry>/jetstream-exporter:{version} .
  helm push dist/jetstream-exporter-{version}.tgz oci://<registry>/charts"""


class ReleaseError(Exception):
    """The tree cannot be released; one sentence."""


def released(root: Path) -> str:
    found = re.search(r'__version__ = "(.*)"', (root / PACKAGE).read_text(encoding="utf-8"))
    if found is None:
        raise ReleaseError(f"{PACKAGE}: there is no __version__")
    return found[1]


def check(root: Path, version: str) -> None:
    if VERSION.fullmatch(version) is None:
        raise ReleaseError(f"{version!r} is not a version like 1.2.3")
    if _numbers(version) < _numbers(released(root)):
        raise ReleaseError(f"{version} is before {released(root)}, the version of the package")
    if git(root, "tag", "--list", f"v{version}"):
        raise ReleaseError(f"there is a tag v{version} already")
    if git(root, "status", "--porcelain"):
        raise ReleaseError("the working tree has changes that are not committed")
    if not _changes(root):
        raise ReleaseError(f"{CHANGELOG}: there are no entries under Unreleased")


def _numbers(version: str) -> list[int]:
    return [int(number) for number in version.split(".")]


def _changes(root: Path) -> str:
    text = (root / CHANGELOG).read_text(encoding="utf-8")
    return text.partition(UNRELEASED)[2].partition("\n## ")[0].strip()


def write(root: Path, version: str, day: datetime.date) -> None:
    _replace(root / PACKAGE, r'(?m)^__version__ = ".*"$', f'__version__ = "{version}"')
    _replace(root / CHART, r"(?m)^version: .*$", f"version: {version}")
    _replace(root / CHART, r"(?m)^appVersion: .*$", f"appVersion: {version}")
    _replace(root / CHANGELOG, re.escape(UNRELEASED), f"{UNRELEASED}\n## {version} - {day}\n")


def _replace(file: Path, pattern: str, new: str) -> None:
    text, times = re.subn(pattern, new, file.read_text(encoding="utf-8"))
    if times != 1:
        raise ReleaseError(f"{file}: {pattern} stands there {times} times, not once")
    file.write_text(text, encoding="utf-8")


def build(root: Path, into: Path) -> list[Path]:
    """Wheel, source distribution and chart."""
    into.mkdir(exist_ok=True)
    before = set(into.iterdir())
    run(root, sys.executable, "-m", "hatchling", "build", "-t", "sdist", "-t", "wheel", "-d", into)
    from helm_python import chart  # noqa: PLC0415 - of the test extra

    chart.package(root / "helm", destination=into)
    return sorted(set(into.iterdir()) - before)


def run(root: Path, *argv: str | Path) -> str:
    done = subprocess.run(argv, cwd=root, text=True, capture_output=True, check=False)
    if done.returncode != 0:
        last = (done.stderr or done.stdout).strip().splitlines()[-1:]
        raise ReleaseError(f"{' '.join(map(str, argv[:3]))} failed: {' '.join(last)}")
    return done.stdout.strip()


def git(root: Path, *argv: str) -> str:
    return run(root, "git", *argv)


def release(root: Path, version: str, day: datetime.date) -> str:
    check(root, version)
    write(root, version, day)
    git(root, "add", PACKAGE, CHART, CHANGELOG)
    git(root, "commit", "--quiet", "--message", f"Release {version}")
    build(root, root / "dist")
    git(root, "tag", "--annotate", f"v{version}", "--message", f"jetstream-exporter {version}")
    return NEXT.format(version=version, root=root, revision=git(root, "rev-parse", "HEAD"))


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("version", metavar="VERSION", help="such as 1.2.3")
    today = datetime.datetime.now(datetime.UTC).date()
    try:
        print(release(ROOT, parser.parse_args(argv).version, today))
    except ReleaseError as error:
        print(f"release: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
