"""What a panel is: a few typed fields, and how they become Grafana's JSON."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

Json = dict[str, Any]
Kind = Literal["stat", "timeseries", "table", "state-timeline", "bargauge"]

DATASOURCE: Json = {"type": "prometheus", "uid": "${datasource}"}
# What an axis measures, by its unit.
AXES = {
    "short": "count",
    "s": "time",
    "bytes": "bytes",
    "mps": "messages per second",
    "reqps": "requests per second",
    "percentunit": "share",
    "cps": "per second",
    "Bps": "bytes per second",
    "binBps": "bytes per second",
}
OK, WARN, BAD, QUIET = "green", "orange", "red", "text"


@dataclass(frozen=True, slots=True)
class Query:
    expr: str
    legend: str = ""


@dataclass(frozen=True, slots=True)
class Word:
    """What a value is called. Both ends count; None is without end."""

    low: float | None
    high: float | None
    text: str
    color: str = OK


@dataclass(frozen=True, slots=True)
class Step:
    """From this value on, this colour."""

    value: float
    color: str


@dataclass(frozen=True, slots=True)
class Look:
    """How values are written and coloured: of a whole panel, or of one column or line."""

    unit: str = ""
    steps: Sequence[Step] = ()
    words: Sequence[Word] = ()
    base: str = OK  # the colour below the first step
    decimals: int | None = None
    minimum: float | None = None
    maximum: float | None = None


@dataclass(frozen=True, slots=True)
class Panel:
    kind: Kind
    title: str
    description: str
    queries: Sequence[Query]
    width: int
    height: int
    look: Look = field(default_factory=Look)
    empty: str = ""  # shown in place of a value where there is none
    instant: bool = False
    custom: Json = field(default_factory=dict)
    options: Json = field(default_factory=dict)
    overrides: Sequence[Json] = ()
    transformations: Sequence[Json] = ()
    points: int | None = None  # at most so many steps: for queries over all consumers

    def json(self) -> Json:
        """The panel without its place and number, which the board gives."""
        panel: Json = {
            "type": self.kind,
            "title": self.title,
            "description": self.description,
            "datasource": DATASOURCE,
            "fieldConfig": {"defaults": self._defaults(), "overrides": list(self.overrides)},
            "options": self.options,
            "targets": [self._target(*item) for item in enumerate(self.queries)],
        }
        if self.transformations:
            panel["transformations"] = list(self.transformations)
        if self.points is not None:
            panel["maxDataPoints"] = self.points
        return panel

    def _defaults(self) -> Json:
        defaults = {**appearance(self.look), "custom": self.custom}
        return {**defaults, "noValue": self.empty} if self.empty else defaults

    def _target(self, index: int, query: Query) -> Json:
        return {
            "refId": chr(ord("A") + index),
            "datasource": DATASOURCE,
            "editorMode": "code",
            "expr": query.expr,
            "format": "table" if self.kind == "table" else "time_series",
            "instant": self.instant,
            "range": not self.instant,
            "legendFormat": query.legend or "__auto",
        }


def appearance(look: Look) -> Json:
    found: Json = {
        "color": {"mode": "thresholds" if look.steps or look.words else "palette-classic"},
        "mappings": [_mapping(*item) for item in enumerate(look.words)],
        "thresholds": {"mode": "absolute", "steps": _steps(look)},
    }
    optional = {
        "unit": look.unit or None,
        "decimals": look.decimals,
        "min": look.minimum,
        "max": look.maximum,
    }
    return found | {key: value for key, value in optional.items() if value is not None}


def _steps(look: Look) -> list[Json]:
    first: Json = {"color": look.base, "value": None}
    return [first, *({"color": step.color, "value": step.value} for step in look.steps)]


def _mapping(index: int, word: Word) -> Json:
    result = {"text": word.text, "color": word.color, "index": index}
    if word.low == word.high and word.low is not None:
        return {"type": "value", "options": {f"{word.low:g}": result}}
    return {"type": "range", "options": {"from": word.low, "to": word.high, "result": result}}


def override(name: str, properties: Mapping[str, Any], *, pattern: bool = False) -> Json:
    return {
        "matcher": {"id": "byRegexp" if pattern else "byName", "options": name},
        "properties": [{"id": key, "value": value} for key, value in properties.items()],
    }


def appear(name: str, look: Look) -> Json:
    """One column or line that looks otherwise than its panel."""
    return override(name, {**appearance(look)})


def dashed(name: str, color: str = BAD, *, pattern: bool = False) -> Json:
    """A limit: told from a measured line by its dashes."""
    return override(
        name,
        {
            "color": {"mode": "fixed", "fixedColor": color},
            "custom.lineStyle": {"fill": "dash", "dash": [10, 10]},
            "custom.fillOpacity": 0,
        },
        pattern=pattern,
    )


def right(pattern: str, unit: str) -> Json:
    """Lines measured in another unit, on an axis of their own."""
    properties = {"unit": unit, "custom.axisPlacement": "right", "custom.axisLabel": AXES[unit]}
    return override(pattern, properties, pattern=True)
