"""All roles of the workload at once, for the demo."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from typing import Self

from . import roles
from .producer import DEFAULT_PACE, Pace, is_set
from .settle import Handler
from .streams import ConflictError
from .work import Work

PAUSE_AFTER_FAILURE = 1.0
log = logging.getLogger(__name__)


class Workload:
    """Publisher, both consumers and dead letters, and after a while a replay.

    Leaving it drains all of them. `processing` and `batching` are what is done with an order.
    """

    def __init__(
        self,
        servers: Sequence[str],
        *,
        replicas: int = 3,
        pace: Pace = DEFAULT_PACE,
        replay_after: float | None = 10.0,
        processing: Handler | None = None,
        batching: Handler | None = None,
    ) -> None:
        self.servers = servers
        self._replicas = replicas
        self._pace = pace
        self._replay_after = replay_after
        self._processing = processing or Work()
        self._batching = batching or Work(seconds=0.002)
        self._stopping = asyncio.Event()
        self._enough = asyncio.Event()  # ends the publisher alone
        self._tasks: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> Self:
        await roles.set_up(self.servers, self._replicas)
        servers, stopping = self.servers, self._stopping
        self._run(lambda: roles.forward_dead_letters(servers, stopping))
        self._run(lambda: roles.process(servers, stopping, self._processing))
        self._run(lambda: roles.process_in_batches(servers, stopping, self._batching))
        self._publishing = self._run(lambda: roles.publish(servers, self._enough, self._pace))
        if self._replay_after is not None:
            self._run(self._replay)
        return self

    async def __aexit__(self, *_: object) -> None:
        """Drain; a second interruption on the way cuts it short."""
        self._enough.set()
        self._stopping.set()
        try:
            await asyncio.gather(*self._tasks)
        finally:
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)

    async def stop_publishing(self) -> None:
        """Publish the order that is under way and no further ones; the consumers go on with what is stored."""
        self._enough.set()
        await self._publishing

    def _run(self, role: Callable[[], Awaitable[None]]) -> asyncio.Task[None]:
        self._tasks.append(asyncio.create_task(self._keep(role)))
        return self._tasks[-1]

    async def _keep(self, role: Callable[[], Awaitable[None]]) -> None:
        """Run the role; start it again where it fails, as its operator's platform would."""
        while not self._stopping.is_set():
            try:
                return await role()
            except ConflictError as error:
                log.error("%s", error)
                return None
            except Exception:
                log.exception("a part of the workload failed and was restarted")
                await is_set(self._stopping, PAUSE_AFTER_FAILURE)
        return None

    async def _replay(self) -> None:
        if not await is_set(self._stopping, self._replay_after or 0):
            await roles.process_again(self.servers, self._stopping, Work(0.003, fail_every=0))
