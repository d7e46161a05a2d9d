"""What may be written to a terminal, and what a terminal takes."""

import os
from typing import TextIO


def printable(text: str) -> str:
    """The text with all that a terminal might obey escaped, but for line feeds: a name must not paint it."""
    return "".join(
        each if each.isprintable() or each == "\n" else ascii(each)[1:-1] for each in text
    )


def one_line(text: str) -> str:
    """As before, and it forges no line."""
    return printable(text).replace("\n", "\\n")


def takes_sequences(out: TextIO) -> bool:
    """Whether it is a terminal that understands escape sequences."""
    return out.isatty() and os.environ.get("TERM") != "dumb"


def takes_colour(out: TextIO) -> bool:
    """As before, and nobody asked for none (https://no-color.org)."""
    return takes_sequences(out) and not os.environ.get("NO_COLOR")
