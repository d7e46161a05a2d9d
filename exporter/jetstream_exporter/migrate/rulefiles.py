"""Prometheus rule files: alerting and recording rules, plain, in a PrometheusRule, or of Grafana's own alerting.

The text is changed where an expression stands, and nowhere else: comments and layout stay.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import yaml

from jetstream_exporter.config.secrets import FileError
from jetstream_exporter.migrate import outcome, texts
from jetstream_exporter.migrate.files import DEEPEST
from jetstream_exporter.migrate.finding import FileResult
from jetstream_exporter.migrate.names import Names
from jetstream_exporter.migrate.outcome import Changes
from jetstream_exporter.migrate.rewrite import Rewritten, rewrite

LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
PLAIN = "expr"


@dataclass(frozen=True, slots=True)
class Change:
    """A scalar of the file and the text that stands in its place."""

    node: yaml.ScalarNode
    text: str


def load(text: str) -> list[yaml.Node]:
    """The documents as nodes, which know their place. FileError where it is no YAML."""
    try:
        _check_events(text)
        return list(yaml.compose_all(text, LOADER))
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f"line {mark.line + 1} " if mark else ""
        problem = getattr(error, "problem", None) or getattr(error, "reason", "it cannot be read")
        hint = "; render templates first (helm template)" if "{{" in text else ""
        raise FileError(f"{line}is not YAML: {problem}{hint}") from None
    except (RecursionError, ValueError) as error:
        raise FileError(f"is not YAML: {error}") from None


def _check_events(text: str) -> None:
    """Depth, and aliases: one expression that stands in several places cannot be changed in one of them."""
    depth = 0
    for event in yaml.parse(text, LOADER):
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
            if depth > DEEPEST:
                raise FileError(f"is nested deeper than {DEEPEST} levels")
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        elif isinstance(event, yaml.AliasEvent):
            line = event.start_mark.line + 1 if event.start_mark else 0
            raise FileError(f"line {line} is a YAML alias, which is not supported")


OF_A_TARGET = re.compile(r"(?<![\w:$])up(?![\w:(])")
TARGETS = (
    "if the `up` in it is that of the other exporter, write nats_server_up: one exporter reads all servers, and "
    "nats_server_up is 0 for one that does not answer"
)


@dataclass(slots=True)
class RuleFile:
    names: Names
    result: FileResult
    of_targets: list[str] = field(default_factory=list)  # places of rules about `up`
    _of_data: list[Changes] = field(default_factory=list)  # of the expressions below a mapping

    def migrate(self, text: str, documents: list[yaml.Node]) -> str:
        changes = [change for document in documents for change in self._below(document, "")]
        if self.result.expressions:
            for place in self.of_targets:
                self.result.say("note", place, TARGETS)
        if not self.result.expressions and not self.result.findings:
            self.result.say(
                "note",
                "the rules",
                "no rule uses a name of prometheus-nats-exporter or nats-surveyor",
            )
        return replaced(text, changes)

    def _below(self, node: yaml.Node, place: str) -> Iterator[Change]:
        if isinstance(node, yaml.SequenceNode):
            for each in node.value:
                yield from self._below(each, place)
        elif isinstance(node, yaml.MappingNode):
            yield from self._mapping(node, place)

    def _mapping(self, node: yaml.MappingNode, place: str) -> Iterator[Change]:
        entries = {
            key.value: value for key, value in node.value if isinstance(key, yaml.ScalarNode)
        }
        place = _place(entries, place)
        expr = entries.get(PLAIN)
        if isinstance(expr, yaml.ScalarNode):
            found = self._rule(expr, entries.get("record"), place)
            if found.changed:
                self._of_data.append(found.for_texts)
                yield Change(expr, found.new)
                yield from self._sentences(entries, place, found.for_texts)
                yield from _legend(entries, found.for_texts)
            elif OF_A_TARGET.search(expr.value):
                self.of_targets.append(place)
        outer, self._of_data = self._of_data, []
        for key, value in entries.items():
            if key not in (PLAIN, "annotations", "labels"):
                yield from self._below(value, place)
        if (
            self._of_data and "data" in entries
        ):  # a rule of Grafana, whose texts are about its queries
            yield from self._sentences(entries, place, outcome.merged(self._of_data))
        self._of_data = [*outer, *self._of_data]

    def _rule(self, expr: yaml.ScalarNode, record: yaml.Node | None, place: str) -> Rewritten:
        found = rewrite(expr.value, self.names)
        self.result.take(found, place, found.old.strip())
        if isinstance(record, yaml.ScalarNode) and found.labels:
            said = f"the labels of {record.value} change: {outcome.sentence(found.labels)}"
            self.result.say("note", place, f"{said}; change what reads it", found.old.strip())
        return found

    def _sentences(
        self, entries: dict[str, yaml.Node], place: str, changes: Changes
    ) -> Iterator[Change]:
        for key in ("annotations", "labels"):
            node = entries.get(key)
            for _, value in node.value if isinstance(node, yaml.MappingNode) else ():
                if isinstance(value, yaml.ScalarNode):
                    new = texts.sentence(value.value, changes)
                    for name in texts.lost(texts.SENTENCE, value.value, changes):
                        self.result.say(
                            "note", place, f"the text names {name}, which the new series have not"
                        )
                    if new != value.value:
                        yield Change(value, new)


def _legend(entries: dict[str, yaml.Node], changes: Changes) -> Iterator[Change]:
    node = entries.get("legendFormat")
    if (
        isinstance(node, yaml.ScalarNode)
        and (new := texts.legend(node.value, changes)) != node.value
    ):
        yield Change(node, new)


def is_rules(documents: list[yaml.Node]) -> bool:
    """Whether a document has groups of rules, or is a list of rules."""
    return any(_has(each, {"groups", "rules", "expr"}) for each in documents)


def _has(node: yaml.Node, keys: set[str]) -> bool:
    if isinstance(node, yaml.SequenceNode):
        return any(_has(each, keys) for each in node.value)
    if not isinstance(node, yaml.MappingNode):
        return False
    return any(
        (isinstance(key, yaml.ScalarNode) and key.value in keys) or _has(value, keys)
        for key, value in node.value
    )


def _place(entries: dict[str, yaml.Node], place: str) -> str:
    for key, word in (("alert", "alert"), ("record", "rule"), ("uid", "rule")):
        name = entries.get(key)
        if isinstance(name, yaml.ScalarNode):
            title = entries.get("title")
            said = title.value if isinstance(title, yaml.ScalarNode) else name.value
            return f"{word} {said}, line {name.start_mark.line + 1}"
    return place


def replaced(text: str, changes: list[Change]) -> str:
    for change in sorted(changes, key=lambda each: -each.node.start_mark.index):
        start, end = change.node.start_mark.index, change.node.end_mark.index
        text = text[:start] + _scalar(change, text[start:end]) + text[end:]
    return text


def _scalar(change: Change, old: str) -> str:
    """The text in quotes, which any place of a file takes. A block keeps the line end that closes it."""
    block = change.node.style in ("|", ">")
    after = old[len(old.rstrip()) :] if block else ""
    if change.node.style != '"' and "\n" not in change.text:
        return "'" + change.text.replace("'", "''") + "'" + after
    return (
        yaml.dump(change.text, default_style='"', allow_unicode=True, width=10**9).strip() + after
    )
