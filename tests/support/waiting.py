"""Wait for a condition, never for a time."""

import asyncio
from collections.abc import Callable


async def until(holds: Callable[[], bool], seconds: float) -> None:
    """Return as soon as it holds; TimeoutError after so many seconds."""
    async with asyncio.timeout(seconds):
        while not holds():  # noqa: ASYNC110
            await asyncio.sleep(0.02)
