"""Adds up what events said of streams and consumers, for as long as the objects are there."""

from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence

import msgspec

from jetstream_exporter.report import Event, Events, Outcome
from jetstream_exporter.snapshot import Snapshot
from jetstream_exporter.snapshot.rows import EventKind, Heard, Histogram, Listening

BOUNDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0)
PATIENCE = 3  # collections in which an object of which an event spoke may turn up
KINDS = (
    "max_deliver",
    "nak",
    "terminated",
    "consumer_ack",
    "stream_quorum_lost",
    "consumer_quorum_lost",
    "stream_leader_elected",
    "consumer_leader_elected",
    "stream_action",
    "consumer_action",
)  # shown from the start; others once they were heard

Key = tuple[str, ...]
Joined = frozenset[frozenset[str]]  # pairs of clusters that are one JetStream


class Totals(msgspec.Struct):
    """What was heard of one object since it was seen first."""

    max_deliveries: int = 0
    naks: int = 0
    terminations: int = 0
    excess: int = 0
    quorum_lost: int = 0
    ack_counts: list[int] | None = None
    ack_sum: float = 0.0

    def add(self, event: Event) -> None:
        self.max_deliveries += event.max_deliveries
        self.naks += event.naks
        self.terminations += event.terminations
        self.excess += event.excess
        self.quorum_lost += event.quorum_lost
        for seconds in event.ack_times:
            self.ack_counts = self.ack_counts or [0] * (len(BOUNDS) + 1)
            self.ack_counts[bisect_left(BOUNDS, seconds)] += 1
            self.ack_sum += seconds


NOTHING = Totals()


class Ledger:
    """One for a running configuration. Objects are named by cluster, account id, stream, and consumer if any."""

    def __init__(self) -> None:
        self._totals: dict[Key, tuple[object, Totals]] = {}
        self._waiting: dict[Key, tuple[int, Event]] = {}
        self._kinds: dict[tuple[str, str], int] = {}

    def __len__(self) -> int:
        return len(self._totals)

    def complete(
        self, snapshot: Snapshot, outcomes: Iterable[Outcome], present: Mapping[Key, object]
    ) -> None:
        """Add what was heard, and write the totals into the rows.

        `present` has a marker for each object that is present; a recreated object has a new one.
        """
        heard = [outcome for outcome in outcomes if outcome.events is not None]
        self._forget(present)
        for outcome in heard:
            self._add(outcome.events or Events("", False), present, snapshot.joined)
        self._settle(present)
        snapshot.listenings = [
            Listening(outcome.target, outcome.events.connected, outcome.events.gaps)
            for outcome in heard
            if outcome.events is not None
        ]
        self._write(snapshot, _coverage(heard, snapshot.joined))
        snapshot.event_kinds = [
            EventKind(cluster, kind, self._kinds[cluster, kind])
            for cluster, kind in sorted(self._kinds)
        ]

    def _forget(self, present: Mapping[Key, object]) -> None:
        for key, (token, _) in list(self._totals.items()):
            if present.get(key) is not token:
                del self._totals[key]

    def _add(self, events: Events, present: Mapping[Key, object], joined: Joined) -> None:
        for kind in KINDS if events.cluster else ():
            self._kinds.setdefault((events.cluster, kind), 0)
        for kind, count in events.kinds.items():
            place = (events.cluster, kind)
            self._kinds[place] = self._kinds.get(place, 0) + count
        for key, event in events.objects.items():
            full = _place(events.cluster, key, present, joined)
            _, waiting = self._waiting.get(full, (0, Event()))
            self._waiting[full] = (PATIENCE, _sum(waiting, event))

    def _settle(self, present: Mapping[Key, object]) -> None:
        """Add the events to their objects. Events of an object that was not seen yet wait a little."""
        waiting = {}
        for key, (patience, event) in self._waiting.items():
            if key in present:
                fresh = (present[key], Totals())
                self._totals.setdefault(key, fresh)[1].add(event)
            elif patience > 0:
                waiting[key] = (patience - 1, event)
        self._waiting = waiting

    def _write(self, snapshot: Snapshot, coverage: Mapping[Key, frozenset[str]]) -> None:
        silence: dict[frozenset[str], Heard] = {}
        for consumer in snapshot.consumers:
            heard = _heard_of(coverage, consumer.cluster, consumer.account_id)
            if not heard:
                continue
            found = self._totals.get(consumer.key)
            sampled = (
                "acks" in heard and consumer.settings is not None and consumer.settings.sampled
            )
            if found is None and not sampled:
                if heard not in silence:
                    silence[heard] = _row(NOTHING, heard, sampled=False)
                consumer.heard = silence[heard]
            else:
                consumer.heard = _row(found[1] if found else NOTHING, heard, sampled=sampled)
        for stream in snapshot.streams:
            if "quorum_lost" in _heard_of(coverage, stream.cluster, stream.account_id):
                found = self._totals.get(stream.key)
                stream.quorum_lost = found[1].quorum_lost if found else 0


def _coverage(heard: Sequence[Outcome], joined: Joined) -> dict[Key, frozenset[str]]:
    """Which events are heard, by cluster and account, including the clusters behind gateways."""
    coverage: dict[Key, frozenset[str]] = {}
    for outcome in heard:
        if outcome.events is None:
            continue
        for account, names in outcome.events.hears.items():
            for cluster in _reached(outcome.events.cluster, joined):
                place = (cluster, account)
                coverage[place] = coverage.get(place, frozenset()) | names
    return coverage


def _heard_of(coverage: Mapping[Key, frozenset[str]], cluster: str, account: str) -> frozenset[str]:
    nothing: frozenset[str] = frozenset()
    mine = coverage.get((cluster, account), nothing)
    everybody = coverage.get((cluster, "*"), nothing)
    return mine | everybody if everybody else mine


def _row(totals: Totals, heard: frozenset[str], *, sampled: bool) -> Heard:
    counts = totals.ack_counts or ([0] * (len(BOUNDS) + 1) if sampled else None)
    return Heard(
        max_deliveries=totals.max_deliveries if "max_deliveries" in heard else None,
        naks=totals.naks if "naks" in heard else None,
        terminations=totals.terminations if "terminations" in heard else None,
        excess=totals.excess if "excess" in heard else None,
        quorum_lost=totals.quorum_lost if "quorum_lost" in heard else None,
        ack_times=Histogram(BOUNDS, tuple(counts), totals.ack_sum)
        if counts and "acks" in heard
        else None,
    )


def _reached(cluster: str, joined: Joined) -> list[str]:
    """The clusters whose events a connection to this one hears; this one comes first."""
    behind = {other for pair in joined if cluster in pair for other in pair}
    return [cluster, *sorted(behind - {cluster})]


def _place(cluster: str, key: Key, present: Mapping[Key, object], joined: Joined) -> Key:
    """Where the object is: in the cluster of the connection, or in one behind its gateways."""
    places = [(reached, *key) for reached in _reached(cluster, joined)]
    return next((place for place in places if place in present), places[0])


def _sum(one: Event, other: Event) -> Event:
    return Event(
        one.max_deliveries + other.max_deliveries,
        one.naks + other.naks,
        one.terminations + other.terminations,
        one.excess + other.excess,
        one.quorum_lost + other.quorum_lost,
        one.ack_times + other.ack_times,
    )
