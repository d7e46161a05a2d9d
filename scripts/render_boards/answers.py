"""What Prometheus answers to a board's queries, asked as Grafana asks: variables, steps, rate intervals."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode
from urllib.request import urlopen

Json = dict[str, Any]
PIXELS_A_COLUMN = 64
# Grafana rounds a step to one of these.
STEPS = (1, 2, 5, 10, 15, 20, 30, 60, 120, 300, 600, 900, 1200, 1800, 3600, 7200, 10800, 21600)


def escaped(value: str, variable: Json) -> str:
    """As Grafana writes a value into a query: as a regular expression only where there may be several."""
    if variable["multi"] or variable["includeAll"]:
        return re.sub(r"[$^*{}\[\]'+?.()|]", r"\\\\\g<0>", value.replace("\\", "\\" * 4))
    return value.replace("\\", "\\" * 2).replace("'", "\\\\'")


@dataclass(frozen=True, slots=True)
class Asker:
    """A Prometheus, the time that is looked at, and what is chosen; the rest is the first of its kind or all."""

    url: str
    start: float
    end: float
    scrape_interval: float
    chosen: Mapping[str, str]

    def board(self, dashboard: Json) -> Json:
        """The board with everything that is needed to draw it."""
        names, values = self.choices(dashboard)
        panels = [panel for panel in dashboard["panels"] if panel["type"] != "row"]
        return {
            "dashboard": dashboard,
            "start": self.start,
            "end": self.end,
            "values": names,
            "answers": {panel["id"]: self.panel(panel, values) for panel in panels},
            "steps": {panel["id"]: self.step(panel) for panel in panels},
            "marks": [
                mark
                for note in self.notes(dashboard)
                for mark in self.marks(note, values, max(self.scrape_interval, 30))
            ],
        }

    def values(self, dashboard: Json) -> dict[str, str]:
        """What stands in the queries for each variable."""
        return self.choices(dashboard)[1]

    def choices(self, dashboard: Json) -> tuple[dict[str, str], dict[str, str]]:
        """What is chosen of each variable, as a reader sees it and as queries take it."""
        names: dict[str, str] = {}
        values: dict[str, str] = {}
        for variable in dashboard["templating"]["list"]:
            if variable["type"] == "query":
                chosen = self._choice(variable, values)
                names[variable["name"]] = "All" if chosen is None else chosen
                values[variable["name"]] = (
                    variable["allValue"] if chosen is None else escaped(chosen, variable)
                )
        return names, values

    def _choice(self, variable: Json, values: Mapping[str, str]) -> str | None:
        """None is all of them."""
        if (given := self.chosen.get(variable["name"])) is not None or variable["includeAll"]:
            return given
        options = self.options(variable, values)
        return options[0] if options else ""

    def options(self, variable: Json, values: Mapping[str, str]) -> list[str]:
        found = re.fullmatch(r"label_values\((.+), (\w+)\)", variable["definition"])
        assert found, variable["definition"]
        match = self.filled(found[1], values, self.scrape_interval)
        path = f"/api/v1/label/{found[2]}/values"
        options: list[str] = self._get(
            path, {"match[]": match, "start": str(self.start), "end": str(self.end)}
        )
        return options

    def panel(self, panel: Json, values: Mapping[str, str]) -> list[list[Json]]:
        step = self.step(panel)
        return [
            self.now(self.filled(target["expr"], values, step))
            if target["instant"]
            else self.over(self.filled(target["expr"], values, step), step)
            for target in panel["targets"]
        ]

    def step(self, panel: Json) -> float:
        points = panel.get("maxDataPoints") or panel["gridPos"]["w"] * PIXELS_A_COLUMN
        exact = max((self.end - self.start) / points, self.scrape_interval)
        return next((step for step in STEPS if step >= exact), STEPS[-1])

    def filled(self, expression: str, values: Mapping[str, str], step: float) -> str:
        """As Grafana does: a rate covers four scrapes, and no sample between two steps is lost."""
        rate = max(step + self.scrape_interval, 4 * self.scrape_interval)
        known = {"__rate_interval": f"{rate:.0f}s", "__range": f"{self.end - self.start:.0f}s"}
        return re.sub(r"\$(\w+)", lambda found: (known | dict(values))[found[1]], expression)

    def now(self, expression: str) -> list[Json]:
        return self.at(self.end, expression)

    def at(self, moment: float, expression: str) -> list[Json]:
        result: list[Json] = self._get("/api/v1/query", {"query": expression, "time": str(moment)})[
            "result"
        ]
        return result

    def over(self, expression: str, step: float) -> list[Json]:
        times = {"start": str(self.start), "end": str(self.end), "step": str(step)}
        result: list[Json] = self._get("/api/v1/query_range", {"query": expression, **times})[
            "result"
        ]
        return result

    @staticmethod
    def notes(dashboard: Json) -> list[Json]:
        return [note for note in dashboard["annotations"]["list"] if note.get("expr")]

    def marks(self, note: Json, values: Mapping[str, str], step: float) -> list[Json]:
        """Where each of the annotation's series begins, or begins anew after a gap."""
        found = []
        for series in self.over(self.filled(note["expr"], values, step), step):
            times = [float(time) for time, _ in series["values"]]
            begins = [
                time
                for before, time in zip([0.0, *times], times, strict=False)
                if time - before > 1.5 * step
            ]
            found += [
                {"time": time, "color": note["iconColor"]} for time in begins if time > self.start
            ]
        return found

    def _get(self, path: str, parameters: Mapping[str, str]) -> Any:
        with urlopen(f"{self.url}{path}?{urlencode(parameters)}", timeout=60) as answer:  # noqa: S310 (the user names it)
            return json.load(answer)["data"]
