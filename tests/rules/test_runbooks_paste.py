"""Pasted blindly, a runbook changes nothing, in whatever shell and however much of it was filled in."""

import os
import subprocess
from pathlib import Path

import pytest
from tests.rules.test_runbooks import REVERSIBLE, by_name, scripts
from tests.support.commands import Command, assigned, commands
from tests.support.rules import NAMES

PROGRAMS = ("amtool", "curl", "journalctl", "kubectl", "nats", "promtool", "systemctl")
STUB = '#!/bin/sh\n{ printf "%s\\0" "${0##*/}" "$@"; echo; } >> "$PASTED"\n'
# Lines are pasted into an interactive shell, which goes on after an error, or run as a script.
SHELLS = {"pasted": ["bash", "--norc", "-i"], "script": ["sh"]}
CHANGING = [name for name in NAMES if any(c.changes for s in scripts(name) for c in commands(s))]


def pasted(script: str, shell: str, folder: Path, variables: dict[str, str]) -> list[Command]:
    """The commands that a shell really ran; programs that might do something only take notes."""
    notes = folder / "notes"
    notes.touch()
    for program in PROGRAMS:
        stub = folder / program
        stub.write_text(STUB)
        stub.chmod(0o755)
    subprocess.run(
        SHELLS[shell],
        input=script,
        text=True,
        capture_output=True,
        check=False,
        timeout=60,
        cwd=folder,
        start_new_session=True,
        env=variables | {"PATH": f"{folder}:{os.defpath}", "PASTED": str(notes)},
    )
    lines = notes.read_text().splitlines()
    return [Command(line, tuple(line.rstrip("\0").split("\0"))) for line in lines]


def everything(name: str) -> str:
    return "\n".join(scripts(name))


def variables_of(name: str, *, choices: bool) -> dict[str, str]:
    """The variables of the list at the top; with `choices`, all others as well."""
    listed = {v for script in scripts(name) for v in assigned(script)}
    used = {v for script in scripts(name) for c in commands(script) for v in c.guards}
    return dict.fromkeys(used | listed if choices else listed | {"NAMESPACE"}, "1")


def filled(name: str, *, choices: bool = False) -> str:
    """All fences, after the reader set the variables and left the empty list at the top out."""
    script = everything(name)
    for variable in variables_of(name, choices=choices):
        script = script.replace(f"{variable}=''", "")
    return script


@by_name
def test_pasted_as_it_stands_a_runbook_changes_nothing(name: str, tmp_path: Path) -> None:
    for shell in SHELLS:
        ran = pasted(everything(name), shell, tmp_path, {})
        assert [command.line for command in ran if command.changes] == [], shell


@pytest.mark.parametrize("name", CHANGING)
def test_with_the_alerts_labels_alone_nothing_is_changed_for_good(
    name: str, tmp_path: Path
) -> None:
    ran = pasted(filled(name), "pasted", tmp_path, variables_of(name, choices=False))
    assert ran, "nothing ran at all, so this test sees nothing"
    for command in ran:
        assert not command.changes or REVERSIBLE & set(command.words), command.line


@pytest.mark.parametrize("name", CHANGING)
def test_with_every_variable_set_each_change_is_made(name: str, tmp_path: Path) -> None:
    """Otherwise the two tests above would pass for a runbook that never works."""
    ran = pasted(filled(name, choices=True), "pasted", tmp_path, variables_of(name, choices=True))
    wanted = [c for script in scripts(name) for c in commands(script) if c.changes]
    assert len([command for command in ran if command.changes]) == len(wanted)
