"""What holds now, worst first, each in the sentence of its alert."""

from collections import Counter
from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from math import inf

import msgspec

from jetstream_exporter.snapshot import Consumer
from jetstream_exporter.status import consumers
from jetstream_exporter.status.alerts import Alert, alert, table
from jetstream_exporter.status.conditions import (
    CONFIGURATION,
    LATE,
    LOST,
    LOST_WINDOW,
    MANY,
    NO_SUBSCRIBERS,
    SATURATED,
    STALLED,
    STALLED_WINDOW,
    TOGETHER,
    UNAVAILABLE,
    Condition,
)
from jetstream_exporter.status.counts import growth_of, lowest
from jetstream_exporter.status.facts import Facts, Object, Seen, of_cluster, of_consumer
from jetstream_exporter.status.growths import EXHAUSTED, REDELIVERED
from jetstream_exporter.status.watch import Memory, Track

Group = tuple[str, str, str]  # the name of an alert, cluster, account


class Finding(msgspec.Struct, frozen=True, gc=False):
    """One alert's condition that holds at one object. `extra` are the labels besides the object's identity.

    `since` is a time: it has held at least since then. `fires_at` is when Prometheus' alert fires, if the condition
    lasts and Prometheus has seen what is known here; `is_firing` says that this time is over.
    """

    alert: Alert
    object: Object
    extra: tuple[tuple[str, str], ...]
    value: float
    since: float
    fires_at: float
    is_firing: bool

    @property
    def labels(self) -> Mapping[str, str]:
        identity = table().identity.get(self.object.kind, [])
        found = dict(zip(identity, self.object.names, strict=True))
        found.update(self.extra)
        return found

    @property
    def sentence(self) -> str:
        return self.alert.text(self.labels, self.value)

    @property
    def order(self) -> tuple[Hashable, ...]:
        """Worst first: by severity, then what fires, then by the order of the alerts' table."""
        found = self.alert
        return (found.rank, not self.is_firing, found.place, self.object, self.extra)


def find_each(facts: Facts, memory: Memory) -> list[Finding]:
    """What holds at each object by itself; of one alert at one object, only the worse severity."""
    stalled = list(_stalled(facts, memory))
    objects = {each.object for each in stalled}
    found = _worse_only(
        (
            *_from_tracks(facts, memory),
            *_from_counts(facts, memory),
            *_newly_given_up(facts, memory),
            *_unavailable(facts, memory),
        )
    )
    still = objects | {each.object for each in found if each.alert.name == NO_SUBSCRIBERS}
    softer = (
        each
        for each in found
        if not (each.alert.name == SATURATED and each.object in objects)
        and not (each.alert.name == LATE and each.object in still)
    )
    return [*stalled, *softer, *_configuration(facts)]


def made(found: Alert, seen: Seen, since: float, facts: Facts, window: float = 0.0) -> Finding:
    fires_at = since + window + found.wait
    is_firing = facts.now >= fires_at
    return Finding(found, seen.object, seen.labels, seen.value, since, fires_at, is_firing)


def holds(condition: Condition, track: Track, now: float) -> bool:
    """Whether a condition has been seen for long enough and now, and does not get better."""
    if track.gone is not None:
        return False
    lasts = now - track.since >= condition.window
    return lasts and not (condition.falls and track.seen.value < track.first)


def _from_tracks(facts: Facts, memory: Memory) -> Iterator[Finding]:
    for condition, tracks in memory.tracks.items():
        for track in tracks.values():
            if not holds(condition, track, facts.now):
                continue
            if condition.name != LOST or _is_removing(track.seen.object, facts, memory):
                yield made(condition.alert, track.seen, track.since, facts, condition.window)


def _is_removing(key: Object, facts: Facts, memory: Memory) -> bool:
    """Whether the stream of a consumer removed messages lately: what was lost before is no news."""
    _, moved = memory.firsts.get(Object("stream", key.names[:3]), (0, None))
    return moved is not None and facts.now - moved <= LOST_WINDOW


