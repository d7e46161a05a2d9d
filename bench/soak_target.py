"""The exporter, with one more task that writes down what it holds: python -m bench.soak_target FILE FLAG…

Tasks, blocks of memory that Python has in use, and bytes that the C library has in use. What the process has beyond
these is free, and not given back to the system: it grows by holes between what lives long.
"""

from __future__ import annotations

import asyncio
import ctypes
import json
import os
import sys
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

from jetstream_exporter.__main__ import main

EVERY = 1.0


class _Mallinfo2(ctypes.Structure):
    """malloc(3) of glibc, mallinfo2."""

    _fields_ = tuple(
        (name, ctypes.c_size_t)
        for name in (
            *("arena", "ordblks", "smblks", "hblks", "hblkhd"),
            *("usmblks", "fsmblks", "uordblks", "fordblks", "keepcost"),
        )
    )


def held() -> dict[str, int]:
    """What this process holds now; `heap` is 0 where the C library does not say."""
    try:
        ask = ctypes.CDLL("libc.so.6").mallinfo2
        ask.restype = _Mallinfo2
        said = ask()
        heap = said.uordblks + said.hblkhd
    except (OSError, AttributeError):
        heap = 0
    return {"tasks": len(asyncio.all_tasks()), "blocks": sys.getallocatedblocks(), "heap": heap}


def counted(file: Path) -> None:
    """Have `asyncio.run` count beside what it runs."""
    plain = asyncio.run

    async def both(main: Coroutine[Any, Any, Any]) -> Any:
        counting = asyncio.create_task(count(file))
        try:
            return await main
        finally:
            counting.cancel()

    def run(main: Coroutine[Any, Any, Any], **options: Any) -> Any:
        return plain(both(main), **options)

    asyncio.run = run


def write(file: Path, figures: dict[str, int]) -> None:
    """Replace the file, so that nobody reads half of it."""
    new = file.with_suffix(".new")
    new.write_text(json.dumps(figures))
    os.replace(new, file)


async def count(file: Path) -> None:
    while True:
        write(file, held())
        await asyncio.sleep(EVERY)


if __name__ == "__main__":
    counted(Path(sys.argv[1]))
    sys.exit(main(sys.argv[2:]))
