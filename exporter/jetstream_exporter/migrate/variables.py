"""The variables of a dashboard: what they ask Prometheus for, and the expressions that they offer."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from jetstream_exporter.migrate import labels, texts
from jetstream_exporter.migrate.finding import FileResult

Json = dict[str, Any]
Expression = Callable[[str, str], tuple[str, bool]]
LABEL_VALUES = re.compile(
    r"\s*label_values\(\s*(?:(?P<of>.*),)?\s*(?P<label>\w+)\s*\)\s*", re.DOTALL
)
QUERY_RESULT = re.compile(r"\s*query_result\(\s*(?P<of>.*)\)\s*", re.DOTALL)
SELECTOR = re.compile(r'(?:jetstream|nats)_\w+(?:\{(?:"(?:\\.|[^"\\])*"|[^"}])*\})?')
METRICS = re.compile(r"\s*metrics\(\s*(?P<of>.*)\)\s*", re.DOTALL)
LONGEST = 64 * 1024  # of a list of values
LONGEST_QUERY, SHOWN = 8 * 1024, 100
THEIRS = re.compile(r"gnatsd_|nats_|jetstream_")
ITEM = re.compile(r"(?:\\,|[^,])+")
NAMED = re.compile(r"\s*(.+?)\s+:\s+(.+)\s*", re.DOTALL)
IN_REGEX = re.compile(r"\b(\w+)(?==)")


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
        new, changed = self._query(text, place)
        if not changed:
            return False
        if isinstance(query, dict):
            query["query"] = new
        else:
            node["query"] = new
        if "definition" in node:
            node["definition"] = new
        if isinstance(node.get("regex"), str):
            node["regex"] = IN_REGEX.sub(lambda found: labels.renamed(found[1]), node["regex"])
        return True

    def _query(self, text: str, place: str) -> tuple[str, bool]:
        """`label_values(series, label)`, `query_result(expression)`, or an expression."""
        if len(text) > LONGEST_QUERY:
            if THEIRS.search(text):
                why = f"the query is longer than {LONGEST_QUERY} characters"
                self.result.say("unresolved", place, why, text[:SHOWN])
            return text, False
        found = LABEL_VALUES.fullmatch(text)
        if found and found["of"]:
            return self._label_values(text, found["of"].strip(), found["label"], place)
        if found:
            return text, False
        found = QUERY_RESULT.fullmatch(text)
        if found:
            new, changed = self.expression(found["of"].strip(), place)
            return (f"query_result({new})", True) if changed else (text, False)
        found = METRICS.fullmatch(text)
        if found:
            return self._metrics(text, found["of"].strip(), place)
        return self.expression(text, place) if "(" in text or "_" in text else (text, False)

    def _label_values(self, text: str, of: str, label: str, place: str) -> tuple[str, bool]:
        new, changed = self.expression(of, place)
        if not changed:
            return text, False
        if label in labels.GROUPS | labels.FLAGS | labels.LEADERS:
            self.result.say("unresolved", place, f"the new series have no label {label}", text)
            self.result.rewritten -= 1
            return text, False
        first = SELECTOR.search(new)
        if first is not None and first[0] != new:
            new = first[0]  # Prometheus takes a series here, and no expression
        series = new.partition("{")[0]
        own = labels.labels_of(series) if series in labels.FAMILIES else frozenset()
        renamed = labels.renamed(label)
        if renamed != label and renamed not in own:
            # Theirs had the server's labels on everything; ours has them where the value is a server's.
            new = "nats_server_info" if renamed == "server" else new
        return f"label_values({new}, {renamed})", True

    def _metrics(self, text: str, pattern: str, place: str) -> tuple[str, bool]:
        if re.search(r"gnatsd|nats_|jetstream_", pattern):
            self.result.expressions += 1
            self.result.say(
                "unresolved", place, f"it lists metrics with a regular expression ({pattern})", text
            )
        return text, False

    def _custom(self, node: Json, place: str) -> bool:
        """Values that are expressions. A comma within one is escaped in the list, and not where it is repeated."""
        query = node["query"]
        if not isinstance(query, str) or len(query) > LONGEST:
            return False
        values: dict[str, str] = {}
        items = []
        for item in ITEM.findall(query):
            named = NAMED.fullmatch(item)
            old = (named[2] if named else item).strip().replace("\\,", ",")
            new, changed = self.expression(old, place)
            if changed:
                values[old] = new
            escaped = (new if changed else old).replace(",", "\\,")
            items.append(f"{named[1]} : {escaped}" if named else escaped)
        if values:
            node["query"] = ", ".join(items)
            for key in ("options", "current"):
                node[key] = texts.everywhere(node.get(key), lambda text: values.get(text, text))
        return bool(values)
