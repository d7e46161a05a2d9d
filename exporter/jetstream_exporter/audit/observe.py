"""The facts of a live cluster: two snapshots, some seconds apart."""

from __future__ import annotations

import asyncio
import ipaddress
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from yarl import URL

from jetstream_exporter.service import Service
from jetstream_exporter.snapshot import Consumer, Server, Snapshot, Stream
from jetstream_exporter.snapshot.rows import ConsumerSettings, StreamSettings


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
    """Ask twice, `seconds` apart; once if that is 0."""
    service = Service(path, targets)
    try:
        timeout = service.config.collect.timeout
        before, began = None, time.monotonic()
        if seconds:
            before = await service.scraper.snapshot(timeout)
            began = time.monotonic()
            await asyncio.sleep(seconds if before.consumers else 0)  # nobody to watch
        snapshot = await service.scraper.snapshot(timeout)
        return Observation(
            snapshot,
            before,
            time.monotonic() - began if before else 0.0,
            time.time(),
            _open_targets(service),
            {outcome.target: outcome.error for outcome in service.outcomes if outcome.error},
        )
    finally:
        await service.close()


def _open_targets(service: Service) -> list[str]:
    silent = {outcome.target for outcome in service.outcomes if not outcome.words}
    clusters = [cluster for cluster in service.config.clusters if not cluster.http.username]
    return [target for cluster in clusters for target in cluster.targets if target not in silent]


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
