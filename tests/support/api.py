"""The JetStream API as its wire has it, for settings that nats-py does not know."""

import asyncio
import json
from typing import Any

import nats.errors
from nats.aio.client import Client

NO_SUITABLE_PEERS = 10005
NOT_AVAILABLE = 10008


async def api(nc: Client, call: str, body: dict[str, Any]) -> dict[str, Any]:
    """Ask the JetStream API; again while a young cluster knows too few peers or no leader."""
    async with asyncio.timeout(30):
        while True:
            try:
                answer = await nc.request(f"$JS.API.{call}", json.dumps(body).encode(), timeout=3)
            except nats.errors.TimeoutError:  # whoever would answer is not elected yet
                continue
            read: dict[str, Any] = json.loads(answer.data)
            if read.get("error", {}).get("code", 0) not in (400, 503):
                assert "error" not in read, read["error"]
                return read
            assert read["error"]["err_code"] in (NO_SUITABLE_PEERS, NOT_AVAILABLE), read["error"]
            await asyncio.sleep(0.2)
