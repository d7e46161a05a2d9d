"""A board: rows of panels, the variables they use, what is marked in time, and the way to the others."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

from dashboards.src.panels import DATASOURCE, Json, Panel, Query
from dashboards.src.promql import CLUSTER, CLUSTERS, SERVER, Scope, marked
from rules.src.config import Config

TAG = "jetstream"
WIDTH = 24
SCHEMA = 39  # Grafana 10.4; newer ones bring it up to date when they load it


@dataclass(frozen=True, slots=True)
class Variable:
    """A choice of values of a label; later ones are narrowed by `of`'s use of earlier ones."""

    name: str
    label: str
    of: str  # the series whose label it lists
    several: bool = False

    def json(self) -> Json:
        definition = f"label_values({self.of}, {self.name})"
        return {
            "name": self.name,
            "label": self.label,
            "type": "query",
            "datasource": DATASOURCE,
            "definition": definition,
            "query": {"query": definition, "refId": f"variable-{self.name}", "qryType": 1},
            "refresh": 2,
            "sort": 1,
            "multi": self.several,
            "includeAll": self.several,
            "allValue": ".+" if self.several else None,
            "current": {"text": ["All"], "value": ["$__all"]} if self.several else {},
            "options": [],
            "regex": "",
            "hide": 0,
        }


JOB = Variable("job", "Job", "jetstream_exporter_build_info", several=True)


def cluster(*, several: bool, metric: str = "nats_server_up") -> Variable:
    return chosen("nats_cluster", "Cluster", metric, several=several)


def chosen(name: str, label: str, metric: str, *earlier: str, several: bool) -> Variable:
    """A board's variables after the job all have one value, or all may have several."""
    return Variable(name, label, Scope((), earlier, one=not several).select(metric), several)


META_ELECTIONS = Query(
    CLUSTERS.over("increase", "jetstream_meta_leader_changes_total", "2m"),
    "of the meta group of {{nats_cluster}}",
)


@dataclass(frozen=True, slots=True)
class Row:
    title: str
    panels: Sequence[Panel]


@dataclass(frozen=True, slots=True)
class Board:
    uid: str
    title: str
    description: str
    variables: Sequence[Variable]
    rows: Sequence[Row]
    elections: Query = META_ELECTIONS  # whose leader changes are marked, and what they are called
    firing: str = marked()  # the alerts that are
    folder: str = ""  # as seen from dashboards/, for a board that is not one of those of every day

    @property
    def file(self) -> str:
        return f"{self.folder}{self.uid}.json"

    def text(self) -> str:
        return json.dumps(self.json(), indent=2, ensure_ascii=False) + "\n"

    def json(self) -> Json:
        return {
            "id": None,
            "uid": self.uid,
            "title": f"JetStream / {self.title}",
            "description": self.description,
            "tags": [TAG],
            "schemaVersion": SCHEMA,
            "version": 1,
            "editable": False,
            "graphTooltip": 1,
            "refresh": "30s",
            "time": {"from": "now-1h", "to": "now"},
            "timepicker": {},
            "timezone": "utc",
            "weekStart": "",
            "fiscalYearStartMonth": 0,
            "preload": False,
            "links": [_LINKS, _RUNBOOKS],
            "annotations": {
                "list": _annotations(
                    self.elections, self.firing, one=not self.variables[-1].several
                )
            },
            "templating": {"list": [_DATASOURCE_VARIABLE, *(v.json() for v in self.variables)]},
            "panels": _placed(self.rows),
        }


_LINKS: Json = {
    "title": "JetStream boards",
    "type": "dashboards",
    "tags": [TAG],
    "asDropdown": False,
    "includeVars": True,
    "keepTime": True,
    "targetBlank": False,
    "icon": "external link",
    "tooltip": "",
    "url": "",
}

_RUNBOOKS: Json = {
    "title": "Runbooks",
    "type": "link",
    "tags": [],
    "asDropdown": False,
    "includeVars": False,
    "keepTime": False,
    "targetBlank": True,
    "icon": "doc",
    "tooltip": "What to do about each alert",
    "url": Config().runbook_url,
}

_DATASOURCE_VARIABLE: Json = {
    "name": "datasource",
    "label": "Data source",
    "type": "datasource",
    "query": "prometheus",
    "refresh": 1,
    "multi": False,
    "includeAll": False,
    "current": {},
    "options": [],
    "regex": "",
    "hide": 0,
}


def _annotations(elections: Query, firing: str, *, one: bool) -> list[Json]:
    """Up to a minute lies between two scrapes, so that marks look at two of them."""
    servers = Scope(SERVER, CLUSTER, one)
    marked = (
        (
            "Firing alerts",
            "red",
            # Grafana writes the name of a label that is not there, so those that may be missing become one.
            f'label_join({firing}, "of", " ", "nats_cluster", "server", "account", "stream", "consumer")',
            "{{alertname}} ({{severity}})",
            "{{of}}",
        ),
        ("Leader changes", "orange", f"{elections.expr} > 0", "Another leader", elections.legend),
        (
            "Server restarts",
            "blue",
            f"time() - {servers.now('nats_server_start_timestamp_seconds')} < 120",
            "{{server}} started",
            "{{nats_cluster}}",
        ),
    )
    built_in = {
        "builtIn": 1,
        "datasource": {"type": "grafana", "uid": "-- Grafana --"},
        "enable": True,
        "hide": True,
        "iconColor": "rgba(0, 211, 255, 1)",
        "name": "Annotations & Alerts",
        "type": "dashboard",
    }
    return [built_in, *(_annotation(*mark) for mark in marked)]


def _annotation(name: str, color: str, expr: str, title: str, text: str) -> Json:
    return {
        "name": name,
        "datasource": DATASOURCE,
        "enable": True,
        "hide": False,
        "iconColor": color,
        "expr": expr,
        "step": "30s",
        "titleFormat": title,
        "textFormat": text,
        "tagKeys": "",
        "useValueForTime": False,
    }


def _placed(rows: Sequence[Row]) -> list[Json]:
    """Number the panels and lay each row out from left to right, broken where the next does not fit."""
    placed: list[Json] = []
    top = 0
    for row in rows:
        heading = {"type": "row", "title": row.title, "collapsed": False, "panels": []}
        placed.append(heading | _place(len(placed), 0, top, WIDTH, 1))
        left, line, height = 0, top + 1, 0
        for panel in row.panels:
            if left + panel.width > WIDTH:
                left, line, height = 0, line + height, 0
            place = _place(len(placed), left, line, panel.width, panel.height)
            placed.append(panel.json() | place)
            left, height = left + panel.width, max(height, panel.height)
        top = line + height
    return placed


def _place(before: int, x: int, y: int, w: int, h: int) -> Json:
    return {"id": before + 1, "gridPos": {"x": x, "y": y, "w": w, "h": h}}
