"""The report of the command, as text and as JSON."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict
from itertools import groupby

from jetstream_exporter.migrate.finding import FileResult, Finding
from jetstream_exporter.runtime.terminal import one_line


def text(results: Sequence[FileResult]) -> str:
    lines = [line for result in results for line in _file(result)]
    count = sum(result.unresolved for result in results)
    total = f"{count} unresolved in {_counted(len(results), 'file')}"
    return "\n".join([*lines, total]) + "\n"


def _counted(count: int, what: str) -> str:
    return f"{count} {what}" if count == 1 else f"{count} {what}s"


def _file(result: FileResult) -> Iterator[str]:
    said = (
        f"{_counted(result.expressions, 'expression')} with old names, {result.rewritten} rewritten"
    )
    written = f", written to {one_line(result.output)}" if result.output else ""
    yield f"{one_line(result.path)}: {said if result.kind else 'not read'}{written}"
    for each in result.findings:
        if each.level == "unresolved":
            yield f"  unresolved: {one_line(each.place)}: {one_line(each.message)}"
            if each.old:
                yield f"      {one_line(each.old)}"
    yield from _notes(each for each in result.findings if each.level == "note")
    yield ""


def _notes(found: Iterable[Finding]) -> Iterator[str]:
    """Each sentence once, with the first place and how many more there are."""
    by_message = sorted(found, key=lambda each: each.message)
    for message, same in groupby(by_message, key=lambda each: each.message):
        places = list(dict.fromkeys(each.place for each in same))
        more = f" and {_counted(len(places) - 1, 'more place')}" if len(places) > 1 else ""
        yield f"  note: {one_line(places[0])}{more}: {one_line(message)}"


def as_json(results: Sequence[FileResult]) -> str:
    files = [
        {
            "path": result.path,
            "kind": result.kind,
            "output": result.output,
            "expressions": result.expressions,
            "rewritten": result.rewritten,
            "unresolved": result.unresolved,
            "findings": [asdict(each) for each in result.findings],
        }
        for result in results
    ]
    content = {"unresolved": sum(result.unresolved for result in results), "files": files}
    return json.dumps(content, indent=2) + "\n"


FORMATS = {"text": text, "json": as_json}
