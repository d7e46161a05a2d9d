"""The alerts as the rules have them: `alerts.json`, which `python -m rules.src` writes from the same table."""

from collections.abc import Callable, Mapping, Sequence
from functools import cache, cached_property, partial
from pathlib import Path
from typing import Any

import msgspec

from jetstream_exporter.status.numbers import FORMATS

PATH = Path(__file__).with_name("alerts.json")
ORDER = ("critical", "warning", "info", "none")  # worst first
Labels = Mapping[str, str]
Piece = Callable[[Labels, float], str]


class Alert(msgspec.Struct, frozen=True, dict=True):
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
    rank: int = 0  # of its severity, 0 for the worst
    # In the table, which goes from what blinds everything to what one consumer lacks.
    place: int = 0

    def text(self, labels: Labels, value: float) -> str:
        """The sentence for a person, as Prometheus would write it."""
        pieces = self._pieces
        return "".join([p if isinstance(p, str) else p(labels, value) for p in pieces])

    @cached_property
    def _pieces(self) -> Sequence[str | Piece]:
        """Read once, since of many objects the same sentence may be said."""
        return [each if isinstance(each, str) else _piece(each) for each in self.sentence]


class Table(msgspec.Struct, frozen=True):
    identity: dict[str, list[str]]
    alerts: list[Alert]


@cache
def table() -> Table:
    found = msgspec.json.decode(PATH.read_bytes(), type=Table)
    placed = [
        msgspec.structs.replace(each, rank=ORDER.index(each.severity), place=place)
        for place, each in enumerate(found.alerts)
    ]
    return msgspec.structs.replace(found, alerts=placed)


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


def _piece(piece: Mapping[str, Any]) -> Piece:
    """What writes a part of a sentence that is not the same for all objects."""
    if "value" in piece:
        form = FORMATS[piece["value"]]
        return lambda _, value: form(value)
    if "label" in piece:
        label, without = piece["label"], piece.get("without", "")
        return lambda labels, _: labels.get(label, "") or without
    return partial(_chosen, piece)


def _chosen(piece: Mapping[str, Any], labels: Labels, value: float) -> str:
    found = labels.get(piece["when"], "")
    holds = bool(found) if piece["is"] is None else found == piece["is"]
    chosen = piece["then" if holds else "otherwise"]
    return "".join(
        each if isinstance(each, str) else _piece(each)(labels, value) for each in chosen
    )
