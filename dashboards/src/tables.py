"""Tables: a row an object, a query a column, and a link to the object's board."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from dashboards.src.panels import Json, Look, Panel, Query, appearance, override

TITLES = {
    "nats_cluster": "Cluster",
    "account": "Account",
    "stream": "Stream",
    "consumer": "Consumer",
    "server": "Server",
    "source": "Origin",
    "kind": "Kind",
    "listener": "Listener",
    "job": "Job",
    "instance": "Instance",
}

# In pixels, as Grafana draws them: a step of its grid, a row, and the title, the head and the margins around the rows.
GRID, ROW, AROUND = 38, 36, 94
NONE = "-"  # in a cell; the panel's own text stands for a table without a row


@dataclass(frozen=True, slots=True)
class Column:
    title: str  # empty: the query only brings its labels
    expr: str
    look: Look = field(default_factory=Look)
    width: int | None = None


@dataclass(frozen=True, slots=True)
class Link:
    """From a cell of the column `title` to another board, with the row's labels as its variables."""

    title: str
    uid: str
    labels: Sequence[str]


def table(
    title: str,
    description: str,
    labels: Sequence[str],
    columns: Sequence[Column],
    *,
    width: int = 24,
    rows: int = 5,
    link: Link | None = None,
    sort: str = "",
    descending: bool = True,
    empty: str = "",
    texts: Sequence[tuple[str, str]] = (),
) -> Panel:
    """Rows told apart by `labels`, a query a column. `texts` are further labels that carry a text.

    Grafana cannot fit a panel to its rows: it is as high as `rows` of them, and scrolls where there are more.
    """
    shown = [(label, TITLES[label]) for label in labels] + list(texts)
    names = dict(shown)
    hidden = {"Time": True}
    for index, column in enumerate(columns):
        value = _value(index, len(columns))
        if column.title:
            names[value] = column.title
        else:
            hidden[value] = True
    organize = {
        "excludeByName": hidden,
        "indexByName": {name: place for place, name in enumerate(names)},
        "renameByName": names,
    }
    sorted_by: list[dict[str, Any]] = [{"displayName": sort, "desc": descending}] if sort else []
    return Panel(
        "table",
        title,
        description,
        [Query(column.expr) for column in columns],
        width,
        height_of(rows),
        Look(),
        empty,
        instant=True,
        custom={"align": "auto", "cellOptions": {"type": "auto"}, "filterable": False},
        options={
            "cellHeight": "sm",
            "footer": {"show": False},
            "showHeader": True,
            "sortBy": sorted_by,
        },
        overrides=[
            *(_text(name) for _, name in texts),
            *(_column(column) for column in columns if column.title),
            *([_link(link)] if link else []),
        ],
        transformations=[{"id": "merge", "options": {}}, {"id": "organize", "options": organize}],
    )


def height_of(rows: int) -> int:
    """The steps of the grid that show so many rows without scrolling."""
    return -(-(rows * ROW + AROUND) // GRID)


def _value(index: int, count: int) -> str:
    return f"Value #{chr(ord('A') + index)}" if count > 1 else "Value"


def _text(name: str) -> Json:
    return override(name, {"noValue": NONE})


def _column(column: Column) -> Json:
    properties = appearance(column.look) | {"noValue": NONE}
    if column.look.steps or column.look.words:
        properties["custom.cellOptions"] = {"type": "color-text"}
    if column.width:
        properties["custom.width"] = column.width
    return override(column.title, properties)


def _link(link: Link) -> Json:
    row = "&".join(
        f'var-{label}=${{__data.fields["{TITLES[label]}"]:percentencode}}' for label in link.labels
    )
    kept = "${datasource:queryparam}&${job:queryparam}"
    url = f"/d/{link.uid}?{kept}&{row}&${{__url_time_range}}"
    target = {"title": f"Open the board of this {link.title.lower()}", "url": url}
    return override(link.title, {"links": [target]})
