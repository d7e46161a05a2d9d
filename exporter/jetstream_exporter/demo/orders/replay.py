"""Replay: a new durable name reads the stream from its first message, and disturbs nobody."""

from __future__ import annotations

import asyncio
import logging

from nats.aio.client import Client

from .batch import fetch
from .settle import Handler, settle
from .streams import STREAM, ensure_consumer, replayer

BATCH = 50
log = logging.getLogger(__name__)


async def replay(nc: Client, durable: str, handle: Handler, stopping: asyncio.Event) -> int:
    """Process the orders stored before now once more; the number of those processed.

    A replay that broke off goes on where it was, given the same name. Once through, its durable is
    deleted: one that is left behind looks like a consumer that fell behind.
    """
    js = nc.jetstream(timeout=10)
    last = (await js.stream_info(STREAM)).state.last_seq
    config = replayer(durable)
    await ensure_consumer(nc, config)
    subscription = await js.pull_subscribe_bind(durable, STREAM)
    log.info("replay as %s started: the stream is at sequence %d", durable, last)
    done = 0
    while not stopping.is_set():
        for message in await fetch(subscription, BATCH, patience=1):
            done += await settle(message, handle, config)
        if await _is_through(nc, durable, last):
            await js.delete_consumer(STREAM, durable)
            log.info("replay as %s is complete: %d orders were processed again", durable, done)
            break
    await subscription.unsubscribe()
    return done


async def _is_through(nc: Client, durable: str, last: int) -> bool:
    state = await nc.jetstream(timeout=10).consumer_info(STREAM, durable)
    behind = state.num_pending and state.delivered.stream_seq < last
    return not behind and not state.num_ack_pending
