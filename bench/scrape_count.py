"""How many scrapes of a target were due, and how many of them gave samples, by the series `up` of Prometheus.

Its times are the beginnings of scrapes, and its values say whether they succeeded. Prometheus begins a scrape of a
target once an interval, counted from the first, and leaves out those for which the one before took too long. A scrape
may begin a moment late, so its number is that of the nearest time at which one is due.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

Points = Sequence[tuple[float, float]]  # time and value, oldest first


class Count(NamedTuple):
    due: int
    made: int  # with or without success
    missed: int  # due ones that failed or never began


def count(points: Points, began: float, end: float, interval: float) -> Count:
    """The scrapes of one target that were due before the end; without any, those since `began`."""
    if not points:
        due = int((end - began) / interval)
        return Count(due, 0, due)
    due = _last(points, end, interval) + 1
    ups = {_number(point, points, interval): point[1] for point in points}
    made = [up for number, up in ups.items() if number < due]
    return Count(due, len(made), due - sum(up == 1 for up in made))


def is_over(points: Points, end: float, interval: float) -> bool:
    """Whether the last scrape that was due has ended: Prometheus writes `up` behind it."""
    return bool(points) and _number(points[-1], points, interval) >= _last(points, end, interval)


def in_all(counts: Iterable[Count]) -> Count:
    """The sum over all targets."""
    return Count(*(sum(numbers) for numbers in zip(*counts, strict=True)))


def _last(points: Points, end: float, interval: float) -> int:
    """The number of the last scrape that is due before the end; the first is 0."""
    return int((end - points[0][0]) / interval)


def _number(point: tuple[float, float], points: Points, interval: float) -> int:
    return round((point[0] - points[0][0]) / interval)
