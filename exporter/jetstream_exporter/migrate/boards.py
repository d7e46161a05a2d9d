"""Grafana dashboards: every expression in panels, rows, library panels, variables and annotations.

A dashboard is walked as a tree, so that it does not matter how deep its version of Grafana nests the panels.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from jetstream_exporter.config.secrets import FileError
from jetstream_exporter.migrate import texts
from jetstream_exporter.migrate.finding import FileResult
from jetstream_exporter.migrate.names import Names
from jetstream_exporter.migrate.outcome import Changes, merged
from jetstream_exporter.migrate.rewrite import Rewritten, rewrite
from jetstream_exporter.migrate.variables import Variables

Json = dict[str, Any]
PROMETHEUS = (
    "",
    "prometheus",
    "grafana-amazonprometheus-datasource",
    "grafana-azureprometheus-datasource",
)
PARTS = ("panels", "rows", "targets", "templating", "elements")
LEGENDS = ("legendFormat", "titleFormat", "textFormat")
OF_PANEL = ("transformations", "fieldConfig", "options", "styles")


def is_board(content: Any) -> bool:
    """A dashboard, an export of one or several, or a library panel."""
    return any(_has_panels(each) for each in scan(content))


def _has_panels(node: Json) -> bool:
    return any(isinstance(node.get(key), list | dict) for key in PARTS)


@dataclass(slots=True)
class Board:
    """One dashboard while it is rewritten in place."""

    names: Names
    result: FileResult
    _labels: list[Changes] = field(default_factory=list)  # of the queries of one panel

    def migrate(self, content: Json) -> str:
        variables = Variables(self.expression, self.result)
        self._walk(content, "the dashboard", "", variables)
        if not self.result.expressions and not self.result.findings:
            self.result.say(
                "note",
                "the dashboard",
                "no query uses a name of prometheus-nats-exporter or nats-surveyor",
            )
        try:
            return json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False) + "\n"
        except ValueError:
            raise FileError("has a number that JSON cannot write, such as NaN or 1e999") from None

    def expression(self, text: str, place: str) -> Rewritten:
        """The expression rewritten; what there is to say is said."""
        found = rewrite(text, self.names)
        self.result.take(found, place, found.old)
        return found

    def _walk(self, node: Any, place: str, source: str, variables: Variables) -> bool:
        """Rewrites everything below; whether an expression was. `source` is the type of the panel's data source."""
        if isinstance(node, list):
            below = [self._walk(each, place, source, variables) for each in node]
            return any(below)
        if not isinstance(node, dict):
            return False
        source = _data_source(node) or source
        if variables.is_variable(node):
            return source in PROMETHEUS and variables.migrate(node)
        place = _place(node, place)
        outer = self._labels
        if "targets" in node:
            self._labels = []
        changed = self._query(node, place, source) if isinstance(node.get("expr"), str) else False
        below = [
            self._walk(value, place, source, variables)
            for key, value in node.items()
            if isinstance(value, dict | list)
        ]
        if "targets" in node:
            if self._labels:
                _rename(node, self._labels)
            self._labels = outer
        return changed or any(below)

    def _query(self, node: Json, place: str, source: str) -> bool:
        if source not in PROMETHEUS:
            self.result.say(
                "note", place, f"the query was skipped, because its data source is {source}"
            )
            return False
        found = self.expression(node["expr"], place)
        node["expr"] = found.new
        if found.changed:
            old = self.names.find(str(node.get("metric", "")))  # a field of old editors
            if old:
                node["metric"] = old[0].row.new
            self._labels.append(found.for_texts)
            for key in LEGENDS:
                if isinstance(node.get(key), str):
                    node[key] = self._legend(node[key], found.for_texts, place)
        return found.changed

    def _legend(self, text: str, changes: Changes, place: str) -> str:
        lost = texts.lost(texts.LEGEND, text, changes)
        if lost:
            self.result.say(
                "note", place, f"the legend names {', '.join(lost)}, which the new series have not"
            )
        return texts.legend(text, changes)


def _rename(node: Json, of_queries: Sequence[Changes]) -> None:
    """The names of labels that a panel's own settings repeat."""
    changes = merged(of_queries)
    for key in OF_PANEL:
        if key in node:
            renamed = texts.columns(node[key], changes, is_data=key == "transformations")
            node[key] = texts.everywhere(renamed, lambda text: texts.fields(text, changes))


def _place(node: Json, place: str) -> str:
    """Where in the board: the panel by its title and number, the query by its letter."""
    title = node.get("title")
    if "targets" in node or "panels" in node or ("type" in node and "gridPos" in node):
        if isinstance(title, str) and title:
            number = f" (id {node['id']})" if isinstance(node.get("id"), int) else ""
            return f'panel "{title}"{number}'
        return f"panel {node['id']}" if isinstance(node.get("id"), int) else place
    if isinstance(node.get("refId"), str) and "expr" in node:
        return f"{place}, query {node['refId']}"
    if "expr" in node and isinstance(node.get("name"), str):
        return f'annotation "{node["name"]}"'
    return place


def _data_source(node: Json) -> str:
    """The type of a query's data source; empty where it is not said."""
    source = node.get("datasource")
    return str(source.get("type") or "") if isinstance(source, dict) else ""


def scan(content: Any) -> Iterator[Json]:
    """Every object in it."""
    if isinstance(content, dict):
        yield content
    inner = content if isinstance(content, list) else ()
    for value in content.values() if isinstance(content, dict) else inner:
        if isinstance(value, dict | list):
            yield from scan(value)
