"""A stream and its consumers as nats-server keeps them, with the true time of every message: the oracle of lag."""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from jetstream_exporter.snapshot.incarnation import Incarnation
from jetstream_exporter.snapshot.rows import NO_LAG, Consumer, ConsumerSettings, Lag, Raft
from jetstream_exporter.state.lag import StreamLag
from jetstream_exporter.state.stream_view import StreamView

SUBJECTS = "abcd"
RAFT = Raft("n1", None, "n1", 1, True, True)


def observe(
    lag: StreamLag, stream: StreamView, consumers: Sequence[Consumer], *args: Any, **kwargs: Any
) -> dict[str, Lag]:
    """`StreamLag.observe`: the lag of each consumer that has any, by name."""
    said = lag.observe(stream, consumers, *args, **kwargs)
    pairs = zip(consumers, said, strict=True)
    return {row.name: each for row, each in pairs if each is not NO_LAG}


def consumer_row(
    name: str,
    *,
    delivered: int = 0,
    floor: int = 0,
    deliveries: int = 0,
    pending: int | None = 0,
    ack_pending: int | None = 0,
    filters: str | None = None,
    acknowledges: bool = True,
    created: float = 1.0,
) -> Consumer:
    """A row as a merge gives it; `filters` None is no filter."""
    settings = ConsumerSettings(
        durable=True,
        push=False,
        filtered=filters is not None,
        ack_policy="explicit" if acknowledges else "none",
        deliver_policy="all",
        ack_wait=30.0,
        max_deliver=None,
        max_ack_pending=1000,
        max_waiting=512,
        filters=hash(filters),
    )
    return Consumer(
        "C",
        "A",
        "A",
        "S",
        name,
        ("C", "A", "S", name),
        Incarnation(created, ""),
        RAFT,
        settings,
        pending=pending,
        ack_pending=ack_pending,
        delivered_sequence=delivered,
        ack_floor_sequence=floor,
        deliveries=deliveries,
    )


@dataclass
class ModelConsumer:
    """Delivery and acknowledgement as consumer.go keeps them."""

    subjects: str | None  # None is no filter
    acknowledges: bool = True
    delivered: int = 0
    floor: int = 0
    deliveries: int = 0
    finished: int = 0
    created: float = 1.0
    wanted: str = ""  # subjects of earlier filters
    # With the deliver policy last_per_subject: what is delivered first, the sequence after which all is, and what the
    # server counts as pending, which it does message by message.
    skip_list: list[int] | None = None
    resume: int = 0
    counted: int = 0
    unacknowledged: dict[int, int] = field(
        default_factory=dict
    )  # sequence: number of its last delivery

    def matches(self, subject: str) -> bool:
        return self.subjects is None or subject in self.subjects


