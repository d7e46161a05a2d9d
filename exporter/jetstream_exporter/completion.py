"""`jetstream-exporter completion SHELL`: a script that completes commands, flags and their values."""

from __future__ import annotations

import argparse
import importlib
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence

from jetstream_exporter.__main__ import COMMANDS
from jetstream_exporter.__main__ import make_parser as main_parser

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


def parsers() -> dict[str, argparse.ArgumentParser]:
    """The parser of each command; that of no command has the name ''."""
    found = {"": main_parser()}
    for name, module in COMMANDS.items():
        found[name] = importlib.import_module(module).make_parser()
    return found


def flags_of(parser: argparse.ArgumentParser) -> Iterator[tuple[str, Sequence[str], str]]:
    """Each long flag, the values that it takes, and its help."""
    for action in parser._actions:
        for flag in action.option_strings:
            if flag.startswith("--"):
                help_text = (action.help or "").split(" [")[0]
                yield flag, [str(each) for each in action.choices or ()], help_text


def bash(found: Mapping[str, argparse.ArgumentParser]) -> str:
    commands = [name for name in found if name]
    flags = [
        f'        *\\ {name}) words="{" ".join(flag for flag, _, _ in flags_of(found[name]))}" ;;'
        for name in commands
    ]
    values = [
        f'    "{name} {flag}") words="{" ".join(choices)}" ;;'
        if name
        else f'    *" {flag}") words="{" ".join(choices)}" ;;'
        for name in (*commands, "")
        for flag, choices, _ in flags_of(found[name])
        if choices
    ]
    own = " ".join(flag for flag, _, _ in flags_of(found[""]))
    first = " ".join([*commands, own])
    return BASH.format(values="\n".join(values), flags="\n".join(flags), first=first, own=own)


def zsh(found: Mapping[str, argparse.ArgumentParser]) -> str:
    return ZSH + bash(found)


def fish(found: Mapping[str, argparse.ArgumentParser]) -> str:
    names = " ".join(name for name in found if name)
    lines = [f"complete -c {PROG} -n 'not __fish_seen_subcommand_from {names}' -a '{names}'"]
    for name, parser in found.items():
        seen = (
            f"__fish_seen_subcommand_from {name}"
            if name
            else f"not __fish_seen_subcommand_from {names}"
        )
        for flag, choices, text in flags_of(parser):
            of_values = f" -xa '{' '.join(choices)}'" if choices else ""
            told = text.replace("\\", "\\\\").replace("'", "\\'")
            lines.append(f"complete -c {PROG} -n '{seen}' -l {flag[2:]}{of_values} -d '{told}'")
    return "\n".join(lines) + "\n"


SHELLS: Mapping[str, Callable[[Mapping[str, argparse.ArgumentParser]], str]] = {
    "bash": bash,
    "zsh": zsh,
    "fish": fish,
}


def make_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog=f"{PROG} completion",
        description="Print a script that completes commands and flags in a shell.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("shell", choices=SHELLS)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """The subcommand; `argv` is what follows the word completion."""
    sys.stdout.write(SHELLS[make_parser().parse_args(argv).shell](parsers()))
    return 0


if __name__ == "__main__":
    sys.exit(main())
