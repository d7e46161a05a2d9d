"""Where the server's units and sentinels end: seconds for nanoseconds, None for "unlimited" and "never"."""

from datetime import datetime

UNLIMITED = 2**64 - 1  # how an account without a limit reads in jsz (monitor.go, AccountDetail)
NANOSECONDS = 1_000_000_000
# Nothing in NATS counts this far. Servers subtract unsigned numbers, and a count that fell below zero reads as a number
# a little under 2^64: `num_pending`, the lag of a replica, messages and bytes, what is reserved.
OVERFLOW = 2**63
# What stands for a peer's name after a full restart (jetstream_cluster.go).
UNKNOWN_PEER = "Server name unknown at this time"


def count(value: int) -> int | None:
    """A level or a counter; None where the server's own arithmetic went below zero."""
    return value if 0 <= value < OVERFLOW else None


def seconds(nanoseconds: int) -> float:
    return nanoseconds / NANOSECONDS


def duration(nanoseconds: int) -> float | None:
    """A configured duration in seconds; None for 0 and below."""
    return nanoseconds / NANOSECONDS if nanoseconds > 0 else None


def limit(value: int) -> int | None:
    """A configured limit; None for -1, 0 and 2^64-1, which mean unlimited."""
    return value if 0 < value < UNLIMITED else None


def allowance(value: int) -> int | None:
    """What an account or a server may store. Unlike in other limits, 0 means that it may store nothing."""
    return value if 0 <= value < UNLIMITED else None


def is_name(peer: str) -> bool:
    """Whether this names a peer, rather than saying that its name is unknown."""
    return bool(peer) and not peer.startswith(UNKNOWN_PEER)


def timestamp(moment: datetime | None) -> float | None:
    """Seconds since the epoch; None for Go's zero time (the year 1), which means never."""
    return None if moment is None or moment.year == 1 else moment.timestamp()


def since_heard(active: int) -> float | None:
    """Seconds since a peer was last heard; None for never, which is 0 in a peer and -1 in a source."""
    return active / NANOSECONDS if active > 0 else None
