"""The variables of a dashboard: what they ask Prometheus for, and the expressions that they offer."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from jetstream_exporter.migrate import labels, printer, texts
from jetstream_exporter.migrate.finding import FileResult
from jetstream_exporter.migrate.outcome import Changes
from jetstream_exporter.migrate.rewrite import Rewritten

Json = dict[str, Any]
Expression = Callable[[str, str], Rewritten]
LABEL_VALUES = re.compile(r"\s*label_values\((?P<of>.*)\)\s*", re.DOTALL)
LABEL = re.compile(r"\w+")
QUERY_RESULT = re.compile(r"\s*query_result\(\s*(?P<of>.*)\)\s*", re.DOTALL)
SELECTOR = re.compile(r'(?:jetstream|nats)_\w+(?:\{(?:"(?:\\.|[^"\\])*"|[^"}])*\})?')
MATCHER = re.compile(r'(\w+)(?:=~|!~|!=|=)"(?:\\.|[^"\\])*"')
SERVERS = "nats_server_info"
METRICS = re.compile(r"\s*metrics\(\s*(?P<of>.*)\)\s*", re.DOTALL)
LONGEST = 64 * 1024  # of a list of values
LONGEST_QUERY, SHOWN = 8 * 1024, 100
THEIRS = re.compile(r"gnatsd_|nats_|jetstream_")
ITEM = re.compile(r"(?:\\,|[^,])+")
BETWEEN = re.compile(r"\s:\s")


@dataclass(slots=True)
class Variables:
    expression: Expression
    result: FileResult

    def is_variable(self, node: Json) -> bool:
        return node.get("type") in ("query", "custom") and "name" in node and "query" in node

    def migrate(self, node: Json) -> bool:
        """Rewrites the variable in place; whether it asked for a series of theirs."""
        place = f"variable ${node['name']}"
        if node["type"] == "custom":
            return self._custom(node, place)
        query = node["query"]
        text = query.get("query") if isinstance(query, dict) else query
        if not isinstance(text, str):
            return False
        new, changes = self._query(text, place)
        if new == text:
            return False
        if isinstance(query, dict):
            query["query"] = new
        else:
            node["query"] = new
        if "definition" in node:
            node["definition"] = new
        if isinstance(node.get("regex"), str):
            node["regex"] = texts.regex(node["regex"], changes)
        return True

    def _query(self, text: str, place: str) -> tuple[str, Changes]:
        """`label_values(series, label)`, `query_result(expression)`, or an expression, and which labels change."""
        if len(text) > LONGEST_QUERY:
            return self._long(text, place)
        found = LABEL_VALUES.fullmatch(text)
        of, _, label = found["of"].rpartition(",") if found else ("", "", "")
        if LABEL.fullmatch(label.strip()):
            return self._label_values(text, of.strip(), label.strip(), place)
        found = QUERY_RESULT.fullmatch(text)
        if found:
            inner = self.expression(found["of"].strip(), place)
            return (f"query_result({inner.new})" if inner.changed else text), inner.for_texts
        found = METRICS.fullmatch(text)
        if found:
            return self._metrics(text, found["of"].strip(), place)
        if "(" not in text and "_" not in text:
            return text, {}
        whole = self.expression(text, place)
        return whole.new, whole.for_texts

    def _long(self, text: str, place: str) -> tuple[str, Changes]:
        if THEIRS.search(text):
            why = f"the query is longer than {LONGEST_QUERY} characters"
            self.result.say("unresolved", place, why, text[:SHOWN])
        return text, {}

    def _label_values(self, text: str, of: str, label: str, place: str) -> tuple[str, Changes]:
        found = self.expression(of, place)
        if not found.changed:
            return text, {}
        new = found.new
        series = SELECTOR.search(new)
        if series is not None:
            new = series[0]  # Prometheus takes a series here, and no expression
        renamed = _renamed(label, found.for_texts)
        is_known = label in found.for_texts or (
            labels.is_theirs(label) and label not in labels.COMMON
        )
        if is_known and renamed not in _labels_of(new):
            if renamed not in labels.labels_of(SERVERS):
                self.result.say("unresolved", place, f"the new series have no label {label}", text)
                self.result.rewritten -= 1
                return text, {}
            # Theirs had the server's labels on everything; ours has them where the value is a server's.
            new = self._of_servers(new, place)
        return f"label_values({new}, {renamed})", found.for_texts

    def _of_servers(self, selector: str, place: str) -> str:
        """The servers that have the same labels as a selector asks for, as far as servers have them."""
        lacking = _labels_of(selector) - labels.labels_of(SERVERS)
        inner = selector.partition("{")[2].removesuffix("}")
        kept = [found[0] for found in MATCHER.finditer(inner) if found[1] not in lacking]
        dropped = [found[0] for found in MATCHER.finditer(inner) if found[1] in lacking]
        dropped += filter(None, (each.strip() for each in MATCHER.sub("", inner).split(",")))
        if dropped:
            self.result.say(
                "note",
                place,
                f"the filter {', '.join(dropped)} was dropped: servers are those of {SERVERS}, which has no such label",
            )
        return printer.selector(SERVERS, kept)

    def _metrics(self, text: str, pattern: str, place: str) -> tuple[str, Changes]:
        if re.search(r"gnatsd|nats_|jetstream_", pattern):
            self.result.expressions += 1
            self.result.say(
                "unresolved", place, f"it lists metrics with a regular expression ({pattern})", text
            )
        return text, {}

    def _custom(self, node: Json, place: str) -> bool:
        """Values that are expressions. A comma within one is escaped in the list, and not where it is repeated."""
        query = node["query"]
        if not isinstance(query, str) or len(query) > LONGEST:
            return False
        values: dict[str, str] = {}
        items = []
        for item in ITEM.findall(query):
            name, value = _named(item)
            old = value.replace("\\,", ",")
            found = self.expression(old, place)
            if found.changed:
                values[old] = found.new
            escaped = found.new.replace(",", "\\,")
            items.append(f"{name} : {escaped}" if name else escaped)
        if values:
            node["query"] = ", ".join(items)
            for key in ("options", "current"):
                node[key] = texts.everywhere(node.get(key), lambda text: values.get(text, text))
        return bool(values)


def _named(item: str) -> tuple[str, str]:
    """Name and value of `Memory : nats_varz_mem`; no name where it is a value alone."""
    between = BETWEEN.search(item)
    if between is None:
        return "", item.strip()
    name, value = item[: between.start()].strip(), item[between.end() :].strip()
    return (name, value) if name and value else ("", item.strip())


def _labels_of(selector: str) -> frozenset[str]:
    """The labels of a series of ours."""
    name = selector.partition("{")[0]
    return labels.labels_of(name) if name in labels.FAMILIES else frozenset()


def _renamed(label: str, changes: Changes) -> str:
    """Our label for one of theirs in a series, also where that has it no more."""
    if label in changes:
        return (changes[label] or (labels.OURS.get(label, label),))[-1]
    return label if label in labels.COMMON else labels.renamed(label)
