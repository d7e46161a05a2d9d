"""Counts each event once, by the stream or consumer that it is about."""

from collections import OrderedDict

from jetstream_exporter.report import Event
from jetstream_exporter.wire import Advisory

REMEMBERED = 50_000  # ids of events, to know one that comes by two connections or twice
IN_EXCESS = 100_000  # messages whose excess deliveries are followed at the same time
OBJECTS = 200_000  # objects that are counted between two askings
TYPE = "io.nats.jetstream."
COUNTED = {
    "max_deliver": "max_deliveries",
    "nak": "naks",
    "terminated": "terminations",
    "stream_quorum_lost": "quorum_lost",
    "consumer_quorum_lost": "quorum_lost",
}
DELIVERED = ("max_deliver", "nak", "terminated", "consumer_ack")
# One end of a message's life among several: no client can make these names longer.
KINDS = frozenset(
    (
        *COUNTED,
        "consumer_ack",
        "stream_action",
        "consumer_action",
        "stream_leader_elected",
        "consumer_leader_elected",
        "domain_leader_elected",
        "consumer_pause",
        "consumer_group_pinned",
        "consumer_group_unpinned",
        "snapshot_create",
        "snapshot_complete",
        "restore_create",
        "restore_complete",
        "stream_batch_abandoned",
        "api_audit",
        "api_limit_reached",
        "server_out_of_space",
        "server_removed",
        "meta_rescue",
    )
)
OTHER = "other"

Consumer = tuple[str, str, str]  # account, stream, consumer


class Tally:
    """The events of one cluster since they were last taken; shared by all connections to it."""

    def __init__(self) -> None:
        self.kinds: dict[str, int] = {}
        self.objects: dict[tuple[str, ...], Event] = {}
        self._ids: OrderedDict[str, None] = OrderedDict()
        self._deliveries: dict[Consumer, OrderedDict[int, int]] = {}  # by stream sequence
        self._followed = 0  # messages in it

    def take(self) -> tuple[dict[str, int], dict[tuple[str, ...], Event]]:
        """Return what was counted, and begin at 0 again."""
        taken = self.kinds, self.objects
        self.kinds, self.objects = {}, {}
        return taken

    def add(self, event: Advisory, account: str, excess_after: int) -> None:
        """Count an event of an account, unless a copy of it was counted before."""
        if event.id and self._is_known(event.id):
            return
        kind = kind_of(event.type)
        self.kinds[kind] = self.kinds.get(kind, 0) + 1
        if kind in ("consumer_action", "stream_action"):
            self._forget(event, account)
        name = COUNTED.get(kind)
        if not event.stream or (name is None and kind != "consumer_ack"):
            return
        key = (account, event.stream, *([event.consumer] if event.consumer else []))
        counts = self._counts(key)
        if counts is None:
            return
        if name is not None:
            setattr(counts, name, getattr(counts, name) + 1)
        else:
            counts.ack_times.append(event.ack_time / 1e9)
        if kind in DELIVERED:
            counts.excess += self._excess(event, account, excess_after)

    def _is_known(self, identity: str) -> bool:
        if identity in self._ids:
            return True
        self._ids[identity] = None
        if len(self._ids) > REMEMBERED:
            self._ids.popitem(last=False)
        return False

    def _counts(self, key: tuple[str, ...]) -> Event | None:
        if key not in self.objects and len(self.objects) >= OBJECTS:
            return None
        return self.objects.setdefault(key, Event())

    def _excess(self, event: Advisory, account: str, excess_after: int) -> int:
        """The message's deliveries above the configured number that were not counted yet.

        An event says how often its message was delivered so far, so deliveries between two events
        that had none of their own are in the difference. Each kind has a subscription of its own, so
        the last event of a message can be heard before the one before it: even then it is not forgotten.
        """
        if event.deliveries <= excess_after:
            return 0
        key = (account, event.stream, event.consumer)
        followed = self._deliveries.setdefault(key, OrderedDict())
        known = followed.pop(event.stream_seq, None)
        before = excess_after if known is None else known
        followed[event.stream_seq] = max(before, event.deliveries)
        self._followed += known is None
        if self._followed > IN_EXCESS:
            self._forget_oldest()
        return max(0, event.deliveries - before)

    def _forget_oldest(self) -> None:
        """Forget one message, of the consumer whose first event is the oldest."""
        key, followed = next(iter(self._deliveries.items()))
        followed.popitem(last=False)
        self._followed -= 1
        if not followed:
            del self._deliveries[key]

    def _forget(self, event: Advisory, account: str) -> None:
        """Forget the messages of a stream or consumer that was created or deleted: its sequences begin again."""
        if event.action not in ("create", "delete"):
            return
        gone = [(account, event.stream, event.consumer)]
        if not event.consumer:
            gone = [key for key in self._deliveries if key[:2] == (account, event.stream)]
        for key in gone:
            self._followed -= len(self._deliveries.pop(key, ()))


def kind_of(name: str) -> str:
    """`max_deliver` of `io.nats.jetstream.advisory.v1.max_deliver`; what no version has is `other`."""
    kind = name.rpartition(".")[2] if name.startswith(TYPE) else ""
    return kind if kind in KINDS else OTHER
