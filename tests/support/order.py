"""In which order several processes run the tests: each begins with its share of the long ones, the longest first.

With `--dist worksteal` each process gets a stretch of the tests, all of the same number, and who is done takes half of
what somebody else has left. A long test at the end of a stretch would be what all others wait for.
"""

from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any

import pytest

LONG = ("slow", "waits", "timeout")  # marks


def dealt(items: Sequence[pytest.Item], processes: int) -> list[pytest.Item]:
    """The items as `processes` stretches, the long ones of each before the others."""
    long = sorted((item for item in items if _is_long(item)), key=_allowed, reverse=True)
    short = iter([item for item in items if not _is_long(item)])
    found: list[pytest.Item] = []
    for number, size in enumerate(_sizes(len(items), processes)):
        share = long[number::processes]
        found += share
        found += islice(short, max(0, size - len(share)))
    return [*found, *short]


def _sizes(count: int, processes: int) -> Iterator[int]:
    """As xdist cuts them."""
    for left in range(processes, 0, -1):
        yield count // left
        count -= count // left


def _is_long(item: pytest.Item) -> bool:
    return any(item.get_closest_marker(name) for name in LONG)


def _allowed(item: pytest.Item) -> float:
    """The seconds that it may take, where it says so: who needs many is allowed many."""
    mark: Any = item.get_closest_marker("timeout")
    return float(mark.args[0]) if mark is not None and mark.args else 0.0
