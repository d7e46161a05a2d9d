"""What may be written to a terminal, and what a terminal takes."""

import io
import os
import sys
from typing import TextIO


class OutputError(Exception):
    """The text cannot be written. The message says why."""


def printable(text: str) -> str:
    """The text with control characters escaped, except line feeds: a name must not control the terminal."""
    return "".join(
        each if each.isprintable() or each == "\n" else ascii(each)[1:-1] for each in text
    )


def one_line(text: str) -> str:
    """`printable`, with line feeds escaped too, so that a name cannot forge a line."""
    return printable(text).replace("\n", "\\n")


def escape_unencodable(out: TextIO) -> None:
    """From now on a character that the stream's encoding lacks is escaped: a name need not fit into it."""
    if isinstance(out, io.TextIOWrapper):
        out.reconfigure(errors="backslashreplace")


def printed(text: str, program: str) -> bool:
    """Whether standard output took all of the text, whatever characters are in it; standard error says why not.

    Whoever reads a pipe and closes it has seen enough, which is no error, and so has who closed standard output.
    """
    if sys.stdout is None:
        return True  # the program was started without one
    escape_unencodable(sys.stdout)
    try:
        put(text, sys.stdout)
    except BrokenPipeError:
        return True
    except OutputError as error:
        sys.stderr.write(f"{program}: {error}\n")
        return False
    return True


def put(text: str, out: TextIO) -> None:
    """Write and flush all of it. BrokenPipeError where nobody reads it any more, OutputError where it has no room.

    After either nothing is left that the end of the process would try again.
    """
    try:
        out.write(text)
        out.flush()
    except OSError as error:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, out.fileno())
        os.close(nowhere)
        if isinstance(error, BrokenPipeError):
            raise
        raise OutputError(f"the output cannot be written: {error.strerror}") from None


def takes_sequences(out: TextIO) -> bool:
    """Whether it is a terminal that understands escape sequences."""
    return out.isatty() and os.environ.get("TERM") != "dumb"


def takes_colour(out: TextIO) -> bool:
    """`takes_sequences`, unless the user asked for no colour (https://no-color.org)."""
    return takes_sequences(out) and not os.environ.get("NO_COLOR")


def painted(text: str, code: str) -> str:
    """The text in a colour of the terminal, by its code in escape sequences: 31 is red, 32 green, 33 yellow."""
    return f"\x1b[{code}m{text}\x1b[0m"


def count_of(number: int, word: str) -> str:
    """A number of errors or warnings, or of what has no plural: `2 errors`, `2 ok`."""
    plural = "s" if number != 1 and word in ("error", "warning") else ""
    return f"{number} {word}{plural}"
