"""Merges what flights brought, one at a time, so that none reads what another empties."""

import asyncio
from collections.abc import Iterable, Mapping, Sequence

import msgspec

from jetstream_exporter.report import Outcome, ServerAnswer, ServerReport, release
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
        self._generation = pipeline.generation
        self._flights = flights
        self._turn = asyncio.Lock()
        self._newest = 0  # number of the newest flight of which there is a snapshot
        # Its outcomes, while an older flight is under way, or while it is itself. Then they are its own to let go of.
        self._latest: dict[Key, Outcome] = {}
        self._has_ended = True
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
            # Who did not answer yet is told before the first collection ends.
            if not self.attempted:
                self.outcomes = [_without_contents(outcome) for outcome in outcomes]
            snapshot = await self._process(flight, outcomes, keep=True, is_whole=False)
            await self._replace(flight, outcomes, has_ended=False)
            return snapshot

    async def _process(
        self, flight: Flight, outcomes: Sequence[Outcome], *, keep: bool, is_whole: bool = True
    ) -> Snapshot:
        return await self._pipeline.process(
            outcomes, flight.asked, keep=keep, is_whole=is_whole, generation=self._generation
        )

    async def _merge_newest(self, flight: Flight, outcomes: Sequence[Outcome]) -> Snapshot:
        """What it brought is kept while an older flight may still add to it."""
        keep = self._flights.older(flight)
        snapshot = await self._process(flight, outcomes, keep=keep)
        await self._replace(flight, outcomes if keep else (), has_ended=True)
        return snapshot

    async def _replace(
        self, flight: Flight, outcomes: Sequence[Outcome], *, has_ended: bool
    ) -> None:
        """Keep these instead of those from before, whose contents are let go of if nobody else has them."""
        self._newest = flight.number
        before, had_ended = self._latest.values(), self._has_ended
        self._latest = {_key(o): o for o in outcomes}
        self._has_ended = has_ended
        if had_ended:
            await run_in_thread(release, before)

    async def _add_late(self, flight: Flight, outcomes: Sequence[Outcome]) -> Snapshot:
        """Add what an older flight alone got to what a newer one brought meanwhile; the rest of it is outdated."""
        latest = self._latest
        added = {_key(o): o for o in outcomes if o.error is None and _failed(latest.get(_key(o)))}
        carried = _with_configurations(latest, outcomes)
        both = latest | carried | added
        needed = carried.keys() | added.keys()
        await run_in_thread(release, [o for o in outcomes if _key(o) not in needed])
        snapshot = await self._process(flight, [both[key] for key in sorted(both)], keep=True)
        self._latest = latest | added
        needed = carried.keys() - added.keys()
        await run_in_thread(release, [o for o in outcomes if _key(o) in needed])
        return snapshot


def _key(outcome: Outcome) -> Key:
    return outcome.source, outcome.target


def _failed(outcome: Outcome | None) -> bool:
    return outcome is None or outcome.error is not None


def _with_configurations(
    newer: Mapping[Key, Outcome], older: Iterable[Outcome]
) -> dict[Key, Outcome]:
    """The newer outcomes without configurations, each with those that an older collection asked for, if any."""
    found = {}
    for outcome in older:
        key, configurations = _key(outcome), outcome.configurations
        known = newer.get(key)
        answer = known.answer if known is not None and not known.configurations else None
        if known is None or not isinstance(answer, ServerAnswer) or not configurations:
            continue
        late = configurations[-1]
        if isinstance(late, ServerReport):
            answer = msgspec.structs.replace(answer, late=late)
            found[key] = msgspec.structs.replace(known, answer=answer)
    return found


def _without_contents(outcome: Outcome) -> Outcome:
    """The outcome as it is kept for `/debug/sources`, without the servers' answers."""
    answer = outcome.no_answer()
    if isinstance(answer, ServerAnswer) and outcome.server is not None:
        answer.report = msgspec.structs.replace(outcome.server, varz=None, jsz=None)
    return msgspec.structs.replace(outcome, answer=answer)
