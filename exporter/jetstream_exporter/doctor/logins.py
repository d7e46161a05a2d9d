"""Whether a connection whose events the doctor may not read can be made: it logs in and closes it again."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain

from jetstream_exporter.config import ConfigError
from jetstream_exporter.config.nats import Nats
from jetstream_exporter.config.schema import Config
from jetstream_exporter.report import LATE
from jetstream_exporter.sources.errors import SourceError
from jetstream_exporter.sources.nats.client import MESSAGE, end
from jetstream_exporter.sources.nats.connector import Connector, target_of
from jetstream_exporter.sources.nats.permissions import Permissions
from jetstream_exporter.sources.purpose import advisories_of


@dataclass(frozen=True, slots=True)
class LoginTrial:
    """The name of a connection, and why it could not be made; empty if it could."""

    target: str
    error: str = ""


async def of_advisories(config: Config) -> Sequence[LoginTrial]:
    """All at once, each for as long as a collection at most."""
    every = chain.from_iterable(map(advisories_of, config.clusters))
    return await asyncio.gather(*(_tried(*each, config.collect.timeout) for each in every))


async def _tried(settings: Nats, place: str, seconds: float) -> LoginTrial:
    target = target_of(settings)
    connector = Connector(
        settings, place, Permissions(target), MESSAGE, note=lambda _: False, opened=None
    )
    try:
        async with asyncio.timeout(seconds):
            client = await connector.connect()
    except TimeoutError:
        return LoginTrial(target, f"not connected: {LATE}")
    except (SourceError, ConfigError) as error:
        return LoginTrial(target, f"not connected: {connector.without_secrets(error)}")
    await end(client)
    return LoginTrial(target)
