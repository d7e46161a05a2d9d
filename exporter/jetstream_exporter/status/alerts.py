"""The alerts as the rules have them: `alerts.json`, which `python -m rules.src` writes from the same table."""

from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import msgspec

from jetstream_exporter.status.numbers import FORMATS

PATH = Path(__file__).with_name("alerts.json")
ORDER = ("critical", "warning", "info", "none")  # worst first
Labels = Mapping[str, str]


class Alert(msgspec.Struct, frozen=True):
    """One rule; an alert with two severities is two of one name. `wait` is Prometheus' `for`, in seconds.

    `threshold` and `share` are the numbers that its expression compares with, where the table names them.
    """

    name: str
    severity: str
    scope: str
    board: str
    summary: str
    sentence: list[Any]
    wait: int
    threshold: float | None
    share: float | None

    @property
    def rank(self) -> int:
        """0 for the worst."""
        return ORDER.index(self.severity)

    def text(self, labels: Labels, value: float) -> str:
        """The sentence for a person, as Prometheus would write it."""
        return "".join(_written(self.sentence, labels, value))


class Table(msgspec.Struct, frozen=True):
    identity: dict[str, list[str]]
    alerts: list[Alert]


@cache
def table() -> Table:
    return msgspec.json.decode(PATH.read_bytes(), type=Table)


@cache
def places() -> Mapping[tuple[str, str], int]:
    """Where each stands in the table, which goes from what blinds everything to what one consumer lacks."""
    return {(each.name, each.severity): place for place, each in enumerate(table().alerts)}


@cache
def _by_name() -> Mapping[tuple[str, str], Alert]:
    return {(each.name, each.severity): each for each in table().alerts}


def alert(name: str, severity: str) -> Alert:
    """KeyError if there is none of this name and severity."""
    return _by_name()[name, severity]


def threshold(name: str, severity: str) -> float:
    """The number that this alert compares with. ValueError where its table names none."""
    found = alert(name, severity)
    value = found.share if found.threshold is None else found.threshold
    if value is None:
        raise ValueError(f"{name} ({severity}) has no threshold")
    return value


def _written(pieces: Iterable[Any], labels: Labels, value: float) -> Iterable[str]:
    for piece in pieces:
        if isinstance(piece, str):
            yield piece
        elif "value" in piece:
            yield FORMATS[piece["value"]](value)
        elif "label" in piece:
            yield labels.get(piece["label"], "") or piece.get("without", "")
        else:
            found = labels.get(piece["when"], "")
            holds = bool(found) if piece["is"] is None else found == piece["is"]
            yield from _written(piece["then" if holds else "otherwise"], labels, value)
