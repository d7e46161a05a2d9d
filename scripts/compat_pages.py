"""Write the tables of series into the pages about moving over, from the table that the rules are made of.

PYTHONPATH=exporter python scripts/compat_pages.py
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from jetstream_exporter.migrate import pne, surveyor
from jetstream_exporter.migrate.shapes import Missing, Row

ROOT = Path(__file__).resolve().parent.parent
BEGIN, END = "<!-- series: begin -->\n", "<!-- series: end -->\n"
PAGES: dict[str, tuple[Sequence[Row], Sequence[Missing]]] = {
    "prometheus-nats-exporter": (pne.ROWS, pne.MISSING),
    "nats-surveyor": (surveyor.ROWS, surveyor.MISSING),
}


def page(name: str) -> Path:
    return ROOT / "docs" / f"migrate-from-{name}.md"


def tables(name: str) -> str:
    rows, missing = PAGES[name]
    return "\n".join([*_intro(name), "", *_rows(name, rows), "", *_missing(name, missing), ""])


def _intro(name: str) -> Iterator[str]:
    if name == "nats-surveyor":
        yield "Names without `nats_`."
    else:
        core = sorted({row.old.split("_")[0] for row in pne.ROWS if row.kind.core})
        yield f"Names without prefix: `gnatsd_` before {', '.join(f'`{each}`' for each in core)};"
        yield "`jetstream_` before the others; `nats_` before all with the flags of the NATS chart."
    yield "A name marked *no rule* can be rewritten, and is not recorded by `rules/compat`."


def _rows(name: str, rows: Iterable[Row]) -> Iterator[str]:
    yield f"| {name} | this exporter | |"
    yield "| --- | --- | --- |"
    for row in rows:
        ours = row.form.replace("$x", row.selector)
        notes = [*([] if row.rules else ["*No rule.*"]), *([row.note] if row.note else [])]
        yield f"| `{row.old}` | `{ours}` | {' '.join(notes)} |"


def _missing(name: str, missing: Iterable[Missing]) -> Iterator[str]:
    yield "No successor (a regular expression of the name; the first that matches counts):"
    yield ""
    yield f"| {name} | why |"
    yield "| --- | --- |"
    for each in missing:
        pattern = each.pattern.replace("|", "\\|")
        yield f"| `{pattern}` | {_sentence(each.reason)} |"


def _sentence(reason: str) -> str:
    """The name of a series stays as it is, also as the first word."""
    is_name = "_" in reason.split(maxsplit=1)[0]
    return f"{reason if is_name else reason[0].upper() + reason[1:]}."


def written(text: str, name: str) -> str:
    """The page with the current tables between its two marks."""
    before, rest = text.split(BEGIN)
    return before + BEGIN + "\n" + tables(name) + "\n" + END + rest.split(END)[1]


def main() -> int:
    for name in PAGES:
        page(name).write_text(written(page(name).read_text(), name))
    return 0


if __name__ == "__main__":
    sys.exit(main())
