"""One scrape: whose collection it shares, and what it does with what the sources bring. The text is `renderer`'s."""

import asyncio
import itertools
import time
from collections.abc import Collection, Sequence

import msgspec

from jetstream_exporter.config.schema import Config
from jetstream_exporter.exposition import Piece
from jetstream_exporter.report import Outcome, ScrapeRequest
from jetstream_exporter.runtime.cancel import cancel_and_wait, cancellations
from jetstream_exporter.scrape.budget import CONFIRM, CUT_OFF, FLIGHTS, LANDING, reserve
from jetstream_exporter.scrape.config_schedule import ConfigSchedule
from jetstream_exporter.scrape.merging import Merging
from jetstream_exporter.scrape.pipeline import Pipeline
from jetstream_exporter.scrape.renderer import Form, Reload, Renderer, Requests, ScrapeResult
from jetstream_exporter.scrape.retire import retire
from jetstream_exporter.scrape.single_flight import Flight, SingleFlight
from jetstream_exporter.snapshot import Snapshot
from jetstream_exporter.sources.collector import Collector, Source

SETTLING = 0.25  # seconds after which a new leader knows its figures; it takes under 50 ms


class Scraper:
    """Answers scrapes of one set of sources."""

    def __init__(
        self,
        config: Config,
        collector: Collector,
        reload: Reload,
        pipeline: Pipeline | None = None,
        requests: Requests | None = None,
    ) -> None:
        self._min_interval = config.collect.min_interval
        self._collector = collector
        self._pipeline = pipeline or Pipeline(config)
        self._schedule = ConfigSchedule(config.collect.config_interval)
        self._renderer = Renderer(
            config, reload, self._schedule, {} if requests is None else requests
        )
        self._flights = SingleFlight()
        self._merging = Merging(self._pipeline, self._flights)
        self._callers = 0
        self._idle = asyncio.Event()
        self._idle.set()
        self._numbers = itertools.count(1)
        self._prefetched: Flight | None = None  # a flight that no scrape waits for
        self._last: ScrapeResult | None = None
        self._leaving: dict[tuple[int, int], asyncio.Task[ScrapeResult]] = {}

    @property
    def outcomes(self) -> Sequence[Outcome]:
        """Of the newest collection, without their contents."""
        return self._merging.outcomes

    @property
    def attempted(self) -> bool:
        """Whether a collection has ended."""
        return self._merging.attempted

    def start(self) -> None:
        """Open the sources' connections before the first scrape."""
        self._collector.start()

    async def snapshot(self, timeout: float) -> Snapshot:
        """`answer`, for who wants no text."""
        return (await self.answer(timeout)).snapshot

    async def render(self, answer: ScrapeResult, form: Form) -> Sequence[Piece]:
        """The exposition in pieces, each written by `bytes`."""
        return await self._renderer.render(answer, form)

    async def answer(self, timeout: float) -> ScrapeResult:
        """Collect in time to render within `timeout` seconds, alone or with others; TimeoutError if merging is slow."""
        loop = asyncio.get_running_loop()
        arrived, mine = loop.time(), timeout - self._reserve(timeout)
        if self._last is not None and self._is_fresh(self._last, mine):
            return self._last
        self._callers += 1
        self._idle.clear()
        try:
            async with asyncio.timeout(timeout):
                return await self._share(arrived, arrived + mine)
        finally:
            self._callers -= 1
            if not self._callers:
                self._idle.set()

    def _is_fresh(self, answer: ScrapeResult, mine: float) -> bool:
        """Whether it is served again to a scrape with so many seconds."""
        return self._is_kept(answer) and not _was_cut_off(answer, mine, mine)

    def _is_kept(self, answer: ScrapeResult) -> bool:
        return answer.kept and time.monotonic() - answer.collected < self._min_interval

    def _reserve(self, timeout: float) -> float:
        return reserve(timeout, self._pipeline.took + self._renderer.took)

    async def _share(self, arrived: float, leave: float) -> ScrapeResult:
        """Wait for a collection; leave it when time is up, and start another where it had less time than there is."""
        loop = asyncio.get_running_loop()
        while True:
            flight = await self._flight(leave - loop.time(), leave)
            await asyncio.wait([flight.task], timeout=max(0.0, leave - loop.time()))
            if not flight.merging and flight.ends - leave < LANDING:
                # Its sources stop now, too: a target of which only a part was late is then told as that.
                await asyncio.wait([flight.task], timeout=LANDING)
            if not flight.task.done():
                try:
                    return await self._so_far(flight)
                except asyncio.CancelledError:
                    if not flight.ready.cancelled() or cancellations():
                        raise
                    if flight.task.done() and not flight.task.cancelled():
                        return flight.task.result()  # raises what went wrong
                    if self._last is None:
                        raise TimeoutError from None  # no time is left to ask again
                    return self._last
            if flight.task.cancelled():
                continue
            answer = flight.task.result()
            if not _was_cut_off(answer, leave - arrived, leave - loop.time()):
                return answer

    async def _flight(self, timeout: float, ends: float) -> Flight:
        prefetched, self._prefetched = self._prefetched, None
        if prefetched is not None and not prefetched.task.done() and ends < prefetched.ends:
            self._flights.drop(prefetched)  # it may take longer than this scrape can wait
            await cancel_and_wait(prefetched.task)
        flight = self._flights.join(timeout)
        if flight is not None:
            return flight
        while (flying := self._flights.flying)[FLIGHTS - 1 :]:
            self._flights.drop(flying[0])
        return self._flights.start(ends, self._fly)

    async def prefetch(self, timeout: float) -> bool:
        """Collect before the first scrape; whether it ended in time. A scrape with a shorter timeout starts its own."""
        loop = asyncio.get_running_loop()
        flying = self._flights.flying
        if flying:
            flight = flying[-1]
        else:
            ends = loop.time() + timeout - self._reserve(timeout)
            flight = self._prefetched = self._flights.start(ends, self._fly)
        done, _ = await asyncio.wait([flight.task], timeout=timeout)
        for ended in done:
            if not ended.cancelled():
                ended.result()  # an error of ours is not kept quiet
        return bool(done)

    async def _fly(self, flight: Flight) -> ScrapeResult:
        """Collect; collect again where an object's configuration is unknown or a new leader's figure is in doubt."""
        loop = asyncio.get_running_loop()
        with_config = self._schedule.is_due(time.monotonic())
        if not self._flights.older(flight):
            # What comes needs the room, and nobody asks for the last one any more, unless it is fresh enough for them.
            self._pipeline.make_room()
            if self._last is not None and not self._is_kept(self._last):
                self._replace_last(None)
        answer = await self._collect(flight, with_config)
        flight.ready.set_result(answer)
        snapshot = answer.snapshot
        took = loop.time() - flight.started
        again = not with_config and self._wants_config(snapshot)
        pause = SETTLING if snapshot.exporter and snapshot.exporter.suspect_zeros else 0.0
        if (again or pause) and loop.time() + pause + 5 * took < flight.ends:
            await asyncio.sleep(pause)
            asked = loop.time()
            snapshot = (await self._collect(flight, again)).snapshot
            if again:
                self._schedule.note_unknown_read(time.monotonic(), loop.time() - asked)
        if snapshot.exporter is not None:
            duration = loop.time() - flight.started
            exporter = msgspec.structs.replace(snapshot.exporter, collect_duration=duration)
            snapshot = msgspec.structs.replace(snapshot, exporter=exporter)
        answer = self._answer(snapshot, flight, kept=self._min_interval > 0)
        self._replace_last(answer)
        return answer

    def _replace_last(self, answer: ScrapeResult | None) -> None:
        last, self._last = self._last, answer
        if last is not None and not (answer and answer.has_rows_of(last)):
            retire(last.snapshot)

    def _answer(self, snapshot: Snapshot, flight: Flight, *, kept: bool = False) -> ScrapeResult:
        return ScrapeResult(next(self._numbers), snapshot, time.monotonic(), flight.budget, kept)

    def _wants_config(self, snapshot: Snapshot) -> bool:
        unknown = snapshot.exporter.unknown if snapshot.exporter is not None else 0
        return self._schedule.wants_unknown(unknown, time.monotonic())

    async def _collect(self, flight: Flight, with_config: bool) -> ScrapeResult:
        request = ScrapeRequest(flight.ends, with_config, flight.note)
        flight.asked = asyncio.get_running_loop().time()
        outcomes = await self._collector.collect(request)
        flight.merging = True
        now = time.monotonic()
        if any(outcome.configurations for outcome in outcomes):
            self._schedule.note_read(now)
        elif with_config and any(o.server and o.server.jsz for o in outcomes):
            self._schedule.note_too_slow(now)
        answer = self._answer(await self._merging.merge(flight, outcomes), flight)
        self._replace_last(answer)
        if not self._merging.is_outdated(flight):
            until = max(flight.ends, asyncio.get_running_loop().time() + CONFIRM)
            await self._collector.confirm(outcomes, until)
        return answer

    async def _so_far(self, flight: Flight) -> ScrapeResult:
        """What a flight has brought when a scrape has to leave it. Scrapes that leave at once share it."""
        if self._merging.is_outdated(flight) and self._last is not None:
            return self._last
        if flight.merging:
            return await asyncio.shield(flight.ready)
        key = (flight.number, flight.notes)
        task = self._leaving.get(key)
        if task is None:
            task = self._leaving[key] = asyncio.create_task(self._leave(flight))
            task.add_done_callback(lambda _: self._leaving.pop(key, None))
        return await asyncio.shield(task)

    async def _leave(self, flight: Flight) -> ScrapeResult:
        snapshot = await self._merging.merge_so_far(flight)
        if snapshot is not None:
            answer = self._answer(snapshot, flight)
            self._replace_last(answer)
            return answer
        if self._merging.is_outdated(flight) and self._last is not None:
            return self._last
        return await asyncio.shield(flight.ready)

    async def drain(self, keep: Collection[Source] = ()) -> None:
        """Wait for who waits for a collection, who may begin another, then close the sources that are not kept."""
        await self._idle.wait()
        flying = [flight.task for flight in self._flights.flying]
        if flying:
            await asyncio.wait(flying)
        await self.close(keep)

    async def close(self, keep: Collection[Source] = ()) -> None:
        await cancel_and_wait(
            *(flight.task for flight in self._flights.flying), *self._leaving.values()
        )
        await self._collector.close(keep)


def _was_cut_off(answer: ScrapeResult, mine: float, left: float) -> bool:
    """Whether something failed for want of time, of which I have clearly more than its collection had."""
    if left < answer.budget or mine < 1.5 * answer.budget:
        return False
    return any(
        result.duration >= CUT_OFF * answer.budget and not result.up
        for result in answer.snapshot.target_results
    )
