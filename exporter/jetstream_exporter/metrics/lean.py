"""The lean profile: of streams and consumers only what the shipped alerts and the Overview board read.

What it has equals what the full profile has: it leaves out families, and of some families the samples from which no
alert follows. The rules read a missing sample as such a one. A consumer whose metadata sets a threshold has them all.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence, Set
from dataclasses import dataclass, replace
from functools import partial
from itertools import compress
from operator import attrgetter, gt, not_, or_
from typing import Any

from jetstream_exporter.metrics.families import AnyTable, Family
from jetstream_exporter.snapshot import Consumer, Snapshot
from jetstream_exporter.snapshot.rows import ConsumerSettings
from jetstream_exporter.snapshot.rows.consumers import ConsumerKey

LONG_WAIT = 300.0  # seconds; the rules look at consumers that stood for twice as long at least
SETTINGS = attrgetter("settings")


# For each row something that is true where its samples are kept. This runs through all consumers in every scrape, so
# that most of it is done by functions of C.
Rows = Sequence[Consumer]
Choice = list[Any]


@dataclass(frozen=True, slots=True)
class Condition:
    """Of which consumers lean has a sample; `text` ends the sentence "only …". Those with thresholds come on top."""

    text: str
    choose: Callable[[Rows, "_Known"], Choice]


class _Known:
    """What the conditions choose by.

    What follows from the settings of consumers is found anew only where these have changed.
    """

    def __init__(self) -> None:
        self._ends: Rows = ()  # the first and the last of the rows: the list itself would keep all of them
        self._count = 0
        self._settings: list[ConsumerSettings | None] = []
        self.with_thresholds: list[int] = []  # their places
        self.wait_long: Choice = []
        self.delivered_lately: Set[ConsumerKey] = frozenset()

    def update(self, rows: Rows, delivered_lately: Set[ConsumerKey]) -> None:
        self.delivered_lately = delivered_lately
        if self._are(rows):
            return
        settings = list(map(SETTINGS, rows))
        if settings != self._settings:
            self.with_thresholds = [
                i for i, one in enumerate(settings) if one and one.metadata.thresholds
            ]
            self.wait_long = list(map(_waits_long, settings))
        self._settings, self._count = settings, len(rows)
        self._ends = [*rows[:1], *rows[-1:]]

    def _are(self, rows: Rows) -> bool:
        """Whether these are the rows of the last update. No two scrapes share a row, and no two slices do."""
        if not self._ends or len(rows) != self._count:
            return False
        return rows[0] is self._ends[0] and rows[-1] is self._ends[-1]


def _waits_long(settings: ConsumerSettings | None) -> bool:
    if settings is None:
        return False
    return max(settings.ack_wait or 0.0, settings.backoff_max or 0.0) > LONG_WAIT


def _where(field: str) -> Callable[[Rows, _Known], Choice]:
    read = attrgetter(field)
    return lambda rows, _: list(map(read, rows))


def _where_not(field: str) -> Callable[[Rows, _Known], Choice]:
    read = attrgetter(field)
    return lambda rows, _: list(map(not_, map(read, rows)))


def _has_work(rows: Rows, _: _Known) -> Choice:
    pending, unacknowledged = map(attrgetter("pending"), rows), map(attrgetter("ack_pending"), rows)
    try:
        return list(map(or_, pending, unacknowledged))
    except TypeError:  # None is there
        return [row.pending != 0 or row.ack_pending != 0 for row in rows]


def _waits(rows: Rows, known: _Known) -> Choice:
    chosen = _has_work(rows, known)
    for place in compress(range(len(rows)), chosen):
        chosen[place] = rows[place].key not in known.delivered_lately
    return chosen


def _is_ahead(rows: Rows, _: _Known) -> Choice:
    floor, delivered = attrgetter("ack_floor_sequence"), attrgetter("delivered_sequence")
    try:
        return list(map(gt, map(floor, rows), map(delivered, rows)))
    except TypeError:
        return [(floor(row) or 0) > (delivered(row) or 0) for row in rows]


def _is_near_limit(rows: Rows, _: _Known) -> Choice:
    chosen: Choice = [False] * len(rows)
    for place in compress(range(len(rows)), map(attrgetter("ack_pending"), rows)):
        row = rows[place]
        limit = row.settings.max_ack_pending if row.settings is not None else None
        chosen[place] = limit is not None and 2 * (row.ack_pending or 0) >= limit
    return chosen


WAITS = Condition(
    "of consumers with pending or unacknowledged messages whose count of deliveries stood still for 45 seconds",
    _waits,
)
WAITS_LONG = Condition(
    "where the ack wait or the longest backoff is above 5 minutes",
    lambda _, known: known.wait_long.copy(),
)
WITH_THRESHOLDS = Condition(
    "of consumers with thresholds in their metadata", lambda rows, _: [False] * len(rows)
)

CONDITIONS = {
    "jetstream_consumer_waiting_pulls": WAITS,
    "jetstream_consumer_push_bound": WAITS,
    "jetstream_consumer_last_delivery_timestamp_seconds": WAITS,
    "jetstream_consumer_last_ack_timestamp_seconds": WAITS_LONG,
    "jetstream_consumer_ack_wait_seconds": WAITS_LONG,
    "jetstream_consumer_backoff_max_seconds": WAITS_LONG,
    "jetstream_consumer_leader": WITH_THRESHOLDS,
    "jetstream_consumer_unpinned_groups": WITH_THRESHOLDS,
    "jetstream_consumer_redelivered_messages": Condition(
        "where it is above 0", _where("redelivered")
    ),
    "jetstream_consumer_ack_floor_sequence": Condition(
        "where it is above `jetstream_consumer_delivered_sequence`", _is_ahead
    ),
    "jetstream_consumer_paused": Condition("where it is 1", _where("paused")),
    "jetstream_consumer_has_leader": Condition(
        "of consumers that have no leader or whose leader does not answer",
        _where_not("raft.leader"),
    ),
    "jetstream_consumer_has_quorum": Condition("where it is 0", _where_not("raft.has_quorum")),
    "jetstream_consumer_leader_changes_total": Condition(
        "for 30 minutes after a change", _where("raft.changed_lately")
    ),
    "jetstream_consumer_max_ack_pending": Condition(
        "while half of it or more is used", _is_near_limit
    ),
    "jetstream_consumer_created_timestamp_seconds": Condition(
        "for 30 minutes after the consumer was deleted and created again",
        _where("recreated_lately"),
    ),
}


def lean(tables: Iterable[AnyTable]) -> tuple[AnyTable, ...]:
    """The tables without what the profile leaves out. Tables of which nothing is left are not there."""
    known = _Known()
    return tuple(part for table in tables for part in _parts(table, known))


def _parts(table: AnyTable, known: _Known) -> Iterator[AnyTable]:
    """One table for each condition: what it chooses is found once for all of its families."""
    found: dict[Condition | None, list[Family[Any]]] = {}
    for family in table.families:
        if family.in_lean:
            found.setdefault(CONDITIONS.get(family.name), []).append(family)
    for condition, families in found.items():
        part = replace(table, families=tuple(families))
        if condition is not None:
            part = replace(part, chosen=partial(_choice, condition, known))
        yield part


def chosen_of(
    condition: Condition, rows: Rows, delivered_lately: Set[ConsumerKey] = frozenset()
) -> Choice:
    """For each of the rows something that is true where lean has a sample."""
    snapshot = Snapshot(delivered_lately=delivered_lately)
    return _choice(condition, _Known(), snapshot, rows)


def _choice(condition: Condition, known: _Known, snapshot: Snapshot, rows: Rows) -> Choice:
    known.update(rows, snapshot.delivered_lately)
    choice = condition.choose(rows, known)
    for place in known.with_thresholds:
        choice[place] = True
    return choice