def without_progress(facts: Facts, memory: Memory) -> Iterator[tuple[Consumer, float]]:
    """Consumers that have had work and made no progress for as long as a stalled one, and since when."""
    for row in facts.busy:
        standing = memory.standing.get((row.cluster, row.account, row.stream, row.name))
        if standing is None or facts.now - standing.since < STALLED_WINDOW:
            continue
        if consumers.may_stall(row, facts):
            yield row, standing.since


def _stalled(facts: Facts, memory: Memory) -> Iterator[Finding]:
    found = alert(STALLED, "critical")
    for row, since in without_progress(facts, memory):
        if consumers.excuse(row, facts) is None:
            seen = Seen(of_consumer(row), (row.pending or 0) + (row.ack_pending or 0))
            yield made(found, seen, since, facts, STALLED_WINDOW)


def _from_counts(facts: Facts, memory: Memory) -> Iterator[Finding]:
    for growth, counters in memory.counts.items():
        for key, counts in counters.items():
            grown, last = growth_of(counts, facts.now, growth.window)
            if grown > growth.above:
                value = counts.values[-1][1] if growth.is_level else grown
                yield made(growth.alert, Seen(key, value), last, facts)


def _newly_given_up(facts: Facts, memory: Memory) -> Iterator[Finding]:
    """More messages were given up than were redelivered a while ago, so that at least one of them is new."""
    for row in facts.redelivering if memory.redelivered else ():
        key = of_consumer(row)
        counts, count = memory.redelivered.get(key), consumers.given_up(row)
        if counts is not None and count > lowest(counts, facts.now, REDELIVERED.window):
            yield made(alert(EXHAUSTED, "critical"), Seen(key, count), facts.now, facts)


def _unavailable(facts: Facts, memory: Memory) -> Iterator[Finding]:
    for key, lost in memory.lost.items():
        yield made(alert(UNAVAILABLE, "critical"), Seen(key), lost.since, facts)


def _configuration(facts: Facts) -> Iterator[Finding]:
    for condition in CONFIGURATION:
        for seen in condition.judge(facts):
            yield made(condition.alert, seen, facts.now, facts)


def _worse_only(found: Iterable[Finding]) -> Iterable[Finding]:
    """Inhibition: critical over warning of the same alert at the same object. No two that say the same."""
    best: dict[tuple[Hashable, ...], Finding] = {}
    for each in found:
        extra = tuple(pair for pair in each.extra if pair[0] != "configured")
        key = (each.alert.name, each.object, extra)
        old = best.get(key)
        if old is None or (each.alert.rank, each.since) < (old.alert.rank, old.since):
            best[key] = each
    return best.values()


def together(found: Sequence[Finding], facts: Facts) -> Sequence[Finding]:
    """One finding instead of many of one kind in one account. They are in their order, and stay so."""
    counts = Counter(_group(each) for each in found if each.alert.name in TOGETHER)
    many = {group: inf for group, count in counts.items() if count > MANY}
    if not many:
        return found
    return sorted(_merged(found, facts, counts, many), key=lambda each: each.order)


def _merged(
    found: Iterable[Finding], facts: Facts, counts: Mapping[Group, int], many: dict[Group, float]
) -> Iterator[Finding]:
    """`many` are the groups that become one finding each; of each, since when it holds is written there."""
    for each in found:
        group = _group(each) if each.alert.name in TOGETHER else None
        if group is None or group not in many:
            yield each
        else:
            many[group] = min(each.since, many[group])
    for (name, cluster, account), since in many.items():
        labels = (("account", account),)
        seen = Seen(of_cluster(cluster), counts[name, cluster, account], labels=labels)
        yield made(TOGETHER[name].alert, seen, since, facts, TOGETHER[name].window)


def _group(each: Finding) -> Group:
    return (each.alert.name, each.object.names[0], each.object.names[1])
