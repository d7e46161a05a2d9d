"""From an answer to its text. Requests for the same text at the same time share one rendering."""

import asyncio
import enum
import time
from collections import OrderedDict, deque
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import NamedTuple

import msgspec
import structlog

from jetstream_exporter.config.schema import Config
from jetstream_exporter.exposition import END, Encoder, Piece, compress
from jetstream_exporter.metrics import AnyTable, configuration, tables
from jetstream_exporter.metrics.process import process_metrics
from jetstream_exporter.runtime.threads import run_in_thread
from jetstream_exporter.scrape.config_schedule import ConfigSchedule
from jetstream_exporter.scrape.slices import Slice, cut
from jetstream_exporter.snapshot import Snapshot

log = structlog.get_logger()


class Reload(msgspec.Struct):
    """How the last reading of the exporter's own configuration went."""

    successful: bool = True
    time: float | None = None


Requests = Mapping[tuple[str, str], int]  # by path and status code, how many were answered


class Content(enum.Enum):
    """Which families a path has."""

    EVERYTHING = "everything"
    CONFIGURATION = "configuration"  # of streams and consumers
    OTHERS = "all but the configuration"


class Form(NamedTuple):
    """Which text is wanted. Without `names` it has every family of its content, without `part` every object."""

    openmetrics: bool = False
    gzip: bool = False
    names: frozenset[str] | None = None
    part: Slice | None = None
    content: Content = Content.EVERYTHING


class ScrapeResult(NamedTuple):
    """What one collection brought. No two have the same number; `collected` is a time of `time.monotonic`.

    Its sources had `budget` seconds.
    """

    number: int
    snapshot: Snapshot
    collected: float
    budget: float
    kept: bool = False  # served for as long as `collect.min_interval` says

    def has_rows_of(self, other: "ScrapeResult") -> bool:
        """Whether both are of one merge."""
        return self.snapshot.consumers is other.snapshot.consumers


class Encoders:
    """One encoder for the whole, and one for each slice: each keeps the text of its objects for the next scrape."""

    KEPT = 2.0  # so many times the text of all objects, in slices that were asked for last

    def __init__(self, tables: Sequence[AnyTable], disabled: Sequence[str] = ()) -> None:
        self._settings = tables, disabled
        self._whole = Encoder(tables, disabled)
        self._slices: OrderedDict[Slice, Encoder] = OrderedDict()

    def of(self, part: Slice | None) -> Encoder:
        if part is None:
            return self._whole
        encoder = self._slices.pop(part, None) or Encoder(*self._settings)
        self._slices[part] = encoder
        while len(self._slices) > 1 and sum(1 / each.total for each in self._slices) > self.KEPT:
            self._slices.popitem(last=False)
        return encoder


def _encoders(config: Config) -> dict[Content, Encoders]:
    """Each keeps what it was asked for only."""
    everything = tables(config.labels.metadata, config.families.profile)
    names = {family.name for table in everything for family in table.families}
    settings = configuration(config.labels.metadata)
    disabled = set(config.families.disabled)
    off = {
        Content.EVERYTHING: disabled,
        Content.CONFIGURATION: disabled | (names - settings),
        Content.OTHERS: disabled | settings,
    }
    return {content: Encoders(everything, sorted(without)) for content, without in off.items()}


TextKey = tuple[int, Form]  # number of the answer, and how it is written


class _Text:
    """A text that is being written, or stands in line for that."""

    task: asyncio.Task[Sequence[Piece]]

    def __init__(self) -> None:
        self.readers = 0  # who wait for it
        self.is_begun = False


class Renderer:
    """Adds the exporter's own figures and writes the text, off the event loop and one text at a time."""

    def __init__(
        self, config: Config, reload: Reload, schedule: ConfigSchedule, requests: Requests
    ) -> None:
        self._encoders = _encoders(config)
        self._reload = reload
        self._requests = requests
        self._schedule = schedule
        self._rendering = asyncio.Lock()
        self._texts: dict[TextKey, _Text] = {}
        self._lately: deque[float] = deque([0.0], maxlen=2)

    @property
    def took(self) -> float:
        """Seconds, the longer one of the last two times: what is not compressed is written while it is sent."""
        return max(self._lately)

    async def render(self, answer: ScrapeResult, form: Form) -> Sequence[Piece]:
        """The exposition in pieces. `bytes` writes one, as it was at the moment of the answer, however late."""
        key = (answer.number, form)
        text = self._texts.get(key)
        if text is None:
            text = self._texts[key] = _Text()
            text.task = asyncio.create_task(self._render(answer, form, text))
            text.task.add_done_callback(partial(self._rendered, key, text))
        text.readers += 1
        try:
            return await asyncio.shield(text.task)
        finally:
            text.readers -= 1
            if not text.readers and not text.is_begun:
                # It would keep the others in line waiting, and its snapshot in memory.
                text.task.cancel()
                self._drop(key, text)

    def _drop(self, key: TextKey, text: _Text) -> None:
        if self._texts.get(key) is text:
            del self._texts[key]

    def _rendered(self, key: TextKey, text: _Text, task: asyncio.Task[Sequence[Piece]]) -> None:
        self._drop(key, text)
        if not task.cancelled() and (error := task.exception()) is not None:
            # Whoever waits for it gets it, but everybody may have left.
            log.error("internal error while rendering the metrics", exc_info=error)

    async def _render(self, answer: ScrapeResult, form: Form, text: _Text) -> Sequence[Piece]:
        async with self._rendering:
            text.is_begun = True
            started = time.monotonic()
            pieces = await run_in_thread(self._pieces, self._with_own(answer, started), form)
            if form.names is None and form.content is not Content.CONFIGURATION:
                # Slices that are asked for at once wait for each other: together they take what the whole takes.
                took = (time.monotonic() - started) * (form.part.total if form.part else 1)
                self._lately.append(took)
            return pieces

    def _with_own(self, answer: ScrapeResult, now: float) -> Snapshot:
        """The snapshot with the exporter's figures of this moment; the given one stays as it is."""
        snapshot = answer.snapshot
        if snapshot.exporter is None:
            return snapshot
        exporter = msgspec.structs.replace(
            snapshot.exporter,
            snapshot_age=max(0.0, now - answer.collected) if answer.kept else 0.0,
            config_age=self._schedule.age(now),
            reload_successful=self._reload.successful,
            reload_time=self._reload.time,
            requests=dict(self._requests),
        )
        return msgspec.structs.replace(snapshot, exporter=exporter)

    def _pieces(self, snapshot: Snapshot, form: Form) -> Sequence[Piece]:
        encoder = self._encoders[form.content].of(form.part)
        part = snapshot if form.part is None else cut(snapshot, form.part)

        def exposition() -> Iterator[Piece]:
            yield from encoder.pieces(part, openmetrics=form.openmetrics, names=form.names)
            is_first = form.part is None or not form.part.number
            if is_first and form.content is not Content.CONFIGURATION:
                yield process_metrics(openmetrics=form.openmetrics, names=form.names)
            if form.openmetrics:
                yield END

        return list(compress(map(bytes, exposition())) if form.gzip else exposition())
