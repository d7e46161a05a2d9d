"""Labels of theirs in texts beside expressions: legends, sentences of alerts, columns of tables.

What a label is called now is known of the result of the expression beside it: `outcome.Changes`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Container, Iterator, Mapping
from typing import Any

from jetstream_exporter.migrate import labels
from jetstream_exporter.migrate.outcome import Changes

WORD = re.compile(r"(?<![\w:])[a-zA-Z_]\w+(?![\w:])")
LEGEND = re.compile(r"\{\{\s*(\w+)\s*\}\}")
SENTENCE = re.compile(r"""((?:\$labels|\.Labels)\.|index\s{1,9}\$labels\s{1,9}["`])(\w+)""")
FIELD = re.compile(r"(__field\.labels\.|__data\.fields\.)(\w+)")
IN_REGEX = re.compile(r"\b(\w+)(?==)")
ANYWHERE = {old: new for old, new in labels.OURS.items() if old not in labels.COMMON}
GONE = labels.LEADERS | labels.FLAGS | labels.GROUPS


def legend(text: str, changes: Changes) -> str:
    """`{{stream_name}}` of Grafana; of a label that ours has not, nothing is left."""

    def braces(found: re.Match[str]) -> str:
        new = _now(found[1], changes)
        if new == found[1]:
            return found[0]
        return f"{{{{{new}}}}}" if new else ""

    return LEGEND.sub(braces, text)


def sentence(text: str, changes: Changes) -> str:
    """`{{ $labels.stream_name }}` of an alert; a label that ours has not stays."""
    return SENTENCE.sub(lambda found: found[1] + (_now(found[2], changes) or found[2]), text)


def regex(text: str, changes: Changes) -> str:
    """`/stream_name="(.*)"/` of a variable."""
    return IN_REGEX.sub(lambda found: _now(found[1], changes) or found[1], text)


def fields(text: str, changes: Changes) -> str:
    """`${__field.labels.stream_name}` of a link."""
    known = ANYWHERE | {old: new[-1] for old, new in changes.items() if new}
    return FIELD.sub(lambda found: found[1] + known.get(found[2], found[2]), text)


def lost(pattern: re.Pattern[str], text: str, changes: Changes) -> list[str]:
    """The labels of theirs that a text names by a pattern, of which LEGEND is one, and the new series have not."""
    named = dict.fromkeys(found[pattern.groups] for found in pattern.finditer(text))
    return [label for label in named if not _now(label, changes)]


def _now(label: str, changes: Changes) -> str:
    """Our label for one of theirs; empty where ours has none.

    One that the result has not may stand for another that it has: server_id for server_name.
    """
    if label in changes:
        return changes[label][-1] if changes[label] else ""
    if any(ANYWHERE.get(label) in new for new in changes.values()):
        return ANYWHERE[label]
    return "" if label in GONE else label


def mentioned(text: str, known: Container[str]) -> Iterator[tuple[int, str]]:
    """Lines, from 1, and the old names that still stand there: in descriptions, or where no expression was expected."""
    for number, line in enumerate(text.splitlines(), 1):
        for word in dict.fromkeys(WORD.findall(line)):
            if word in known:
                yield number, word


def everywhere(value: Any, change: Callable[[str], str]) -> Any:
    """The value of a JSON document with every string in it changed, but for keys."""
    if isinstance(value, dict):
        return {key: everywhere(inner, change) for key, inner in value.items()}
    if isinstance(value, list):
        return [everywhere(each, change) for each in value]
    return change(value) if isinstance(value, str) else value


def columns(value: Any, changes: Changes, *, is_data: bool) -> Any:
    """The settings of a panel with their labels as names of columns, in keys and in values.

    `is_data` says that they are about columns and not about the look, of which `name` is a word.
    """
    of_data = ANYWHERE | ({"name": "remote"} if "remote" in changes.get("name", ()) else {})
    return _columns(value, of_data if is_data else ANYWHERE, of_data)


def _columns(value: Any, known: Mapping[str, str], of_data: Mapping[str, str]) -> Any:
    if isinstance(value, Mapping):
        if value.get("id") == "byName":
            known = of_data
        renamed: dict[str, Any] = {}
        for key, inner in value.items():
            renamed.setdefault(known.get(str(key), str(key)), _columns(inner, known, of_data))
        return renamed
    if isinstance(value, list):
        return [_columns(each, known, of_data) for each in value]
    return known.get(value, value) if isinstance(value, str) else value
