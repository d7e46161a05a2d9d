"""Which server to connect to: each candidate gets a moment before the next one is tried beside it.

A frozen server accepts a connection and says nothing, so waiting for one before trying the next costs seconds.
"""

import asyncio
import random
from collections.abc import Awaitable, Callable, Sequence
from typing import NamedTuple, TypeVar

from yarl import URL

from jetstream_exporter.runtime.cancel import cancel_and_wait
from jetstream_exporter.runtime.tasks import start
from jetstream_exporter.sources.errors import SourceError
from jetstream_exporter.sources.lookup import LOOKUP_ERRORS, Lookup, is_address

PAUSE, LONGEST_PAUSE = 0.25, 30.0  # seconds between rounds through the servers, doubled each time
LASTING = 10.0  # seconds after which a connection that ends was a good one
LONGEST_BROKEN = 5.0  # seconds between connections that a server accepts and breaks
STAGGER = 0.3  # seconds before the next candidate is tried beside one
LOOKUP = 1.0  # seconds for the addresses of a name
MOST = 16  # addresses of one name

Made = TypeVar("Made")


class Pauses:
    """Seconds until the next attempt: twice as long each time, until a connection has lasted."""

    def __init__(self) -> None:
        self._failed = self._broken = PAUSE

    @property
    def is_broken_again(self) -> bool:
        """Whether several connections in a row ended soon: the server accepts them and breaks them."""
        return self._broken > 2 * PAUSE

    def after_failure(self) -> float:
        """No server could be connected to."""
        pause, self._failed = self._failed, min(2 * self._failed, LONGEST_PAUSE)
        return _about(pause)

    def after_connection(self, lasted: float) -> float:
        """A connection ended that had lasted so many seconds."""
        self._failed = PAUSE
        if lasted >= LASTING:
            self._broken = PAUSE
            return random.uniform(0, PAUSE)  # noqa: S311
        pause, self._broken = self._broken, min(2 * self._broken, LONGEST_BROKEN)
        return _about(pause)


def _about(seconds: float) -> float:
    """So that many exporters do not come back at the same moment."""
    return seconds * random.uniform(0.5, 1.5)  # noqa: S311


class Candidate(NamedTuple):
    """One address to connect to; `host` is the name that it was found by, which its certificate holds."""

    url: str
    host: str = ""


async def candidates(
    urls: Sequence[str], avoided: Sequence[str], lookup: Lookup
) -> list[Candidate]:
    """Every address of every URL in random order, those of `avoided` last."""
    found = await asyncio.gather(*(_addresses(url, lookup) for url in urls))
    every = list(dict.fromkeys(one for addresses in found for one in addresses))
    random.shuffle(every)
    return sorted(every, key=lambda one: avoided.index(one.url) if one.url in avoided else -1)


async def _addresses(url: str, lookup: Lookup) -> list[Candidate]:
    """A name with several addresses stands for several servers, of which one may be frozen."""
    parsed = URL(url)
    host = parsed.host or ""
    if parsed.scheme not in ("nats", "tls") or is_address(host):
        return [Candidate(url)]
    try:
        async with asyncio.timeout(LOOKUP):
            addresses = await lookup.addresses(host)
    except LOOKUP_ERRORS:
        return [Candidate(url)]  # the connection by name says what is wrong
    if len(addresses) < 2:
        return [Candidate(url)]
    return [Candidate(str(parsed.with_host(one)), host) for one in addresses[:MOST]]


async def first_of(
    wanted: Sequence[Candidate],
    connect: Callable[[Candidate], Awaitable[Made]],
    discard: Callable[[Made], Awaitable[None]],
) -> Made:
    """The first connection that is made; the others are discarded. SourceError with the last reason if none is."""
    waiting, running, error = list(wanted), set[asyncio.Task[Made]](), SourceError("no server")
    try:
        while waiting or running:
            if waiting:
                running.add(asyncio.ensure_future(connect(waiting.pop(0))))
            timeout = STAGGER if waiting else None
            done, _ = await asyncio.wait(
                running, timeout=timeout, return_when=asyncio.FIRST_COMPLETED
            )
            for task in done:
                if task.exception() is None:
                    return await _taken(task, running, discard)
                running.discard(task)
                error = _reason(task.exception())
        raise error
    except BaseException:
        await _discard(running, discard)
        raise


async def _taken(
    task: "asyncio.Task[Made]",
    running: "set[asyncio.Task[Made]]",
    discard: Callable[[Made], Awaitable[None]],
) -> Made:
    """The connection of this task. Who is cancelled meanwhile does not get it, so `first_of` discards it too."""
    await _discard(running - {task}, discard)
    return task.result()


def _reason(error: BaseException | None) -> SourceError:
    if isinstance(error, SourceError):
        return error
    raise error or RuntimeError("a task without an error")


async def _discard(
    running: "set[asyncio.Task[Made]]", discard: Callable[[Made], Awaitable[None]]
) -> None:
    """End what was begun, also where whoever awaits this is cancelled: nobody else knows of it any more."""
    if running:
        await asyncio.shield(start("discard connections", _end(running, discard)))


async def _end(
    running: "set[asyncio.Task[Made]]", discard: Callable[[Made], Awaitable[None]]
) -> None:
    await cancel_and_wait(*running)
    for task in running:
        if not task.cancelled() and task.exception() is None:
            await discard(task.result())
