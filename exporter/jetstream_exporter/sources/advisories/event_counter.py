"""Counts each event once, by the stream or consumer that it is about.

Whoever may publish in an account can send events of any content. So everything that is kept is bounded for each account
by itself: a flood in one costs no other account an event.
"""

import threading
from collections import Counter, OrderedDict
from hashlib import blake2b

import msgspec

from jetstream_exporter.report import EventBatch, EventCounts, Refusal
from jetstream_exporter.sources.advisories.subjects import (
    COUNTED,
    DELIVERED,
    EVENT_KINDS,
    OTHER,
    TYPE,
)
from jetstream_exporter.wire import Advisory

REMEMBERED = 50_000  # events of an account, to know one that comes by two connections or twice
IN_EXCESS = 100_000  # messages of an account whose excess deliveries are followed at the same time
OBJECTS = 50_000  # objects of an account that are counted between two scrapes
ACCOUNTS = 10_000
LONGEST_NAME = 256  # bytes; servers allow 255 (JSMaxNameLen, jetstream.go)
SECOND = 1_000_000_000  # ns


class _Account(msgspec.Struct):
    """What is remembered of one account's events."""

    ids: OrderedDict[bytes, None] = msgspec.field(default_factory=OrderedDict)  # digests
    # Deliveries by stream, consumer and stream sequence.
    streams: OrderedDict[str, OrderedDict[str, OrderedDict[int, int]]] = msgspec.field(
        default_factory=OrderedDict
    )
    followed: int = 0  # messages in `streams`

    def is_known(self, identity: str) -> bool:
        digest = blake2b(identity.encode("utf-8", "surrogatepass"), digest_size=16).digest()
        if digest in self.ids:
            return True
        self.ids[digest] = None
        if len(self.ids) > REMEMBERED:
            self.ids.popitem(last=False)
        return False

    def excess(self, event: Advisory, excess_after: int) -> int:
        """The message's deliveries above the configured number that were not counted yet.

        An event says how often its message was delivered so far, so deliveries between two events
        that had none of their own are in the difference. Each kind has a subscription of its own, so
        the last event of a message can be received before the one before it: even then it is not forgotten.
        """
        if event.deliveries <= excess_after:
            return 0
        consumers = self.streams.setdefault(event.stream, OrderedDict())
        messages = consumers.setdefault(event.consumer, OrderedDict())
        known = messages.pop(event.stream_seq, None)
        before = excess_after if known is None else known
        messages[event.stream_seq] = max(before, event.deliveries)
        self.followed += known is None
        if self.followed > IN_EXCESS:
            self._forget_oldest()
        return max(0, event.deliveries - before)

    def _forget_oldest(self) -> None:
        """Forget one message, of the stream and the consumer whose first event is the oldest."""
        stream, consumers = next(iter(self.streams.items()))
        consumer, messages = next(iter(consumers.items()))
        messages.popitem(last=False)
        self.followed -= 1
        if not messages:
            del consumers[consumer]
        if not consumers:
            del self.streams[stream]

    def forget(self, event: Advisory) -> None:
        """Forget the messages of a stream or consumer that was created or deleted: its sequences begin again."""
        if event.action not in ("create", "delete"):
            return
        consumers = self.streams.get(event.stream, OrderedDict())
        for name in [event.consumer] if event.consumer else list(consumers):
            self.followed -= len(consumers.pop(name, ()))
        if not consumers:
            self.streams.pop(event.stream, None)


class EventCounter:
    """The events of one cluster since they were last taken; shared by all connections to it.

    Events are added on the event loop and taken in a thread, by whoever adds them to the totals: a collection that is
    given up before that has taken nothing. `taken` says how often that happened, so that a source knows which of its
    events are in the totals: those that were added when `taken` was lower than it is now.
    """

    def __init__(self) -> None:
        self.taken = 0
        self._lock = threading.Lock()
        self._batch = EventBatch()
        self._objects: Counter[str] = Counter()  # in the batch, by account
        self._accounts: OrderedDict[str, _Account] = OrderedDict()

    def take(self) -> EventBatch:
        """Return what was counted, and begin at 0 again."""
        with self._lock:
            batch, self._batch = self._batch, EventBatch()
            self._objects.clear()
            self.taken += 1
        return batch

    def refuse(self, reason: Refusal) -> None:
        """Count an event that cannot be used."""
        with self._lock:
            self._batch.refuse(reason)

    def add(self, event: Advisory, account: str, excess_after: int) -> bool:
        """Count an event of an account. False if it was refused, or a copy of it was counted before."""
        for name in (account, event.stream, event.consumer):
            if len(name) > LONGEST_NAME or len(name.encode("utf-8", "replace")) > LONGEST_NAME:
                self.refuse("name_too_long")
                return False
        with self._lock:
            return self._add(event, account, excess_after)

    def _add(self, event: Advisory, account: str, excess_after: int) -> bool:
        past = self._account(account)
        if event.id and past.is_known(event.id):
            return False
        kind = kind_of(event.type)
        self._batch.kinds[kind] = self._batch.kinds.get(kind, 0) + 1
        if kind in ("consumer_action", "stream_action"):
            past.forget(event)
        field = COUNTED.get(kind)
        if field is None or not event.stream:
            return True
        counts = self._counts(event, account)
        if counts is None:
            self._batch.refuse("too_many_objects")
            return False
        if field == "ack_times":
            counts.observe_ack(event.ack_time / SECOND)
        else:
            counts.increase(field)
        if kind in DELIVERED:
            counts.increase("excess", past.excess(event, excess_after))
        return True

    def _account(self, name: str) -> _Account:
        account = self._accounts.pop(name, None) or _Account()
        self._accounts[name] = account
        if len(self._accounts) > ACCOUNTS:
            self._accounts.popitem(last=False)
        return account

    def _counts(self, event: Advisory, account: str) -> EventCounts | None:
        """The object's counts; None where the account has too many objects."""
        key = (account, event.stream, *([event.consumer] if event.consumer else []))
        found = self._batch.objects.get(key)
        if found is None and self._objects[account] < OBJECTS:
            self._objects[account] += 1
            found = self._batch.objects[key] = EventCounts()
        return found


def kind_of(name: str) -> str:
    """`max_deliver` of `io.nats.jetstream.advisory.v1.max_deliver`; what no version has is `other`."""
    kind = name.rpartition(".")[2] if name.startswith(TYPE) else ""
    return kind if kind in EVENT_KINDS else OTHER
