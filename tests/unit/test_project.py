"""What surrounds the code agrees with it: supported Pythons, links, the pictures of the documentation."""

import importlib.util
import re
import shlex
import tomllib
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
import yaml
from scripts.versions import STARTED

from jetstream_exporter.__main__ import make_parser
from jetstream_exporter.audit.command import make_parser as audit_parser
from jetstream_exporter.demo.command import make_parser as demo_parser
from jetstream_exporter.doctor.command import make_parser as doctor_parser
from jetstream_exporter.migrate.command import make_parser as migrate_parser

ROOT = Path(__file__).resolve().parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
SVG = "{http://www.w3.org/2000/svg}"
PAGES = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]
# Contrast that WCAG asks of text of normal size.
LEGIBLE = 4.5


def load(path: Path) -> Any:
    return yaml.safe_load(path.read_text())


def pythons() -> set[str]:
    given = (re.fullmatch(r".* :: (3\.\d+)", line) for line in PROJECT["classifiers"])
    return {found[1] for found in given if found}


def test_the_workflow_runs_the_gate_on_every_python_that_is_named() -> None:
    (job,) = load(ROOT / ".github" / "workflows" / "ci.yaml")["jobs"].values()
    assert set(job["strategy"]["matrix"]["python"]) == pythons()
    assert min(pythons(), key=lambda v: int(v[2:])) == PROJECT["requires-python"].removeprefix(">=")
    assert [step["run"] for step in job["steps"] if "run" in step] == [".ci/run"]


@pytest.mark.parametrize("path", sorted((ROOT / ".github").rglob("*.y*ml")), ids=lambda p: p.name)
def test_forms_and_workflows_are_yaml_with_what_github_asks_for(path: Path) -> None:
    content = load(path)
    if path.parent.name == "ISSUE_TEMPLATE" and path.name != "config.yml":
        assert {"name", "description", "body"} <= set(content)
        ids = [part["id"] for part in content["body"] if part["type"] != "markdown"]
        assert len(ids) == len(set(ids))
        for part in content["body"]:
            assert part["attributes"]["label"]


def test_every_hook_is_a_program_of_the_projects_own_environment() -> None:
    (repo,) = load(ROOT / ".pre-commit-config.yaml")["repos"]
    for hook in repo["hooks"]:
        program, *arguments = hook["entry"].split()
        assert program.startswith(".venv/bin/"), hook["id"]
        missing = [each for each in arguments if "/" in each and not (ROOT / each).exists()]
        assert missing == [], hook["id"]


def test_the_package_says_where_its_source_is() -> None:
    assert {"Source", "Documentation", "Changelog", "Issues"} <= set(PROJECT["urls"])
    assert all(url.startswith("https://github.com/") for url in PROJECT["urls"].values())


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_of_a_page_lead_somewhere(page: Path) -> None:
    text = re.sub(r"^````.*?^````$", "", page.read_text(), flags=re.MULTILINE | re.DOTALL)
    for target in re.findall(r"\]\(([^)#\s]+)\)", text):
        if not re.match(r"(https?|mailto):", target):
            assert (page.parent / target).exists(), target


def commands_of(text: str) -> list[list[str]]:
    """What a page tells to run of this program, split as a shell would, lines continued."""
    text = text.replace("\\\n", " ").replace("|\n", "| ")
    lines = re.findall(r"^ {4}(?:\$ )?(.*)$", text, re.MULTILINE)
    parts = [part.strip() for line in lines for part in line.split("|")]
    return [shlex.split(part)[1:] for part in parts if re.match(r"jetstream-exporter( |$)", part)]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_commands_of_a_page_have_flags_that_the_program_takes(page: Path) -> None:
    parsers = {
        "audit": audit_parser,
        "demo": demo_parser,
        "doctor": doctor_parser,
        "migrate": migrate_parser,
    }
    for argv in commands_of(page.read_text()):
        name = argv[0] if argv and argv[0] in parsers else ""
        parsers.get(name, make_parser)().parse_args(argv[1:] if name else argv)


def test_commands_of_the_readme_are_found() -> None:
    found = commands_of((ROOT / "README.md").read_text())
    assert len(found) >= 3
    assert any(argv[:1] == ["audit"] for argv in found)


def test_the_readme_is_short_and_leads_to_every_page_of_the_documentation() -> None:
    readme = (ROOT / "README.md").read_text()
    assert len(readme.splitlines()) <= 120
    for page in (ROOT / "docs").glob("*.md"):
        named = f"docs/{page.name}"
        assert page.name == "runbooks.md" or f"]({named})" in readme, named


