"""Rows of consumers, and what events said of them."""

from collections.abc import Sequence

import msgspec

from jetstream_exporter.report import EventCounts
from jetstream_exporter.snapshot.incarnation import Incarnation
from jetstream_exporter.snapshot.rows.metadata import NO_METADATA, ObjectMetadata
from jetstream_exporter.snapshot.rows.raft import Raft
from jetstream_exporter.snapshot.rows.row import Row


class Lag(msgspec.Struct, frozen=True, gc=False):
    """Times by which messages were stored: the oldest not delivered yet, the first above the acknowledgement floor.

    By that many seconds the first may be earlier (`pending_error`), and the second. None is unknown, or that there is
    no such message.
    """

    pending: float | None = None
    pending_error: float | None = None
    unacknowledged: float | None = None
    unacknowledged_error: float | None = None


NO_LAG = Lag()

ConsumerKey = tuple[str, str, str, str]  # cluster, account id, stream, consumer


class PinnedGroup(Row, frozen=True):
    """A priority group that one pinned client serves, since when."""

    name: str
    since: float | None


class ConsumerSettings(Row, frozen=True):
    """A consumer's configuration; None is unlimited."""

    durable: bool
    push: bool
    filtered: bool
    ack_policy: str
    deliver_policy: str
    ack_wait: float | None
    max_deliver: int | None
    max_ack_pending: int | None
    max_waiting: int | None
    replicas: int = 0  # 0 is the stream's number
    sampled: bool = False
    backoff_max: float | None = None  # seconds; None without a backoff
    backoff_steps: int | None = None
    inactive_threshold: float | None = None  # seconds; None where it is never removed
    role: str = ""  # mirror or source: the consumer by which another stream copies this one
    monitored: bool | None = None  # as the operator's metadata says; None where nothing is said
    metadata: ObjectMetadata = NO_METADATA
    pinned_groups: int = 0  # priority groups that serve one pinned client each
    filters: int = 0  # tells one set of filter subjects from another

    def __hash__(self) -> int:
        """Nobody changes settings once they were read; those that are alike have the same labels."""
        return hash((self.ack_policy, self.deliver_policy, self.durable, self.push, self.filtered))


class Consumer(Row, frozen=True):
    """A consumer. The figures are its leader's, and None while it has none.

    `pending` can be None by itself: the first figure of a new leader may be wrong and is left out. `key`, `incarnation`
    and `settings` are the same objects in every scrape until they change, so that comparing them costs next to nothing.
    """

    cluster: str
    account: str
    account_id: str
    stream: str
    name: str
    key: ConsumerKey
    incarnation: Incarnation
    raft: Raft
    settings: ConsumerSettings | None
    pending: int | None = None
    ack_pending: int | None = None
    redelivered: int | None = None
    ack_floor_lag: int | None = None
    delivered_sequence: int | None = None
    ack_floor_sequence: int | None = None
    deliveries: int | None = None
    acknowledged: int | None = None
    waiting_pulls: int | None = None
    push_bound: bool | None = None
    paused: bool | None = None
    pause_remaining: float | None = None  # seconds; None while it is not paused
    unpinned_groups: int | None = None  # of the pinned groups; None where there are none
    pinned: Sequence[PinnedGroup] = ()
    last_delivery: float | None = None
    last_ack: float | None = None
    unsupported: str | None = None  # why this version of the server does not serve it
    events: EventCounts | None = None  # None while nobody listens
    recreated_lately: bool = False  # within half an hour, as the exporter saw
