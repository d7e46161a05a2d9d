"""Who is measured on replayed clusters: this exporter, whole or divided, full or lean, and a peer beside each."""

from __future__ import annotations

import argparse
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from functools import partial
from pathlib import Path
from typing import NamedTuple

from bench.exporters import CONFIG, for_jetstream
from bench.replay_scrapes import Scraped, answering

from jetstream_exporter.demo.ports import Port

PROFILES = ("full", "lean")
Clusters = Sequence[Sequence[str]]  # the addresses of the servers of each
Start = Callable[[Clusters, Path], AbstractAsyncContextManager[Scraped]]


class Division(NamedTuple):
    """How a cluster is read: by so many exporters, each of which answers in so many slices.

    Requests within `kept` seconds get the values of one collection.
    """

    profile: str = "full"
    shards: int = 1
    slices: int = 1
    kept: float = 0

    def __str__(self) -> str:
        parts = ["jetstream-exporter"]
        parts += [self.profile] if self.profile != "full" else []
        parts += [f"{self.shards} shards"] if self.shards > 1 else []
        parts += [f"{self.slices} slices"] if self.slices > 1 else []
        parts += [f"min_interval {self.kept:g}s"] if self.kept else []
        return ", ".join(parts)

    def config(self, shard: int) -> str:
        """The configuration of one of the exporters, without its targets."""
        collect = f"collect: {{timeout: 60s, min_interval: {self.kept * 1000:.0f}ms}}"
        lines = [CONFIG, collect, f"families: {{profile: {self.profile}}}"]
        if self.shards > 1:
            lines.append(f"shard: {{ordinal: {shard}, total: {self.shards}}}")
        return "\n".join(lines) + "\n"

    def urls(self, url: str) -> list[str]:
        """The requests to one of the exporters."""
        if self.slices == 1:
            return [url]
        return [f"{url}?shard={number}/{self.slices}" for number in range(self.slices)]


def contestants(options: argparse.Namespace, kept: float = 0) -> Iterator[Start]:
    """How each is started, on which clusters and in which folder.

    The slices have an exporter of their own: what it remembers of the last whole text is no help to them. With `kept`
    they share a collection also if they are not requested at the same time.
    """
    for profile in options.profiles:
        divisions = [Division(profile)] if options.whole else []
        divisions += (
            [Division(profile, slices=options.slices, kept=kept)] if options.slices > 1 else []
        )
        divisions += [Division(profile, shards=options.shards)] if options.shards > 1 else []
        for division in divisions:
            yield partial(ours, options.jetstream_exporter, division)
    if options.prometheus_nats_exporter:
        yield partial(peers, options.prometheus_nats_exporter)


@asynccontextmanager
async def ours(
    program: str, division: Division, clusters: Clusters, folder: Path
) -> AsyncIterator[Scraped]:
    """One exporter beside each cluster, or one for each shard of it."""
    async with AsyncExitStack() as stack:
        scraped = Scraped(str(division), [], [])
        for number, targets in enumerate(clusters):
            urls: list[str] = []
            for shard in range(division.shards):
                name = f"jetstream-exporter-{number}-{shard}"
                config = folder / f"{name}.yaml"
                config.write_text(division.config(shard))
                port = _port(stack)
                argv = [program, f"--config.file={config}", f"--web.listen-address={port}"]
                argv += [part for url in targets for part in ("--target", url)]
                urls += division.urls(f"http://{port}/metrics")
                started = answering(name, argv, urls[-1], folder)
                scraped.children.append(await stack.enter_async_context(started))
            scraped.clusters.append(urls)
        yield scraped


@asynccontextmanager
async def peers(program: str, clusters: Clusters, folder: Path) -> AsyncIterator[Scraped]:
    """One prometheus-nats-exporter beside each server, with the flags of the NATS chart for JetStream."""
    async with AsyncExitStack() as stack:
        scraped = Scraped("prometheus-nats-exporter, one a server", [], [])
        for number, targets in enumerate(clusters):
            scraped.clusters.append([])
            for place, target in enumerate(targets):
                port = _port(stack)
                scraped.clusters[-1].append(f"http://{port}/metrics")
                name = f"prometheus-nats-exporter-{number}-{place}"
                argv = [program, *for_jetstream(target, port.number)]
                started = answering(name, argv, scraped.urls[-1], folder)
                scraped.children.append(await stack.enter_async_context(started))
        yield scraped


def _port(stack: AsyncExitStack) -> Port:
    """A port that no connection of the many others takes before the program listens on it."""
    port = Port()
    stack.callback(port.release)
    return port
