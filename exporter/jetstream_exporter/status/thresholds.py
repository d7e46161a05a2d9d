"""Each stream and consumer by the thresholds in its own metadata."""

import math
import operator
from collections.abc import Callable, Iterator, Mapping
from functools import partial

from jetstream_exporter.snapshot import Consumer, Stream
from jetstream_exporter.snapshot.rows.metadata import Threshold
from jetstream_exporter.status.facts import Facts, Seen, of_consumer, of_stream

# How the value of a stream that fails a check compares with the threshold.
FAILS: Mapping[str, Callable[[float, float], bool]] = {
    "lag": operator.ge,
    "seen": operator.ge,
    "min-sources": operator.lt,
    "max-sources": operator.gt,
    "peer-expect": operator.ne,
    "peer-lag": operator.gt,
    "peer-seen": operator.gt,
    "msgs": operator.le,
}
NEW_LEADER = 600.0  # seconds in which a leader does not know what happened before


def _labels(check: str) -> tuple[tuple[str, str], ...]:
    return (("check", check),)


def streams(severity: str, facts: Facts) -> Iterator[Seen]:
    for row in facts.watched_streams():
        for each in row.settings.metadata.thresholds if row.settings is not None else ():
            if each.severity != severity:
                continue
            value = _exceeding(row, each)
            if value is not None:
                yield Seen(of_stream(row), value, labels=_labels(each.check))


def _exceeding(row: Stream, each: Threshold) -> float | None:
    """The value that fails a check; None while it passes, or where it cannot be checked."""
    value = _stream_value(row, each.check)
    if value is None:
        return None
    return value if _fails(row, each.check)(value, each.value) else None


def _fails(row: Stream, check: str) -> Callable[[float, float], bool]:
    if check == "subjects":
        return operator.ge if _is_upper(row) else operator.le
    return FAILS[check]


def _is_upper(row: Stream) -> bool:
    """Whether the thresholds of subjects are upper ones: the warning is below the critical one."""
    set_for = {
        each.severity: each.value
        for each in (row.settings.metadata.thresholds if row.settings is not None else ())
        if each.check == "subjects"
    }
    return "critical" in set_for and set_for.get("warning", 0.0) < set_for["critical"]


def _stream_value(row: Stream, check: str) -> float | None:
    if check in ("lag", "seen", "min-sources", "max-sources", "msgs", "subjects"):
        return _figure(row, check)
    if check == "peer-expect":
        return 1 + len(row.replicas) if row.raft.has_leader else None
    if check == "peer-lag":
        return max((r.lag for r in row.replicas if r.lag is not None), default=None)
    if check == "peer-seen":
        return max((_unseen(r.offline, r.last_seen) for r in row.replicas), default=None)
    return None


def _figure(row: Stream, check: str) -> float | None:
    """What the leader alone reports."""
    if row.figures is None:
        return None
    if check in ("lag", "seen"):
        return _source_value(row, check)
    if check in ("min-sources", "max-sources"):
        return row.source_count or 0
    return row.figures.messages if check == "msgs" else row.figures.subjects


def _unseen(offline: bool, last_seen: float | None) -> float:
    return math.inf if offline else last_seen or 0.0


def _source_value(row: Stream, check: str) -> float | None:
    """The worst of the origins; infinite where there is none, or one that was never heard."""
    if not row.sources and not row.source_count:
        return math.inf
    if check == "seen":
        seen = (math.inf if s.last_seen is None else s.last_seen for s in row.sources)
        return max(seen, default=None)
    return max((s.lag for s in row.sources if s.lag is not None), default=None)


def consumers(severity: str, facts: Facts) -> Iterator[Seen]:
    for row in facts.with_thresholds:
        settings = row.settings
        if settings is None or not facts.is_watched(row):
            continue
        for each in settings.metadata.thresholds:
            value = _consumer_value(row, each.check, facts)
            if each.severity == severity and value is not None and value >= each.value:
                yield Seen(of_consumer(row), value, labels=_labels(each.check))


def _consumer_value(row: Consumer, check: str, facts: Facts) -> float | None:
    if check in ("last-delivery", "last-ack"):
        return _since_last(row, check, facts)
    if check == "pinned":
        if row.unpinned_groups is not None:
            return row.unpinned_groups
        return 1 if row.raft.has_leader else None
    return {
        "outstanding-ack": row.ack_pending,
        "waiting": row.waiting_pulls,
        "unprocessed": row.pending,
        "redelivery": row.redelivered,
    }.get(check)


def _since_last(row: Consumer, check: str, facts: Facts) -> float | None:
    """Infinite where it never happened. A leader that is new does not know what happened before."""
    if not row.raft.has_leader or _is_new(row, facts):
        return None
    last = row.last_delivery if check == "last-delivery" else row.last_ack
    return math.inf if last is None else facts.now - last


def _is_new(row: Consumer, facts: Facts) -> bool:
    times = [
        server.process.start
        for server in facts.servers.get(row.cluster, ())
        if server.name == row.raft.leader and server.process is not None
    ]
    return any(
        t is not None and facts.now - t < NEW_LEADER for t in (*times, row.raft.leader_since)
    )


stream_critical = partial(streams, "critical")
stream_warning = partial(streams, "warning")
consumer_critical = partial(consumers, "critical")


def stream_invalid(facts: Facts) -> Iterator[Seen]:
    for row in facts.watched_streams():
        for check in row.settings.metadata.invalid if row.settings is not None else ():
            yield Seen(of_stream(row), 1, labels=_labels(check))


def consumer_invalid(facts: Facts) -> Iterator[Seen]:
    for row in facts.snapshot.consumers:
        for check in row.settings.metadata.invalid if row.settings is not None else ():
            if facts.is_watched(row):
                yield Seen(of_consumer(row), 1, labels=_labels(check))
