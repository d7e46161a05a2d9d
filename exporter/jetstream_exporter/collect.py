"""Asks every source at once inside one deadline. A source that fails costs its own data only."""

import asyncio
import time
from collections.abc import Iterable, Sequence
from typing import Protocol, runtime_checkable

import structlog

from jetstream_exporter.report import Outcome, Question

log = structlog.get_logger()


class Source(Protocol):
    """A way to ask. `ask` returns one outcome per target by the question's deadline; failures are in the outcomes."""

    name: str

    async def ask(self, question: Question) -> list[Outcome]: ...
    async def close(self) -> None: ...


@runtime_checkable
class Starting(Protocol):
    """A source with something to do before it is asked for the first time."""

    def start(self) -> None: ...


class Collector:
    """All sources of the running configuration, and which of their targets were up last time."""

    def __init__(self, sources: Sequence[Source]) -> None:
        self._sources = sources
        self._down: dict[tuple[str, str], float] = {}

    def start(self) -> None:
        """Open the connections early; a scrape would open them too."""
        for source in self._sources:
            if isinstance(source, Starting):
                source.start()

    async def collect(self, question: Question) -> list[Outcome]:
        """Ask all sources. One outcome per source and target, in a stable order."""
        found = await asyncio.gather(*(source.ask(question) for source in self._sources))
        outcomes = {(o.source, o.target): o for group in found for o in group}
        self._log_changes(outcomes.values())
        return [outcomes[key] for key in sorted(outcomes)]

    async def close(self) -> None:
        await asyncio.gather(*(source.close() for source in self._sources))

    def _log_changes(self, outcomes: Iterable[Outcome]) -> None:
        """Log one line when a target fails and one when it recovers."""
        down = {}
        for outcome in outcomes:
            key = (outcome.source, outcome.target)
            since = self._down.get(key)
            if outcome.error is None:
                if since is not None:
                    seconds = round(time.monotonic() - since)
                    log.info(
                        "target answers again", source=key[0], target=key[1], down_seconds=seconds
                    )
                continue
            if since is None:
                log.warning("target failed", source=key[0], target=key[1], error=outcome.error)
            down[key] = time.monotonic() if since is None else since
        self._down = down
