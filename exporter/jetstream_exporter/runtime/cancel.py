"""The end of tasks that run until they are cancelled."""

import asyncio
from typing import Any

AGAIN = 3.0  # seconds; longer than what a task does on its way out


async def cancel_and_wait(*tasks: "asyncio.Task[Any]", again: float = AGAIN) -> None:
    """Cancel, and return when all are over, however they ended; none of their errors is raised.

    `asyncio.wait_for`, on which nats-py waits for every answer, swallows a cancellation that meets the answer, and a
    task that loops goes on for ever. Such a one is cancelled again. Python 3.12 ends that (cpython#86296):
    from there on cancelling once and `asyncio.wait` are enough.
    """
    while pending := [task for task in tasks if not task.done()]:
        for task in pending:
            task.cancel()
        await asyncio.wait(pending, timeout=again)
    await asyncio.gather(*tasks, return_exceptions=True)
