"""What is remembered between collections: since when each condition was seen, and counters of the last minutes.

`Watch.note` is called with each snapshot. What it returns is never changed afterwards, so that another thread can read
it. It grows with the objects at which something is seen, not with all objects.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from jetstream_exporter.snapshot import Snapshot
from jetstream_exporter.status.conditions import (
    CONDITIONS,
    Condition,
)
from jetstream_exporter.status.consumers import idle_since
from jetstream_exporter.status.facts import Facts, Object, Seen, of_consumer, of_stream
from jetstream_exporter.status.growths import GROWTHS, REDELIVERED, Growth
from jetstream_exporter.status.streams import is_at_limit

UNAVAILABLE_FOR = 3600.0  # seconds that a stream which went with its server is remembered
KEPT_COUNTS = 40  # values of one counter
DAY = 86400.0


class Track(NamedTuple):
    """A condition at one object: since when, with which value and mark, and what was seen last."""

    since: float
    first: float
    seen: Seen


class Counts(NamedTuple):
    """A counter's values, the oldest first, each with its time."""

    values: tuple[tuple[float, int], ...]


class Lost(NamedTuple):
    """A stream that nobody reports since its server is down: the server that led it, and since when."""

    server: tuple[str, str]
    since: float


class Standing(NamedTuple):
    """A consumer with unfinished messages: its progress, and since when that is all."""

    progress: tuple[object, ...]
    since: float


ConsumerKey = tuple[str, str, str, str]  # cluster, account, stream, consumer
Key = tuple[Object, tuple[tuple[str, str], ...]]


class Memory(NamedTuple):
    """All that is remembered. `started` is None before the first snapshot."""

    started: float | None = None
    tracks: Mapping[Condition, Mapping[Key, Track]] = {}
    standing: Mapping[ConsumerKey, Standing] = {}
    counts: Mapping[Growth, Mapping[Object, Counts]] = {}
    redelivered: Mapping[Object, Counts] = {}
    refusals: Mapping[Object, tuple[int, float | None]] = {}  # count, and when it last grew
    leaders: Mapping[Object, tuple[str, int]] = {}  # of streams, and how many replicas these have
    # Of streams at a limit, the first sequence, and when it last moved.
    firsts: Mapping[Object, tuple[int, float | None]] = {}
    lost: Mapping[Object, Lost] = {}
    listening: Mapping[str, float] = {}  # by target, since when its connection has been open

    @property
    def refused(self) -> Mapping[Object, float]:
        return {key: time for key, (_, time) in self.refusals.items() if time is not None}


class Watch:
    def __init__(self) -> None:
        self.memory = Memory()

    def note(self, snapshot: Snapshot, now: float) -> Memory:
        """Take a new snapshot; `now` is the time of it."""
        before = self.memory
        facts = Facts(snapshot, now)
        leaders = _leaders(before, snapshot)
        self.memory = Memory(
            started=now if before.started is None else before.started,
            tracks={each: _tracks(each, before.tracks.get(each, {}), facts) for each in CONDITIONS},
            standing=_standing(before.standing, facts),
            counts={
                each: _counts(each, before.counts.get(each, {}), before.started, facts)
                for each in GROWTHS
            },
            redelivered=_counts(REDELIVERED, before.redelivered, before.started, facts),
            refusals=_refusals(before, facts),
            leaders=leaders,
            firsts=_firsts(before, facts),
            listening={
                each.target: before.listening.get(each.target, now)
                for each in snapshot.listenings
                if each.connected
            },
            lost=_lost(before, leaders, facts),
        )
        return self.memory


def _tracks(condition: Condition, before: Mapping[Key, Track], facts: Facts) -> dict[Key, Track]:
    found: dict[Key, Track] = {}
    for seen in condition.judge(facts):
        key = (seen.object, seen.labels)
        old = before.get(key)
        if old is None:
            since = facts.now if seen.since is None else min(seen.since, facts.now)
            found[key] = Track(since, seen.value, seen)
        elif old.seen.mark != seen.mark:
            found[key] = Track(facts.now, seen.value, seen)
        else:
            found[key] = Track(old.since, old.first, seen)
    return found


def _standing(before: Mapping[ConsumerKey, Standing], facts: Facts) -> dict[ConsumerKey, Standing]:
    """Of every consumer with unfinished messages, which may be all: no more than is needed is made here."""
    found, now = {}, facts.now
    for row in facts.busy:
        key = (row.cluster, row.account, row.stream, row.name)
        progress = (row.deliveries, row.acknowledged, row.last_delivery)
        old = before.get(key)
        if old is None:
            since = idle_since(row, facts) if row.last_delivery is not None else None
            found[key] = Standing(progress, now if since is None else min(since, now))
        else:
            found[key] = old if old.progress == progress else Standing(progress, now)
    return found


def _counts(
    growth: Growth, known: Mapping[Object, Counts], started: float | None, facts: Facts
) -> dict[Object, Counts]:
    found = dict(_still_high(known, facts.now)) if growth.is_level else {}
    for key, value in growth.counts(facts):
        old = known.get(key)
        values = _unseen(growth, started, facts.now) if old is None else old.values
        found[key] = Counts(_with(values, value, growth, facts.now))
    return found


def _still_high(known: Mapping[Object, Counts], now: float) -> Iterator[tuple[Object, Counts]]:
    """Levels of the last day: messages in flight hide and uncover the same ones again."""
    for key, counts in known.items():
        if now - counts.values[-1][0] < DAY:
            yield key, counts


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


def _refusals(before: Memory, facts: Facts) -> dict[Object, tuple[int, float | None]]:
    found: dict[Object, tuple[int, float | None]] = {}
    for row in facts.with_events:
        if row.events is None or not row.events.naks:
            continue
        key, count = of_consumer(row), row.events.naks
        old, time = before.refusals.get(key, (0, None))
        is_first = before.started is None
        found[key] = (count, facts.now if count > old and not is_first else time)
    return found


def _firsts(before: Memory, facts: Facts) -> dict[Object, tuple[int, float | None]]:
    found: dict[Object, tuple[int, float | None]] = {}
    for row in facts.snapshot.streams:
        first = row.figures.first_sequence if row.figures is not None else None
        if first is None or not is_at_limit(row, facts.now):
            continue
        key = of_stream(row)
        old, moved = before.firsts.get(key, (first, None))
        found[key] = (first, facts.now if first > old else moved)
    return found


def _leaders(before: Memory, snapshot: Snapshot) -> Mapping[Object, tuple[str, int]]:
    """Who leads each stream; the last one that was known where nobody does now."""
    return {
        key: (row.raft.leader or before.leaders.get(key, ("", 0))[0], row.raft.size or 1)
        for key, row in ((of_stream(each), each) for each in snapshot.streams)
    }


def _lost(
    before: Memory, present: Mapping[Object, tuple[str, int]], facts: Facts
) -> dict[Object, Lost]:
    """Streams that went in the same collection as the server that led them, and have not come back.

    One with several replicas goes only with as many servers.
    """
    down = Counter(cluster for cluster, _ in facts.down)
    found = {}
    for key, lost in before.lost.items():
        is_recent = facts.now - lost.since < UNAVAILABLE_FOR
        if key not in present and lost.server in facts.down and is_recent:
            found[key] = lost
    for key, (leader, replicas) in before.leaders.items():
        server = (key.names[0], leader)
        if key in present or key in found or server not in facts.down:
            continue
        if replicas <= down[server[0]]:
            found[key] = Lost(server, facts.now)
    return found
