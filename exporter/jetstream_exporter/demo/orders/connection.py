"""A connection that outlives its server, and that is drained before it is closed."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import nats
import nats.errors
from nats.aio.client import Client

from .retry import reason

log = logging.getLogger(__name__)


@asynccontextmanager
async def connected(servers: Sequence[str], name: str) -> AsyncIterator[Client]:
    """A connection of this name. It is drained at the end: what was received is processed, what was sent is flushed."""
    nc = await connect(servers, name)
    try:
        yield nc
    finally:
        await leave(nc)


async def connect(servers: Sequence[str], name: str) -> Client:
    async def on_error(error: Exception) -> None:
        log.warning("%s: %s", name, reason(error))

    async def on_loss() -> None:
        if not (nc.is_closed or nc.is_draining):
            log.warning("%s lost the connection to its server", name)

    async def on_return() -> None:
        log.warning(
            "%s is connected again, to %s", name, nc.connected_url and nc.connected_url.netloc
        )

    nc = await nats.connect(
        list(servers),
        name=name,
        connect_timeout=5,
        max_reconnect_attempts=-1,  # a consumer that gives up is worse than one that waits
        reconnect_time_wait=0.5,
        # Two lost pings, and a frozen server is left for another one.
        ping_interval=5,
        max_outstanding_pings=2,
        drain_timeout=15,
        error_cb=on_error,
        disconnected_cb=on_loss,
        reconnected_cb=on_return,
    )
    return nc


async def leave(nc: Client) -> None:
    try:
        await nc.drain()
    except (nats.errors.Error, TimeoutError, OSError) as error:
        # Without a server nothing can be drained; what was not acknowledged comes again.
        log.warning("stopped without draining: %s", reason(error))
        await nc.close()
