"""Creating streams and consumers on servers that may lose the answer, not know each other yet, or tidy up."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from nats.js import JetStreamContext
from nats.js.api import ConsumerInfo, StreamInfo
from nats.js.errors import APIError

TRIES = 3
NO_SUITABLE_PEERS = 10005
NOT_STORED = 10049
PASSING = (NO_SUITABLE_PEERS, NOT_STORED)
KNOWN = 15.0  # seconds; servers tell each other every 10 what they can hold
PAUSE = 0.25  # seconds

Made = TypeVar("Made")


async def create_stream(js: JetStreamContext, *config: Any, **settings: Any) -> StreamInfo:
    """`add_stream`, asked again as `answered` says."""
    return await answered(lambda: js.add_stream(*config, **settings))


async def create_consumer(js: JetStreamContext, *config: Any, **settings: Any) -> ConsumerInfo:
    """`add_consumer` of a named consumer, asked again as `answered` says."""
    return await answered(lambda: js.add_consumer(*config, **settings))


async def answered(create: Callable[[], Awaitable[Made]]) -> Made:
    """What `create` made; it is called again where its answer was lost or a server could not do it for a moment.

    The answer to the creation of a stream with one replica is lost about once in two hundred times (2.15.1), although
    the stream is there; a server answers the same configuration again as done. A meta leader that lost its route to a
    peer, or was elected a moment ago, finds no suitable peers until they have told it what they can hold. A server
    that deletes the last stream of an account removes the folder of the account after its answer, perhaps while it
    creates the next stream there.

    TimeoutError: no answer three times, each within the timeout of its JetStream context. APIError: still no suitable
    peers, or no store, after 15 s. Other errors are raised at once.
    """
    lost = 0
    end = asyncio.get_running_loop().time() + KNOWN
    while True:
        try:
            return await create()
        except TimeoutError:
            lost += 1
            if lost == TRIES:
                raise
        except APIError as error:
            if error.err_code not in PASSING or asyncio.get_running_loop().time() > end:
                raise
            await asyncio.sleep(PAUSE)
