"""Trying again, with growing and bounded pauses."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from typing import TypeVar

import nats.errors
from nats.js.errors import APIError, BadRequestError, NotFoundError

Result = TypeVar("Result")
log = logging.getLogger(__name__)

# A server that is away, electing or full may be well in a moment; a wrong request stays wrong,
# and a closed connection stays closed.
FINAL = (
    BadRequestError,
    NotFoundError,
    nats.errors.BadSubjectError,
    nats.errors.ConnectionClosedError,
    nats.errors.ConnectionDrainingError,
    nats.errors.MaxPayloadError,
)
PASSING = (nats.errors.Error, APIError, TimeoutError, OSError)


class GaveUpError(Exception):
    """All attempts failed; the last reason is its cause."""


@dataclass(frozen=True, slots=True)
class Backoff:
    first: float = 0.1
    factor: float = 2.0
    longest: float = 5.0
    attempts: int = 8

    def pauses(self) -> Iterator[float]:
        """One pause between each two attempts."""
        for attempt in range(self.attempts - 1):
            yield min(self.longest, self.first * self.factor**attempt)


DEFAULT_BACKOFF = Backoff()


async def retried(
    what: str, attempt: Callable[[], Awaitable[Result]], backoff: Backoff = DEFAULT_BACKOFF
) -> Result:
    """The attempt's result; GaveUpError after the last one failed."""
    for pause in backoff.pauses():
        try:
            return await attempt()
        except FINAL:
            raise
        except PASSING as error:
            # Half of it by chance: publishers that failed together do not come back together.
            wait = pause * random.uniform(0.5, 1)  # noqa: S311
            log.warning("%s failed, again in %.1f s: %s", what, wait, reason(error))
            await asyncio.sleep(wait)
    try:
        return await attempt()
    except FINAL:
        raise
    except PASSING as error:
        raise GaveUpError(
            f"{what} failed {backoff.attempts} times; last error: {reason(error)}"
        ) from error


def reason(error: BaseException) -> str:
    """Its text, or its name where it has none (a timeout)."""
    return str(error) or type(error).__name__
