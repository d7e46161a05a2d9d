"""The shapes of panels, with the options that make them read alike on all boards; tables have a room of their own."""

from __future__ import annotations

from collections.abc import Sequence

from dashboards.src.panels import AXES, QUIET, Json, Look, Panel, Query, override


def stat(
    title: str,
    description: str,
    queries: Sequence[Query],
    *,
    look: Look,
    width: int = 4,
    height: int = 4,
    empty: str = "no data",
    names_only: bool = False,
    overrides: Sequence[Json] = (),
) -> Panel:
    """One value now, or a few beside each other; `names_only` shows a label in place of the value."""
    said = any(query.legend for query in queries)
    mode = "name" if names_only else "value_and_name" if said else "value"
    options = {
        "colorMode": "value",
        "graphMode": "none",
        "justifyMode": "center",
        "orientation": "auto",
        "reduceOptions": {"calcs": ["lastNotNull"], "fields": "", "values": False},
        "textMode": mode,
        "wideLayout": True,
    }
    return Panel(
        "stat",
        title,
        description,
        queries,
        width,
        height,
        look,
        empty,
        instant=True,
        options=options,
        overrides=overrides,
    )


def setting(
    title: str, description: str, query: Query, unit: str = "short", empty: str = "unlimited"
) -> Panel:
    """One item of the configuration strip: a number, or the text of an info label."""
    return stat(
        title,
        description,
        (query,),
        look=Look(unit, base=QUIET),
        width=3,
        height=3,
        empty=empty,
        names_only=bool(query.legend),
    )


def timeseries(
    title: str,
    description: str,
    queries: Sequence[Query],
    *,
    look: Look,
    width: int = 12,
    height: int = 8,
    empty: str = "",
    overrides: Sequence[Json] = (),
    steps: bool = False,
    many: bool = False,
    points: int | None = None,
) -> Panel:
    """Lines over time; the look's thresholds become dashed lines at their height.

    `many`: names only in the legend, beside each other, where a line each would not fit.
    """
    custom = {
        "axisBorderShow": False,
        "axisLabel": AXES[look.unit],
        "drawStyle": "line",
        "fillOpacity": 8,
        "lineInterpolation": "stepAfter" if steps else "linear",
        "lineWidth": 2,
        "showPoints": "never",
        "spanNulls": False,
        "thresholdsStyle": {"mode": "dashed" if look.steps else "off"},
    }
    options = {
        "legend": {
            # `last` is empty beside a line that has ended; `lastNotNull` would show its last value.
            "calcs": [] if many else ["last", "max"],
            "displayMode": "list" if many else "table",
            "placement": "bottom",
            "showLegend": True,
        },
        "tooltip": {"mode": "multi", "sort": "desc"},
    }
    return Panel(
        "timeseries",
        title,
        description,
        queries,
        width,
        height,
        look,
        empty,
        custom=custom,
        options=options,
        overrides=[by_line(look), *overrides] if look.steps else overrides,
        points=points,
    )


def by_line(look: Look) -> Json:
    """Lines keep a colour of their own, whatever the thresholds."""
    return override(".*", {"color": {"mode": "palette-classic"}}, pattern=True)


def timeline(
    title: str,
    description: str,
    queries: Sequence[Query],
    *,
    look: Look,
    width: int = 12,
    height: int = 7,
    empty: str = "",
) -> Panel:
    """States over time; each state is a word in its bar."""
    return Panel(
        "state-timeline",
        title,
        description,
        queries,
        width,
        height,
        look,
        empty,
        custom={"fillOpacity": 75, "lineWidth": 0},
        options={
            "alignValue": "left",
            "legend": {"displayMode": "list", "placement": "bottom", "showLegend": True},
            "mergeValues": True,
            "rowHeight": 0.85,
            "showValue": "auto",
            "tooltip": {"mode": "single", "sort": "none"},
        },
        points=400,
    )


def bars(
    title: str,
    description: str,
    queries: Sequence[Query],
    *,
    look: Look,
    width: int = 8,
    height: int = 8,
    empty: str = "no data",
) -> Panel:
    """Values now, as bars to be compared."""
    options = {
        "displayMode": "basic",
        "minVizHeight": 16,
        "minVizWidth": 8,
        "namePlacement": "auto",
        "orientation": "horizontal",
        "reduceOptions": {"calcs": ["lastNotNull"], "fields": "", "values": False},
        "showUnfilled": True,
        "sizing": "auto",
        "valueMode": "text",
    }
    return Panel(
        "bargauge",
        title,
        description,
        queries,
        width,
        height,
        look,
        empty,
        instant=True,
        options=options,
    )
