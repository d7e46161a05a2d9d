"""One scrape, from the question to the text. Scrapes that arrive while one is running share it."""

import asyncio
import time
from collections.abc import Iterator, Sequence

import msgspec
import structlog

from jetstream_exporter.cancel import cancelled
from jetstream_exporter.collect import Collector
from jetstream_exporter.config.schema import Config
from jetstream_exporter.exposition import END, Encoder, compress
from jetstream_exporter.metrics import TABLES
from jetstream_exporter.metrics.process import process_metrics
from jetstream_exporter.processing import Processor
from jetstream_exporter.report import Outcome, Question, release
from jetstream_exporter.snapshot import Snapshot
from jetstream_exporter.snapshot.rows import Exporter
from jetstream_exporter.work import off_loop

log = structlog.get_logger()

RESERVE = 0.2  # seconds kept from the sources, beside what merging and rendering took last time
# Between two readings of configurations for objects not seen before lie fifty times what the last one took, and
# thirty seconds at most: a small cluster's new consumer is there at once, a large one is not asked all the time.
UNKNOWN_SHARE, UNKNOWN_SOONEST, UNKNOWN_LATEST = 50.0, 1.0, 30.0
SETTLING = 0.25  # seconds after which a new leader knows its figures; it takes under 50 ms
MIN_TIMEOUT = 0.5  # seconds


class Reload(msgspec.Struct):
    """How the last reading of the exporter's own configuration went."""

    successful: bool = True
    time: float | None = None


