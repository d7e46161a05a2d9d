"""How many messages had matched the filtered consumers of a stream, by when. Pure.

One scrape reads all consumers of a stream, so the times are kept once for all of them, and what is dropped is dropped
of all. The counts lie in one array of machine numbers.
"""

from array import array
from bisect import bisect_left
from collections.abc import Sequence
from math import inf, log

from jetstream_exporter.state.rings import SPARE, kept, known

MOST = 48  # counts of a consumer
FEWER = 32  # what is left of them, at the most, when there are too many
LATEST = 8  # times that tell how far apart scrapes are
COUNTED = 2**32 - 1  # more than that are counted as so many
ROOM = array("I", [0]) * MOST


class CountTable:
    """A row of counts for each consumer. The columns are the scrapes, with the times at which they counted.

    A time is infinite where it is not known yet. There is none until something waits for a filtered consumer.
    """

    __slots__ = ("counts", "times")

    def __init__(self) -> None:
        self.times = array("d")
        self.counts = array("I")  # row by row

    def __len__(self) -> int:
        return len(self.times)

    @property
    def is_full(self) -> bool:
        return len(self.times) == MOST

    def add(self, read: float, settled: float) -> None:
        """What is counted now was stored by `read`, and what was counted before by `settled`."""
        for column in reversed(range(len(self.times))):
            if self.times[column] <= settled:
                break
            self.times[column] = settled
        self.times.append(read)

    def at(self, column: int) -> float | None:
        return known(self.times[column])

    def add_row(self) -> int:
        """Where the row begins."""
        self.counts.extend(ROOM)
        return len(self.counts) - MOST

    def thin(self, rows: Sequence[tuple["Counts", int]]) -> None:
        """Of a full table, drop the columns that no row needs, and more the older they are.

        `rows` are all that anybody needs still, each with the number of messages that its consumer has passed.
        """
        needed = min(counts.needed(self, passed + 1) for counts, passed in rows)
        columns: Sequence[int] = range(needed, len(self.times))
        if len(columns) > FEWER:
            columns = [needed + column for column in _fewer(self.times[needed:])]
        kept_counts = array("I")
        for counts, passed in rows:
            kept_counts.extend(counts.taken(self, columns, passed, len(kept_counts)))
        self.counts = kept_counts[:]  # without room to grow
        self.times = array("d", [self.times[column] for column in columns])


class Counts:
    """A consumer's row. Messages that are gone by now are counted as well.

    They are counted from `_passed` on, the number of messages that were not its next one any more, so that they stay
    small. Where a scrape said nothing of the consumer, the count before stands.
    """

    __slots__ = ("_held", "_passed", "_row", "delivered_before", "evicted", "evicted_before")

    def __init__(self, passed: int, delivered: int) -> None:
        self._row = -1  # where it begins; a consumer that was not counted yet has none
        self._held = 0  # so many counts are in it, at its beginning
        self._passed = passed
        self.evicted = 0  # messages that may have been removed before they were delivered
        self.evicted_before = 0  # the same, when the last scrape read the stream
        self.delivered_before = delivered  # the last sequence delivered, the last time but one

    def different(self, table: CountTable) -> int:
        """How many different counts it has."""
        row = self._row
        return 0 if row < 0 else len(set(table.counts[row : row + self._held]))

    def add(self, table: CountTable, matched: int, removed: int, removed_before: int) -> bool:
        """So many had matched when the newest scrape counted.

        Of what is gone by now the consumer may have counted all that was there when the last scrape began. False, and
        nothing is added, if there were more before than that explains.
        """
        held, column = self._held, len(table.times) - 1  # the newest
        if self._row < 0:
            self._row = table.add_row()
            self._held = held = column
        counts, row = table.counts, self._row
        last = counts[row + held - 1] if held else 0
        matched -= self._passed
        if matched + removed + self.evicted < last:
            return False
        if held != column:
            self._fill(counts, column)
        least = matched + removed_before + self.evicted_before
        counts[row + column] = last if least <= last else least if least < COUNTED else COUNTED
        self._held = column + 1
        return True

    def forget(self, passed: int) -> None:
        """Count anew, from so many messages on that it passed."""
        self._row, self._passed = -1, passed

    def stored_by(self, table: CountTable, number: int) -> float | None:
        """A time by which the message of this number was there; it is no smaller than any that was passed."""
        row, held = self._row, self._held
        if row < 0:
            return None
        column = bisect_left(table.counts, number - self._passed, row, row + held) - row
        return table.at(column) if column < held else None

    def needed(self, table: CountTable, number: int) -> int:
        """The first column of a full table by which its next message may have been there, the last one at the most."""
        row = self._row
        if row < 0:
            return MOST - 1
        return bisect_left(table.counts, number - self._passed, row, row + self._held - 1) - row

    def taken(
        self, table: CountTable, columns: Sequence[int], passed: int, row: int
    ) -> "array[int]":
        """What is left of a row in a full table, from what is passed by now. It begins at `row` from now on."""
        if self._row < 0:
            return array("I")
        self._fill(table.counts, MOST)
        less, old = passed - self._passed, self._row
        self._row, self._held, self._passed = row, len(columns), passed
        left = [max(0, table.counts[old + column] - less) for column in columns]
        return array("I", left) + ROOM[len(left) :]

    def _fill(self, counts: "array[int]", column: int) -> None:
        for missing in range(self._row + self._held, self._row + column):
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
