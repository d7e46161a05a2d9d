"""The JetStream API as its wire has it, for what nats-py does not know."""

import asyncio
import json
from collections.abc import Collection
from typing import Any

import nats.errors
from nats.aio.client import Client

from jetstream_exporter.demo.create import PASSING

UNAVAILABLE = 10008
NO_STREAM = 10059
OFFLINE = (10118, 10119)  # a stream and a consumer whose servers are gone, until others are found
ASK_AGAIN = (*PASSING, UNAVAILABLE, *OFFLINE)
STORED, NO_RESPONDERS, NO_ANSWER = "stored", "no responders", "no answer"


async def api(
    nc: Client, call: str, body: dict[str, Any] | None = None, *, again: Collection[int] = ()
) -> dict[str, Any]:
    """Ask the JetStream API; again while a leader is elected, or a young cluster knows too few peers.

    `again` are error codes more, of what passes where the caller asks.
    """
    payload = json.dumps(body or {}).encode()
    async with asyncio.timeout(30):
        while True:
            try:
                answer = await nc.request(f"$JS.API.{call}", payload, timeout=5)
            except nats.errors.TimeoutError:  # whoever would answer is not elected yet
                continue
            read: dict[str, Any] = json.loads(answer.data)
            error = read.get("error")
            if error is None:
                return read
            assert error.get("err_code") in (*ASK_AGAIN, *again), f"{call}: {error}"
            await asyncio.sleep(0.2)


async def publish(nc: Client, subject: str, data: bytes) -> str:
    """What a publisher learns: one of the words above, or the server's reason with its code."""
    try:
        answer = await nc.request(subject, data, timeout=2)
    except nats.errors.NoRespondersError:  # a stream without leader has none
        return NO_RESPONDERS
    except nats.errors.TimeoutError:
        return NO_ANSWER
    error = json.loads(answer.data).get("error")
    return f"{error['description']} ({error['err_code']})" if error else STORED
