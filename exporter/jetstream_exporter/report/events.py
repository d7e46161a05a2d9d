"""What events say of streams and consumers, and how a connection that hears them is asked."""

from bisect import bisect_left
from collections.abc import Awaitable, Callable
from typing import Literal, get_args

import msgspec

ACK_BOUNDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0)

# Why an event is refused.
Refusal = Literal[
    "not_json", "too_deep", "wrong_content", "name_too_long", "too_many_objects", "error"
]
REFUSALS: tuple[str, ...] = get_args(Refusal)


class Histogram(msgspec.Struct, gc=False):
    """Observations in seconds: how many fell below each bound (the last is without one), and their sum."""

    bounds: tuple[float, ...] = ACK_BOUNDS
    counts: list[int] = msgspec.field(default_factory=lambda: [0] * (len(ACK_BOUNDS) + 1))
    sum: float = 0.0

    def observe(self, seconds: float) -> None:
        self.counts[bisect_left(self.bounds, seconds)] += 1
        self.sum += seconds

    def __add__(self, other: "Histogram") -> "Histogram":
        counts = [one + more for one, more in zip(self.counts, other.counts, strict=True)]
        return Histogram(self.bounds, counts, self.sum + other.sum)


class EventCounts(msgspec.Struct, gc=False):
    """What events said of one consumer or stream. In a row, None is what nobody listens for.

    A new counter is a field here, a kind of event in `sources.advisories.subjects`, and a family in `metrics.events`.
    """

    max_deliveries: int | None = 0
    naks: int | None = 0
    terminations: int | None = 0
    excess: int | None = 0
    quorum_lost: int | None = 0
    ack_times: Histogram | None = None

    def increase(self, field: str, number: int = 1) -> None:
        setattr(self, field, getattr(self, field) + number)

    def observe_ack(self, seconds: float) -> None:
        self.ack_times = self.ack_times or Histogram()
        self.ack_times.observe(seconds)

    def __add__(self, other: "EventCounts") -> "EventCounts":
        """A new struct, which shares nothing with these two."""
        sums = []
        for name in self.__struct_fields__:
            one, more = getattr(self, name), getattr(other, name)
            sums.append(one if more is None else more if one is None else one + more)
        return EventCounts(*sums)

    def only(self, fields: frozenset[str]) -> "EventCounts":
        """These counts, with None for all other fields."""
        return EventCounts(
            *(getattr(self, name) if name in fields else None for name in self.__struct_fields__)
        )


ObjectKey = tuple[str, ...]  # account id, stream and, of consumers, consumer


class EventBatch(msgspec.Struct, gc=False):
    """The events that were counted since the last batch was taken."""

    kinds: dict[str, int] = {}
    objects: dict[ObjectKey, EventCounts] = {}
    refused: dict[str, int] = {}  # by reason

    def refuse(self, reason: Refusal) -> None:
        self.refused[reason] = self.refused.get(reason, 0) + 1


async def _nothing_to_confirm(_until: float) -> None:
    """Events that nobody keeps for us."""


class Events(msgspec.Struct, gc=False):
    """How one connection hears events, and how to get them.

    `take` is called once, by whoever adds the events to the totals, and `confirm` after that, with a time of the
    running loop until which it may wait: whoever keeps the events for us may then forget them. A collection that is
    given up before it is merged has called neither, and the next one gets the same events. One that is given up while
    it is merged has taken them, and the next one confirms them with its own.

    `counted` says, by account (`*`: every account), which of the fields of `EventCounts` are counted now.
    """

    cluster: str
    connected: bool
    gaps: int = 0
    counted: dict[str, frozenset[str]] = {}
    take: Callable[[], EventBatch] = EventBatch
    confirm: Callable[[float], Awaitable[None]] = _nothing_to_confirm
