"""What a scrape read of a stream, and what was removed from it between two scrapes. Pure."""

from math import inf

import msgspec

from jetstream_exporter.snapshot import Stream
from jetstream_exporter.state.rings import LARGEST, Ends


class StreamView(msgspec.Struct, frozen=True):
    """What a scrape read of a stream. Times are seconds of its server's clock."""

    first: int
    last: int
    messages: int
    deleted: int  # sequences between first and last that are gone
    first_stored: float | None  # None while the stream is empty
    last_stored: float | None
    read: float | None  # when the server began to answer; None where the source does not say
    until: float | None = None  # by when every consumer had been read, by the same clock
    by_limits: bool = True  # nothing is removed because it was acknowledged
    server: str = ""  # who read it: another server has another clock
    is_mirror: bool = False  # its messages keep the times at which their origin stored them
    expires: bool = False  # messages may be replaced or expire although nobody acknowledged them
    evicts: bool = True  # its first messages may be removed by a limit
    is_shared: bool = (
        False  # a message is there until all consumers that want it have acknowledged it
    )

    @property
    def is_worked_off(self) -> bool:
        """Whether what disappears was acknowledged, for all that the configuration says."""
        return not (self.by_limits or self.expires)

    @property
    def read_from(self) -> float:
        """When the reading began. A mirror's next message may have been stored at its origin before that."""
        stored = self.last_stored or 0.0
        return stored if self.is_mirror or self.read is None else max(stored, self.read)

    @property
    def consumers_read(self) -> float:
        """By when what the consumers counted was stored; infinite where that is not known yet."""
        if self.is_mirror or self.until is None:
            return inf
        return max(self.last_stored or 0.0, self.until)


def stream_view(stream: Stream, took: float) -> StreamView | None:
    """None while the stream has no leader, its configuration was not read yet, or its numbers are none."""
    figures, settings = stream.figures, stream.settings
    if figures is None or settings is None:
        return None
    first, last = figures.first_sequence, figures.last_sequence
    messages, deleted = figures.messages, figures.deleted
    if first is None or last is None or messages is None or deleted is None:
        return None
    if max(first, last, messages, deleted) > LARGEST:
        return None
    return StreamView(
        first,
        last,
        messages,
        deleted,
        figures.first_time,
        figures.last_time,
        figures.read,
        None if figures.read is None else figures.read + took,
        settings.retention == "limits",
        stream.raft.leader or "",
        any(source.kind == "mirror" for source in stream.sources),
        settings.rollups or settings.message_ttl or settings.max_messages_per_subject is not None,
        evicts=settings.max_age is not None
        or (
            settings.discard == "old"
            and (settings.max_messages is not None or settings.max_bytes is not None)
        ),
        is_shared=settings.retention == "interest",
    )


def is_after(stream: StreamView, before: StreamView) -> bool:
    """Whether it was read after the consumers that were read with `before`: collections may overlap."""
    return before.until is None or stream.read is None or stream.read >= before.until


def is_another(before: StreamView, after: StreamView, ends: Ends) -> bool:
    """Whether what was known of the stream is of other messages: it is shorter now, or its store was filled again.

    A server that kept it in memory has restarted, for one. The stream may be longer by now than it was.
    """
    if after.last < before.last:
        return True
    stored, last = after.first_stored, after.last_stored
    if stored is None or (last is not None and stored > last):
        return False  # two clocks wrote them, which tell nothing of the order
    return ends.are_before(after.first, stored)


def removed_within(before: StreamView, after: StreamView) -> int:
    """How many messages may have been removed between two scrapes from where a consumer still waited, at the most.

    On a stream with retention by limits that is what disappeared behind its first message: a gap that the head passed
    may hide as many new ones. Otherwise it is whatever disappeared.
    """
    if after.by_limits:
        passed = min(before.deleted, max(0, after.first - before.first))
        return max(0, after.deleted - before.deleted + passed)
    return max(0, removed(before, after))


def removed(before: StreamView, after: StreamView) -> int:
    """How many messages were removed between two scrapes."""
    return before.messages + (after.last - before.last) - after.messages
