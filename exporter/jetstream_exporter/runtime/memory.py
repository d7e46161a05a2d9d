"""Garbage collection and allocation, set so that memory that a scrape needed is returned to the system after it."""

import asyncio
import ctypes
import gc

# A scrape makes hundreds of thousands of objects without cycles; looking at them all the time costs more than it frees.
GARBAGE_THRESHOLD = 50_000
# Connections and errors that end leave cycles. Where little is made, the collector looks for old ones after hours only.
COLLECT_EVERY = 300.0  # seconds
# glibc's mallopt(3). Left alone, it raises the size from which a block is the system's to 32 MiB after the first large
# one, and keeps a heap for each thread: the holes in these heaps look like a leak.
M_MMAP_THRESHOLD, M_ARENA_MAX = -3, -8
LARGE = 256 * 1024  # bytes


def tune() -> None:
    """Call once at the start. The allocator is set only where the C library is glibc."""
    gc.set_threshold(GARBAGE_THRESHOLD)
    gc.freeze()  # modules and classes stay for ever, and need not be looked at
    try:
        libc = ctypes.CDLL("libc.so.6")
    except OSError:
        return
    libc.mallopt(M_MMAP_THRESHOLD, LARGE)
    libc.mallopt(M_ARENA_MAX, 1)


async def collect_garbage() -> None:
    """Collect all garbage where the collector has not done so by itself for a while. Does not return."""
    before = _collections()
    while True:
        await asyncio.sleep(COLLECT_EVERY)
        if _collections() == before:
            gc.collect()
        before = _collections()


def _collections() -> int:
    """Of the oldest generation, since the start."""
    return int(gc.get_stats()[-1]["collections"])
