"""Consumers that deliver messages late: how old the oldest waiting one is, and whether the backlog shrinks.

The rule looks back over eight minutes of the backlog. So that little is remembered, only a consumer with a message that
has waited for a minute has a history here, of one value in half a minute.
"""

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from itertools import pairwise
from statistics import linear_regression, mean

from jetstream_exporter.snapshot import Consumer
from jetstream_exporter.status.alerts import threshold
from jetstream_exporter.status.consumers import is_ahead, is_of_dead_letters
from jetstream_exporter.status.facts import (
    Backlog,
    Facts,
    History,
    Late,
    Object,
    Seen,
    has_backlog,
    of_consumer,
)

LATE = "JetStreamConsumerLagSeconds"
LEAST = 60.0  # seconds of lag from which on a consumer has a history
STEP = 29.0  # seconds between two values
MINUTE = 60.0
LOOKS_BACK = 10 * MINUTE
MOST = 5_000  # consumers with a history
SHRINKS = 0.98  # of what it was five minutes before
DAY = 86400.0


def noted(
    known: Mapping[Object, History], late: Sequence[Late], facts: Facts
) -> dict[Object, History]:
    """The histories after one more snapshot. One outlives a gap in which nobody reports its consumer or its stream."""
    found = {
        key: history
        for key, history in known.items()
        if facts.now - history[-1].time < LOOKS_BACK and _is_unknown(key, facts)
    }
    for row, key, _ in late[:MOST]:
        found[key] = _with(known.get(key, ()), row, facts.now)
    return found


def _is_unknown(key: Object, facts: Facts) -> bool:
    """Whether nobody says since when a message has waited: that takes the stream's figures, too."""
    return facts.is_gone(key) or facts.is_gone(Object("stream", key.names[:3]))


def waiting(facts: Facts) -> Sequence[Late]:
    """The consumers with a message that waits for long enough, and the seconds."""
    found = []
    for row, lag in zip(facts.snapshot.consumers, facts.snapshot.lags, strict=False):
        if lag.pending is not None and row.pending:
            seconds = _since(lag.pending, row, facts)
            if seconds >= LEAST or seconds >= min(_own(row).values(), default=LEAST):
                found.append((row, of_consumer(row), seconds))
    return found


def _with(history: History, row: Consumer, now: float) -> History:
    if history and now - history[-1].time < STEP:
        return history
    recent = (each for each in history if now - each.time <= LOOKS_BACK)
    return (*recent, Backlog(now, row.pending or 0, row.deliveries))


def _since(stored: float, row: Consumer, facts: Facts) -> float:
    """For how many seconds a message has been stored, by the clock of its server if that is known."""
    stream = facts.stream_of(row)
    figures = stream.figures if stream is not None else None
    if figures is None or figures.first_time is None or figures.first_age is None:
        return max(0.0, facts.now - stored)
    return max(0.0, figures.first_time + figures.first_age - stored)


def late(severity: str, facts: Facts) -> Iterator[Seen]:
    """Those whose backlog does not shrink. One that delivers nothing has other alerts, until it is critical."""
    for row, key, lag in facts.late:
        history = facts.histories.get(key, ())
        if not history or not _is_above(lag, row, severity, facts):
            continue
        if severity == "warning" and not _delivers(history, facts.now):
            continue
        if not _is_excused(row, facts) and not shrinks(history, row.pending or 0, facts.now):
            yield Seen(key, lag)


def _own(row: Consumer) -> Mapping[str, float]:
    """The thresholds in the consumer's metadata, by severity."""
    found = row.settings.metadata.thresholds if row.settings is not None else ()
    return {each.severity: each.value for each in found if each.check == "lag"}


def _is_above(lag: float, row: Consumer, severity: str, facts: Facts) -> bool:
    """The thresholds in the consumer's metadata replace both others."""
    own = _own(row)
    if own:
        return severity in own and lag >= own[severity]
    is_told = has_backlog(row.stream) and not is_of_dead_letters(row, facts)
    return is_told and lag > threshold(LATE, severity)


def _is_excused(row: Consumer, facts: Facts) -> bool:
    is_copy = row.settings is not None and bool(row.settings.role)
    return row.paused or is_copy or is_ahead(row, facts) or not facts.is_watched(row)


def _delivers(history: History, now: float) -> bool:
    last = [each.deliveries for each in history if now - each.time <= 5 * MINUTE]
    return len(set(last)) > 1


def shrinks(history: History, pending: int, now: float) -> bool:
    """Whether a backlog is worked off. One that is known for less than five minutes may be."""
    if now - history[0].time < 5 * MINUTE - STEP:
        return True
    recent = [each for each in history if now - each.time <= 5 * MINUTE]
    if len(recent) < 2:  # whoever looks so seldom does not see it
        return True
    before = _mean(history, now - 8 * MINUTE, now - 5 * MINUTE)
    after = _mean(history, now - 3 * MINUTE, now)
    if before is not None and after is not None and after < SHRINKS * before:
        return True
    slope = _slope(recent)
    if slope >= 0:
        return False
    if DAY * slope < -pending and _only_falls(recent):
        return True
    return _is_young(history, now) or _stood(history, now)


def _mean(history: History, first: float, last: float) -> float | None:
    values = [each.pending for each in history if first <= each.time <= last]
    return mean(values) if values else None


def _slope(values: Sequence[Backlog]) -> float:
    """Messages a second."""
    if len(values) < 2:
        return 0.0
    return linear_regression([v.time for v in values], [float(v.pending) for v in values]).slope


def _only_falls(values: Sequence[Backlog]) -> bool:
    return all(after.pending <= before.pending for before, after in pairwise(values))


def _is_young(history: History, now: float) -> bool:
    return now - history[0].time < 8 * MINUTE - STEP


def _stood(history: History, now: float) -> bool:
    """Whether nothing was delivered in the five minutes before the last five."""
    before = {e.deliveries for e in history if 5 * MINUTE <= now - e.time <= 10 * MINUTE}
    return len(before) == 1


late_critical = partial(late, "critical")
late_warning = partial(late, "warning")
