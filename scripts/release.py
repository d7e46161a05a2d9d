"""Make a release of this working tree: `make release VERSION=1.2.3`.

Writes the version to the one place where it stands (the package) and to the chart, which has to repeat it, dates the
changelog, builds and checks everything in dist/ as `make dist` does, commits and tags. It pushes nothing: the tag, once
pushed, lets the workflow publish, and what does the same by hand is printed.
"""

from __future__ import annotations

import argparse
import datetime
import os
import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT)]  # started by its path, it finds its own folder only
from scripts import artefacts  # noqa: E402
from scripts.artefacts import PACKAGE, ReleaseError, run  # noqa: E402

VERSION = re.compile(r"\d+\.\d+\.\d+")
CHART = "helm/Chart.yaml"
CHANGELOG = "CHANGELOG.md"
STAMPED = (PACKAGE, CHART, CHANGELOG)
UNRELEASED = "## Unreleased\n"
NEXT = """\
Released {version} in {root}: committed, tagged v{version}, and built and checked in dist/. To publish it:
  git push --follow-tags
The workflow "release" does the rest for a tag. To publish without it:
  uv publish dist/jetstream_exporter-{version}*.whl dist/jetstream_exporter-{version}.tar.gz
  docker buildx build --platform linux/amd64,linux/arm64 --sbom=true --provenance=mode=max --push \\
    --build-arg VERSION={version} --build-arg REVISION={revision} \\
    --tag <registry>/jetstream-exporter:{version} .
  helm push dist/jetstream-exporter-{version}.tgz oci://<registry>/charts
  COSIGN_PRIVATE_KEY=<key> python3 scripts/sign_images.py <registry>/jetstream-exporter:{version} \\
    <registry>/charts/jetstream-exporter:{version}"""


def check(root: Path, version: str) -> None:
    if VERSION.fullmatch(version) is None:
        raise ReleaseError(f"{version!r} is not a version like 1.2.3")
    if _numbers(version) < _numbers(artefacts.version(root)):
        raise ReleaseError(
            f"{version} is before {artefacts.version(root)}, the version of the package"
        )
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
    _replace(root / CHART, r"(?m)^( +image: \S+):.*$", rf"\g<1>:{version}")
    _replace(root / CHANGELOG, re.escape(UNRELEASED), f"{UNRELEASED}\n## {version} - {day}\n")


def _replace(file: Path, pattern: str, new: str) -> None:
    text, times = re.subn(pattern, new, file.read_text(encoding="utf-8"))
    if times != 1:
        raise ReleaseError(f"{file}: {pattern} stands there {times} times, not once")
    file.write_text(text, encoding="utf-8")


def git(root: Path, *argv: str) -> str:
    return run(root, "git", *argv)


def release(root: Path, version: str, day: datetime.date) -> str:
    check(root, version)
    write(root, version, day)
    try:
        artefacts.make(root, root / "dist", os.environ.get(artefacts.KEY))
    except ReleaseError:
        git(root, "checkout", "--", *STAMPED)
        raise
    git(root, "add", *STAMPED)
    git(root, "commit", "--quiet", "--message", f"Release {version}")
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
