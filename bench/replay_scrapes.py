"""Who is measured on replayed clusters, by how many requests, and the processes behind them."""

from __future__ import annotations

import asyncio
import statistics
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from bench import table
from bench.exporters import CONFIG, for_jetstream, free_port, started
from bench.measure import AFTERMATH, MeasureError, curl, samples_in
from bench.proc import Process
from bench.replay import Shape

from jetstream_exporter.demo.child import Child

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence
    from pathlib import Path

WARM_UPS = 3


@dataclass(slots=True)
class Scraped:
    """Who is scraped by which requests, and what that took in each round."""

    name: str
    urls: Sequence[str]
    children: Sequence[Child]
    walls: list[float] = field(default_factory=list)
    cpus: list[float] = field(default_factory=list)
    size: int = 0
    samples: int = 0

    def scrape(self) -> None:
        before = self._cpu()
        began = time.monotonic()
        with ThreadPoolExecutor(len(self.urls)) as pool:
            answers = list(pool.map(curl, self.urls))
        self.walls.append(time.monotonic() - began)
        time.sleep(AFTERMATH)
        self.cpus.append(self._cpu() - before)
        self.size = sum(size for _, size in answers)

    def warm_up(self, folder: Path) -> None:
        for _ in range(WARM_UPS):
            self.scrape()
        self.samples = 0
        for url in self.urls:
            curl(url, keep=folder / "body")
            self.samples += samples_in(folder / "body")
        self.walls.clear()
        self.cpus.clear()
        for child in self.children:
            Process(child.pid).forget_peak()

    def _cpu(self) -> float:
        return sum(Process(child.pid).cpu_seconds() for child in self.children)

    def row(self) -> list[str]:
        peak = sum(Process(child.pid).peak_bytes() for child in self.children)
        return [
            self.name,
            str(len(self.urls)),
            table.seconds(statistics.median(self.walls)),
            table.seconds(statistics.median(self.cpus)),
            table.mebibytes(peak),
            f"{self.samples:,}",
            table.megabytes(self.size),
        ]


@asynccontextmanager
async def replaying(shape: Shape, folder: Path) -> AsyncIterator[tuple[Child, list[str]]]:
    flags = [f"--{name}={getattr(shape, name)}" for name in Shape.__dataclass_fields__]
    argv = [sys.executable, "-m", "bench.replay", *flags]
    expected = shape.clusters * shape.servers

    async def is_listening(child: Child) -> bool:
        return len(child.log.read_text().splitlines()) == expected

    async with started("replay", argv, folder, is_listening, deadline=60) as child:
        yield child, child.log.read_text().splitlines()


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


@asynccontextmanager
async def ours(
    program: str, targets: Sequence[str], folder: Path, slices: int
) -> AsyncIterator[Scraped]:
    port = free_port()
    config = _config(folder)
    flags = [part for url in targets for part in ("--target", url)]
    argv = [program, *flags, f"--web.listen-address=127.0.0.1:{port}", f"--config.file={config}"]
    url = f"http://127.0.0.1:{port}/metrics"
    async with answering("jetstream-exporter", argv, url, folder) as child:
        if slices == 1:
            yield Scraped("jetstream-exporter", [url], [child])
        else:
            urls = [f"{url}?shard={number}/{slices}" for number in range(slices)]
            yield Scraped(f"jetstream-exporter, {slices} slices", urls, [child])


def _config(folder: Path) -> Path:
    folder.mkdir()
    config = folder / "exporter.yaml"
    config.write_text(f"{CONFIG}collect: {{timeout: 60s}}\n")
    return config


@asynccontextmanager
async def peers(program: str, targets: Sequence[str], folder: Path) -> AsyncIterator[Scraped]:
    """One prometheus-nats-exporter beside each server, with the flags of the NATS chart for JetStream."""
    async with AsyncExitStack() as stack:
        urls, children = [], []
        for number, target in enumerate(targets):
            port = free_port()
            argv = [program, *for_jetstream(target, port)]
            urls.append(f"http://127.0.0.1:{port}/metrics")
            name = f"prometheus-nats-exporter-{number}"
            children.append(
                await stack.enter_async_context(answering(name, argv, urls[-1], folder))
            )
        yield Scraped("prometheus-nats-exporter, one a server", urls, children)
