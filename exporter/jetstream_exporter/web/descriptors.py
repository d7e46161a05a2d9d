"""File descriptors, of which a connection takes one: how many there may be, and what to do when none is left."""

import asyncio
import contextlib
import errno
import os
import resource
import time
from collections.abc import Iterator
from typing import Any, Protocol

import structlog

IN_ALL = 512  # connections
FOR_HEALTH = 16  # more, which may ask for the health alone
OURS = 64  # descriptors for files and for the servers that are asked
SPARE = 8  # descriptors that are kept for when there are no others
COMPLAIN_EVERY = 60.0  # seconds between log lines about the same
log = structlog.get_logger()


class Closing(Protocol):
    """What can close a connection that has no request in hand."""

    def __len__(self) -> int: ...
    def close_waiting(self) -> bool: ...


def allow_files() -> None:
    """Raise the limit of open files as far as the system allows, as Go programs do: a usual limit is 1,024."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    with contextlib.suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def most_connections() -> int:
    """How many connections there may be, with so many files allowed."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY:
        return IN_ALL
    return max(8, min(IN_ALL, soft - OURS - SPARE - FOR_HEALTH, soft // 2))


@contextlib.contextmanager
def when_out_of_files(connections: Closing) -> Iterator[None]:
    """Keep accepting where descriptors run out: give a spare one, close who waits, and say so once a minute."""
    loop = asyncio.get_running_loop()
    before, spare, complained = loop.get_exception_handler(), _Spare(), float("-inf")

    def handle(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        nonlocal complained
        error = context.get("exception")
        if not isinstance(error, OSError) or error.errno not in (errno.EMFILE, errno.ENFILE):
            loop.default_exception_handler(context)
            return
        spare.give()
        connections.close_waiting()
        loop.call_later(1, spare.take)
        if time.monotonic() - complained >= COMPLAIN_EVERY:
            complained = time.monotonic()
            log.error("out of file descriptors; connections are closed", open=len(connections))

    loop.set_exception_handler(handle)
    try:
        yield
    finally:
        loop.set_exception_handler(before)
        spare.close()


class _Spare:
    """Descriptors held back."""

    def __init__(self) -> None:
        self._files: list[int] = []
        self.take()

    def take(self) -> None:
        with contextlib.suppress(OSError):
            while len(self._files) < SPARE:
                self._files.append(os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC))

    def give(self) -> None:
        if self._files:
            os.close(self._files.pop())

    def close(self) -> None:
        while self._files:
            self.give()
