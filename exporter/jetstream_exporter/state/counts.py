"""How many messages had matched the filtered consumers of a stream, by when. Pure.

One scrape reads all consumers of a stream, so the times are kept once for all of them, and what is dropped is dropped
of all. The counts lie in arrays of machine numbers that keep their size: thousands that grow a little with each scrape
would scatter what it makes in memory.
"""

from array import array
from bisect import bisect_left
from collections.abc import Sequence
from math import inf, log

from jetstream_exporter.state.rings import SPARE, kept, known

MOST = 48  # counts of a consumer
FEWER = 32  # what is left of them, at the most, when there are too many
LATEST = 8  # times that tell how far apart scrapes are
COUNTED = 2**32 - 1  # more behind the next message are counted as so many
ROOM = array("I", [0]) * MOST


class CountTimes:
    """When the filtered consumers were counted, scrape by scrape; infinite where that is not known yet.

    It is empty while nothing waits for any of them.
    """

    __slots__ = ("_times", "newest")

    def __init__(self) -> None:
        self._times = array("d")
        self.newest = -1  # the place of the last one

    def __len__(self) -> int:
        return len(self._times)

    @property
    def is_full(self) -> bool:
        return len(self._times) == MOST

    def add(self, read: float, settled: float) -> None:
        """What is counted now was stored by `read`, and what was counted last time by `settled`."""
        if self._times:
            self._times[-1] = min(self._times[-1], settled)
        self._times.append(read)
        self.newest += 1

    def at(self, place: int) -> float | None:
        return known(self._times[place])

    def thin(self, needed: int) -> Sequence[int]:
        """Drop those before this place, and more the older they are. The places of those that are kept."""
        places: Sequence[int] = range(needed, len(self._times))
        if len(places) > FEWER:
            places = [needed + place for place in _fewer(self._times[needed:])]
        self._times = array("d", [self._times[place] for place in places])
        self.newest = len(places) - 1
        return places


class Counts:
    """The counts of one consumer at these times, of which those that are gone by now are counted as well.

    They are counted from `_passed` on, the number of messages that were not its next one any more, so that they stay
    small. Where a scrape said nothing of the consumer, the count before stands.
    """

    __slots__ = ("_counts", "_held", "_passed", "delivered_before", "evicted", "evicted_before")

    def __init__(self, passed: int, delivered: int) -> None:
        self._counts: array[int] | None = None
        self._held = 0  # so many are in the array, at its beginning
        self._passed = passed
        self.evicted = 0  # messages that may have been removed before they were delivered
        self.evicted_before = 0  # the same, when the last scrape read the stream
        self.delivered_before = delivered  # the last sequence delivered, the last time but one

    def __len__(self) -> int:
        """How many different ones."""
        return len(set(self._counts[: self._held])) if self._counts is not None else 0

    def add(self, matched: int, removed: int, removed_before: int, place: int) -> bool:
        """So many had matched at this place of the times.

        Of what is gone by now the consumer may have counted all that was there when the last scrape began. False, and
        nothing is added, if there were more before than that explains.
        """
        counts, held = self._counts, self._held
        if counts is None:
            counts = self._counts = ROOM[:]
            self._held = held = place
        last = counts[held - 1] if held else 0
        matched -= self._passed
        if matched + removed + self.evicted < last:
            return False
        if held != place:
            self._fill(counts, place)
        least = matched + removed_before + self.evicted_before
        counts[place] = last if least <= last else least if least < COUNTED else COUNTED
        self._held = place + 1
        return True

    def forget(self, passed: int) -> None:
        """Count anew, from so many messages on that it passed."""
        self._counts, self._passed = None, passed

    def stored_by(self, number: int, times: CountTimes) -> float | None:
        """A time by which the message of this number was there; it is no smaller than any that was passed."""
        if self._counts is None:
            return None
        place = bisect_left(self._counts, number - self._passed, 0, self._held)
        return times.at(place) if place < self._held else None

    def needed(self, number: int) -> int:
        """The place from which on its next message may have been there."""
        if self._counts is None:
            return MOST - 1
        return bisect_left(self._counts, number - self._passed, 0, self._held - 1)

    def keep(self, places: Sequence[int], passed: int) -> None:
        """Drop the counts at other places, and count from what is passed by now."""
        if self._counts is None:
            return
        self._fill(self._counts, MOST)
        less = passed - self._passed
        left = [max(0, self._counts[place] - less) for place in places]
        self._held, self._passed = len(left), passed
        self._counts[: self._held] = array("I", left)

    def _fill(self, counts: "array[int]", place: int) -> None:
        for missing in range(self._held, place):
            counts[missing] = counts[missing - 1]


def _fewer(times: Sequence[float]) -> Sequence[int]:
    """The places of those that are kept, so that few enough are."""
    now = next((time for time in reversed(times) if time != inf), 0.0)
    share = _share(now - times[0], (now - times[-LATEST]) / LATEST)
    places: Sequence[int] = range(len(times))
    while len(places) > FEWER:
        left = [times[place] for place in places]
        places = [places[place] for place in kept(left, left, share, now)]
        share *= 1.5
    return places


def _share(age: float, step: float) -> float:
    """Which share leaves few enough points: one a step while that is more, and from there on that share apart."""
    share = SPARE
    while step > 0 and 1 + log(max(1.0, share * age / step)) > share * FEWER:
        share *= 1.2
    return share
