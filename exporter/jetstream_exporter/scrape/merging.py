"""Merges what flights brought, one at a time, so that none reads what another empties."""

import asyncio
from collections.abc import Sequence

import msgspec

from jetstream_exporter.report import Outcome, ServerAnswer, release
from jetstream_exporter.runtime.threads import run_in_thread
from jetstream_exporter.scrape.pipeline import Pipeline
from jetstream_exporter.scrape.single_flight import Flight, SingleFlight
from jetstream_exporter.snapshot import Snapshot

Key = tuple[str, str]  # source and target


class Merging:
    """The turns of the flights of one scraper.

    `outcomes` are those of the newest collection without their contents. `attempted` says that one has ended.
    """

    def __init__(self, pipeline: Pipeline, flights: SingleFlight) -> None:
        self._pipeline = pipeline
        self._flights = flights
        self._turn = asyncio.Lock()
        self._newest = 0  # number of the newest flight of which there is a snapshot
        self._latest: dict[Key, Outcome] = {}  # its outcomes, while an older flight is under way
        self.outcomes: Sequence[Outcome] = ()
        self.attempted = False

    def is_outdated(self, flight: Flight) -> bool:
        """Whether a collection that began later was merged."""
        return self._newest > flight.number

    async def merge(self, flight: Flight, outcomes: Sequence[Outcome]) -> Snapshot:
        """Merge a collection that ended, or add to a newer one what this one alone brought."""
        self.attempted = True
        async with self._turn:
            if self.is_outdated(flight):
                return await self._add_late(flight, outcomes)
            self.outcomes = [_without_contents(outcome) for outcome in outcomes]
            return await self._merge_newest(flight, outcomes)

    async def merge_so_far(self, flight: Flight) -> Snapshot | None:
        """Merge what a flight has brought until now. None where it is over: its answer, or a newer one's, says more."""
        async with self._turn:
            if flight.merging or self.is_outdated(flight):
                return None
            outcomes = flight.so_far(self.outcomes, asyncio.get_running_loop().time())
            if (
                not self.attempted
            ):  # who did not answer yet is told before the first collection ends
                self.outcomes = [_without_contents(outcome) for outcome in outcomes]
            return await self._pipeline.process(outcomes, flight.started, keep=True)

    async def _merge_newest(self, flight: Flight, outcomes: Sequence[Outcome]) -> Snapshot:
        """What it brought is kept while an older flight may still add to it."""
        keep = self._flights.older(flight)
        snapshot = await self._pipeline.process(outcomes, flight.started, keep=keep)
        self._newest = flight.number
        before = self._latest.values()
        self._latest = {(o.source, o.target): o for o in outcomes} if keep else {}
        await run_in_thread(release, before)
        return snapshot

    async def _add_late(self, flight: Flight, outcomes: Sequence[Outcome]) -> Snapshot:
        """Add what an older flight alone got to what a newer one brought meanwhile; the rest of it is outdated."""
        latest = self._latest
        added = {
            (o.source, o.target): o
            for o in outcomes
            if o.error is None and _failed(latest.get((o.source, o.target)))
        }
        both = latest | added
        useless = [o for o in outcomes if (o.source, o.target) not in added]
        await run_in_thread(release, useless)
        snapshot = await self._pipeline.process(
            [both[key] for key in sorted(both)], flight.started, keep=True
        )
        self._latest = both
        return snapshot


def _failed(outcome: Outcome | None) -> bool:
    return outcome is None or outcome.error is not None


def _without_contents(outcome: Outcome) -> Outcome:
    """The outcome as it is kept for `/debug/sources`, without the servers' answers."""
    answer = outcome.no_answer()
    if isinstance(answer, ServerAnswer) and outcome.server is not None:
        answer.report = msgspec.structs.replace(outcome.server, varz=None, jsz=None)
    return msgspec.structs.replace(outcome, answer=answer)
