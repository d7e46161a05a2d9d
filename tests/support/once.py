"""What takes long and does not change is made by one test process for all of them."""

import fcntl
from collections.abc import Callable
from pathlib import Path

import pytest


def once(factory: pytest.TempPathFactory, name: str, fill: Callable[[Path], None]) -> Path:
    """A folder that `fill` filled; a process that comes later waits for it. If it failed, the next one tries."""
    shared = factory.getbasetemp()
    if shared.name.startswith("popen-gw"):  # under xdist each process has a folder of its own
        shared = shared.parent
    folder = shared / name
    with (shared / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not folder.exists():
            part = factory.mktemp(name)
            fill(part)
            part.rename(folder)
    return folder
