"""The workflows: valid, without known weaknesses, and nothing is published unless a tag was pushed."""

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import check_jsonschema
import jsonschema
import pytest
import yaml
from scripts import artefacts, sign_images

FOLDER = artefacts.ROOT / ".github/workflows"
FILES = sorted(FOLDER.glob("*.yaml"))
RELEASE = (FOLDER / "release.yaml").read_text()
JOBS: dict[str, dict[str, Any]] = yaml.safe_load(RELEASE)["jobs"]
TAG = "github.ref_type == 'tag'"


def checked(program: str, *argv: str | Path) -> None:
    """Run a program of the test environment; what it says is the failure."""
    command = [Path(sys.executable).with_name(program), *argv]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_workflows_are_as_their_schema_wants() -> None:
    """By the schema that check-jsonschema brings; its own program needs seconds to start."""
    folder = Path(check_jsonschema.__file__).parent / "builtin_schemas/vendor"
    validator = jsonschema.Draft7Validator(
        json.loads((folder / "github-workflows.json").read_text())
    )

    for file in FILES:
        found = yaml.safe_load(file.read_text())
        found["on"] = found.pop(True)  # what YAML 1.1 makes of the word
        assert [each.message for each in validator.iter_errors(found)] == [], file.name
        assert list(validator.iter_errors(found | {"jobs": {"a": {}}})) != []


def test_zizmor_finds_no_weakness() -> None:
    checked("zizmor", "--offline", "--no-config", "--quiet", *FILES)


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_every_action_is_pinned_to_a_commit_and_says_its_version(file: Path) -> None:
    used = re.findall(r"uses: (.*)", file.read_text())

    assert used
    for each in used:
        assert re.fullmatch(r"[\w.-]+/[\w.-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", each), each


def test_an_action_has_one_version_in_all_workflows() -> None:
    used = {each for file in FILES for each in re.findall(r"uses: (.*)", file.read_text())}
    assert len({each.partition("@")[0] for each in used}) == len(used)


def test_only_a_tag_publishes_and_only_what_was_built_and_checked() -> None:
    may_write = {name for name, job in JOBS.items() if "write" in job["permissions"].values()}

    assert may_write == {"python", "registry", "site", "page"}
    for name in may_write:
        assert JOBS[name]["if"] == TAG, name
        assert needed(name) >= {"files", "image"}, name
        assert "environment" in JOBS[name], name


def needed(name: str) -> set[str]:
    direct = JOBS[name].get("needs", [])
    return {*direct, *(below for each in direct for below in needed(each))}


def test_everything_that_is_built_is_published() -> None:
    for pattern in artefacts.PATTERNS:
        assert pattern == artefacts.SIGNATURE or f"dist/{pattern}\n" in RELEASE, pattern


def test_its_commands_are_those_of_the_project() -> None:
    makefile = (artefacts.ROOT / "Makefile").read_text()
    targets = re.findall(r"run: make ([\w ]+)\n", RELEASE)

    assert targets == ["dist docs"]
    for target in targets[0].split():
        assert f"\n{target}: " in makefile
    assert "python3 scripts/image_index.py image.tar" in RELEASE


def test_what_is_pushed_to_the_registry_is_signed_where_a_key_is_given() -> None:
    steps = JOBS["registry"]["steps"]
    (sign,) = (step for step in steps if "scripts/sign_images.py" in step.get("run", ""))

    assert steps[-1] is sign
    assert set(sign["env"]) == {"TOKEN", sign_images.KEY, "COSIGN_PASSWORD"}
    for image in ("jetstream-exporter", "charts/jetstream-exporter"):
        assert f'"$registry/{image}:$version"' in sign["run"]


@pytest.mark.parametrize("name", JOBS)
def test_its_scripts_are_of_a_shell(name: str) -> None:
    for step in JOBS[name]["steps"]:
        script = step.get("run", "")
        done = subprocess.run(
            ["bash", "-n"], input=script, capture_output=True, text=True, check=False
        )
        assert (done.returncode, done.stderr) == (0, ""), script
