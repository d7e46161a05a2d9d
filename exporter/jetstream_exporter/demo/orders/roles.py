"""Each part of the workload as a program of its own: connect, work until told to stop, drain."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from datetime import UTC, datetime

from .batch import process_batches
from .connection import connected
from .deadletter import DeadLetters
from .processor import start_processing
from .producer import Pace, produce
from .publisher import Publisher
from .replay import replay
from .settle import Handler
from .streams import dead_letters, ensure_stream, orders

log = logging.getLogger(__name__)


async def set_up(servers: Sequence[str], replicas: int = 3) -> None:
    """Both streams; every role may do this, and only the first one changes anything."""
    async with connected(servers, "orders-setup") as nc:
        await ensure_stream(nc, orders(replicas))
        await ensure_stream(nc, dead_letters(replicas))


async def publish(servers: Sequence[str], stopping: asyncio.Event, pace: Pace) -> None:
    async with connected(servers, "orders-publisher") as nc:
        await produce(Publisher(nc), pace, stopping)


async def process(servers: Sequence[str], stopping: asyncio.Event, handle: Handler) -> None:
    async with connected(servers, "orders-processor") as nc:
        await start_processing(nc, handle)
        await stopping.wait()


async def process_in_batches(
    servers: Sequence[str], stopping: asyncio.Event, handle: Handler
) -> None:
    async with connected(servers, "orders-batch-processor") as nc:
        await process_batches(nc, handle, stopping)


async def forward_dead_letters(servers: Sequence[str], stopping: asyncio.Event) -> None:
    async with connected(servers, "orders-deadletter") as nc:
        await DeadLetters(nc).start()
        await stopping.wait()


async def process_again(
    servers: Sequence[str], stopping: asyncio.Event, handle: Handler, durable: str | None = None
) -> None:
    """A replay; without a name, under one that nobody had before."""
    name = durable or f"orders-replay-{datetime.now(UTC):%Y%m%d-%H%M%S}"
    async with connected(servers, "orders-replay") as nc:
        await replay(nc, name, handle, stopping)
