"""What a server said of single messages when it was asked for them, and for how long that is believed. Pure.

A lookup finds the first message that a consumer wants from some sequence on. It stays the first one for every position
from there up to its own sequence, since new messages are stored behind it, and until it is removed. Whether it may have
been is told by what the scrapes around the lookup counted, so an answer is taken only by the two that follow it.
"""

from collections.abc import Sequence
from typing import NamedTuple

from jetstream_exporter.report import LookedUp, StoredMessage
from jetstream_exporter.snapshot import Consumer
from jetstream_exporter.snapshot.incarnation import Incarnation
from jetstream_exporter.snapshot.rows import Lag
from jetstream_exporter.snapshot.units import timestamp
from jetstream_exporter.state.stream_view import StreamView

WIDE = 5.0  # seconds; a lag that may be wrong by more is looked up


class Reading(NamedTuple):
    """When a scrape had read a stream, by the monotonic clock, and what it counted as gone: from within, and in all."""

    time: float
    removed: int
    gone: int


class Known(NamedTuple):
    """A message that was there when so many were `removed` from within its stream, and so many were `gone` in all."""

    message: StoredMessage
    removed: int
    gone: int


class Exact:
    """The messages that were looked up for one consumer."""

    __slots__ = ("_known",)

    def __init__(self) -> None:
        self._known: list[Known] = []

    def remember(self, messages: Sequence[StoredMessage], readings: Sequence[Reading]) -> bool:
        """Take those that were looked up since one of the last scrapes, newest first; whether there were any."""
        new = [
            Known(each, *reading[1:])
            for each in messages
            if (reading := next((r for r in readings if each.when >= r.time), None))
        ]
        taken = {each.message.when for each in new}
        there = {each.when for each in messages} - taken
        self._known = new + [each for each in self._known if each.message.when in there]
        return bool(new)

    def from_position(
        self, position: int, stream: StreamView, removed: int, gone: int | None
    ) -> float | None:
        """When the first message from this position on was stored, if that is known and it is there.

        A `gone` of None is not compared. A message that is older than the stream's first went with a lost store.
        """
        for known in self._known:
            message = known.message
            is_there = (
                message.sequence >= stream.first
                and message.stored >= (stream.first_stored or 0.0)
                and removed == known.removed
                and (gone is None or gone == known.gone)
            )
            if is_there and message.asked <= position <= message.sequence:
                return message.stored
        return None


def looked_up(
    exact: Exact | None, row: Consumer, stream: StreamView, removed: int, gone: int
) -> tuple[float | None, float | None]:
    """When a consumer's next message to deliver and its next to acknowledge were stored, each if it was looked up.

    On a stream that keeps nothing which was acknowledged, whatever is gone may be the second.
    """
    if exact is None:
        return None, None
    first = stream.first
    start = max((row.delivered_sequence or 0) + 1, first)
    floor = max((row.ack_floor_sequence or 0) + 1, first)
    all_gone = None if stream.by_limits else gone
    return (
        exact.from_position(start, stream, removed, None),
        exact.from_position(floor, stream, removed, all_gone),
    )


def or_exact(
    stored: float | None, error: float | None, exact: float | None
) -> tuple[float | None, float | None]:
    """A time and by how much it may be earlier: the exact one, if there is one."""
    return (stored, error) if exact is None else (exact, 0.0)


def is_about(found: LookedUp, row: Consumer) -> bool:
    """Whether it was looked up for this incarnation of the consumer."""
    return row.incarnation.same(Incarnation(timestamp(found.created), found.raft_group))


def is_inexact(row: Consumer, lag: Lag) -> bool:
    """Whether something waits for the consumer of which scrapes do not tell well enough when it was stored."""
    settings = row.settings
    if settings is None:
        return False
    if row.pending and _is_wide(lag.pending, lag.pending_error):
        return True
    held = row.ack_pending and settings.ack_policy != "none"
    return bool(held) and _is_wide(lag.unacknowledged, lag.unacknowledged_error)


def _is_wide(stored: float | None, error: float | None) -> bool:
    return stored is None or error is None or error > WIDE
