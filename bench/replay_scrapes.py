"""What the requests to somebody on replayed clusters take, and the processes behind them."""

from __future__ import annotations

import asyncio
import statistics
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from bench import table
from bench.exporters import started
from bench.measure import AFTERMATH, MeasureError, curl, samples_in
from bench.proc import Process
from bench.replay import Shape

from jetstream_exporter.demo.child import Child

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence
    from pathlib import Path

WARM_UPS = 3
COLUMNS = ("", "requests", "wall", "CPU", "peak resident", "largest process", "samples", "size")


@dataclass(slots=True)
class Scraped:
    """Who is scraped by which requests of each cluster, and what that took in each round."""

    name: str
    clusters: list[list[str]]
    children: list[Child]
    walls: list[float] = field(default_factory=list)
    cpus: list[float] = field(default_factory=list)
    size: int = 0
    samples: int = 0

    @property
    def urls(self) -> list[str]:
        return [url for cluster in self.clusters for url in cluster]

    def scrape(self) -> None:
        """The requests of a cluster at once, and one cluster after another, as each has machines of its own."""
        before = self.cpu_seconds()
        asked = [_at_once(urls) for urls in self.clusters]
        self.walls.append(max(wall for wall, _ in asked))
        time.sleep(AFTERMATH)
        self.cpus.append(self.cpu_seconds() - before)
        self.size = sum(size for _, size in asked)

    def warm_up(self, folder: Path) -> None:
        for _ in range(WARM_UPS):
            self.scrape()
        self.samples = 0
        for url in self.urls:
            curl(url, keep=folder / "body")
            self.samples += samples_in(folder / "body")
        self.walls.clear()
        self.cpus.clear()
        self.forget_peaks()

    def forget_peaks(self) -> None:
        for child in self.children:
            Process(child.pid).forget_peak()

    def cpu_seconds(self) -> float:
        return sum(Process(child.pid).cpu_seconds() for child in self.children)

    def peaks(self) -> list[int]:
        """Bytes of each process; what its children have is its own."""
        return [Process(child.pid).peak_bytes() for child in self.children]

    def rows(self, clusters: int) -> list[list[str]]:
        """What was measured, and what that makes for so many clusters if not all of them were run."""
        measured = self._row(self.name, 1)
        if clusters == len(self.clusters):
            return [measured]
        factor = clusters / len(self.clusters)
        return [measured, self._row(f"… {clusters} clusters: × {factor:g}", factor)]

    def _row(self, name: str, factor: float) -> list[str]:
        peaks = self.peaks()
        return [
            name,
            f"{len(self.urls) * factor:,.0f}",
            table.seconds(statistics.median(self.walls)),
            table.seconds(statistics.median(self.cpus) * factor),
            table.mebibytes(sum(peaks) * factor),
            table.mebibytes(max(peaks)),
            f"{self.samples * factor:,.0f}",
            table.megabytes(self.size * factor),
        ]


def _at_once(urls: Sequence[str]) -> tuple[float, int]:
    """Seconds until the last answer, and the bytes of all."""
    began = time.monotonic()
    with ThreadPoolExecutor(len(urls)) as pool:
        answers = list(pool.map(curl, urls))
    return time.monotonic() - began, sum(size for _, size in answers)


@asynccontextmanager
async def replaying(shape: Shape, folder: Path) -> AsyncIterator[tuple[Child, list[list[str]]]]:
    """The replayed servers and their addresses, cluster by cluster."""
    flags = [f"--{name}={getattr(shape, name)}" for name in Shape.__dataclass_fields__]
    argv = [sys.executable, "-m", "bench.replay", *flags]
    expected = shape.clusters * shape.servers

    async def is_listening(child: Child) -> bool:
        return len(child.log.read_text().splitlines()) == expected

    async with started("replay", argv, folder, is_listening, deadline=60) as child:
        targets = child.log.read_text().splitlines()
        firsts = range(0, expected, shape.servers)
        yield child, [targets[first : first + shape.servers] for first in firsts]


@asynccontextmanager
async def answering(name: str, argv: Sequence[str], url: str, folder: Path) -> AsyncIterator[Child]:
    async def answers(_: Child) -> bool:
        try:
            await asyncio.to_thread(curl, url)
        except MeasureError:
            return False
        return True

    async with started(name, argv, folder, answers, deadline=300) as child:
        yield child