@dataclass
class ModelStream:
    """Messages by sequence, in rising order: when they were stored and their subject."""

    rng: random.Random
    retention: str = "limits"
    max_messages: int | None = None
    messages: dict[int, tuple[float, str]] = field(default_factory=dict)
    last: int = 0
    last_stored: float = 0.0
    head: int = 1
    consumers: dict[str, ModelConsumer] = field(default_factory=dict)
    one_of_each: bool = False  # max_msgs_per_subject is 1
    is_mirror: bool = False
    expires: bool = False  # messages have times to live of their own
    skew: int = 0  # seconds by which the leader's clock is ahead

    def clock(self, now: float) -> float:
        """What the leader's clock says then."""
        return now + self.skew

    def elect(self, skew: int) -> None:
        self.skew = skew

    def publish(self, now: float) -> None:
        """A mirror gets what its origin stored some time ago. Times of one stream never fall."""
        stored = now - self.rng.random() * 20 if self.is_mirror else self.clock(now)
        self.last += 1
        self.last_stored = max(self.last_stored, stored)
        subject = self.rng.choice(SUBJECTS)
        if self.one_of_each:
            for sequence in [each for each, (_, of) in self.messages.items() if of == subject]:
                self.remove(sequence)
        self.messages[self.last] = (self.last_stored, subject)
        for consumer in self.consumers.values():
            consumer.counted += consumer.matches(subject)
        while self.max_messages is not None and len(self.messages) > self.max_messages:
            self.remove(self.first)

    @property
    def first(self) -> int:
        return next(iter(self.messages), self.last + 1)

    def remove(self, sequence: int) -> None:
        """Delete a message; a consumer that holds it is done with it."""
        _, subject = self.messages.pop(sequence, (0.0, ""))
        for consumer in self.consumers.values():
            if sequence > consumer.delivered and consumer.matches(subject):
                consumer.counted = max(0, consumer.counted - 1)
            if sequence in consumer.unacknowledged:
                self._finish(consumer, sequence)

    def purge(self, below: int) -> None:
        for sequence in [each for each in self.messages if each < below]:
            self.remove(sequence)
        for consumer in self.consumers.values():
            if self.first - 1 > consumer.delivered:
                consumer.delivered = self.first - 1
                if not consumer.unacknowledged:
                    consumer.floor = consumer.delivered

    def recreate(self, name: str, now: float) -> None:
        """Under the same name, for some other subjects.

        It begins with the first message, the last, the next (deliver policy new), or one of a sequence or a time, which
        may be ahead of the stream.
        """
        start = self.rng.choice(
            [0, self.last, max(0, self.last - 1), self.rng.randint(0, self.last + 3)]
        )
        subjects = self.rng.choice([None, "a", "ab", "cd"])
        self.consumers[name] = ModelConsumer(
            subjects, delivered=start, floor=start, created=1.0 + now
        )

    def lose_store(self) -> None:
        """A server that kept it in memory alone restarts: it and its consumers begin anew, created when they were."""
        self.messages, self.last = {}, 0
        for name, each in self.consumers.items():
            self.consumers[name] = ModelConsumer(
                each.subjects, each.acknowledges, created=each.created
            )

    def change_filter(self, name: str) -> None:
        consumer = self.consumers[name]
        consumer.wanted += consumer.subjects or ""
        consumer.subjects = self.rng.choice(["a", "ab", "bcd", "d"])

    def start_last_per_subject(self, name: str, subjects: str, created: float) -> None:
        """selectStartingSeqNo of consumer.go."""
        newest = {subject: sequence for sequence, (_, subject) in sorted(self.messages.items())}
        listed = sorted(each for subject, each in newest.items() if subject in subjects)
        start = (listed[0] if listed else self.last + 1) - 1
        self.consumers[name] = ModelConsumer(
            subjects,
            delivered=start,
            floor=start,
            created=created,
            skip_list=listed,
            resume=self.last,
        )
        self.count_again(self.consumers[name])

    def count_again(self, consumer: ModelConsumer) -> None:
        """A new leader counts one message for each subject."""
        waiting = self.messages.items()
        subjects = {of for each, (_, of) in waiting if each > consumer.delivered}
        consumer.counted = sum(map(consumer.matches, subjects))

    def lose_skip_list(self, consumer: ModelConsumer) -> None:
        """After a restart of its server a consumer gets all that follows."""
        if consumer.skip_list is not None:
            consumer.skip_list = []
            self.count_again(consumer)

    def waiting(self, consumer: ModelConsumer, above: int) -> list[int]:
        if consumer.skip_list and above == consumer.delivered:
            listed = [each for each in consumer.skip_list if each in self.messages]
            return listed + self.matching(consumer, max(above, consumer.resume))
        return self.matching(consumer, above)

    def matching(self, consumer: ModelConsumer, above: int) -> list[int]:
        return list(self._matching(consumer, above))

    def _matching(self, consumer: ModelConsumer, above: int) -> Iterator[int]:
        subjects = consumer.subjects
        for sequence, (_, subject) in self.messages.items():
            if sequence > above and (subjects is None or subject in subjects):
                yield sequence

    def first_waiting(self, consumer: ModelConsumer, above: int) -> int | None:
        """The first of those that are waiting, without a look at the others."""
        if consumer.skip_list:
            return next(iter(self.waiting(consumer, above)), None)
        return next(self._matching(consumer, above), None)

    def deliver(self, consumer: ModelConsumer) -> None:
        sequence = self.first_waiting(consumer, consumer.delivered)
        if sequence is None:
            return
        consumer.deliveries += 1
        consumer.counted = max(0, consumer.counted - 1)
        consumer.delivered = sequence
        if consumer.skip_list:
            consumer.skip_list = [each for each in consumer.skip_list if each > sequence]
            if not consumer.skip_list:
                consumer.delivered = max(consumer.resume, sequence)
        if consumer.acknowledges:
            consumer.unacknowledged[sequence] = consumer.deliveries
        else:
            consumer.floor, consumer.finished = consumer.delivered, consumer.deliveries

    def redeliver(self, consumer: ModelConsumer) -> None:
        """After a negative acknowledgement, or when its time was up."""
        if consumer.unacknowledged:
            consumer.deliveries += 1
            consumer.unacknowledged[self.rng.choice(list(consumer.unacknowledged))] = (
                consumer.deliveries
            )

    def acknowledge(self, consumer: ModelConsumer) -> None:
        if not consumer.unacknowledged:
            return
        sequence = self.rng.choice(sorted(consumer.unacknowledged)[:3])
        self._finish(consumer, sequence)
        if self.retention == "workqueue" or (
            self.retention == "interest" and self._is_finished_by_all(sequence)
        ):
            self.messages.pop(sequence, None)

    def _is_finished_by_all(self, sequence: int) -> bool:
        subject = self.messages.get(sequence, (0.0, ""))[1]
        return all(
            sequence <= each.delivered and sequence not in each.unacknowledged
            for each in self.consumers.values()
            if each.matches(subject)
        )

    def _finish(self, consumer: ModelConsumer, sequence: int) -> None:
        """processAckMsg of consumer.go, for explicit acknowledgement."""
        number = consumer.unacknowledged.pop(sequence)
        if not consumer.unacknowledged:
            consumer.finished, consumer.floor = consumer.deliveries, consumer.delivered
        elif number == consumer.finished + 1:
            consumer.finished, consumer.floor = number, sequence
            for other in sorted(consumer.unacknowledged):
                if other > sequence:
                    consumer.finished = consumer.unacknowledged[other] - 1
                    consumer.floor = other - 1
                    break

    def view(self, now: float) -> StreamView:
        first = self.first
        return StreamView(
            first=first,
            last=self.last,
            messages=len(self.messages),
            deleted=self.last - first + 1 - len(self.messages),
            first_stored=self.messages[first][0] if self.messages else None,
            last_stored=self.last_stored if self.messages else None,
            read=self.clock(now),
            by_limits=self.retention == "limits",
            is_shared=self.retention == "interest",
            server=str(self.skew),
            is_mirror=self.is_mirror,
            expires=self.expires,
            evicts=self.max_messages is not None,
        )

    def consumer_rows(self) -> list[Consumer]:
        return [
            consumer_row(
                name,
                delivered=each.delivered,
                floor=each.floor,
                deliveries=each.deliveries,
                pending=self.pending(each),
                ack_pending=len(each.unacknowledged),
                filters=each.subjects,
                acknowledges=each.acknowledges,
                created=each.created,
            )
            for name, each in self.consumers.items()
        ]

    def pending(self, consumer: ModelConsumer) -> int:
        """checkNumPending of consumer.go."""
        if consumer.skip_list is None:
            return len(self.waiting(consumer, consumer.delivered))
        return max(0, min(consumer.counted, len(self.messages), self.last - consumer.delivered))

    def oldest_pending(self, consumer: ModelConsumer) -> float | None:
        """When the first message that the consumer did not get yet was stored."""
        if consumer.skip_list:
            return self._stored(min(self.waiting(consumer, consumer.delivered), default=None))
        return self._stored(self.first_waiting(consumer, consumer.delivered))

    def oldest_unfinished(self, consumer: ModelConsumer) -> float | None:
        """When the first message above its floor was stored; it may have wanted others before."""
        wanted = (
            sequence
            for sequence, (_, subject) in self.messages.items()
            if sequence > consumer.floor
            and (consumer.matches(subject) or subject in consumer.wanted)
        )
        return self._stored(next(wanted, None))

    def _stored(self, sequence: int | None) -> float | None:
        return None if sequence is None else self.messages[sequence][0]
