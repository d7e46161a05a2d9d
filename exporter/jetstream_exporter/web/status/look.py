"""Brings a view that is not older than it has to be, and starts a collection only where there is none."""

import asyncio
import time

import structlog

from jetstream_exporter.app import App
from jetstream_exporter.runtime.cancel import cancel_and_wait
from jetstream_exporter.runtime.tasks import start
from jetstream_exporter.runtime.threads import run_in_thread
from jetstream_exporter.scrape import Latest
from jetstream_exporter.status.view import View

KEPT = 60.0  # seconds after the last look in which what was judged is kept
FRESH = 15.0  # seconds in which a collection is not repeated
PATIENCE = 2.0  # seconds that a page waits for a new collection where there is an older one
log = structlog.get_logger()


class Look:
    """The views of one app. Pages that are asked for at once share a collection and a view."""

    def __init__(self, app: App, kept: float = KEPT) -> None:
        self._app = app
        self._kept = kept
        self._collecting: asyncio.Task[None] | None = None
        self._judging = asyncio.Lock()
        self._judged: tuple[Latest, View] | None = None
        self._forgetting: asyncio.TimerHandle | None = None

    async def view(self) -> View | None:
        """None where there is no collection to show, and none ends in time."""
        latest = await self._latest()
        if latest is None or time.monotonic() - latest.merged >= FRESH:
            timeout = self._app.config.collect.timeout
            await self._collect(PATIENCE if latest is not None else timeout)
            latest = await self._latest()
        return None if latest is None else await self._of(latest)

    async def _latest(self) -> Latest | None:
        """The last collection, unless its objects made room for the next."""
        latest = await self._app.look()
        return latest if latest is not None and latest.whole else None

    async def _collect(self, patience: float) -> None:
        if self._collecting is None or self._collecting.done():
            self._collecting = start("collection for a page", self._answer())
        await asyncio.wait([self._collecting], timeout=patience)

    async def _answer(self) -> None:
        """As a scrape without a time of its own. It is shared with the scrapes that come meanwhile."""
        try:
            await self._app.scraper.answer(self._app.config.collect.timeout)
        except TimeoutError:
            log.warning("a collection for a page took too long")

    async def _of(self, latest: Latest) -> View:
        """Judged once, off the event loop."""
        async with self._judging:
            if self._judged is None or self._judged[0] is not latest:
                self._judged = latest, await run_in_thread(_judged, latest)
            self._forget_in_time()
            return self._judged[1]

    def _forget_in_time(self) -> None:
        """It holds all objects of a collection, long after nobody looks any more."""
        if self._forgetting is not None:
            self._forgetting.cancel()
        self._forgetting = asyncio.get_running_loop().call_later(self._kept, self._forget)

    def _forget(self) -> None:
        self._judged = None

    async def close(self, _app: object = None) -> None:
        """Nobody waits for a collection any more."""
        if self._forgetting is not None:
            self._forgetting.cancel()
        if self._collecting is not None:
            await cancel_and_wait(self._collecting)


def _judged(latest: Latest) -> View:
    view = View(latest.snapshot, latest.memory, latest.time)
    _ = view.by_object, view.listed_streams, view.listed_consumers  # in this thread, and once
    return view
