"""What a test opens is closed at its end, also where it fails: what stays open fails the test after it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Protocol, TypeVar


class Closes(Protocol):
    async def close(self) -> None: ...


Opened = TypeVar("Opened", bound=Closes)


@asynccontextmanager
async def closing(opened: Opened) -> AsyncIterator[Opened]:
    """`contextlib.aclosing` asks for a method `aclose`."""
    try:
        yield opened
    finally:
        await opened.close()
