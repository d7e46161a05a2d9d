"""A snapshot, looked up: what the conditions ask of it more than once."""

import re
from collections.abc import Hashable, Iterator, Mapping, Sequence
from functools import cached_property
from itertools import groupby
from operator import attrgetter
from typing import NamedTuple

from jetstream_exporter.report import EventCounts
from jetstream_exporter.snapshot import Consumer, Server, Snapshot, Stream
from jetstream_exporter.snapshot.rows import NO_LAG, Lag

# Their consumers are watchers and sleeping sessions, whose backlog says nothing (`backlog_streams` of the rules).
BUCKETS = re.compile(r"(?:KV|OBJ)_.+|[$]MQTT_.+")
StreamKey = tuple[str, str, str]  # cluster, account, stream
CATCHES_UP = 600.0  # seconds after its start in which a server may read its store and catch up


class Object(NamedTuple):
    """What a finding is about, by its labels: `names` are the values of the identity of its kind."""

    kind: str
    names: tuple[str, ...]

    @property
    def name(self) -> str:
        return self.names[-1] if self.names else ""


class Seen(NamedTuple):
    """A condition that holds at one object now.

    `since` is how long it has held for sure, by what the servers themselves say: a time. `mark` must stay the same, or
    the condition begins anew. `labels` are those besides the object's identity.
    """

    object: Object
    value: float = 0.0
    since: float | None = None
    mark: Hashable = None
    labels: tuple[tuple[str, str], ...] = ()


def of_cluster(name: str) -> Object:
    return Object("cluster", (name,))


def of_server(row: Server) -> Object:
    return Object("server", (row.cluster, row.name))


def of_stream(row: Stream) -> Object:
    return Object("stream", (row.cluster, row.account, row.name))


def of_consumer(row: Consumer) -> Object:
    return Object("consumer", (row.cluster, row.account, row.stream, row.name))


class Backlog(NamedTuple):
    """What a consumer had to do at a time, and how much it had delivered until then."""

    time: float
    pending: int
    deliveries: int | None


# A consumer with a message that waits, and for how many seconds.
Late = tuple[Consumer, Object, float]
History = tuple[Backlog, ...]


class Facts:
    """One snapshot and the time of it; `refused` is when a client last refused a message of a consumer.

    Who judges lateness gives what is `late`, and the `histories` of that.
    """

    def __init__(
        self,
        snapshot: Snapshot,
        now: float,
        refused: Mapping[Object, float] | None = None,
        *,
        late: Sequence[Late] = (),
        histories: Mapping[Object, History] | None = None,
    ) -> None:
        self.snapshot = snapshot
        self.now = now
        self.refused = refused or {}
        self.late = late
        self.histories = histories or {}

    @cached_property
    def without_meta_leader(self) -> frozenset[str]:
        """Clusters whose meta group has no leader."""
        return frozenset(row.cluster for row in self.snapshot.metas if row.has_leader is False)

    @cached_property
    def streams(self) -> Mapping[StreamKey, Stream]:
        return {(row.cluster, row.account, row.name): row for row in self.snapshot.streams}

    @cached_property
    def servers(self) -> Mapping[str, list[Server]]:
        """The servers of each cluster."""
        found: dict[str, list[Server]] = {}
        for row in self.snapshot.servers:
            found.setdefault(row.cluster, []).append(row)
        return found

    @cached_property
    def down(self) -> frozenset[tuple[str, str]]:
        """Cluster and name of each server that did not answer."""
        return frozenset((row.cluster, row.name) for row in self.snapshot.servers if not row.up)

    @cached_property
    def just_started(self) -> frozenset[tuple[str, str]]:
        """Cluster and name of each server that may still read its store and catch up."""
        return frozenset(
            (row.cluster, row.name)
            for row in self.snapshot.servers
            if row.process is not None
            and row.process.start is not None
            and self.now - row.process.start < CATCHES_UP
        )

    @cached_property
    def current_in_meta(self) -> Mapping[tuple[str, str], bool]:
        """Of each member of a meta group besides its leader, whether the leader calls it current."""
        return {
            (peer.cluster, peer.server): peer.current
            for meta in self.snapshot.metas
            for peer in meta.members
        }

    @cached_property
    def unmonitored_streams(self) -> frozenset[StreamKey]:
        return frozenset(
            key
            for key, row in self.streams.items()
            if row.settings is not None and row.settings.monitored is False
        )

    @cached_property
    def busy(self) -> Sequence[Consumer]:
        """The consumers with unfinished messages."""
        return [row for row in self.snapshot.consumers if row.pending or row.ack_pending]

    @cached_property
    def leaderless(self) -> Sequence[Consumer]:
        return [row for row in self.snapshot.consumers if row.raft.has_leader is False]

    @cached_property
    def redelivering(self) -> Sequence[Consumer]:
        return [row for row in self.snapshot.consumers if row.redelivered]

    @cached_property
    def with_events(self) -> Sequence[Consumer]:
        return [row for row in self.snapshot.consumers if row.events is not None]

    @cached_property
    def events(self) -> Mapping[Object, EventCounts]:
        """What events said of each consumer whose events are received."""
        return {of_consumer(row): row.events for row in self.with_events if row.events is not None}

    @cached_property
    def with_thresholds(self) -> Sequence[Consumer]:
        return [
            row
            for row in self.snapshot.consumers
            if row.settings is not None and row.settings.metadata.thresholds
        ]

    @cached_property
    def reported_consumers(self) -> frozenset[tuple[str, ...]]:
        """Cluster, account, stream and consumer of each one whose leader reports its numbers."""
        return frozenset(
            (row.cluster, row.account, row.stream, row.name)
            for row in self.snapshot.consumers
            if row.pending is not None
        )

    def is_gone(self, key: Object) -> bool:
        """Whether a stream or consumer is missing, or has no leader that reports its numbers."""
        if key.kind == "consumer":
            return key.names not in self.reported_consumers
        if key.kind != "stream":
            return False
        row = self.streams.get((key.names[0], key.names[1], key.names[2]))
        return row is None or row.figures is None

    def by_stream(self) -> Iterator[tuple[Stream | None, list[Consumer]]]:
        """The consumers of each stream together; they are sorted by it."""
        for key, rows in groupby(
            self.snapshot.consumers, attrgetter("cluster", "account", "stream")
        ):
            yield self.streams.get(key), list(rows)

    def watched_streams(self) -> Iterator[Stream]:
        """The streams that may raise alerts."""
        for key, row in self.streams.items():
            if key not in self.unmonitored_streams:
                yield row

    def is_watched(self, row: Consumer) -> bool:
        """Whether a consumer may raise alerts."""
        own = row.settings is None or row.settings.monitored is not False
        return own and (row.cluster, row.account, row.stream) not in self.unmonitored_streams

    @cached_property
    def lags(self) -> Mapping[Object, Lag]:
        """Of the consumers that have any."""
        pairs = zip(self.snapshot.consumers, self.snapshot.lags, strict=False)
        return {of_consumer(row): lag for row, lag in pairs if lag is not NO_LAG}

    def lag_of(self, row: Consumer) -> Lag:
        return self.lags.get(of_consumer(row), NO_LAG)

    def stream_of(self, row: Consumer) -> Stream | None:
        return self.streams.get((row.cluster, row.account, row.stream))


def has_backlog(stream: str) -> bool:
    """Whether a backlog of this stream's consumers says anything."""
    return BUCKETS.fullmatch(stream) is None
