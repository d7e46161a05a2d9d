"""From outcomes to a snapshot, one collection at a time. It outlives a reload, and so does what earlier ones showed."""

import asyncio
import time
from collections.abc import Sequence
from typing import NamedTuple

import msgspec
import structlog

from jetstream_exporter.config.schema import Config
from jetstream_exporter.report import Outcome, release
from jetstream_exporter.runtime.threads import run_to_end_in_thread
from jetstream_exporter.scrape.processor import Processor
from jetstream_exporter.snapshot import Snapshot
from jetstream_exporter.status.watch import Memory, Watch

LOOKED = 3600.0  # seconds after a look at the status in which each collection is judged for it
FEW = 2_000  # consumers: so few are judged after every collection, which takes some milliseconds
log = structlog.get_logger()


class Latest(NamedTuple):
    """The last snapshot, what is remembered with it, and when it was merged by the two clocks."""

    snapshot: Snapshot
    memory: Memory
    time: float  # since the epoch
    merged: float  # monotonic
    whole: bool = True  # its objects were not let go of to make room for the next


class Generation(NamedTuple):
    """The scrapers of one configuration; each reload begins another, also where nothing in it changed."""

    number: int
    config: Config


class Pipeline:
    """Merges off the event loop, one collection at a time. `took` is how many seconds the last merge needed.

    `generation` is the newest.
    """

    def __init__(self, config: Config) -> None:
        self.generation = Generation(0, config)
        self._merged = 0  # the newest generation of which a collection was merged
        self._ending = 0  # scrapers of older generations that may still bring something
        self._configured = config
        self._processor = Processor(config, time.monotonic())
        self._lock = asyncio.Lock()
        self._conflicts: frozenset[str] = frozenset()
        self._watch = Watch()
        self._looked = float("-inf")  # monotonic
        self.latest: Latest | None = None
        self.took = 0.0

    @property
    def conflicts(self) -> Sequence[str]:
        """The names that stood for several things in the last collection, in sentences."""
        return sorted(self._conflicts)

    def configure(self, config: Config) -> None:
        """From the first collection on that the next scraper makes, use its names, filters and limits.

        What earlier scrapes showed is kept. The scraper before it says when it `ended`.
        """
        self.generation = Generation(self.generation.number + 1, config)
        self._ending += 1

    def ended(self) -> None:
        """A scraper of an older generation brings nothing more."""
        self._ending -= 1

    async def process(
        self,
        outcomes: Sequence[Outcome],
        begun: float,
        *,
        keep: bool = False,
        is_whole: bool = True,
        generation: Generation | None = None,
    ) -> Snapshot:
        """Merge the outcomes of a collection that began then. Unless they are kept, their contents are let go of.

        Unless it `is_whole`, the same collection may be merged again at its end. `generation` is that of its scraper,
        without one the newest. Once one of a newer generation was merged, what that told stands for those of an older
        one: they are older, and under the new names and filters they would be something else.
        """
        generation = generation or self.generation
        async with self._lock:
            if generation.number < self._merged and self.latest is not None and self.latest.whole:
                snapshot = self.latest.snapshot
                if not keep:
                    await run_to_end_in_thread(release, outcomes)
                return snapshot
            started = time.monotonic()
            snapshot = await run_to_end_in_thread(
                self._process,
                outcomes,
                started,
                started - begun,
                keep=keep,
                is_whole=is_whole,
                generation=generation,
            )
            self.took = time.monotonic() - started
        self._log_conflicts(frozenset(snapshot.conflicts))
        return snapshot

    def _process(
        self,
        outcomes: Sequence[Outcome],
        now: float,
        took: float,
        *,
        keep: bool,
        is_whole: bool,
        generation: Generation,
    ) -> Snapshot:
        if generation.number >= self._merged:
            self._switch(generation.config)
        wall = time.time()
        snapshot = self._processor.process(outcomes, now, wall, took, is_whole=is_whole)
        if not keep:
            release(outcomes)
        if self._is_judged(snapshot, now):
            self._note(snapshot, now, wall)
        else:
            # It claims nothing of a time in which it did not see every collection.
            self._watch = Watch()
            self.latest = Latest(snapshot, Memory(), wall, now)
        self._merged = max(self._merged, generation.number)
        return snapshot

    def _switch(self, config: Config) -> None:
        """Take over another configuration, if it says anything new."""
        if config != self._configured:
            self._configured = config
            self._processor.configure(config)

    def make_room(self) -> None:
        """Let go of the objects of the last snapshot, before the next is read, where nobody looks at them."""
        latest = self.latest
        if self._lock.locked() or self._ending:
            return  # a merge is about to replace it, or it may have to stand for what an older scraper brings
        if latest is not None and not self._is_judged(latest.snapshot, time.monotonic()):
            emptied = msgspec.structs.replace(latest.snapshot, streams=(), consumers=(), lags=())
            self.latest = latest._replace(snapshot=emptied, whole=False)

    def _is_judged(self, snapshot: Snapshot, now: float) -> bool:
        return len(snapshot.consumers) <= FEW or now - self._looked <= LOOKED

    async def look(self) -> Latest | None:
        """The last snapshot, judged for the status. From now on those that follow are, too, for an hour."""
        self._looked = time.monotonic()
        async with self._lock:
            latest = self.latest
            if latest is not None and latest.whole and latest.memory.started is None:
                await run_to_end_in_thread(self._note, latest.snapshot, latest.merged, latest.time)
        return self.latest

    def _note(self, snapshot: Snapshot, now: float, wall: float) -> None:
        """Judge it for the status page. A mistake there costs no scrape."""
        try:
            memory = self._watch.note(snapshot, wall)
        except Exception:
            log.exception("internal error while judging the status")
            return
        self.latest = Latest(snapshot, memory, wall, now)

    def _log_conflicts(self, conflicts: frozenset[str]) -> None:
        for conflict in sorted(conflicts - self._conflicts):
            log.error("name conflict", conflict=conflict)
        self._conflicts = conflicts
