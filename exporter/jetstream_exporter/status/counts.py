"""Counters of the last minutes, and how much they grew: what the watch remembers of each.

A counter that is missing for a while goes on where it was, as a difference over time does in Prometheus.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple, TypeVar

from jetstream_exporter.status.facts import Facts, Object
from jetstream_exporter.status.growths import Growth

KEPT_COUNTS = 40  # values of one counter
DAY = 86400.0
MOST_GONE = 10_000  # objects that nobody reports and that are remembered, of each counter
Kept = TypeVar("Kept")


class Counts(NamedTuple):
    """A counter's values, the oldest first, each with its time; and since when nobody has reported it."""

    values: tuple[tuple[float, int], ...]
    gone: float | None = None


def gone_since(known: float | None, now: float) -> float:
    """Since when nobody has reported something that nobody reports now."""
    return now if known is None else known


def noted(
    growth: Growth, known: Mapping[Object, Counts], started: float | None, facts: Facts
) -> dict[Object, Counts]:
    """The counters of a growth after one more snapshot."""
    found = {}
    for key, value in growth.counts(facts):
        old = known.get(key)
        values = _unseen(growth, started, facts.now) if old is None else old.values
        found[key] = Counts(_with(values, value, growth, facts.now))
    return with_gone(found, _kept(growth, known, facts))


def with_gone(
    found: dict[Object, Kept], known: Iterable[tuple[Object, Kept]]
) -> dict[Object, Kept]:
    """What is there, after what may come back: the last of them, as consumers may come and go all day."""
    gone = [each for each in known if each[0] not in found]
    return {**dict(gone[-MOST_GONE:]), **found}


def _kept(
    growth: Growth, known: Mapping[Object, Counts], facts: Facts
) -> Iterator[tuple[Object, Counts]]:
    """Counters that may come back, as if nobody reported them now.

    What is reported without a counter is at 0, such as a consumer that was recreated, or is to raise no alerts. A level
    is kept for a day after it last rose, as messages in flight hide and uncover the same ones again. An object without
    a counter that comes back would seem to have had none: it is kept for a day, too.
    """
    patience, now = DAY if growth.appears else growth.window, facts.now
    for key, counts in known.items():
        if not growth.is_level and _is_reported(growth, key, facts):
            continue
        gone = gone_since(counts.gone, now)
        if now - (counts.values[-1][0] if growth.is_level else gone) < patience:
            yield key, Counts(counts.values, gone)


def _is_reported(growth: Growth, key: Object, facts: Facts) -> bool:
    """Whether somebody reports the object of a counter that is not there."""
    if growth.of_events:
        events = facts.events.get(key)
        return events is not None and events.max_deliveries is not None
    return key.kind in ("stream", "consumer") and not facts.is_gone(key)


def _unseen(growth: Growth, started: float | None, now: float) -> tuple[tuple[float, int], ...]:
    """What an object had before that is seen for the first time: 0, or nothing that is known.

    A level that is found soon after the start may be an old one.
    """
    if not growth.appears or started is None:
        return ()
    is_old = growth.is_level and now - started < growth.window
    return () if is_old else ((now, 0),)


def _with(
    values: tuple[tuple[float, int], ...], value: int, growth: Growth, now: float
) -> tuple[tuple[float, int], ...]:
    """The values with one more. Those that are older than the window are one, the last of them."""
    if values and (values[-1][1] == value or (growth.is_level and value < values[-1][1])):
        return values
    recent = [each for each in values if now - each[0] <= growth.window]
    older = [each for each in values if now - each[0] > growth.window][-1:]
    return (*older, *recent[-KEPT_COUNTS:], (now, value))


def growth_of(counts: Counts, now: float, window: float) -> tuple[int, float]:
    """By how much a counter grew within the window, and when it last did. A counter that fell began anew."""
    grown, last = 0, 0.0
    for (_, old), (time, new) in zip(counts.values, counts.values[1:], strict=False):
        if now - time <= window and new != old:
            grown += new - old if new > old else new
            last = time
    return grown, last


def lowest(counts: Counts, now: float, window: float) -> int:
    """The lowest value within the window, the one that it began with included."""
    older = [value for time, value in counts.values if now - time > window][-1:]
    return min([*older, *(value for time, value in counts.values if now - time <= window)])
