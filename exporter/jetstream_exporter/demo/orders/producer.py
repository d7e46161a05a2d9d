"""The demo's orders: a steady stream of them, some sent twice, and one that is none."""

from __future__ import annotations

import asyncio
import itertools
import logging
import uuid
from collections.abc import Iterator
from dataclasses import dataclass

from .order import Order
from .publisher import Publisher
from .retry import GaveUpError

POISON = b'{"id": "poison", "customer": "and here the producer broke off'
log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Pace:
    rate: float = 20.0  # orders a second
    duplicate_every: int = 100  # every so many orders are published a second time; 0: none
    poison_at: int = 50  # before this order comes the poison message; 0: none


DEFAULT_PACE = Pace()


def some_orders() -> Iterator[Order]:
    for number in itertools.count(1):
        yield Order(f"order-{uuid.uuid4().hex[:12]}", f"customer-{number % 97}", number * 37 % 9900)


async def produce(publisher: Publisher, pace: Pace, stopping: asyncio.Event) -> None:
    """Publish until told to stop; an order that the server does not take in time is reported."""
    clock = asyncio.get_running_loop()
    due = clock.time()
    for number, order in enumerate(some_orders(), start=1):
        try:
            await _publish(publisher, pace, number, order)
        except GaveUpError as error:
            log.error("%s", error)
        # After an outage the pace goes on; what was missed is not caught up in a burst.
        due = max(due + 1 / pace.rate, clock.time() - 1)
        if await is_set(stopping, due - clock.time()):
            return


async def _publish(publisher: Publisher, pace: Pace, number: int, order: Order) -> None:
    if number == pace.poison_at:
        await publisher.publish_raw(POISON, f"poison-{order.id}")
    await publisher.publish(order)
    if pace.duplicate_every and number % pace.duplicate_every == 0:
        await publisher.publish(order)


async def is_set(event: asyncio.Event, within: float) -> bool:
    """Whether the event comes within so many seconds."""
    if within <= 0:
        await asyncio.sleep(0)
        return event.is_set()
    try:
        await asyncio.wait_for(event.wait(), within)
    except TimeoutError:
        return False
    return True
