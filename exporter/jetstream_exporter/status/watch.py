"""What is remembered between collections: since when each condition was seen, and counters of the last minutes.

`Watch.note` is called with each snapshot. What it returns is never changed afterwards, so that another thread can read
it. It grows with the objects at which something is seen, not with all objects.

What is remembered of an object outlives a gap, in which it has no leader or is missing, for as long as the rules look
back: in Prometheus a gap in a series is no change of its value.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from jetstream_exporter.snapshot import Snapshot
from jetstream_exporter.status import lateness
from jetstream_exporter.status.conditions import (
    CONDITIONS,
    LOST_WINDOW,
    STALLED_WINDOW,
    Condition,
)
from jetstream_exporter.status.consumers import idle_since
from jetstream_exporter.status.counts import DAY, Counts, gone_since, noted, with_gone
from jetstream_exporter.status.facts import (
    Facts,
    History,
    Object,
    Seen,
    of_consumer,
    of_stream,
)
from jetstream_exporter.status.growths import GROWTHS, REDELIVERED, Growth
from jetstream_exporter.status.streams import is_at_limit

UNAVAILABLE_FOR = 3600.0  # seconds that a stream which went with its server is remembered


class Track(NamedTuple):
    """A condition at one object: since when, with which value and mark, and what was seen last.

    `gone` is since when nobody has reported the object.
    """

    since: float
    first: float
    seen: Seen
    gone: float | None = None


class Refusals(NamedTuple):
    """How many messages of a consumer were refused, and when the last was, if that is known."""

    number: int
    last: float | None
    gone: float | None = None


class Lost(NamedTuple):
    """A stream that nobody reports since its server is down: the server that led it, and since when."""

    server: tuple[str, str]
    since: float


class Standing(NamedTuple):
    """A consumer with unfinished messages: its progress, and since when that is all."""

    progress: tuple[object, ...]
    since: float
    gone: float | None = None


ConsumerKey = tuple[str, str, str, str]  # cluster, account, stream, consumer
Key = tuple[Object, tuple[tuple[str, str], ...]]


class Memory(NamedTuple):
    """All that is remembered. `started` is None before the first snapshot."""

    started: float | None = None
    tracks: Mapping[Condition, Mapping[Key, Track]] = {}
    standing: Mapping[ConsumerKey, Standing] = {}
    counts: Mapping[Growth, Mapping[Object, Counts]] = {}
    redelivered: Mapping[Object, Counts] = {}
    refusals: Mapping[Object, Refusals] = {}
    leaders: Mapping[Object, tuple[str, int]] = {}  # of streams, and how many replicas these have
    # Of streams at a limit, the first sequence, and when it last moved.
    firsts: Mapping[Object, tuple[int, float | None]] = {}
    lost: Mapping[Object, Lost] = {}
    histories: Mapping[Object, History] = {}  # of consumers that are late
    listening: Mapping[str, float] = {}  # by target, since when its connection has been open

    @property
    def refused(self) -> Mapping[Object, float]:
        return {key: each.last for key, each in self.refusals.items() if each.last is not None}


class Watch:
    def __init__(self) -> None:
        self.memory = Memory()

    def note(self, snapshot: Snapshot, now: float) -> Memory:
        """Take a new snapshot; `now` is the time of it."""
        before = self.memory
        facts = _facts(snapshot, now, before.histories)
        leaders = _leaders(before, snapshot)
        self.memory = Memory(
            started=now if before.started is None else before.started,
            tracks={each: _tracks(each, before.tracks.get(each, {}), facts) for each in CONDITIONS},
            standing=_standing(before.standing, facts),
            counts={
                each: noted(each, before.counts.get(each, {}), before.started, facts)
                for each in GROWTHS
            },
            redelivered=noted(REDELIVERED, before.redelivered, before.started, facts),
            refusals=_refusals(before, facts),
            leaders=leaders,
            firsts=_firsts(before, facts),
            histories=facts.histories,
            listening={
                each.target: before.listening.get(each.target, now)
                for each in snapshot.listenings
                if each.connected
            },
            lost=_lost(before, leaders, facts),
        )
        return self.memory


def _facts(snapshot: Snapshot, now: float, known: Mapping[Object, History]) -> Facts:
    """The facts, with what is late and its histories: those that are known, and what this snapshot adds to them."""
    plain = Facts(snapshot, now)
    late = lateness.waiting(plain)
    return Facts(snapshot, now, late=late, histories=lateness.noted(known, late, plain))


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
    if condition.window:
        found.update(_gone_tracks(condition, before, found, facts))
    return found


def _gone_tracks(
    condition: Condition, before: Mapping[Key, Track], found: Mapping[Key, Track], facts: Facts
) -> Iterator[tuple[Key, Track]]:
    """Those of objects that nobody reports now. The wait of an alert without a window begins anew after a gap."""
    for key, old in before.items():
        gone = gone_since(old.gone, facts.now)
        if key not in found and facts.is_gone(key[0]) and facts.now - gone < condition.window:
            yield key, old._replace(gone=gone)


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
            is_same = old.progress == progress
            found[key] = (
                old
                if is_same and old.gone is None
                else Standing(progress, old.since if is_same else now)
            )
    for key in before.keys() - found.keys():
        gone = gone_since(before[key].gone, now)
        if key not in facts.reported_consumers and now - gone < STALLED_WINDOW:
            found[key] = before[key]._replace(gone=gone)
    return found


def _refusals(before: Memory, facts: Facts) -> dict[Object, Refusals]:
    found: dict[Object, Refusals] = {}
    for row in facts.with_events:
        if row.events is None or not row.events.naks:
            continue
        key, count = of_consumer(row), row.events.naks
        old, time, _ = before.refusals.get(key, Refusals(0, None))
        is_first = before.started is None
        found[key] = Refusals(count, facts.now if count > old and not is_first else time)
    return with_gone(found, _kept_refusals(before.refusals, facts))


def _kept_refusals(
    known: Mapping[Object, Refusals], facts: Facts
) -> Iterator[tuple[Object, Refusals]]:
    """Of consumers of which nobody reports refusals now; one that is reported with none was recreated."""
    for key, each in known.items():
        events = facts.events.get(key)
        gone = gone_since(each.gone, facts.now)
        if (events is None or events.naks is None) and facts.now - gone < DAY:
            yield key, each._replace(gone=gone)


def _firsts(before: Memory, facts: Facts) -> dict[Object, tuple[int, float | None]]:
    found: dict[Object, tuple[int, float | None]] = {
        key: (first, moved)
        for key, (first, moved) in before.firsts.items()
        if facts.is_gone(key) and moved is not None and facts.now - moved <= LOST_WINDOW
    }
    for row in facts.snapshot.streams:
        sequence = row.figures.first_sequence if row.figures is not None else None
        if sequence is None or not is_at_limit(row, facts.now):
            continue
        key = of_stream(row)
        old, moved = before.firsts.get(key, (sequence, None))
        found[key] = (sequence, facts.now if sequence > old else moved)
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
