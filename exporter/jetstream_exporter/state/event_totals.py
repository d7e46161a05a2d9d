"""Adds up what events said of streams and consumers, for as long as the objects are there."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence, Set

import msgspec

from jetstream_exporter.config.shard import WHOLE, Shard
from jetstream_exporter.report import REFUSALS, EventBatch, EventCounts, Events, Histogram, Outcome
from jetstream_exporter.snapshot import Consumer, Snapshot, Stream
from jetstream_exporter.snapshot.gateways import with_joined
from jetstream_exporter.snapshot.rows import EventKind, EventRefusal, Listening

PATIENCE = 3  # collections in which an object of which an event spoke may turn up
WAITING = 50_000  # objects of one account that may wait for that
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
    "stream_batch_abandoned",
)  # shown from the start; others once they were received
SERVER_KINDS = (
    "api_limit_reached",
    "server_out_of_space",
    "server_removed",
    "meta_rescue",
)  # shown from the start where the system account's events are received

ObjectKey = tuple[str, ...]
Coverage = Mapping[ObjectKey, frozenset[str]]  # which fields are counted, by cluster and account
Joined = frozenset[frozenset[str]]  # pairs of clusters that are one JetStream
NOTHING = EventCounts()
EVERYBODY = "*"  # of a connection to the system account


class EventTotals:
    """One for a running configuration. Objects are named by cluster, account id, stream, and consumer if any."""

    def __init__(self) -> None:
        self._totals: dict[ObjectKey, tuple[object, EventCounts]] = {}
        self._waiting: dict[ObjectKey, tuple[int, EventCounts]] = {}
        self._kinds: dict[tuple[str, str], int] = {}
        self._refused: Counter[str] = Counter()
        self._maybe_removed: set[str] = set()  # clusters that another configuration may not have
        self._left = 0  # collections in which they may still be received

    def __len__(self) -> int:
        return len(self._totals)

    def reconfigured(self) -> None:
        """Forget the kinds of clusters that are not listened to any more, once a few collections have shown that."""
        self._maybe_removed, self._left = {cluster for cluster, _ in self._kinds}, PATIENCE

    def annotate(
        self,
        snapshot: Snapshot,
        outcomes: Iterable[Outcome],
        present: Mapping[ObjectKey, object],
        shard: Shard = WHOLE,
    ) -> Snapshot:
        """Add what was received. The snapshot with the totals.

        `present` has a marker for each object that is present; a recreated object has a new one. Events of accounts
        that `shard` does not read are in the kinds only.
        """
        received = [(outcome.target, outcome.events) for outcome in outcomes if outcome.events]
        self._forget(present)
        for _, events in received:
            self._show(events)
            batch = _of_shard(events.take(), shard)
            self._add(events.cluster, batch, present, snapshot.joined)
        self._settle(present)
        self._forget_kinds({events.cluster for _, events in received})
        coverage = _coverage([events for _, events in received], snapshot.joined)
        return msgspec.structs.replace(
            snapshot,
            consumers=self._consumers(snapshot.consumers, coverage),
            streams=self._streams(snapshot.streams, coverage),
            listenings=[
                Listening(target, events.connected, events.gaps) for target, events in received
            ],
            event_refusals=[
                EventRefusal(reason, self._refused[reason])
                for reason in (REFUSALS if received else ())
            ],
            event_kinds=[
                EventKind(cluster, kind, self._kinds[cluster, kind])
                for cluster, kind in sorted(self._kinds)
            ],
        )

    def _forget(self, present: Mapping[ObjectKey, object]) -> None:
        for key, (token, _) in list(self._totals.items()):
            if present.get(key) is not token:
                del self._totals[key]

    def _forget_kinds(self, clusters: Set[str]) -> None:
        if not self._maybe_removed:
            return
        self._maybe_removed -= clusters
        self._left -= 1
        if self._left <= 0:
            self._kinds = {
                key: n for key, n in self._kinds.items() if key[0] not in self._maybe_removed
            }
            self._maybe_removed = set()

    def _show(self, events: Events) -> None:
        """A count that is there at 0 before the first event: rules see the first one, too."""
        kinds = (*KINDS, *SERVER_KINDS) if EVERYBODY in events.counted else KINDS
        for kind in kinds if events.cluster else ():
            self._kinds.setdefault((events.cluster, kind), 0)

    def _add(
        self, cluster: str, batch: EventBatch, present: Mapping[ObjectKey, object], joined: Joined
    ) -> None:
        for kind, count in batch.kinds.items():
            place = (cluster, kind)
            self._kinds[place] = self._kinds.get(place, 0) + count
        self._refused.update(batch.refused)
        reached = with_joined(cluster, joined)  # whose events a connection to this one hears
        waiting_of_account = Counter(key[:2] for key in self._waiting)
        for key, counts in batch.objects.items():
            full = _place(reached, key, present)
            waiting = self._waiting.get(full)
            if waiting is None and full not in present:
                if waiting_of_account[full[:2]] >= WAITING:
                    self._refused["too_many_objects"] += 1
                    continue
                waiting_of_account[full[:2]] += 1
            self._waiting[full] = (PATIENCE, waiting[1] + counts if waiting else counts)

    def _settle(self, present: Mapping[ObjectKey, object]) -> None:
        """Add the events to their objects. Events of an object that was not seen yet wait a little."""
        waiting = {}
        for key, (patience, counts) in self._waiting.items():
            if key in present:
                _, before = self._totals.get(key, (None, NOTHING))
                self._totals[key] = (present[key], before + counts)
            elif patience > 0:
                waiting[key] = (patience - 1, counts)
        self._waiting = waiting

    def _consumers(self, consumers: Sequence[Consumer], coverage: Coverage) -> Sequence[Consumer]:
        if not coverage:
            return consumers
        silence: dict[frozenset[str], EventCounts] = {}
        rows = []
        for row in consumers:
            fields = _counted_fields(coverage, row.cluster, row.account_id)
            rows.append(self._consumer(row, fields, silence) if fields else row)
        return rows

    def _consumer(
        self, row: Consumer, fields: frozenset[str], silence: dict[frozenset[str], EventCounts]
    ) -> Consumer:
        """`silence` holds what consumers have of which no event spoke: one struct for all of them."""
        found = self._totals.get(row.key)
        sampled = "ack_times" in fields and row.settings is not None and row.settings.sampled
        if found is not None or sampled:
            events = _row(found[1] if found else NOTHING, fields, sampled=sampled)
        else:
            if fields not in silence:
                silence[fields] = _row(NOTHING, fields, sampled=False)
            events = silence[fields]
        return msgspec.structs.replace(row, events=events)

    def _streams(self, streams: Sequence[Stream], coverage: Coverage) -> Sequence[Stream]:
        return [
            msgspec.structs.replace(row, quorum_lost=self._quorum_lost(row))
            if "quorum_lost" in _counted_fields(coverage, row.cluster, row.account_id)
            else row
            for row in streams
        ]

    def _quorum_lost(self, row: Stream) -> int | None:
        found = self._totals.get(row.key)
        return found[1].quorum_lost if found else 0


def _of_shard(batch: EventBatch, shard: Shard) -> EventBatch:
    """The events with the objects of this shard alone: another's never turn up here, so they need not wait."""
    if not shard.is_divided:
        return batch
    objects = {key: counts for key, counts in batch.objects.items() if shard.holds(key[0])}
    return msgspec.structs.replace(batch, objects=objects)


