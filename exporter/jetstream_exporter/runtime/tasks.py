"""Work in the background. None of it is unwatched: a task that dies says so in one log line.

`asyncio` keeps the error of a task that nobody waits for until the task is freed, and what the task did is not done any
more, without a sign.
"""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

import structlog

Result = TypeVar("Result")

PAUSE, LONGEST_PAUSE = 1.0, 30.0  # seconds before a task is started again, doubled each time
HEALTHY = 60.0  # seconds after which a task that dies is not the one that just died again

log = structlog.get_logger()


def keep_running(
    name: str, work: Callable[[], Coroutine[Any, Any, None]], pause: float = PAUSE
) -> "asyncio.Task[None]":
    """Start work that has no end. If it ends all the same, say why, and start it again; cancel it to end it."""
    return asyncio.get_running_loop().create_task(_keep(name, work, pause), name=name)


async def _keep(name: str, work: Callable[[], Coroutine[Any, Any, None]], pause: float) -> None:
    loop = asyncio.get_running_loop()
    wait = pause
    while True:
        began = loop.time()
        error: BaseException | None = None
        try:
            await work()
        except asyncio.CancelledError as cancelled:
            task = asyncio.current_task()
            if task is None or task.cancelling():
                raise
            error = cancelled  # of something else that the work waited for
        except Exception as failure:
            error = failure
        task = asyncio.current_task()
        if error is None and task is not None and task.cancelling():
            return  # cancelled, which a library that it waited in had swallowed
        wait = pause if loop.time() - began > HEALTHY else wait
        _log("a background task failed and will be restarted", name, error)
        await asyncio.sleep(wait)
        wait = min(2 * wait, LONGEST_PAUSE)


def start(name: str, work: Coroutine[Any, Any, Result]) -> "asyncio.Task[Result]":
    """Start work that ends by itself, and that nobody may wait for. If it fails, say so."""
    task = asyncio.get_running_loop().create_task(work, name=name)
    task.add_done_callback(_ended)
    return task


def _ended(task: "asyncio.Task[Any]") -> None:
    if not task.cancelled() and (error := task.exception()) is not None:
        _log("a background task failed", task.get_name(), error)


def _log(what: str, name: str, error: BaseException | None) -> None:
    reason = f"{type(error).__name__}: {error}".removesuffix(": ") if error else "it ended"
    log.error(what, task=name, error=reason, exc_info=error)
