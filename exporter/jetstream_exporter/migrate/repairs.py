"""What a function over a window has to become where theirs was a gauge and ours is a counter, and the reverse.

prometheus-nats-exporter exports everything as gauges, so that nobody was told that the rate of one is wrong.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from jetstream_exporter.migrate.labels import is_counter
from jetstream_exporter.migrate.selecting import Selected

OF_GAUGES = {"rate": "deriv", "irate": "deriv", "increase": "delta"}
OF_COUNTERS = {"delta": "increase", "deriv": "rate", "idelta": "increase"}
# For these a factor may stand outside; the second ones do not see it at all.
LINEAR = frozenset(
    (
        *("rate", "increase", "irate", "delta", "idelta", "deriv", "predict_linear"),
        *("avg_over_time", "min_over_time", "max_over_time", "sum_over_time", "last_over_time"),
        *("first_over_time", "quantile_over_time", "stddev_over_time", "mad_over_time"),
    )
)
BLIND = frozenset(("count_over_time", "changes", "resets", "present_over_time", "absent_over_time"))


# Of what is taken from 1.
TURNED = {
    "max_over_time": "min_over_time",
    "min_over_time": "max_over_time",
    "avg_over_time": "avg_over_time",
    "last_over_time": "last_over_time",
}


@dataclass(frozen=True, slots=True)
class Repair:
    """The function and the family to use, and what has to be said about it."""

    function: str
    family: str
    note: str = ""


def repair(function: str, selected: Selected) -> Repair:
    row, old = selected.row, selected.old.name
    if function in OF_GAUGES and not is_counter(row.new):
        if row.rate:
            return Repair(
                function,
                row.rate,
                f"{old} is a gauge, and {function}() treats every decrease of a gauge as a reset; it was replaced by "
                f"the counter {row.rate}",
            )
        new = OF_GAUGES[function]
        return Repair(
            new,
            row.new,
            f"{old} is a gauge, and {function}() treats every decrease of a gauge as a reset; it was replaced by "
            f"{new}(), which is negative while the value falls",
        )
    if function in OF_COUNTERS and is_counter(row.new):
        new = OF_COUNTERS[function]
        return Repair(
            new,
            row.new,
            f"{row.new} is a counter, so {function}() was replaced by {new}(), which handles resets",
        )
    return Repair(function, row.new)


def outside_of(function: str, form: str) -> tuple[str, str] | None:
    """The function over the series itself, and what is made of its result; None where it takes a subquery.

    The largest of `1 - x` is 1 less the smallest x.
    """
    if form == "$x" or function in BLIND:
        return function, "$x"
    if re.fullmatch(r"\$x \* [\d.e]+", form) and function in LINEAR:
        return function, form
    if form == "1 - $x" and function in TURNED:
        return TURNED[function], form
    return None
