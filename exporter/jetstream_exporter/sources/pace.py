"""What the sources of one cluster know of each other in one scrape, so that a slow one does not hold up a fast one."""

import asyncio
from collections.abc import Coroutine
from typing import Any

from jetstream_exporter.runtime.cancel import cancel_and_wait
from jetstream_exporter.sources.errors import SourceTimeoutError

GRACE = 1.0  # seconds that a slow source has at least after a fast one has brought the lists
SCRAPES = 4  # that are told apart; no more are under way at once
SPARE = 2.0  # times what a source took when all was well


class Pace:
    """Says when the monitoring ports have brought their lists; scrapes are told apart by their deadline."""

    def __init__(self) -> None:
        self._came: dict[float, asyncio.Event] = {}

    def bring(self, deadline: float) -> None:
        """Note that the lists came."""
        self._of(deadline).set()

    def _of(self, deadline: float) -> asyncio.Event:
        came = self._came.setdefault(deadline, asyncio.Event())
        for past in list(self._came)[:-SCRAPES]:
            del self._came[past]
        return came

    async def limit(
        self, work: Coroutine[Any, Any, None], deadline: float, usual: float | None
    ) -> None:
        """Do the work; SourceTimeoutError once the lists are there and it takes longer than `usual` seconds do.

        Without a usual time, as in a first scrape, it may take as long as it takes.
        """
        if usual is None:
            return await work
        task, came = asyncio.create_task(work), asyncio.create_task(self._of(deadline).wait())
        try:
            await asyncio.wait({task, came}, return_when=asyncio.FIRST_COMPLETED)
            await asyncio.wait({task}, timeout=max(GRACE, SPARE * usual))
            if task.done():
                return task.result()
            raise SourceTimeoutError(
                "slower than usual; the lists of the monitoring ports were used"
            )
        finally:
            await cancel_and_wait(task, came)
