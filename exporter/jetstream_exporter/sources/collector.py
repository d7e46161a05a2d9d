"""Asks every source at once inside one deadline. A source that fails costs its own data only."""

import asyncio
import time
from collections.abc import Collection, Iterable, Sequence
from itertools import chain, count
from typing import Protocol, runtime_checkable

import msgspec
import structlog

from jetstream_exporter.report import Outcome, RequestResult, ScrapeRequest

log = structlog.get_logger()


class Source(Protocol):
    """A way to ask. `ask` returns one outcome per target by the deadline; failures are in the outcomes."""

    name: str

    async def ask(self, request: ScrapeRequest) -> list[Outcome]: ...
    async def close(self) -> None: ...


@runtime_checkable
class Starting(Protocol):
    """A source with something to do before it is asked for the first time."""

    def start(self) -> None: ...


class Collector:
    """All sources of the running configuration, and which of their targets were up last time."""

    def __init__(self, sources: Sequence[Source], entries: Sequence[int] = ()) -> None:
        """`entries` are the numbers of the configured clusters that the sources belong to."""
        self._sources = sources
        self._entries = entries or [0] * len(sources)
        self._down: dict[tuple[str, str], float] = {}
        self._last: dict[Source, list[Outcome]] = {}  # whom each source asked last
        self._broken: set[Source] = set()

    def start(self) -> None:
        """Open the connections early; a scrape would open them too."""
        for source in self._sources:
            if isinstance(source, Starting):
                source.start()

    async def collect(self, request: ScrapeRequest) -> list[Outcome]:
        """Ask all sources. One outcome per source and target, in a stable order."""
        pairs = zip(self._entries, self._sources, strict=True)
        found = await asyncio.gather(
            *(self._ask(source, entry, request) for entry, source in pairs)
        )
        outcomes = numbered(zip(self._entries, found, strict=True))
        self._log_changes(outcomes)
        return outcomes

    async def confirm(self, outcomes: Iterable[Outcome], until: float) -> None:
        """Have the events that are in the totals now forgotten by whoever keeps them for us, waiting until then."""
        waiting = (outcome.events.confirm(until) for outcome in outcomes if outcome.events)
        for failed in await asyncio.gather(*waiting, return_exceptions=True):
            if isinstance(failed, Exception):
                log.error("events could not be acknowledged", exc_info=failed)

    async def _ask(self, source: Source, entry: int, request: ScrapeRequest) -> list[Outcome]:
        """Ask one source, and note what it gave for scrapes that leave before the others have answered."""

        def note(outcome: Outcome) -> None:
            outcome.entry = entry
            request.note(outcome)

        outcomes = await self._safely(source, msgspec.structs.replace(request, note=note))
        for outcome in outcomes:
            note(outcome)
        return outcomes

    async def _safely(self, source: Source, request: ScrapeRequest) -> list[Outcome]:
        """Ask one source. A mistake of ours in it costs its own targets, and not what the others say."""
        started = time.monotonic()
        try:
            outcomes = await source.ask(request)
        except asyncio.CancelledError as error:
            task = asyncio.current_task()
            if task is None or task.cancelling():
                raise
            return self._failed(source, error, started)  # something else that it waited for
        except Exception as error:
            return self._failed(source, error, started)
        self._broken.discard(source)
        self._last[source] = [_without_contents(outcome) for outcome in outcomes]
        return outcomes

    def _failed(self, source: Source, error: BaseException, started: float) -> list[Outcome]:
        """The source's last targets as failed; the source by its name where none is known."""
        if source not in self._broken:
            log.error("internal error in a source", source=source.name, exc_info=error)
        self._broken.add(source)
        last = self._last.get(source) or [Outcome(source.name, source.name, 0.0)]
        took = time.monotonic() - started
        reason = f"internal error ({type(error).__name__}); see the log of the exporter"
        return [
            msgspec.structs.replace(
                one,
                duration=took,
                error=reason,
                requests=dict.fromkeys(one.requests, RequestResult(False, reason)),
            )
            for one in last
        ]

    async def close(self, keep: Collection[Source] = ()) -> None:
        """Close the sources, except those that another configuration goes on to use."""
        await asyncio.gather(*(s.close() for s in self._sources if s not in keep))

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


def numbered(found: Iterable[tuple[int, Iterable[Outcome]]]) -> list[Outcome]:
    """The outcomes in a stable order, with their configured cluster's number, and no target's name twice.

    Servers of two clusters can be called alike; the later cluster's targets then say which one it is.
    """
    outcomes: dict[tuple[str, str], Outcome] = {}
    for entry, given in found:
        for outcome in given:
            outcome.entry = entry
            taken = outcomes.get((outcome.source, outcome.target))
            if taken is not None and taken.entry != entry:
                outcome.target = f"{outcome.target} (clusters[{entry}])"
            outcome.target = _free(outcomes.keys(), outcome.source, outcome.target)
            outcomes[outcome.source, outcome.target] = outcome
    return [outcomes[key] for key in sorted(outcomes)]


def _free(taken: Collection[tuple[str, str]], source: str, target: str) -> str:
    """The name, with a number where another target of the source bears it."""
    names = chain([target], (f"{target} ({number})" for number in count(2)))
    return next(name for name in names if (source, name) not in taken)


def _without_contents(outcome: Outcome) -> Outcome:
    """Whom the outcome is of, and the names of its requests."""
    return Outcome(
        outcome.source,
        outcome.target,
        0.0,
        cluster_name=outcome.cluster_name,
        requests=outcome.requests,
        answer=outcome.no_answer(),
    )
