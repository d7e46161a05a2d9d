"""Publishing into a stream that was made a moment ago."""

import asyncio

from nats.js import JetStreamContext
from nats.js.api import PubAck
from nats.js.errors import NoStreamResponseError

PAUSE = 0.05  # seconds


async def publish(
    js: JetStreamContext, subject: str, payload: bytes = b"", deadline: float = 30
) -> PubAck:
    """Publish, and again while nobody responds; NoStreamResponseError after `deadline` seconds.

    The reply to STREAM.CREATE can come before the client's server knows that the stream's leader, another server, is
    subscribed to its subjects.
    """
    end = asyncio.get_running_loop().time() + deadline
    while True:
        try:
            return await js.publish(subject, payload)
        except NoStreamResponseError:
            if asyncio.get_running_loop().time() > end:
                raise
            await asyncio.sleep(PAUSE)