def test_every_decision_is_listed_and_says_why() -> None:
    folder = ROOT / "docs" / "decisions"
    pages = sorted(path.name for path in folder.glob("[0-9]*.md"))
    listed = re.findall(r"\]\(([^)]+)\)", (folder / "README.md").read_text())
    assert sorted(listed) == pages
    for page in pages:
        text = (folder / page).read_text()
        for part in ("**Decision.**", "**Cost.**", "**What would change the decision.**"):
            assert part in text, f"{page}: {part}"
        assert re.search(r"\*\*(Reasons\.|Why )", text), page


def concepts() -> Any:
    path = ROOT / "scripts" / "concepts.py"
    spec = importlib.util.spec_from_file_location("concepts", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("name", list(concepts().PICTURES))
def test_a_picture_is_what_its_script_draws(name: str) -> None:
    drawn = concepts().drawn(name)
    assert (concepts().FOLDER / f"{name}.svg").read_text() == drawn, (
        "run `python scripts/concepts.py`"
    )
    assert f"](images/{name}.svg)" in (ROOT / "docs" / "concepts.md").read_text()


@pytest.mark.parametrize("name", list(concepts().PICTURES))
def test_nothing_in_a_picture_lies_outside_of_it(name: str) -> None:
    root = ElementTree.fromstring(concepts().drawn(name))
    _, _, width, height = map(float, root.attrib["viewBox"].split())
    for box in root.iter(f"{SVG}rect"):
        x, y = (float(box.attrib.get(key, 0)) for key in "xy")
        assert x + float(box.attrib["width"]) <= width
        assert y + float(box.attrib["height"]) <= height
    for text in root.iter(f"{SVG}text"):
        half = 4 * len(text.text or "")  # about half of its width in this size
        middle = text.attrib["text-anchor"] == "middle"
        left = float(text.attrib["x"]) - (half if middle else 0)
        assert left >= 0, text.text
        assert left + 2 * half <= width, text.text
        assert float(text.attrib["y"]) <= height, text.text


def luminance(colour: str) -> float:
    parts = [int(colour[n : n + 2], 16) / 255 for n in (1, 3, 5)]
    linear = [p / 12.92 if p <= 0.03928 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("mode", ["LIGHT", "DARK"])
def test_pictures_are_legible_on_a_light_and_on_a_dark_page(mode: str) -> None:
    colours = getattr(concepts(), mode)
    for fill in concepts().FILLS:
        assert contrast(colours["ink"], colours[fill]) >= LEGIBLE, fill
    assert contrast(colours["quiet"], colours["page"]) >= LEGIBLE


def test_the_files_that_contributing_sends_people_to_are_there() -> None:
    text = (ROOT / "CONTRIBUTING.md").read_text()
    walked = text.split("## Files to change")[1].split("\n## ")[0]
    named = re.findall(r"`([a-z_]+/[a-z_/.]*)`", walked)
    assert len(named) > 15
    assert [path for path in named if not (ROOT / path).exists()] == []


def test_contributing_names_the_quick_tests_first() -> None:
    made = re.findall(r"`make ([a-z]+)`", (ROOT / "CONTRIBUTING.md").read_text())
    assert made[:2] == ["unit", "test"]


@pytest.mark.parametrize("folder", ["bench", "scripts", "tests", "exporter"])
def test_versions_of_nats_server_are_listed_in_one_file(folder: str) -> None:
    several = re.compile(r'"2\.\d+\.\d+",? \D*"2\.\d+\.\d+"')
    found = [
        f"{path.relative_to(ROOT)}: {line.strip()}"
        for path in (ROOT / folder).rglob("*.py")
        if path != ROOT / "scripts" / "versions.py"
        for line in path.read_text().splitlines()
        if several.search(line) and any(f'"{version}"' in line for version in STARTED)
    ]
    assert found == [], "import them from scripts/versions.py"


def test_no_test_leaves_its_client_open_when_it_fails() -> None:
    """A client that stays open fails the test after it, too."""
    left = re.compile(r"^.*= await (?:nats\.connect|persistent)\(.*$", re.MULTILINE)
    found = {path.name: left.findall(path.read_text()) for path in (ROOT / "tests").rglob("*.py")}
    assert {name: lines for name, lines in found.items() if lines} == {}