def _coverage(received: Sequence[Events], joined: Joined) -> dict[ObjectKey, frozenset[str]]:
    """Which events are subscribed to, by cluster and account, including the clusters behind gateways."""
    coverage: dict[ObjectKey, frozenset[str]] = {}
    for events in received:
        for account, names in events.counted.items():
            for cluster in with_joined(events.cluster, joined):
                place = (cluster, account)
                coverage[place] = coverage.get(place, frozenset()) | names
    return coverage


def _counted_fields(
    coverage: Mapping[ObjectKey, frozenset[str]], cluster: str, account: str
) -> frozenset[str]:
    nothing: frozenset[str] = frozenset()
    mine = coverage.get((cluster, account), nothing)
    everybody = coverage.get((cluster, EVERYBODY), nothing)
    return mine | everybody if everybody else mine


def _row(totals: EventCounts, kinds: frozenset[str], *, sampled: bool) -> EventCounts:
    row = totals.only(kinds)
    if sampled and row.ack_times is None:
        row.ack_times = Histogram()
    return row


def _place(
    reached: Sequence[str], key: ObjectKey, present: Mapping[ObjectKey, object]
) -> ObjectKey:
    """Where the object is: in the cluster of the connection, which comes first, or in one behind its gateways."""
    places = [(cluster, *key) for cluster in reached]
    return next((place for place in places if place in present), places[0])
