"""Garbage collection and allocation, set so that memory that a scrape needed is returned to the system after it."""

import ctypes
import gc

# A scrape makes hundreds of thousands of objects without cycles; looking at them all the time costs more than it frees.
GARBAGE_THRESHOLD = 50_000
# glibc's mallopt(3). Left alone, it raises the size from which a block is the system's to 32 MiB after the first large
# one, and keeps a heap for each thread: the holes in these heaps look like a leak.
M_MMAP_THRESHOLD, M_ARENA_MAX = -3, -8
LARGE = 256 * 1024  # bytes


def tune() -> None:
    """Call once at the start. The allocator is set only where the C library is glibc."""
    gc.set_threshold(GARBAGE_THRESHOLD)
    try:
        libc = ctypes.CDLL("libc.so.6")
    except OSError:
        return
    libc.mallopt(M_MMAP_THRESHOLD, LARGE)
    libc.mallopt(M_ARENA_MAX, 1)
