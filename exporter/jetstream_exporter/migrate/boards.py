"""Grafana dashboards: every expression in panels, rows, library panels, variables and annotations.

A dashboard is walked as a tree, so that it does not matter how deep its version of Grafana nests the panels.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from jetstream_exporter.config.secrets import FileError
from jetstream_exporter.migrate import texts
from jetstream_exporter.migrate.finding import FileResult
from jetstream_exporter.migrate.names import Names
from jetstream_exporter.migrate.rewrite import rewrite
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

    def expression(self, text: str, place: str) -> tuple[str, bool]:
        """The expression rewritten, and whether it was one of theirs; what there is to say is said."""
        found = rewrite(text, self.names)
        self.result.take(found, place, found.old)
        return found.new, found.changed

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
        changed = self._query(node, place, source) if isinstance(node.get("expr"), str) else False
        below = [
            self._walk(value, place, source, variables)
            for key, value in node.items()
            if isinstance(value, dict | list)
        ]
        changed = changed or any(below)
        if changed and "targets" in node:
            self._panel(node)
        return changed

    def _query(self, node: Json, place: str, source: str) -> bool:
        if source not in PROMETHEUS:
            self.result.say(
                "note", place, f"the query was skipped, because its data source is {source}"
            )
            return False
        node["expr"], changed = self.expression(node["expr"], place)
        if changed:
            old = self.names.find(str(node.get("metric", "")))  # a field of old editors
            if old:
                node["metric"] = old[0].row.new
            for key in LEGENDS:
                if isinstance(node.get(key), str):
                    node[key] = texts.legend(node[key])
        return changed

    def _panel(self, node: Json) -> None:
        """The names of labels that a panel's own settings repeat."""
        for key in OF_PANEL:
            if key in node:
                node[key] = texts.everywhere(texts.columns(node[key]), texts.fields)


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
