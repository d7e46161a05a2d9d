"""What a page tells its reader to paste: fenced commands, taken apart and judged.

A command is either known to read or it counts as one that changes something.
"""

import json
import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path

FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
GUARD = re.compile(r"\$\{(\w+):\?([^}]*)\}")
EXPANSION = re.compile(r"(?<!\\)\$\{?(\w+)")
ASSIGNMENT = re.compile(r"\b([A-Z_]+)=(\S*)")
SEPARATORS = {"|", "||", "&&", ";", "&"}

CLI = json.loads((Path(__file__).resolve().parents[1] / "rules" / "nats_cli.json").read_text())
# What only reads, as the first words of a command. Everything else changes something.
READS = {
    "amtool": {"alert query"},
    "curl": {""},
    "grep": {""},
    "head": {""},
    "journalctl": {""},
    "kubectl": {"describe", "exec", "get", "logs", "port-forward", "rollout status", "top"},
    "nats": {name for name, one in CLI["commands"].items() if one["impact"] != "rw"}
    - {"consumer next", "consumer sub"}  # they take messages
    | {"request"},
    "promtool": {"check", "query"},
    "sort": {""},
    "systemctl": {"status"},
    "tail": {""},
    "uniq": {""},
}
# Options that stand before the subcommand, with their value.
GLOBAL = {"nats": {"--context"}, "kubectl": {"--namespace", "-n"}, "amtool": set[str]()}
# What a curl may not do, and what `nats request` and `kubectl exec` may.
CURL_SENDS = re.compile(r"^(-X|--request|-d|--data.*|-F|--form.*|-T|--upload-file|--json)$")
ASKS = re.compile(r"^(\\?\$)?JS\.API\.(INFO|(STREAM|CONSUMER)\.(INFO|NAMES|LIST|MSG\.GET)\b)")
INSIDE_A_POD = {"sh", "df", "nats"}
# Answers a question of the program in the reader's place.
UNASKED = {"-f", "--force", "-y", "--yes", "--grace-period=0", "--now"}


@dataclass(frozen=True, slots=True)
class Command:
    """One simple command of a line; `words` as the shell would split them, unexpanded."""

    line: str
    words: tuple[str, ...]

    @property
    def program(self) -> str:
        return self.words[0]

    @property
    def path(self) -> tuple[str, ...]:
        """The words of program and subcommands: ("nats", "stream", "info"), objects included."""
        return (self.program, *takewhile(lambda word: not word.startswith("-"), self._plain()))

    def _plain(self) -> Iterator[str]:
        """The words after the options that stand before the subcommand."""
        rest = list(self.words[1:])
        while rest and rest[0].startswith("-"):
            if rest.pop(0) in GLOBAL.get(self.program, set()) and rest:
                rest.pop(0)
        yield from rest

    @property
    def changes(self) -> bool:
        reading = READS.get(self.program)
        if reading is None or not any(self.begins(start) for start in reading):
            return True
        words = self.words
        if self.program == "curl":
            return any(CURL_SENDS.match(word) for word in words) and "--get" not in words
        if self.path[:2] == ("nats", "request"):
            return not any(ASKS.match(word) for word in words)
        if "exec" in self.path[:2]:
            return "--" not in words or words[words.index("--") + 1] not in INSIDE_A_POD
        return False

    def begins(self, start: str) -> bool:
        parts = tuple(start.split())
        return self.path[1 : 1 + len(parts)] == parts

    @property
    def unguarded(self) -> set[str]:
        """The variables that expand to nothing, without a word, where they are not set."""
        return set(EXPANSION.findall(GUARD.sub("", self.line)))

    @property
    def guards(self) -> dict[str, str]:
        """The variables that must be set, each with what the shell says where it is not."""
        found: dict[str, str] = {}
        for name, said in GUARD.findall(self.line):
            found[name] = found.get(name) or said
        return found

    @property
    def options(self) -> dict[str, str]:
        """`--name=value` as a mapping."""
        given = (word.partition("=") for word in self.words if re.match(r"--[a-z-]+=", word))
        return {name: value for name, _, value in given}


def fences(text: str, language: str) -> list[str]:
    return [body for kind, body in FENCE.findall(text) if kind == language]


def without_fences(text: str) -> str:
    return FENCE.sub("", text)


def inline(text: str) -> list[str]:
    """The code within sentences."""
    return re.findall(r"(?<!`)`([^`\n]+)`(?!`)", without_fences(text))


def commands(script: str) -> list[Command]:
    """The commands of a fence, assignments left out. ValueError where a shell would not end a quote."""
    return [command for line in script.splitlines() for command in _of_line(line)]


def _of_line(line: str) -> Iterator[Command]:
    lexer = shlex.shlex(line, posix=True, punctuation_chars=True)
    lexer.whitespace_split = True
    words: list[str] = []
    for token in [*lexer, ";"]:
        if token not in SEPARATORS:
            words.append(token)
            continue
        while words and ASSIGNMENT.fullmatch(words[0]):
            words.pop(0)
        if words:
            yield Command(line, tuple(words))
        words = []


def assigned(script: str) -> dict[str, str]:
    """The variables that a fence sets, with the text they are set to."""
    found: dict[str, str] = {}
    for line in script.splitlines():
        if re.match(r"\s*[A-Z_]+=", line):
            found |= dict(ASSIGNMENT.findall(line.split("#")[0]))
    return found


def indented(text: str) -> list[str]:
    """Runs of lines indented by four: code of plain Markdown."""
    return [
        re.sub(r"^ {4}", "", body, flags=re.MULTILINE)
        for body in re.findall(r"(?:^ {4}\S.*\n)+", without_fences(text), re.MULTILINE)
    ]
