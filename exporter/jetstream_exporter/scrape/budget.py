"""The time of a scrape, from the request's header to the socket: all its constants, and how they share it out.

    request arrives        T: Prometheus' timeout header, `collect.timeout` without one, at most LONGEST
    T - MARGIN             `timeout` below: the first byte leaves by then, or 503 does
    timeout - reserve      the scrape stops waiting for sources, and merges and renders what came

A collection is shared, and no caller's time decides for another:

- It lasts as long as its first caller's time, and at least FLOOR, so that who has no time makes nobody look down.
- Who has less time leaves it with what came until then; the rest is reported as late.
- Who has more time asks again with what is left, where something was cut off by the collection's shorter time.
- Who comes when it has run for longer than is usual, or longer than the caller has time, starts another: the
  answers that it already holds are old. There are FLIGHTS at most; one more ends the oldest, whose callers move on.
"""

MARGIN = 0.5  # seconds of Prometheus' timeout that the way there and back may take
LONGEST = 120.0  # seconds, whatever the header says
RESERVE = 0.2  # seconds kept from the sources, beside what merging and rendering took last time
# Of these seconds what sources that stop at the same moment may take to say what they got.
LANDING = 0.15
SLOWER = 1.5  # how much longer merging and rendering may take than last time
CONFIRM = 0.1  # seconds that acknowledging events may take where no time is left
FLOOR = 2.0  # seconds that every collection gets, however little time its first caller has
FLIGHTS = 2  # collections at once
UNUSUAL = 2.0  # a collection is older than usual beyond this many times the last one's length, and USUAL seconds
USUAL = 1.0
CUT_OFF = 0.4  # of a collection's time: what failed after this share of it may have needed more
SEND = 10.0  # seconds that a client may take to read a piece of the answer
SEND_ALL = 30.0  # seconds that a client may take to read the answer


def own_time(seconds: float) -> float:
    """What is left of a caller's timeout for the answer; `seconds` stand in the header."""
    seconds = min(seconds, LONGEST)
    return seconds - MARGIN if seconds > 2 * MARGIN else seconds / 2


def reserve(timeout: float, processing: float) -> float:
    """Seconds that are kept from the sources; `processing` is what merging and rendering took last time."""
    return min(RESERVE + SLOWER * processing, timeout / 2)
