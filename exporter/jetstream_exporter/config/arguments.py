"""The parser of each command line: one shape of help, and a hint where an argument is not known."""

import argparse
import re
import sys
from collections.abc import Collection, Iterator
from typing import NoReturn

from jetstream_exporter.config.hints import did_you_mean
from jetstream_exporter.config.redaction import without_secrets

UNKNOWN = "unrecognized arguments: "
URL = re.compile(r"[a-z]+://.*|[\w.-]+:\d+", re.IGNORECASE)
USAGE = 2  # the exit code


class Parser(argparse.ArgumentParser):
    """`commands` are words that may come first. `usage_code` is the exit code for a wrong argument."""

    def __init__(
        self,
        prog: str,
        description: str,
        epilog: str,
        *,
        commands: Collection[str] = (),
        usage_code: int = USAGE,
    ) -> None:
        super().__init__(
            prog=prog,
            description=description,
            epilog=epilog,
            formatter_class=argparse.RawDescriptionHelpFormatter,
            allow_abbrev=False,
        )
        self._commands = commands
        self._usage_code = usage_code

    def error(self, message: str) -> NoReturn:
        """Ends the process. A login in a URL is not repeated."""
        if message.startswith(UNKNOWN):
            message += self._hint(message.removeprefix(UNKNOWN).partition(" ")[0])
        self.print_usage(sys.stderr)
        self.exit(self._usage_code, f"{self.prog}: error: {without_secrets(message)}\n")

    def _hint(self, word: str) -> str:
        """What was probably meant with it; nothing with an empty argument."""
        if not word:
            return ""
        flags = list(self._flags())
        if word.startswith("-"):
            longer = [flag for flag in flags if flag.startswith(word)] if word.strip("-") else []
            return f"; did you mean {longer[0]}?" if longer else did_you_mean(word, flags)
        if URL.fullmatch(word):
            return "; name each server with --target" if "--target" in flags else ""
        if self._commands:
            known = ", ".join(self._commands)
            return did_you_mean(word, self._commands) or f"; the commands are {known}"
        return ""

    def _flags(self) -> Iterator[str]:
        for action in self._actions:
            yield from (flag for flag in action.option_strings if flag.startswith("--"))
