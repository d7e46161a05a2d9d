"""The pull consumer: asks for the next batch when it is done with the last."""

from __future__ import annotations

import asyncio
import logging

import nats.errors
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.js.client import JetStreamContext
from nats.js.errors import APIError

from .retry import reason
from .settle import Handler, settle
from .streams import BATCH_PROCESSOR, STREAM, batch_processor, ensure_consumer

BATCH = 50
PATIENCE = 5.0
PULL = 1.0
PAUSE_AFTER_ERROR = 1.0
log = logging.getLogger(__name__)


async def process_batches(nc: Client, handle: Handler, stopping: asyncio.Event) -> None:
    """Process batches until told to stop, and finish the current one."""
    config = batch_processor()
    await ensure_consumer(nc, config)
    subscription = await nc.jetstream().pull_subscribe_bind(BATCH_PROCESSOR, STREAM)
    try:
        while not stopping.is_set():
            for message in await next_batch(subscription, stopping):
                await settle(message, handle, config)
    finally:
        # Draining the connection would wait for the answers that pulls leave in the subscription.
        await subscription.unsubscribe()


async def next_batch(
    subscription: JetStreamContext.PullSubscription, stopping: asyncio.Event
) -> list[Msg]:
    """50 messages, or what comes within 5 s, or what is there when told to stop.

    A single fetch() comes back with the first few that are there, so a batch takes several.
    """
    clock = asyncio.get_running_loop()
    end = clock.time() + PATIENCE
    messages: list[Msg] = []
    while len(messages) < BATCH and not stopping.is_set() and (left := end - clock.time()) > 0:
        messages += await fetch(subscription, BATCH - len(messages), min(left, PULL))
    return messages


async def fetch(
    subscription: JetStreamContext.PullSubscription, most: int, patience: float
) -> list[Msg]:
    """The next messages; none where none came in time, or where there is no leader to ask."""
    try:
        return await subscription.fetch(most, timeout=patience)
    except TimeoutError:
        return []
    except (nats.errors.ConnectionClosedError, nats.errors.BadSubscriptionError):
        raise
    except (nats.errors.Error, APIError) as error:
        log.warning("no batch: %s", reason(error))
        await asyncio.sleep(PAUSE_AFTER_ERROR)
        return []
