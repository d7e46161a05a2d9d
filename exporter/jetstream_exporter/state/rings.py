"""Points of time by sequence and by count, few enough to be kept for every stream and backlog. Pure.

They lie in arrays of machine numbers: a tenth of the memory of objects, and nothing for the garbage collector.
"""

from array import array
from bisect import bisect_left
from collections.abc import Callable, Sequence
from functools import lru_cache
from math import inf, log
from operator import itemgetter

SPARE = 0.1  # points are dropped while the gap that they leave is at most this share of its age
MOST = 48  # points of a backlog
FEWER = 28  # what is left of them, at the most, when there are too many
ROOM = bytes(8 * (MOST + 1))
LATEST = 8  # points that tell how far apart scrapes are
LARGEST = 2**62  # no sequence and no count is larger


class Ends:
    """Where a stream ended, in rising order of sequence.

    Its last message was stored at `stored`; whatever came later, after `read`.
    """

    __slots__ = ("_enough", "_read", "_sequences", "_stored")

    def __init__(self) -> None:
        self._sequences = array("q")
        self._stored = array("d")
        self._read = array("d")
        self._enough = 2  # how many may be held before they are thinned again

    def __len__(self) -> int:
        return len(self._sequences)

    @property
    def is_full(self) -> bool:
        """Whether enough were added since points were last dropped."""
        return len(self._sequences) > self._enough

    def are_before(self, sequence: int, stored: float) -> bool:
        """Whether all was stored before this, although the stream had reached this sequence."""
        return (
            bool(self._sequences) and sequence <= self._sequences[-1] and stored > self._stored[-1]
        )

    def add(self, sequence: int, stored: float, read: float) -> None:
        if not self.still(sequence, read):
            self._sequences.append(sequence)
            self._stored.append(stored)
            self._read.append(read)

    def still(self, sequence: int, read: float) -> bool:
        """Note that the stream ends where it did, if so; it may be empty by now."""
        if not self._sequences or self._sequences[-1] != sequence:
            return False
        self._read[-1] = max(self._read[-1], read)
        return True

    def forget_clock(self) -> None:
        """The next time is of another clock: of the last reading only the order of the messages is sure."""
        if self._read:
            self._read[-1] = self._stored[-1]

    def stored_by(self, sequence: int) -> float | None:
        """A time by which the message was stored; None where the stream never reached it."""
        index = bisect_left(self._sequences, sequence)
        return self._stored[index] if index < len(self._stored) else None

    def stored_after(self, sequence: int) -> float | None:
        """A time before which the message was not stored; None where it was there from the start."""
        index = bisect_left(self._sequences, sequence)
        return self._read[index - 1] if index else None

    def forget_below(self, sequence: int, now: float) -> None:
        """Keep what is needed for this sequence and above, thinner where it is old."""
        below = bisect_left(self._sequences, sequence) - 1
        if below > 0:
            for points in (self._sequences, self._stored, self._read):
                del points[:below]
        if self.is_full:
            self._thin(now)
        self._enough = len(self) + max(8, len(self) // 4)

    def _thin(self, now: float) -> None:
        kept = _kept(self._read, self._stored, SPARE, now)
        self._sequences = array("q", [self._sequences[index] for index in kept])
        self._stored = array("d", [self._stored[index] for index in kept])
        self._read = array("d", [self._read[index] for index in kept])


class Counts:
    """By when how many messages had matched, of which those that are gone by now are counted as well.

    The arrays keep their size: thousands that grow a little with each scrape would scatter what it makes in memory.
    """

    __slots__ = ("_counts", "_held", "_stored")

    def __init__(self) -> None:
        self._counts = array("q", ROOM)
        self._stored = array("d", ROOM)
        self._held = 0  # so many points are in the arrays, at their beginning

    def __len__(self) -> int:
        return self._held

    def add(self, count: int, possible: int, stored: float, settled: float) -> bool:
        """So many had matched by `stored`, and those of the last time by `settled`.

        False, and nothing is added, if there were more before than is `possible` now.
        """
        held = self._held
        if held:
            last = self._counts[held - 1]
            if possible < last:
                return False
            known = self._stored[held - 1]
            if settled < known:
                self._stored[held - 1] = settled
            if count <= last:
                return True
        self._counts[held], self._stored[held] = count, stored
        self._held = held + 1
        if held == MOST:
            self._thin()
        return True

    def known_by(self, number: int) -> float | None:
        """A time by which the message of this number was there."""
        index = bisect_left(self._counts, number, 0, self._held)
        return known(self._stored[index]) if index < self._held else None

    def stored_by(self, number: int) -> float | None:
        """The same. What was said of those below is dropped."""
        index = bisect_left(self._counts, number, 0, self._held)
        if index:
            left = self._held - index
            self._counts[:left] = self._counts[index : self._held]
            self._stored[:left] = self._stored[index : self._held]
            self._held = left
        return known(self._stored[0]) if self._held else None

    def _thin(self) -> None:
        """Drop points, the more the older they are, until few enough are left."""
        counts_of, stored = _fewer(self._stored.tobytes())
        held = self._held = len(stored)
        self._counts[:held], self._stored[:held] = array("q", counts_of(self._counts)), stored


@lru_cache(maxsize=64)
def _fewer(times: bytes) -> tuple[Callable[["array[int]"], tuple[int, ...]], "array[float]"]:
    """What takes those that are kept from an array, and their times. Most backlogs of a stream have the same times."""
    stored = array("d", times)
    now = next((time for time in reversed(stored) if time != inf), 0.0)
    share = _share(now - stored[0], (now - stored[-LATEST]) / LATEST)
    kept = list(range(len(stored)))
    while len(kept) > FEWER:
        left = [stored[index] for index in kept]
        kept = [kept[index] for index in _kept(left, left, share, now)]
        share *= 1.5
    return itemgetter(*kept), array("d", [stored[index] for index in kept])


def known(time: float) -> float | None:
    """The time; None where it is infinite, which stands for a time that is not known yet."""
    return None if time == inf else time


def _share(age: float, step: float) -> float:
    """Which share leaves few enough points: one a step while that is more, and from there on that share apart."""
    share = SPARE
    while step > 0 and 1 + log(max(1.0, share * age / step)) > share * FEWER:
        share *= 1.2
    return share


def _kept(since: Sequence[float], stored: Sequence[float], share: float, now: float) -> list[int]:
    """The points without those whose gap, from `since` of the one before, is at most this share of its age."""
    kept, grown = [0], 1 + share
    most = since[0] + share * now
    for index, after in enumerate(stored[2:], 1):
        if after * grown > most:
            kept.append(index)
            most = since[index] + share * now
    return [*kept, len(stored) - 1]
