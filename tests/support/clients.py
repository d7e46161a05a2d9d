"""Clients of NATS. `async with await` closes one also where its test fails; an open one fails the test after it."""

from typing import Any

import nats
from nats.aio.client import Client


async def persistent(servers: str | list[str], **settings: Any) -> Client:
    """A client that is back soon after a server is, however long that takes."""
    settings = {"max_reconnect_attempts": -1, "reconnect_time_wait": 0.2, **settings}
    return await nats.connect(servers, **settings)
