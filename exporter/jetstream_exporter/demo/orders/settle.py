"""What happens to a message: acknowledged when its order is processed, and only then."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable

from nats.aio.msg import Msg
from nats.js.api import ConsumerConfig

from .order import Order

Handler = Callable[[Order], Awaitable[None]]
FIRST_RETRY = 0.2
LONGEST_RETRY = 30.0
log = logging.getLogger(__name__)


def retry_delay(deliveries: int) -> float:
    """How long the server keeps a failed message back before it delivers it again."""
    return min(LONGEST_RETRY, FIRST_RETRY * 2.0 ** (deliveries - 1))


async def settle(message: Msg, handle: Handler, consumer: ConsumerConfig) -> bool:
    """Process and acknowledge the message, or nak it where that fails. Whether it was processed.

    A message that fails for ever is not dropped here: the consumer's max_deliver ends it, and the
    advisory that the server then sends leads it to the dead letters.
    """
    sequence, delivery = message.metadata.sequence.stream, message.metadata.num_delivered
    try:
        await handle(Order.decode(message.data))
    except Exception as error:
        log.warning(
            "%s failed on sequence %d, delivery %d of %d: %s",
            consumer.name,
            sequence,
            delivery,
            consumer.max_deliver,
            error,
        )
        is_last = delivery == consumer.max_deliver  # nothing to wait for
        await message.nak(delay=None if is_last else retry_delay(delivery))
        return False
    await message.ack()
    log.info("%s processed sequence %d, delivery %d", consumer.name, sequence, delivery)
    return True
