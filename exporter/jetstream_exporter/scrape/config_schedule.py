"""When the configurations of streams and consumers are read. No clock: every time comes from the caller."""

# Between two readings of configurations for objects not seen before lie fifty times what the last one took, and
# thirty seconds at most: a small cluster's new consumer is there at once, a large one is not asked all the time.
UNKNOWN_SHARE, UNKNOWN_SOONEST, UNKNOWN_LATEST = 50.0, 1.0, 30.0


class ConfigSchedule:
    """Times are seconds of one monotonic clock."""

    def __init__(self, interval: float) -> None:
        self._interval = interval
        self._read: float | None = None
        self._unknown_allowed = self._allowed = float("-inf")

    def is_due(self, now: float) -> bool:
        """Whether the next collection asks for configurations because of their age."""
        due = now if self._read is None else self._read + self._interval
        return now >= max(due, self._allowed)

    def wants_unknown(self, unknown: int, now: float) -> bool:
        """Whether configurations are read for objects that have none yet."""
        return unknown > 0 and now >= self._unknown_allowed

    def age(self, now: float) -> float | None:
        """Seconds since configurations were last read; None before the first time."""
        return None if self._read is None else now - self._read

    def note_read(self, now: float) -> None:
        self._read = now

    def note_too_slow(self, now: float) -> None:
        """Reading takes longer than a scrape. What was asked comes later; asking again would only slow it down."""
        self._allowed = self._unknown_allowed = now + UNKNOWN_LATEST

    def note_unknown_read(self, now: float, took: float) -> None:
        """Configurations were read for unknown objects, in `took` seconds."""
        self._unknown_allowed = now + min(
            max(UNKNOWN_SHARE * took, UNKNOWN_SOONEST), UNKNOWN_LATEST
        )
