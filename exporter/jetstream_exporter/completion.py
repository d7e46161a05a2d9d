"""`jetstream-exporter completion SHELL`: a script that completes commands, flags and their values."""

from __future__ import annotations

import argparse
import importlib
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from enum import Enum
from typing import NamedTuple

from jetstream_exporter.__main__ import COMMANDS
from jetstream_exporter.__main__ import make_parser as main_parser
from jetstream_exporter.config.arguments import Parser
from jetstream_exporter.runtime.terminal import printed

PROG = "jetstream-exporter"
EPILOG = """\
examples:
  source <(jetstream-exporter completion bash)        # in ~/.bashrc
  source <(jetstream-exporter completion zsh)         # in ~/.zshrc, after compinit
  jetstream-exporter completion fish > ~/.config/fish/completions/jetstream-exporter.fish
"""
BASH = """\
_jetstream_exporter() {{
    local word="${{COMP_WORDS[COMP_CWORD]}}" before="${{COMP_WORDS[COMP_CWORD-1]}}" words=""
    if [[ $word == = ]]; then word=""  # bash splits --flag=value
    elif [[ $before == = ]]; then before="${{COMP_WORDS[COMP_CWORD-2]}}"
    fi
    case "${{COMP_WORDS[1]}} $before" in
{values}
    *)  case "$COMP_CWORD ${{COMP_WORDS[1]}}" in
        1\\ *) words="{first}" ;;
{flags}
        *) words="{own}" ;;
        esac ;;
    esac
    COMPREPLY=($(compgen -W "$words" -- "$word"))
}}
complete -o default -F _jetstream_exporter jetstream-exporter
"""
ZSH = "autoload -U +X bashcompinit && bashcompinit\n"

FILES = ("FILE", "DIR", "FOLDER", "PATH")


class Kind(Enum):
    """What a shell offers after a flag, or as a word of a command."""

    NOTHING = "nothing"
    CHOICE = "choice"
    FILE = "file"
    OTHER = "other"


def parsers() -> dict[str, argparse.ArgumentParser]:
    """The parser of each command; that of no command has the name ''."""
    found = {"": main_parser()}
    for name, module in COMMANDS.items():
        found[name] = importlib.import_module(module).make_parser()
    return found


class Flag(NamedTuple):
    """A long flag; `kind` is what follows it."""

    name: str
    kind: Kind
    choices: Sequence[str]
    text: str


def flags_of(parser: argparse.ArgumentParser) -> Iterator[Flag]:
    for action in parser._actions:
        for name in action.option_strings:
            if name.startswith("--"):
                help_text = (action.help or "").split(" [")[0]
                yield Flag(name, _kind(action), _choices(action), help_text)


def _kind(action: argparse.Action) -> Kind:
    if action.nargs == 0:
        return Kind.NOTHING
    if action.choices:
        return Kind.CHOICE
    return Kind.FILE if action.metavar in FILES else Kind.OTHER


def _choices(action: argparse.Action) -> Sequence[str]:
    return [str(each) for each in action.choices or ()]


def _positionals(parser: argparse.ArgumentParser) -> list[argparse.Action]:
    return [action for action in parser._actions if not action.option_strings]


def bash(found: Mapping[str, argparse.ArgumentParser]) -> str:
    commands = [name for name in found if name]
    flags = [f"        *\\ {name}) {_bash_words(found[name])} ;;" for name in commands]
    values = [
        f"    {pattern}) {_bash_values(flag)} ;;"
        for name in (*commands, "")
        for flag in flags_of(found[name])
        if flag.kind is not Kind.NOTHING
        for pattern in [f'"{name} {flag.name}"' if name else f'*" {flag.name}"']
    ]
    own = " ".join(flag.name for flag in flags_of(found[""]))
    first = " ".join([*commands, own])
    return BASH.format(values="\n".join(values), flags="\n".join(flags), first=first, own=own)


def _bash_values(flag: Flag) -> str:
    """Without words bash completes files, unless that is switched off."""
    if flag.kind is Kind.OTHER:
        return "compopt +o default 2>/dev/null"  # zsh does not have it
    return f'words="{" ".join(flag.choices)}"'


def _bash_words(parser: argparse.ArgumentParser) -> str:
    """A command's own words and flags; flags only after a dash where it takes files."""
    own = [choice for action in _positionals(parser) for choice in _choices(action)]
    words = " ".join([*own, *(flag.name for flag in flags_of(parser))])
    takes_files = any(_kind(action) is Kind.FILE for action in _positionals(parser))
    return f'[[ $word == -* ]] && words="{words}"' if takes_files else f'words="{words}"'


def zsh(found: Mapping[str, argparse.ArgumentParser]) -> str:
    return ZSH + bash(found)


def fish(found: Mapping[str, argparse.ArgumentParser]) -> str:
    names = " ".join(name for name in found if name)
    lines = [
        f"complete -c {PROG} -f",
        f"complete -c {PROG} -n 'not __fish_seen_subcommand_from {names}' -a '{names}'",
    ]
    for name, parser in found.items():
        seen = (
            f"__fish_seen_subcommand_from {name}"
            if name
            else f"not __fish_seen_subcommand_from {names}"
        )
        begin = f"complete -c {PROG} -n '{seen}'"
        for flag in flags_of(parser):
            told = flag.text.replace("\\", "\\\\").replace("'", "\\'")
            lines.append(f"{begin} -l {flag.name[2:]}{_fish_values(flag)} -d '{told}'")
        for action in _positionals(parser):
            words = " ".join(_choices(action))
            lines.append(f"{begin} -a '{words}'" if words else f"{begin} -F")
    return "\n".join(lines) + "\n"


def _fish_values(flag: Flag) -> str:
    match flag.kind:
        case Kind.NOTHING:
            return ""
        case Kind.CHOICE:
            return f" -xa '{' '.join(flag.choices)}'"
        case Kind.FILE:
            return " -rF"
        case Kind.OTHER:
            return " -x"


SHELLS: Mapping[str, Callable[[Mapping[str, argparse.ArgumentParser]], str]] = {
    "bash": bash,
    "zsh": zsh,
    "fish": fish,
}


def make_parser() -> argparse.ArgumentParser:
    parser = Parser(
        prog=f"{PROG} completion",
        description="Print a script that completes commands and flags in a shell.",
        epilog=EPILOG,
    )
    parser.add_argument("shell", choices=SHELLS)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """The subcommand; `argv` is what follows the word completion."""
    script = SHELLS[make_parser().parse_args(argv).shell](parsers())
    return 0 if printed(script, f"{PROG} completion") else 1


if __name__ == "__main__":
    sys.exit(main())
