"""Labels of theirs in texts beside expressions: legends, sentences of alerts, columns of tables."""

from __future__ import annotations

import re
from collections.abc import Callable, Container, Iterator, Mapping
from typing import Any

from jetstream_exporter.migrate import labels

WORD = re.compile(r"(?<![\w:])[a-zA-Z_]\w+(?![\w:])")
LEGEND = re.compile(r"\{\{\s*(\w+)\s*\}\}")
SENTENCE = re.compile(r"(\$labels|\.Labels)\.(\w+)")
SERIES = re.compile(r"(?:jetstream|nats)_\w+")
FIELD = re.compile(r"(__field\.labels\.|__data\.fields\.)(\w+)")
# Words that anything else may mean, too, are renamed where they are the name of a label for sure.
ANYWHERE = {
    old: new for old, new in labels.OURS.items() if old not in ("value", "leader", "domain")
}
GONE = labels.LEADERS | labels.FLAGS | labels.GROUPS


def legend(text: str) -> str:
    """`{{stream_name}}` of Grafana; a label that ours has not leaves its braces empty."""
    return LEGEND.sub(lambda found: _braces(found[1], found[0]), text)


def _braces(label: str, whole: str) -> str:
    if label in GONE:
        return ""
    new = labels.renamed(label)
    return whole if new == label else f"{{{{{new}}}}}"


def sentence(text: str) -> str:
    """`{{ $labels.stream_name }}` of an alert."""
    return SENTENCE.sub(lambda found: f"{found[1]}.{labels.renamed(found[2])}", text)


def absent(text: str, expression: str) -> Iterator[str]:
    """The labels of theirs that an alert's text names and the series of its new expression have not."""
    series = [name for name in SERIES.findall(expression) if name in labels.FAMILIES]
    there = set[str]().union(*(labels.labels_of(name) for name in series))
    for _, label in dict.fromkeys(SENTENCE.findall(text)):
        new = labels.renamed(label)
        if series and (label in GONE or (new != label and new not in there)):
            yield label


def fields(text: str) -> str:
    """`${__field.labels.stream_name}` of a link."""
    return FIELD.sub(lambda found: found[1] + labels.renamed(found[2]), text)


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


def columns(value: Any) -> Any:
    """The options of a table's transformations with their labels as names of columns, in keys and in values."""
    if isinstance(value, Mapping):
        renamed: dict[str, Any] = {}
        for key, inner in value.items():
            renamed.setdefault(ANYWHERE.get(str(key), str(key)), columns(inner))
        return renamed
    if isinstance(value, list):
        return [columns(each) for each in value]
    return ANYWHERE.get(value, value) if isinstance(value, str) else value
