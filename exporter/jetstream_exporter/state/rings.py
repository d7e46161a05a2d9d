"""Points of time by sequence, few enough to be kept for every stream, and which of such points are kept. Pure.

They lie in arrays of machine numbers: a tenth of the memory of objects, and nothing for the garbage collector.
"""

from array import array
from bisect import bisect_left
from collections.abc import Sequence
from math import inf

SPARE = 0.1  # points are dropped while the gap that they leave is at most this share of its age
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
        places = kept(self._read, self._stored, SPARE, now)
        self._sequences = array("q", [self._sequences[place] for place in places])
        self._stored = array("d", [self._stored[place] for place in places])
        self._read = array("d", [self._read[place] for place in places])


def known(time: float) -> float | None:
    """The time; None where it is infinite, which stands for a time that is not known yet."""
    return None if time == inf else time


def kept(since: Sequence[float], stored: Sequence[float], share: float, now: float) -> list[int]:
    """The points without those whose gap, from `since` of the one before, is at most this share of its age."""
    places, grown = [0], 1 + share
    most = since[0] + share * now
    for index, after in enumerate(stored[2:], 1):
        if after * grown > most:
            places.append(index)
            most = since[index] + share * now
    return [*places, len(stored) - 1]
