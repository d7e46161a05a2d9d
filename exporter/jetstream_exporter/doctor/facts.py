"""What the doctor looks at: one collection as an audit makes it, and the names of the configuration."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from yarl import URL

from jetstream_exporter.app import App
from jetstream_exporter.config.schema import Cluster, Config
from jetstream_exporter.doctor.logins import LoginTrial, of_advisories
from jetstream_exporter.report import Outcome
from jetstream_exporter.snapshot import Snapshot
from jetstream_exporter.sources.http.discovery import SRV
from jetstream_exporter.sources.lookup import LOOKUP_ERRORS, Lookup, SystemLookup, is_address
from jetstream_exporter.sources.purpose import Purpose, unused_sources


@dataclass(frozen=True, slots=True)
class NameLookup:
    """A name of the configuration and its addresses, or why there are none."""

    name: str
    addresses: Sequence[str] = ()
    error: str = ""


@dataclass(frozen=True, slots=True)
class Facts:
    snapshot: Snapshot
    outcomes: Sequence[Outcome] = ()
    names: Sequence[NameLookup] = ()
    conflicts: Sequence[str] = ()
    unused: Sequence[str] = ()
    logins: Sequence[LoginTrial] = ()  # of the connections that are not used
    began: float = 0.0  # of the collection, seconds since the epoch
    ended: float = 0.0


async def gather(path: str, targets: Sequence[str], lookup: Lookup | None = None) -> Facts:
    """Look once. ConfigError where the configuration cannot be used; TimeoutError if reading the answers takes too
    long. Only sources that change nothing are asked; of the others only the login is tried.
    """
    app = App(path, targets, purpose=Purpose.FIGURES)
    try:
        names = await _all_looked_up(app.config, lookup or SystemLookup())
        logins = await of_advisories(app.config)
        began = time.time()
        snapshot = await app.scraper.snapshot(app.config.collect.timeout)
        return Facts(
            snapshot=snapshot,
            outcomes=app.outcomes,
            names=names,
            conflicts=app.conflicts,
            unused=unused_sources(app.config.clusters, app.purpose),
            logins=logins,
            began=began,
            ended=time.time(),
        )
    finally:
        await app.close()


def _names(config: Config) -> set[str]:
    found = {name for cluster in config.clusters for name in _names_of(cluster)}
    return {name for name in found if name and not is_address(name.removeprefix(SRV))}


def _names_of(cluster: Cluster) -> Iterator[str]:
    for target in cluster.targets:
        kind = SRV if target.startswith(SRV) else ""
        yield kind + (URL(target.removeprefix(SRV)).host or "")
    connections = (cluster.system, *cluster.accounts, *cluster.advisories)
    for url in (url for connection in connections for url in connection.urls):
        yield URL(url if "://" in url else f"nats://{url}").host or ""


async def _all_looked_up(config: Config, lookup: Lookup) -> Sequence[NameLookup]:
    """All at once: a name that hangs costs the time of a collection at most, and none of the others."""
    seconds = config.collect.timeout
    return await asyncio.gather(
        *(_in_time(name, lookup, seconds) for name in sorted(_names(config)))
    )


async def _in_time(name: str, lookup: Lookup, seconds: float) -> NameLookup:
    try:
        async with asyncio.timeout(seconds):
            return await _looked_up(name, lookup)
    except TimeoutError:
        return NameLookup(name, error=f"the name was not resolved in time ({seconds:g} s)")


async def _looked_up(name: str, lookup: Lookup) -> NameLookup:
    try:
        if name.startswith(SRV):
            services = await lookup.services(name.removeprefix(SRV))
            return NameLookup(name, [f"{host}:{port}" for host, port in services])
        return NameLookup(name, await lookup.addresses(name))
    except LOOKUP_ERRORS:
        return NameLookup(name, error="the name cannot be resolved")
