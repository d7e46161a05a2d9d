"""Build and check what a release publishes, in dist/: `make dist`. It publishes nothing.

It builds wheel, source distribution, chart, a bill of materials of the wheel with the libraries that the suite tested
(CycloneDX), and SHA256SUMS of all of them, signed where RELEASE_KEY names a key of gpg. The wheel is then installed
with pip, pipx and uvx, and its program has to start.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from packaging.metadata import Metadata
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT)]  # started by its path, it finds its own folder only
from scripts import requirements  # noqa: E402

PACKAGE = "exporter/jetstream_exporter/__init__.py"
SUMS, SIGNATURE = "SHA256SUMS", "SHA256SUMS.asc"
PATTERNS = ("*.whl", "*.tar.gz", "*.tgz", "*.cdx.json", SUMS, SIGNATURE)
PROGRAM = "jetstream-exporter"
KEY = "RELEASE_KEY"
INFORMATION = 1  # helm's severity of a recommendation
PROGRAMS = Path(sys.executable).parent


class ReleaseError(Exception):
    """Something cannot be released; one sentence."""


def run(root: Path, *argv: str | Path, **variables: str | Path) -> str:
    """The output of a program in `root`; ReleaseError with its last line if it fails."""
    path = f"{PROGRAMS}{os.pathsep}{os.environ.get('PATH', os.defpath)}"
    environment = {**os.environ, "PATH": path, **{name: str(v) for name, v in variables.items()}}
    environment.pop("PYTHONPATH", None)  # what is tried is what is installed
    done = subprocess.run(
        argv, cwd=root, text=True, capture_output=True, check=False, env=environment
    )
    if done.returncode != 0:
        last = (done.stderr or done.stdout).strip().splitlines()[-1:]
        raise ReleaseError(f"{' '.join(map(str, argv[:3]))} failed: {' '.join(last)}")
    return done.stdout.strip()


def version(root: Path) -> str:
    found = re.search(r'__version__ = "(.*)"', (root / PACKAGE).read_text(encoding="utf-8"))
    if found is None:
        raise ReleaseError(f"{PACKAGE}: there is no __version__")
    return found[1]


def make(root: Path, into: Path, key: str | None = None) -> list[Path]:
    """Build all, replacing what an earlier release left, and check all."""
    into.mkdir(exist_ok=True)
    for old in found(into):
        old.unlink()
    wheel = build(root, into)
    check_metadata(wheel, version(root))
    with tempfile.TemporaryDirectory() as name:
        python = environment(root, wheel, Path(name))
        write_bill(root, python, into)
        for command in installed(root, wheel, python, Path(name)):
            check_program(root, command)
        if "--target" not in run(root, python.with_name(PROGRAM), "--help"):
            raise ReleaseError("--help does not name --target")
    check_chart(root, into)
    write_sums(into)
    if key:
        sign(into, key)
    check_sums(into)
    return found(into)


def found(into: Path) -> list[Path]:
    return sorted(file for pattern in PATTERNS for file in into.glob(pattern))


def build(root: Path, into: Path) -> Path:
    """Wheel, source distribution and chart; returns the wheel."""
    run(root, sys.executable, "-m", "hatchling", "build", "-t", "sdist", "-t", "wheel", "-d", into)
    from helm_python import chart  # noqa: PLC0415 - of the test extra

    chart.package(root / "helm", destination=into)
    (wheel,) = into.glob("*.whl")
    return wheel


def check_metadata(wheel: Path, expected: str) -> None:
    """Refuse what PyPI would refuse of it, and another version."""
    with zipfile.ZipFile(wheel) as archive:
        (name,) = (each for each in archive.namelist() if each.endswith(".dist-info/METADATA"))
        metadata = Metadata.from_email(archive.read(name), validate=True)
    if str(metadata.version) != expected:
        raise ReleaseError(f"{wheel.name} says it is {metadata.version}, not {expected}")


# The wheel, installed in the ways that the documentation names.


def environment(root: Path, wheel: Path, folder: Path) -> Path:
    """The Python of a virtual environment with the wheel and the libraries of the image, and nothing else."""
    python = folder / "venv/bin/python"
    run(root, "uv", "venv", "--quiet", "--python", sys.executable, folder / "venv")
    pinned = ("--require-hashes", "-r", "requirements/image.txt")
    run(root, "uv", "pip", "install", "--quiet", "--python", python, *pinned)
    pip = (sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check")
    run(root, *pip, "--python", python, "install", "--no-deps", wheel)
    run(root, "uv", "pip", "check", "--python", python)
    return python


def installed(
    root: Path, wheel: Path, python: Path, folder: Path
) -> Iterator[tuple[str | Path, ...]]:
    """How the program is started after pip, pipx and uv installed the wheel."""
    yield (python.with_name(PROGRAM),)
    constraints = root / "requirements/constraints.txt"
    homes = pipx_folders(folder / "pipx")
    run(
        root, "pipx", "install", "--quiet", f"--pip-args=--constraint {constraints}", wheel, **homes
    )
    yield (folder / "pipx/bin" / PROGRAM,)
    yield ("uvx", "--quiet", "--constraints", constraints, "--from", wheel, PROGRAM)


def pipx_folders(folder: Path) -> dict[str, Path]:
    """Variables that keep pipx out of the home of whoever builds: it links programs and manual pages there."""
    names = {"HOME": "", "BIN_DIR": "bin", "MAN_DIR": "man", "COMPLETION_DIR": "completion"}
    return {f"PIPX_{name}": folder / below for name, below in names.items()}


def check_program(root: Path, command: tuple[str | Path, ...]) -> None:
    said = run(root, *command, "--version")
    if not said.startswith(f"{PROGRAM}, version {version(root)} "):
        raise ReleaseError(f"{command[0]}: --version says {said!r}")


def write_bill(root: Path, python: Path, into: Path) -> None:
    """What the environment holds, of which the exporter is the subject. A test validates it, which takes seconds."""
    file = into / f"jetstream_exporter-{version(root)}.cdx.json"
    options = ("--pyproject", root / "pyproject.toml", "--output-reproducible", "--no-validate")
    run(root, "cyclonedx-py", "environment", *options, "--output-file", file, python)
    bill = json.loads(file.read_text(encoding="utf-8"))
    complete(bill["metadata"]["component"], version(root))
    check_bill(bill, requirements.pins(root / "requirements/image.txt"))
    file.write_text(json.dumps(bill, indent=1), encoding="utf-8")


def complete(component: dict[str, Any], number: str) -> None:
    """Its version is dynamic, so pyproject.toml does not tell it."""
    component["version"] = number
    component["purl"] = f"pkg:pypi/jetstream-exporter@{number}"


def check_bill(bill: dict[str, Any], pinned: dict[str, str]) -> None:
    listed = {(canonicalize_name(each["name"]), each["version"]) for each in bill["components"]}
    foreign = sorted(listed - pinned.items())
    if not listed or foreign:
        more = ", ".join(f"{name} {number}" for name, number in foreign)
        raise ReleaseError(f"the bill of materials lists what is not pinned: {more or 'nothing'}")


# The chart, the sums and their signature.


def check_chart(root: Path, into: Path) -> None:
    from helm_python import chart  # noqa: PLC0415

    archive = into / f"jetstream-exporter-{version(root)}.tgz"
    if not archive.exists():
        raise ReleaseError(f"helm/Chart.yaml has another version than {version(root)}")
    for message in chart.lint(archive, strict=True)["messages"]:
        if message["severity"] > INFORMATION:
            raise ReleaseError(f"{archive.name}: {message['path']}: {message['error']}")


def write_sums(into: Path) -> None:
    lines = [f"{digest(file)}  {file.name}\n" for file in found(into)]
    (into / SUMS).write_text("".join(lines), encoding="ascii")


def digest(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()


def sign(into: Path, key: str) -> None:
    if shutil.which("gpg") is None:
        raise ReleaseError(f"{KEY} names a key, but there is no gpg to sign with")
    options = ("--batch", "--yes", "--armor", "--local-user", key, "--output", SIGNATURE)
    run(into, "gpg", *options, "--detach-sign", SUMS)


def check_sums(into: Path) -> None:
    """Refuse a file that was changed, that is missing or that has no sum, and a signature of something else."""
    lines = (into / SUMS).read_text(encoding="ascii").splitlines()
    sums = {name: sha for sha, name in (line.split("  ", 1) for line in lines)}
    files = {file.name for file in found(into)} - {SUMS, SIGNATURE}
    if files != sums.keys():
        raise ReleaseError(f"{SUMS} lists other files: {', '.join(sorted(files ^ sums.keys()))}")
    for name, sha in sums.items():
        if digest(into / name) != sha:
            raise ReleaseError(f"{name} is not the file that {SUMS} names")
    if (into / SIGNATURE).exists():
        run(into, "gpg", "--batch", "--verify", SIGNATURE, SUMS)


def main() -> int:
    key = os.environ.get(KEY)
    try:
        files = make(ROOT, ROOT / "dist", key)
    except ReleaseError as error:
        print(f"dist: {error}", file=sys.stderr)
        return 1
    for file in files:
        print(f"dist/{file.name}: {file.stat().st_size:,} bytes")
    if not key:
        print(f"{SUMS} is not signed: {KEY} names no key of gpg")
    return 0


if __name__ == "__main__":
    sys.exit(main())
