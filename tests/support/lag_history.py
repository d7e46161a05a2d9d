"""Random histories of a stream and its consumers, scrape by scrape, with the truth beside what was said."""

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import msgspec
from tests.support.lag_lookups import ModelLookups
from tests.support.lag_model import ModelConsumer, ModelStream, observe

from jetstream_exporter.snapshot.rows import Consumer, Lag
from jetstream_exporter.state.lag import StreamLag

INTERVAL = 10.0
START = 1000.0
TOOK = 0.5  # seconds of a scrape; servers answer at any time of it
KINDS = (
    "limits",
    "evicting",
    "purged",
    "deletes inside",
    "one of each subject",
    "workqueue",
    "interest",
    "mirror",
    "elections",
    "consumers recreated",
    "filters changed",
    "last per subject",
    "memory lost",
    "workqueue with expiry",
    "interest with expiry",
)
# What happens between the scrapes alone: who is asked is one or the other, within one scrape.
AT_ONCE = ("consumers recreated", "filters changed", "elections", "last per subject", "memory lost")
Truth = tuple[float, ...]  # when the stream was read and when the consumer was
Said = tuple[float, float | None, Truth]


@dataclass
class Scrape:
    """What was said at one time of a history, and the times at which what waits had been stored."""

    now: float
    stream: ModelStream
    found: dict[str, Lag]
    pending: dict[str, Truth]
    above_floor: dict[str, Truth]

    def compared(self, name: str, said: Lag) -> Iterator[Said]:
        """By when something was stored, as it was said, by how much earlier it may be, and when it was."""
        for stored_by, error, truth in (
            (said.pending, said.pending_error, self.pending[name]),
            (said.unacknowledged, None, self.above_floor[name]),
        ):
            if stored_by is not None and truth:
                yield stored_by, error, truth


def scrapes(
    kind: str,
    seed: int,
    *,
    restarts: bool = False,
    looks_up: bool = False,
    overlaps: bool = False,
    most: int = 25,
) -> Iterator[Scrape]:
    """A random history of `most` scrapes or fewer. After a restart the exporter knows nothing.

    With `looks_up` some messages are looked up between scrapes, and what was found is told at each later one. With
    `overlaps` some scrapes are merged twice, others are followed by some that began before they ended, and in a third
    of the histories the source does not say when it read the stream.
    """
    rng = random.Random(f"{kind}{seed}{restarts}")
    stream, lag, now = stream_of(kind, rng), StreamLag(), START
    lookups = ModelLookups(stream, rng)
    for _ in range(rng.randint(3, most)):
        end = now + INTERVAL
        for _ in range(rng.choice([0, 0, 1, 3, 10])):
            now += rng.random() * (end - now) / 3
            act(kind, stream, rng, now)
            if looks_up:
                lookups.some(now)
        if restarts and rng.random() < 0.1:
            lag = StreamLag()
        is_timeless = overlaps and seed % 3 == 0
        again = overlaps and rng.random() < 0.5
        yield scrape(
            kind, stream, lag, rng, end, lookups=lookups, again=again, is_timeless=is_timeless
        )
        for number in range(rng.choice([0, 1, 1, 2]) if overlaps else 0):
            after = (
                0.35 + 0.3 * number
            ) * TOOK  # when all that happened during the one before is over
            yield scrape(
                kind, stream, lag, rng, end, lookups=lookups, after=after, is_timeless=is_timeless
            )
        now = end + TOOK


def scrape(
    kind: str,
    stream: ModelStream,
    lag: StreamLag,
    rng: random.Random,
    now: float,
    *,
    lookups: ModelLookups,
    after: float = 0.0,
    again: bool = False,
    is_timeless: bool = False,
) -> Scrape:
    """The stream is read at one moment of a scrape and the consumers at another, in any order.

    All that is read is read so many seconds `after` the scrape began, and merged `again` if so.
    """
    begun, now = now, now + after
    consumers_first = rng.random() < 0.3
    rows = stream.consumer_rows() if consumers_first else []
    pending, above_floor = {}, {}
    note(stream, pending, above_floor)
    began, moment = now, now
    if consumers_first:
        moment = some_acts(kind, stream, rng, moment)
        began = moment
        note(stream, pending, above_floor)
    view = msgspec.structs.replace(stream.view(began), until=stream.clock(began) + TOOK)
    if is_timeless:
        view = msgspec.structs.replace(view, read=None, until=None)
    if not consumers_first:
        some_acts(kind, stream, rng, moment)
        rows = stream.consumer_rows()
        note(stream, pending, above_floor)
    reported = [row if rng.random() < 0.95 else unled(row) for row in rows]
    found = observe(lag, view, reported, lookups.found(), begun + TOOK + after, begun=begun)
    if again:
        found = observe(lag, view, reported, lookups.found(), begun + TOOK + 0.01, begun=begun)
    return Scrape(stream.clock(now), stream, found, pending, above_floor)


