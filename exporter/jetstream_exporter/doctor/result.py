"""What one check saw of one object."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

SHOWN = 10  # names in a sentence


class State(StrEnum):
    """From the worst to what is right. `skipped` is what cannot be checked from here."""

    ERROR = "error"
    WARNING = "warning"
    SKIPPED = "skipped"
    OK = "ok"


@dataclass(frozen=True, slots=True)
class Result:
    check: str
    state: State
    object: str
    seen: str
    advice: str = ""


def is_problem(result: Result) -> bool:
    return result.state in (State.ERROR, State.WARNING)


def worst(results: Iterable[Result]) -> State:
    found = {result.state for result in results}
    return next(state for state in State if state in found) if found else State.OK


def some(values: Sequence[str]) -> str:
    more = f" and {len(values) - SHOWN} more" if values[SHOWN:] else ""
    return ", ".join(values[:SHOWN]) + more