class Scraper:
    """Answers scrapes of one set of sources. Merging and rendering run off the event loop."""

    def __init__(self, config: Config, collector: Collector, reload: Reload) -> None:
        self._config = config
        self._collector = collector
        self._reload = reload
        self._processor = Processor(config, time.monotonic())
        self._encoder = Encoder(TABLES, config.families.disabled)
        self._rendering = asyncio.Lock()
        self._texts: dict[tuple[int, bool, bool], asyncio.Task[list[bytes]]] = {}
        self._flight: asyncio.Task[Snapshot] | None = None
        self._unasked: asyncio.Task[Snapshot] | None = None  # a flight that no scrape waits for
        self._ends = 0.0  # the loop's time at which the flight has to be over
        self._asking = False
        self._kept: Snapshot | None = None
        self._collected = 0.0
        self._config_read: float | None = None
        self._unknown_allowed = self._config_allowed = float("-inf")
        self._merging = self._writing = 0.0  # seconds that it took last time
        self.outcomes: Sequence[Outcome] = ()
        self._conflicts: frozenset[str] = frozenset()
        self.tried = False

    def start(self) -> None:
        """Open the sources' connections before the first scrape."""
        self._collector.start()

    async def snapshot(self, timeout: float) -> Snapshot:
        """Collect within `timeout` seconds, or share the collection under way; TimeoutError if that takes longer."""
        age = time.monotonic() - self._collected
        if self._kept is not None and age < self._config.collect.min_interval:
            return self._kept
        async with asyncio.timeout(timeout):
            if self._unasked is not None and self._is_in_the_way(timeout):
                await cancelled(self._unasked)
            flight = self._share(timeout)
            self._unasked = None
            return await asyncio.shield(flight)

    async def warm(self, timeout: float) -> bool:
        """Collect before the first scrape; whether it ended in time. A scrape with a shorter timeout starts its own."""
        is_begun = self._flight is not None and not self._flight.done()
        flight = self._share(timeout)
        if not is_begun:
            self._unasked = flight
        done, _ = await asyncio.wait([flight], timeout=timeout)
        for ended in done:
            if not ended.cancelled():
                ended.result()  # an error of ours is not kept quiet
        return bool(done)

    def _is_in_the_way(self, timeout: float) -> bool:
        """Whether the flight may take longer than a scrape with this timeout can wait, because a server is silent."""
        return self._asking and asyncio.get_running_loop().time() + timeout < self._ends

    def _share(self, timeout: float) -> "asyncio.Task[Snapshot]":
        """The flight under way, or a new one."""
        if self._flight is None or self._flight.done():
            # Others may share it, and a server that had no time to answer would count as down for all of them.
            timeout = max(timeout, MIN_TIMEOUT)
            self._ends = asyncio.get_running_loop().time() + timeout
            self._flight = asyncio.create_task(self._scrape(timeout))
            self._flight.add_done_callback(self._landed)
        return self._flight

    def _landed(self, flight: asyncio.Task[Snapshot]) -> None:
        if self._flight is flight:
            self._flight = None
        if not flight.cancelled() and flight.exception() is None:
            self._kept = flight.result() if self._config.collect.min_interval else None

    async def render(self, snapshot: Snapshot, *, openmetrics: bool, gzip: bool) -> list[bytes]:
        """The exposition in pieces. Requests for the same text at the same time share one rendering."""
        # The id is this snapshot's alone as long as the task holds it.
        key = (id(snapshot), openmetrics, gzip)
        text = self._texts.get(key)
        if text is None:
            text = asyncio.create_task(self._render(snapshot, openmetrics, gzip))
            self._texts[key] = text
            text.add_done_callback(lambda _: self._texts.pop(key))
        return await asyncio.shield(text)

    async def _render(self, snapshot: Snapshot, openmetrics: bool, gzip: bool) -> list[bytes]:
        async with self._rendering:
            started = time.monotonic()
            self._complete(snapshot.exporter, started)
            pieces = await off_loop(self._pieces, snapshot, openmetrics, gzip)
            self._writing = time.monotonic() - started
            return pieces

    def _complete(self, exporter: Exporter | None, now: float) -> None:
        if exporter is None:
            return
        exporter.snapshot_age = max(0.0, now - self._collected) if self._kept else 0.0
        exporter.config_age = None if self._config_read is None else now - self._config_read
        exporter.reload_successful = self._reload.successful
        exporter.reload_time = self._reload.time

    def _pieces(self, snapshot: Snapshot, openmetrics: bool, gzip: bool) -> list[bytes]:
        def exposition() -> Iterator[bytes]:
            yield from self._encoder.render(snapshot, openmetrics=openmetrics)
            yield process_metrics(openmetrics=openmetrics)
            if openmetrics:
                yield END

        return list(compress(exposition()) if gzip else exposition())

    async def _scrape(self, timeout: float) -> Snapshot:
        """Collect; collect again where an object's configuration is unknown or a new leader's figure is in doubt."""
        loop = asyncio.get_running_loop()
        started = loop.time()
        reserve = min(RESERVE + 1.5 * (self._merging + self._writing), timeout / 2)
        deadline = started + timeout - reserve
        with_config = self._config_is_due()
        snapshot = await self._collect(deadline, with_config)
        took = loop.time() - started
        again = not with_config and self._wants_config(snapshot)
        pause = SETTLING if snapshot.exporter and snapshot.exporter.doubted else 0.0
        if (again or pause) and loop.time() + pause + 5 * took < deadline:
            await asyncio.sleep(pause)
            asked = loop.time()
            snapshot = await self._collect(deadline, again)
            if again:
                self._space_unknown(loop.time() - asked)
        self._collected = time.monotonic()
        if snapshot.exporter is not None:
            snapshot.exporter.collect_duration = loop.time() - started
        return snapshot

    def _config_is_due(self) -> bool:
        now = time.monotonic()
        if self._config_read is None:
            return now >= self._config_allowed
        return now >= max(
            self._config_read + self._config.collect.config_interval, self._config_allowed
        )

    def _wants_config(self, snapshot: Snapshot) -> bool:
        unknown = snapshot.exporter.unknown if snapshot.exporter is not None else 0
        return unknown > 0 and time.monotonic() >= self._unknown_allowed

    def _space_unknown(self, took: float) -> None:
        pause = min(max(UNKNOWN_SHARE * took, UNKNOWN_SOONEST), UNKNOWN_LATEST)
        self._unknown_allowed = time.monotonic() + pause

    async def _collect(self, deadline: float, with_config: bool) -> Snapshot:
        self._asking = True
        try:
            outcomes = await self._collector.collect(Question(deadline, with_config))
        finally:
            self._asking = False
        now = time.monotonic()
        if any(outcome.configurations for outcome in outcomes):
            self._config_read = now
        elif with_config and any(o.report and o.report.jsz for o in outcomes):
            # It takes too long for a scrape. What was asked comes later; more would only slow it down.
            self._config_allowed = self._unknown_allowed = now + UNKNOWN_LATEST
        self.tried = True
        self.outcomes = [_without_contents(outcome) for outcome in outcomes]
        snapshot = await off_loop(self._process, outcomes, now, time.time())
        self._merging = time.monotonic() - now
        self._log_conflicts(frozenset(snapshot.conflicts))
        return snapshot

    def _process(self, outcomes: Sequence[Outcome], now: float, wall: float) -> Snapshot:
        snapshot = self._processor.process(outcomes, now, wall)
        release(outcomes)
        return snapshot

    def _log_conflicts(self, conflicts: frozenset[str]) -> None:
        for conflict in sorted(conflicts - self._conflicts):
            log.error("a name is not unique", conflict=conflict)
        self._conflicts = conflicts

    async def drain(self) -> None:
        """Wait for the scrape under way, then close."""
        if self._flight is not None:
            await asyncio.wait([self._flight])
        await self.close()

    async def close(self) -> None:
        if self._flight is not None:
            self._flight.cancel()
        await self._collector.close()


def _without_contents(outcome: Outcome) -> Outcome:
    """The outcome as it is kept for `/debug/sources`, without the servers' answers."""
    report = outcome.report
    if report is not None:
        report = msgspec.structs.replace(report, varz=None, jsz=None)
    return msgspec.structs.replace(outcome, report=report, reports=(), events=None, late=None)
