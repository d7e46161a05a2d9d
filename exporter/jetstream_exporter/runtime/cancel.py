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


def cancellations() -> int:
    """How often the current task was cancelled."""
    task = asyncio.current_task()
    return task.cancelling() if task is not None else 0


def end_if_cancelled(before: int = 0) -> None:
    """CancelledError if the task was cancelled more often than `before`: what it awaited swallowed that, see above.

    For loops of a task that is cancelled once, since a second cancellation would cut its way out short.
    """
    if cancellations() > before:
        raise asyncio.CancelledError