def note(stream: ModelStream, pending: dict[str, Truth], above_floor: dict[str, Truth]) -> None:
    for name, each in stream.consumers.items():
        for place, truth in (
            (pending, stream.oldest_pending(each)),
            (above_floor, stream.oldest_unfinished(each)),
        ):
            place[name] = place.get(name, ()) + (() if truth is None else (truth,))


def unled(row: Consumer) -> Consumer:
    return msgspec.structs.replace(
        row, pending=None, ack_pending=None, delivered_sequence=None, deliveries=None
    )


def some_acts(kind: str, stream: ModelStream, rng: random.Random, now: float) -> float:
    if kind in AT_ONCE:
        kind = "limits"
    for _ in range(rng.choice([0, 0, 0, 1, 3])):
        now += rng.random() * TOOK / 10
        act(kind, stream, rng, now)
    return now


def stream_of(kind: str, rng: random.Random) -> ModelStream:
    retention = next((each for each in ("workqueue", "interest") if each in kind), "limits")
    evicts = kind == "evicting" or (kind == "memory lost" and rng.random() < 0.5)
    stream = ModelStream(rng, retention, max_messages=12 if evicts else None)
    stream.one_of_each = kind == "one of each subject"
    stream.is_mirror = kind == "mirror"
    stream.expires = kind.endswith("expiry")
    if retention == "workqueue":
        for subject in rng.sample("abcd", 3):
            stream.consumers[subject] = ModelConsumer(subject)
        if rng.random() < 0.4:
            stream.consumers = {"all": ModelConsumer(None)}
        return stream
    stream.consumers["all"] = ModelConsumer(None)
    stream.consumers["a"] = ModelConsumer("a")
    stream.consumers["ab"] = ModelConsumer("ab")
    stream.consumers["none"] = ModelConsumer(rng.choice([None, "cd"]), acknowledges=False)
    return stream


def act(kind: str, stream: ModelStream, rng: random.Random, now: float) -> None:
    name = rng.choice(list(stream.consumers))
    consumer = stream.consumers[name]
    actions: list[tuple[float, Callable[[], None]]] = [
        (4, lambda: stream.publish(now)),
        (2.5, lambda: stream.deliver(consumer)),
        (2, lambda: stream.acknowledge(consumer)),
        (0.7, lambda: stream.redeliver(consumer)),
    ]
    if kind == "purged":
        actions.append((0.3, lambda: stream.purge(rng.randint(stream.first, stream.last + 1))))
    if (kind == "deletes inside" or stream.expires) and stream.messages:
        actions.append((1, lambda: stream.remove(rng.choice(list(stream.messages)))))
    if kind == "memory lost":
        actions.append((0.3, stream.lose_store))
    if kind == "elections":
        actions.append((0.5, lambda: stream.elect(rng.randint(-3, 3))))
    if kind == "consumers recreated":
        actions.append((0.5, lambda: stream.recreate(name, now)))
    if kind == "last per subject" and name not in ("all", "none"):
        actions.append((0.3, lambda: stream.start_last_per_subject(name, "abcd", 1.0 + now)))
        actions.append((0.1, lambda: stream.lose_skip_list(consumer)))
        if consumer.skip_list is not None:
            actions.append((0.1, lambda: stream.count_again(consumer)))
    if kind == "filters changed" and consumer.subjects is not None:
        actions.append((0.5, lambda: stream.change_filter(name)))
    weights, calls = zip(*actions, strict=True)
    rng.choices(calls, weights)[0]()
