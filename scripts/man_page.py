"""Write docs/man/jetstream-exporter.1 from the flags of all commands: `python scripts/man_page.py`.

With --check nothing is written, and the exit code is 1 if the committed file is out of date.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path

from jetstream_exporter.completion import parsers

PAGE = Path(__file__).resolve().parent.parent / "docs" / "man" / "jetstream-exporter.1"
NAME = "jetstream-exporter"
TITLE = "Prometheus exporter for NATS JetStream"


def escaped(text: str) -> str:
    """Text as roff takes it: no line begins with a control character, and a minus is a minus."""
    text = text.replace("\\", "\\e").replace("-", "\\-")
    return "\n".join(f"\\&{line}" if line[:1] in (".", "'") else line for line in text.split("\n"))


def page() -> str:
    found = parsers()
    lines = [
        f".TH {escaped(NAME.upper())} 1",
        ".ad l",
        ".SH NAME",
        f"{escaped(NAME)} \\- {escaped(TITLE)}",
        ".SH SYNOPSIS",
        f".B {escaped(NAME)}",
        "[flags]",
    ]
    for name in filter(None, found):
        lines += [".br", f".B {escaped(f'{NAME} {name}')}", "[flags]"]
    lines += [".SH DESCRIPTION", escaped(found[""].description or ""), ".SH FLAGS"]
    lines += flags(found[""])
    for name, parser in found.items():
        if name:
            heading = escaped(name.upper())
            lines += [f".SH {heading}", escaped(parser.description or ""), *flags(parser)]
            lines += epilog(parser)
    lines += [".SH FILES", "CONFIGURATION.md lists every key of the configuration file."]
    return "\n".join(lines) + "\n"


def flags(parser: argparse.ArgumentParser) -> Iterator[str]:
    for action in parser._actions:
        values = f" {{{','.join(map(str, action.choices))}}}" if action.choices else ""
        shown = action.metavar if isinstance(action.metavar, str) else ""
        names = ", ".join(action.option_strings) or shown or action.dest
        taken = f" {shown}" if shown and action.option_strings and not values else ""
        yield ".TP"
        yield f".B {escaped(names + taken + values)}"
        yield escaped(
            " ".join((action.help or "").replace("%(default)s", str(action.default)).split())
        )


def epilog(parser: argparse.ArgumentParser) -> list[str]:
    return [".PP", ".nf", escaped((parser.epilog or "").rstrip()), ".fi"] if parser.epilog else []


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--check", action="store_true", help="only compare")
    if parser.parse_args(argv).check:
        return int(PAGE.read_text(encoding="utf-8") != page())
    PAGE.write_text(page(), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
