"""The demo's stand-in for what a company does with an order."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

from .order import Order

REMEMBERED = 10_000


@dataclass(slots=True)
class Work:
    """Processing takes its time and sometimes fails; both may be changed while it runs."""

    seconds: float = 0.01
    fail_every: int = 83  # every so many orders fail once, as remote services do; 0: none
    _failed: dict[str, None] = field(default_factory=dict)
    _count: int = 0

    async def __call__(self, order: Order) -> None:
        await asyncio.sleep(self.seconds)
        if order.id in self._failed:
            del self._failed[order.id]
            return
        self._count += 1
        if self.fail_every and self._count % self.fail_every == 0:
            self._fail(order.id)

    def _fail(self, order_id: str) -> None:
        self._failed[order_id] = None
        if len(self._failed) > REMEMBERED:
            del self._failed[next(iter(self._failed))]
        raise ConnectionError("the payment service did not answer")
