"""Every `nats` command that a page tells its reader to paste is one that the program has."""

import importlib.util
import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.rules.test_runbooks import PAGES, by_name, runbook
from tests.support.commands import Command, commands, fences, indented, inline
from tests.support.nats_cli import RECORD, known, problems, program, recorded
from tests.support.rules import ROOT


def of_nats(text: str) -> Iterator[Command]:
    """The commands in fences, in indented code, and those that a sentence names."""
    blocks = [*fences(text, "sh"), *indented(text), *inline(text)]
    for line in (line.strip().removeprefix("$ ") for block in blocks for line in block.split("\n")):
        if re.match(r"nats [a-z-]", line):
            yield from (c for c in commands(line.rstrip(" \\|")) if c.program == "nats")


def in_sentences(text: str) -> set[str]:
    return {code for code in inline(text) if code.startswith("nats ")}


@by_name
def test_every_nats_command_is_one_that_the_program_has(name: str) -> None:
    named = in_sentences(runbook(name))
    for command in of_nats(runbook(name)):
        if command.line in named and "…" in command.line:
            continue
        found = [p for p in problems(command) if command.line not in named or "no such" in p]
        assert not found, f"{command.line}: {found}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_the_pages_name_commands_that_the_program_has(page: Path) -> None:
    text = page.read_text()
    named = in_sentences(text)
    for command in of_nats(text):
        if "…" not in command.line:
            found = [p for p in problems(command) if command.line not in named or "no such" in p]
            assert not found, f"{command.line}: {found}"


@by_name
def test_what_the_system_account_alone_may_ask_is_asked_with_its_login(name: str) -> None:
    for script in fences(runbook(name), "sh"):
        for command in commands(script):
            here = known(command) if command.program == "nats" else None
            if here is not None and here.of_the_system_account:
                assert "${SYS:?}" in command.words, command.line


def test_a_wrong_command_is_found() -> None:
    wrong = {
        "nats stream inf ORDERS": "there is no such command",
        "nats stream info ORDERS --jsn": "stream info has no --jsn",
        "nats server cluster peer-remove": "server cluster peer-remove needs ['name']",
        "nats stream info A B C": "stream info takes ['stream'] and no more",
    }
    for line, said in wrong.items():
        assert list(problems(commands(line)[0])) == [said]
    right = 'nats --context "${APP:?}" stream info A --json'
    assert list(problems(commands(right)[0])) == []


def script() -> Any:
    spec = importlib.util.spec_from_file_location("nats_cli", ROOT / "scripts" / "nats_cli.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_record_is_what_the_program_says() -> None:
    path = program()
    if path is None:
        pytest.skip("nats is neither on PATH nor named by NATS_CLI, so the record is not compared")
    said = subprocess.run(
        [path, script().INTROSPECT], check=True, capture_output=True, text=True
    ).stdout
    described = json.loads(said)
    if described["version"] != recorded()["version"]:
        pytest.skip(f"{path} is {described['version']}, the record of {recorded()['version']}")
    assert script().record(described) == RECORD.read_text()
