"""Record which commands, options and arguments the `nats` program has, for the tests of the runbooks.

    python scripts/nats_cli.py [/path/to/nats]

Neither PyPI nor Debian has that program, so the suite checks every command of a runbook against this
record, and runs it as well where `nats` is on PATH (or named by NATS_CLI). The program describes
itself, and says of each command whether it only reads ("impact:ro") and which login it needs.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

RECORD = Path(__file__).resolve().parent.parent / "tests" / "rules" / "nats_cli.json"
INTROSPECT = "--fisk-introspect"

Json = dict[str, Any]


def flags(described: Json) -> Json:
    """Each option's long name; true where it takes no value."""
    return {flag["name"]: bool(flag.get("boolean")) for flag in described.get("flags", [])}


def tag(described: Json, name: str) -> str:
    given = (text.partition(":") for text in described.get("tags", []))
    return next((value for key, _, value in given if key == name), "")


def commands(described: Json, above: tuple[str, ...] = ()) -> Iterator[tuple[str, Json]]:
    """The commands that can be run, by their full name; options of what stands above are theirs too."""
    for command in described.get("commands", []):
        path = (*above, command["name"])
        if command.get("commands"):
            inherited = flags(command)
            for name, one in commands(command, path):
                yield name, {**one, "flags": inherited | one["flags"]}
        else:
            yield (
                " ".join(path),
                {
                    "impact": tag(command, "impact"),
                    "scope": tag(command, "scope"),
                    "required": sum(bool(a.get("required")) for a in command.get("args", [])),
                    "args": [argument["name"] for argument in command.get("args", [])],
                    "endless": any(a.get("cumulative") for a in command.get("args", [])),
                    "flags": flags(command),
                },
            )


def record(described: Json) -> str:
    """The text of the record: one command a line, sorted, so that a new version is read as a diff."""
    lines = [
        f"  {json.dumps(name)}: {json.dumps(command, sort_keys=True)}"
        for name, command in sorted(commands(described))
    ]
    head = f'{{"version": {json.dumps(described["version"])},\n"flags": {json.dumps(flags(described))},'
    return f'{head}\n"commands": {{\n' + ",\n".join(lines) + "\n}}\n"


def main(argv: list[str]) -> int:
    program = argv[0] if argv else shutil.which("nats")
    if program is None:
        print("nats_cli: nats is not on PATH; name it as the first argument", file=sys.stderr)
        return 2
    said = subprocess.run([program, INTROSPECT], check=True, capture_output=True, text=True).stdout
    RECORD.write_text(record(json.loads(said)))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
