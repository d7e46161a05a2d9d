"""The producer: every order is stored once, or its maker hears that it is not."""

from __future__ import annotations

import logging

from nats.aio.client import Client
from nats.js.api import PubAck

from .order import Order
from .retry import DEFAULT_BACKOFF, Backoff, retried
from .streams import CREATED, STREAM

ACK_TIMEOUT = 5.0
log = logging.getLogger(__name__)


class Publisher:
    """Publishes with the order's id as message id.

    A retry after a lost acknowledgement is therefore no second order: the server knows the id for
    the stream's duplicate window and acknowledges the first copy again.
    """

    def __init__(self, nc: Client, backoff: Backoff = DEFAULT_BACKOFF) -> None:
        self._js = nc.jetstream()
        self._backoff = backoff

    async def publish(self, order: Order) -> PubAck:
        """The server's acknowledgement; GaveUpError when the attempts are used up."""
        return await self.publish_raw(order.encode(), order.id)

    async def publish_raw(self, payload: bytes, message_id: str) -> PubAck:
        async def attempt() -> PubAck:
            return await self._js.publish(
                CREATED,
                payload,
                timeout=ACK_TIMEOUT,
                stream=STREAM,  # an error, should the subject ever belong to another stream
                headers={"Nats-Msg-Id": message_id},
            )

        ack = await retried(f"publishing {message_id}", attempt, self._backoff)
        if ack.duplicate:
            log.warning(
                "order %s is a duplicate: stream %s has it as sequence %d",
                message_id,
                ack.stream,
                ack.seq,
            )
        else:
            log.info("order %s stored: stream %s, sequence %d", message_id, ack.stream, ack.seq)
        return ack
