"""The `nats` program: what its record says of a command, and where it is."""

import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.support.commands import CLI, Command

RECORD = Path(__file__).resolve().parents[1] / "rules" / "nats_cli.json"


@dataclass(frozen=True, slots=True)
class Known:
    """A command of the program, and the words of a line that follow it."""

    name: str
    described: dict[str, Any]
    words: tuple[str, ...]

    @property
    def of_the_system_account(self) -> bool:
        return str(self.described["scope"]) == "system"


def recorded() -> dict[str, Any]:
    return CLI


def program() -> str | None:
    """The `nats` program of this machine, if there is one."""
    return os.environ.get("NATS_CLI") or shutil.which("nats")


def known(command: Command) -> Known | None:
    """The command by its longest name that the record has; None where there is none."""
    words = _without_global_flags(command.words[1:])
    for length in range(len(words), 0, -1):
        name = " ".join(words[:length])
        if name in recorded()["commands"]:
            return Known(name, recorded()["commands"][name], words[length:])
    return None


def problems(command: Command) -> Iterator[str]:
    """What the program would not take of this command."""
    here = known(command)
    if here is None:
        yield "there is no such command"
        return
    flags = recorded()["flags"] | here.described["flags"]
    given, rest = 0, list(here.words)
    while rest:
        word = rest.pop(0)
        if word in {">", ">>"}:
            break
        if not word.startswith("--"):
            given += not word.startswith("-")
            continue
        name, equals, _ = word[2:].partition("=")
        plain = name if name in flags else name.removeprefix("no-")
        if plain not in flags:
            yield f"{here.name} has no --{name}"
        elif not flags[plain] and not equals and rest:
            rest.pop(0)
    if given < here.described["required"]:
        yield f"{here.name} needs {here.described['args'][: here.described['required']]}"
    if given > len(here.described["args"]) and not here.described["endless"]:
        yield f"{here.name} takes {here.described['args']} and no more"


def _without_global_flags(words: tuple[str, ...]) -> tuple[str, ...]:
    rest = list(words)
    while rest and rest[0].startswith("--"):
        name, equals, _ = rest.pop(0)[2:].partition("=")
        if not recorded()["flags"].get(name, True) and not equals and rest:
            rest.pop(0)
    return tuple(rest)
