"""Threads for what must not hold up the event loop: decoding, merging, rendering.

There are two: more would only wait for the interpreter lock, each holding another large answer. DNS lookups, which can
hang for seconds, run in other threads, so that they cannot block these.
"""

import asyncio
import contextlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import ParamSpec, TypeVar

Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")

_threads = ThreadPoolExecutor(max_workers=2, thread_name_prefix="work")


async def run_in_thread(
    work: Callable[Arguments, Result], *args: Arguments.args, **kwargs: Arguments.kwargs
) -> Result:
    """Run a function in one of the threads."""
    loop = asyncio.get_running_loop()
    return await loop.run_in_executor(_threads, lambda: work(*args, **kwargs))


async def run_to_end_in_thread(
    work: Callable[Arguments, Result], *args: Arguments.args, **kwargs: Arguments.kwargs
) -> Result:
    """The same for a function that changes what others change, too: who is cancelled waits until it has ended."""
    running = asyncio.ensure_future(run_in_thread(work, *args, **kwargs))
    try:
        return await asyncio.shield(running)
    except asyncio.CancelledError:
        while not running.done():
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.wait([running])
        raise
