"""A server on a disk that can be filled: a small file system in memory, which only some may mount."""

import contextlib
import subprocess
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import pytest

from jetstream_exporter.demo.cluster import Cluster

MOUNT = ("mount", "-t", "tmpfs", "-o")


@contextmanager
def mounted(folder: Path, size: str) -> Iterator[None]:
    """Skip the test where mounting is not permitted: root in a container may lack CAP_SYS_ADMIN."""
    folder.mkdir(parents=True)
    try:
        subprocess.run([*MOUNT, f"size={size}", "tmpfs", folder], check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("a small file system cannot be mounted here")
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", folder], check=True)


def enlarge(folder: Path, size: str) -> None:
    subprocess.run([*MOUNT, f"remount,size={size}", "tmpfs", folder], check=True)


def fill(folder: Path) -> None:
    """Leave no byte."""
    with contextlib.suppress(OSError), (folder / "ballast").open("wb", buffering=0) as file:
        while file.write(b"x" * 4096):
            pass


@asynccontextmanager
async def first_on_small_disk(
    folder: Path, disk: str, size: int = 3, **settings: Any
) -> AsyncIterator[Cluster]:
    """Servers of which only the first has its store on the small disk, with a limit far above that."""
    with mounted(folder / "nats-0" / "store", disk):
        async with Cluster(size, folder=folder, **settings) as cluster:
            yield cluster
