"""The committed boards as the tests read them, and their expressions as syntax trees."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import promql_parser

FOLDER = Path(__file__).resolve().parents[2] / "dashboards"
RANGES = {"__rate_interval": "2m7s", "__range": "1h1m"}

Json = dict[str, Any]


def boards() -> dict[str, Json]:
    """By file name."""
    return {file.name: json.loads(file.read_text()) for file in sorted(FOLDER.glob("*.json"))}


def by_uid() -> dict[str, Json]:
    return {board["uid"]: board for board in boards().values()}


def panels(board: Json) -> list[Json]:
    return [panel for panel in board["panels"] if panel["type"] != "row"]


def variables(board: Json) -> dict[str, Json]:
    return {variable["name"]: variable for variable in board["templating"]["list"]}


@dataclass(frozen=True, slots=True)
class Expression:
    """Something that Prometheus is asked, and where it stands."""

    where: str
    text: str
    fixed_ranges: bool = False  # an annotation: Grafana knows no rate interval there

    def tree(self) -> Any:
        return promql_parser.parse(filled(self.text))


def expressions() -> list[Expression]:
    return [item for board in boards().values() for item in of_board(board)]


def of_board(board: Json) -> Iterator[Expression]:
    for panel in panels(board):
        for target in panel["targets"]:
            yield Expression(
                f"{board['title']} / {panel['title']} / {target['refId']}", target["expr"]
            )
    for mark in board["annotations"]["list"]:
        if "expr" in mark:
            yield Expression(f"{board['title']} / {mark['name']}", mark["expr"], True)
    for variable in variables(board).values():
        if found := re.fullmatch(r"label_values\((.+), \w+\)", str(variable.get("definition", ""))):
            yield Expression(f"{board['title']} / ${variable['name']}", found[1])


def filled(text: str, values: Mapping[str, str] | None = None) -> str:
    """The expression with Grafana's variables replaced; those without a value match anything."""
    values = RANGES | dict(values or {})
    return re.sub(r"\$(\w+)", lambda found: values.get(found[1], ".+"), text)


def walk(node: Any, *parents: Any) -> Iterator[tuple[Any, tuple[Any, ...]]]:
    """Each node of the tree with the nodes above it, nearest last."""
    yield node, parents
    below = [getattr(node, name, None) for name in ("expr", "lhs", "rhs", "vector_selector")]
    below.extend(getattr(node, "args", None) or ())
    for child in below:
        if child is not None:
            yield from walk(child, *parents, node)


def selectors(node: Any) -> list[Any]:
    return [below for below, _ in walk(node) if isinstance(below, promql_parser.VectorSelector)]
