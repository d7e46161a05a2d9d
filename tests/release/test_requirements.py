"""What is installed: bounds that hold, pins that are current, and hashes for all that the image downloads."""

import ast
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from scripts import requirements

ROOT = requirements.ROOT
EXTRAS = tuple(requirements.FOLDER / f"{name}.txt" for name in requirements.TOOLS)
FILES = (requirements.CONSTRAINTS, requirements.IMAGE, requirements.BUILD, *EXTRAS)
DOCKERFILE = (ROOT / "Dockerfile").read_text()


def direct(*extras: str) -> list[Requirement]:
    project = requirements.project()["project"]
    named = [each for extra in extras for each in project["optional-dependencies"][extra]]
    return [Requirement(each) for each in [*project["dependencies"], *named]]


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_the_pins_are_those_of_pyproject(file: Path) -> None:
    assert requirements.digest() in file.read_text(), "run `python scripts/requirements.py`"


def test_every_dependency_is_pinned_to_what_its_bound_allows() -> None:
    pinned = requirements.pins(requirements.CONSTRAINTS)
    for each in direct("demo", "test", *requirements.TOOLS):
        if each.name != "jetstream-exporter":
            assert pinned[canonicalize_name(each.name)] in each.specifier, each.name
    for each in direct():
        assert requirements.pins(requirements.IMAGE)[canonicalize_name(each.name)] in each.specifier


def test_the_image_holds_what_the_suite_tested() -> None:
    tested = requirements.pins(requirements.CONSTRAINTS)
    for file in (requirements.IMAGE, requirements.BUILD):
        shipped = requirements.pins(file)
        assert shipped
        builders = {Requirement(each).name for each in requirements.BUILDERS}
        assert {name: tested[name] for name in shipped.keys() - builders} == {
            name: shipped[name] for name in shipped.keys() - builders
        }


@pytest.mark.parametrize("file", FILES[1:], ids=lambda file: file.stem)
def test_every_file_that_may_be_downloaded_for_a_release_has_a_hash(file: Path) -> None:
    text = file.read_text().replace("\\\n", "")
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]

    assert {line.partition("==")[0] for line in lines} == {*requirements.pins(file)}
    assert all(re.search(r"--hash=sha256:[0-9a-f]{64}", line) for line in lines)


def test_the_image_downloads_nothing_else() -> None:
    installs = [part for part in re.split(r"RUN|&&", DOCKERFILE) if "-m pip" in part]

    assert len(installs) == 4
    for each in installs:
        assert "--no-deps" in each, each
        assert "--no-build-isolation" in each or "build.txt" in each or "/dist/" in each, each
        by_hash = "--require-hashes" in each and "-r requirements/" in each
        local = "--no-build-isolation" in each or "/dist/*.whl" in each
        assert by_hash or local, each


def test_the_suite_is_installed_with_the_pins() -> None:
    makefile = (ROOT / "Makefile").read_text()

    assert "CONSTRAINTS ?= requirements/constraints.txt" in makefile
    assert makefile.count("$(PINNED) '.[") == makefile.count("'.[") == 2
    for name in requirements.TOOLS:
        assert f"--require-hashes -r requirements/{name}.txt" in makefile


def imported() -> Iterator[str]:
    for file in (ROOT / "exporter").rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.ImportFrom) and node.module and not node.level:
                yield node.module.partition(".")[0]
            elif isinstance(node, ast.Import):
                yield from (alias.name.partition(".")[0] for alias in node.names)


def test_everything_that_is_imported_is_declared() -> None:
    modules = {
        "nats": "nats-py",
        "yaml": "pyyaml",
        "prometheus_client": "prometheus-client",
    }
    declared = {canonicalize_name(each.name) for each in direct()}
    own = {"jetstream_exporter", *sys.stdlib_module_names}
    used = {modules.get(name, name) for name in imported() if name not in own}

    assert used <= declared
    assert used == declared - {"pynacl"}


@pytest.mark.slow
@pytest.mark.timeout(1500)
def test_the_lowest_versions_that_are_allowed_import_and_pass_the_unit_tests(
    tmp_path: Path,
) -> None:
    python = installed_lowest(tmp_path)
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("PYTEST", "COV"))}
    environment["PYTHONPATH"] = str(ROOT / "exporter")

    def run(*argv: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [python, *argv], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
        )

    done = run("-W", "error", "-c", IMPORT_ALL)
    assert done.returncode == 0, done.stderr
    # Those of `make unit`. The suite waits for deadlines and tries properties once, with the versions as pinned.
    options = ("-q", "-m", "not slow and not waits", "--hypothesis-profile=fewest")
    options += ("-p", "no:cacheprovider", "-p", "no:cloudcoil", "-p", "no:xdist")
    done = run("-m", "pytest", *options, "-o", "addopts=--import-mode=importlib", "tests/unit")
    assert done.returncode == 0, done.stdout[-6000:]


IMPORT_ALL = """
import importlib, pkgutil, jetstream_exporter
for module in pkgutil.walk_packages(jetstream_exporter.__path__, "jetstream_exporter."):
    if not module.name.endswith("__main__"):
        importlib.import_module(module.name)
"""
# What the unit tests need beside the exporter.
TOOLS = (
    "hypothesis",
    "jsonschema",
    "promql-parser",
    "pytest",
    "pytest-asyncio",
    "pytest-timeout",
    "trustme",
)


def installed_lowest(folder: Path) -> Path:
    """A virtual environment with the lower bound of each dependency, and the suite's own tools as pinned."""
    uv = Path(sys.executable).with_name("uv")
    lowest, tools = folder / "lowest.txt", folder / "tools.txt"
    pinned = requirements.pins(requirements.CONSTRAINTS)
    tools.write_text("\n".join(f"{name}=={pinned[name]}" for name in TOOLS))
    python = folder / "venv/bin/python"
    for argv in (
        ("pip", "compile", "-q", "--resolution", "lowest-direct", "pyproject.toml", "-o", lowest),
        ("venv", "-q", "--python", sys.executable, folder / "venv"),
        ("pip", "install", "-q", "--python", python, "-r", lowest, "-r", tools),
        # Its metadata, which the bench reads; the code is that of the working tree.
        ("pip", "install", "-q", "--python", python, "--no-deps", "."),
    ):
        subprocess.run([uv, *argv], cwd=ROOT, check=True, capture_output=True, text=True)
    return python
