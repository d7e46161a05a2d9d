"""The facts of a live cluster: two snapshots, some seconds apart."""

from __future__ import annotations

import asyncio
import ipaddress
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from yarl import URL

from jetstream_exporter.app import App
from jetstream_exporter.config.schema import unlimited
from jetstream_exporter.snapshot import Consumer, Server, Snapshot, Stream
from jetstream_exporter.snapshot.rows import ConsumerSettings, StreamSettings
from jetstream_exporter.sources.purpose import Purpose, unused_sources


@dataclass(frozen=True, slots=True)
class Observation:
    snapshot: Snapshot
    before: Snapshot | None = None
    seconds: float = 0.0  # between the two
    now: float = 0.0  # since the epoch
    open_targets: Sequence[str] = ()  # that answered without a password
    errors: Mapping[str, str] = field(
        default_factory=dict
    )  # by target: why it gave less than was asked
    sources: Sequence[str] = ()  # that were asked, each with its target
    unused: Sequence[str] = ()  # that are configured and were left out, as they are not for looking

    def streams(self) -> Iterator[tuple[Stream, StreamSettings]]:
        """The streams whose configuration is known. MQTT's own are the server's to configure."""
        for row in self.snapshot.streams:
            if row.settings is not None and not row.name.startswith("$MQTT_"):
                yield row, row.settings

    def consumers(self) -> Iterator[tuple[Consumer, ConsumerSettings]]:
        """The durable consumers whose configuration is known."""
        for row in self.snapshot.consumers:
            known = row.settings is not None and not row.stream.startswith("$MQTT_")
            if known and row.settings is not None and row.settings.durable:
                yield row, row.settings

    def sizes(self) -> dict[str, int]:
        """How many servers JetStream can place replicas on, by cluster, those that are down included."""
        sizes = {row.cluster: row.peers for row in self.snapshot.metas}
        for row in self.snapshot.servers:
            if row.cluster not in sizes and row.jetstream is not None and row.jetstream.enabled:
                sizes[row.cluster] = 1
        return sizes


async def observe(path: str, targets: Sequence[str], seconds: float) -> Observation:
    """Ask twice, `seconds` apart; once if that is 0. Only sources that change nothing are asked."""
    return await _observed(App(path, targets, purpose=Purpose.FIGURES), seconds)


async def observe_everything(path: str, targets: Sequence[str]) -> Observation:
    """Ask once, and leave nothing out that the configuration does not export."""
    return await _observed(App(path, targets, purpose=Purpose.FIGURES, adapt=unlimited), 0)


async def _observed(app: App, seconds: float) -> Observation:
    try:
        timeout = app.config.collect.timeout
        before, began = None, time.monotonic()
        if seconds:
            before = await app.scraper.snapshot(timeout)
            began = time.monotonic()
            await asyncio.sleep(seconds if before.consumers else 0)  # nobody to watch
        snapshot = await app.scraper.snapshot(timeout)
        return Observation(
            snapshot,
            before,
            time.monotonic() - began if before else 0.0,
            time.time(),
            _open_targets(app),
            {outcome.target: outcome.error for outcome in app.outcomes if outcome.error},
            sorted({f"{outcome.source} {outcome.target}" for outcome in app.outcomes}),
            unused_sources(app.config.clusters, app.purpose),
        )
    finally:
        await app.close()


def _open_targets(app: App) -> list[str]:
    unreachable = {outcome.target for outcome in app.outcomes if not outcome.reports}
    clusters = [cluster for cluster in app.config.clusters if not cluster.http.username]
    return [
        target for cluster in clusters for target in cluster.targets if target not in unreachable
    ]


def is_loopback(target: str) -> bool:
    host = URL(target.removeprefix("srv+")).host or ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def stream_name(row: Stream) -> str:
    return f"stream {row.name} (account {row.account}, cluster {row.cluster})"


def consumer_name(row: Consumer) -> str:
    where = f"account {row.account}, cluster {row.cluster}"
    return f"consumer {row.name} of stream {row.stream} ({where})"


def server_name(row: Server) -> str:
    return f"server {row.name} (cluster {row.cluster})" if row.cluster else f"server {row.name}"
