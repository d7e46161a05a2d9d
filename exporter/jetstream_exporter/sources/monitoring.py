"""The HTTP monitoring port: `/varz`, `/healthz` and `/jsz` of every server.

A scrape asks for jsz without configurations, which triple the server's work; they are asked for only when told to.
"""

import asyncio
import time
from collections.abc import Awaitable
from typing import NamedTuple

import msgspec

from jetstream_exporter.report import Health, Outcome, Question, Report, worse
from jetstream_exporter.sources.asking import Asking, decode_health, decode_jsz, decode_varz
from jetstream_exporter.sources.discovery import Discovery, Lookup
from jetstream_exporter.sources.http import Client, Place, SourceError
from jetstream_exporter.sources.reading import LIGHT, Reading
from jetstream_exporter.wire import Jsz, Varz

NAME = "monitoring"
SHORT = 1.0  # seconds for a server that did not answer in time before: is it frozen still?
CONFIG_SHARE = 0.6  # of the time, for the question that costs most; the light one has the rest
LONGER_EVERY = 5  # after so many short tries a longer one, for a server that is far away
LONGER = 3.0  # seconds


class _Answers(NamedTuple):
    varz: Varz | None
    health: Health | None
    jsz: Jsz | None


class _Memory(msgspec.Struct):
    """What is remembered of one place between scrapes, to know how to ask."""

    identity: Report | None = None  # the last report's names, without its contents
    start: object = None  # of the server whose list was whole last time
    streams: int = 0
    consumers: int = 0
    timeouts: int = 0
    took: float = 0.0
    reading: Reading | None = None  # under way since an earlier scrape, or answered after it


class MonitoringSource:
    """Asks every server behind a cluster's targets, each within the deadline, none waiting for another."""

    name = NAME

    def __init__(
        self,
        targets: list[str],
        client: Client,
        lookup: Lookup,
        group: str = "",
        check: str = "full",
    ) -> None:
        self._discoveries = [Discovery(target, lookup) for target in targets]
        self._client = client
        self._group = group
        self._check = check
        self._memories: dict[str, _Memory] = {}

    async def ask(self, question: Question) -> list[Outcome]:
        asked: set[str] = set()
        found = await asyncio.gather(
            *(self._ask_target(d, question, asked) for d in self._discoveries)
        )
        outcomes = {outcome.target: outcome for group in found for outcome in group}
        for gone in self._memories.keys() - outcomes.keys():
            self._forget(gone)
        return list(outcomes.values())

    def _forget(self, target: str) -> None:
        reading = self._memories.pop(target).reading
        if reading is not None:
            reading.cancel()

    async def close(self) -> None:
        for target in list(self._memories):
            self._forget(target)
        await self._client.close()

    async def _ask_target(
        self, discovery: Discovery, question: Question, asked: set[str]
    ) -> list[Outcome]:
        started = time.monotonic()
        try:
            places = await discovery.places(question.deadline)
        except SourceError as error:
            took = time.monotonic() - started
            return [Outcome(NAME, discovery.target, took, error=str(error), group=self._group)]
        fresh = {place.target: place for place in places if place.target not in asked}
        asked.update(fresh)
        return await asyncio.gather(*(self._ask_place(place, question) for place in fresh.values()))

    async def _ask_place(self, place: Place, question: Question) -> Outcome:
        target = place.target
        memory = self._memories.setdefault(target, _Memory())
        asking = Asking(self._client, place)
        started = time.monotonic()
        report = await self._question(asking, memory, question)
        took = time.monotonic() - started
        _remember(memory, report, asking, took)
        late = _late(memory)
        error = asking.error()
        if report is None and error is None:
            error = "jsz: another server's answer than before"
        received, parts = asking.received, asking.parts
        return Outcome(NAME, target, took, received, error, report, self._group, parts, late=late)

    async def _question(self, asking: Asking, memory: _Memory, question: Question) -> Report | None:
        """Ask all at once if the server's list was complete last time, and one after the other if not."""
        if memory.start is None:
            return await self._carefully(asking, memory, question)
        deadline = question.deadline
        varz, health, jsz = await asyncio.gather(
            self._varz(asking, deadline),
            self._health(asking, deadline),
            self._jsz(asking, memory, deadline, question.with_config),
        )
        if varz is not None and varz.start != memory.start:
            return await self._carefully(asking, memory, question)
        if jsz is not None and _shrank(memory, jsz):
            health = worse(health, await self._health(asking, deadline))
        return self._report(asking, memory, _Answers(varz, health, jsz))

    async def _carefully(
        self, asking: Asking, memory: _Memory, question: Question
    ) -> Report | None:
        """Ask for the health before the list and after it, and give no part the time of the others.

        A list that was read before its server was healthy, or after it began to stop, is not complete. So the
        worse health counts of the one before and the one after the list.
        """
        loop = asyncio.get_running_loop()
        deadline = question.deadline
        soon = min(deadline, loop.time() + _patience(memory, deadline - loop.time()))
        varz, before = await asyncio.gather(self._varz(asking, soon), self._health(asking, soon))
        if varz is None and before is None:
            return None
        if memory.timeouts:
            # It runs, but something of it hung: half the time, or twice what it took when all was well.
            now = loop.time()
            deadline = min(deadline, now + max((deadline - now) / 2, 2 * memory.took))
        with_config = question.with_config and not memory.timeouts
        jsz = await self._jsz(asking, memory, deadline, with_config)
        health = before
        if jsz is not None and before is not None:
            health = worse(before, await self._health(asking, deadline))
        return self._report(asking, memory, _Answers(varz, health, jsz))

    def _report(self, asking: Asking, memory: _Memory, answers: _Answers) -> Report | None:
        """Build the report; without varz only if jsz shows that it is the same server as before.

        Behind a load balancer each question may reach another server, and one server's streams would be reported
        under another's name.
        """
        varz, health, jsz = answers
        if varz is not None and jsz is not None and jsz.server_id != varz.server_id:
            asking.refuse(
                "jsz", "another server answered than for varz; name each server by itself"
            )
            jsz = None
        if varz is not None:
            return Report(
                server_id=varz.server_id,
                server_name=varz.server_name or varz.server_id,
                cluster=varz.cluster.name,
                version=varz.version,
                group=self._group,
                varz=varz,
                health=health,
                jsz=jsz,
                with_config=asking.with_config and jsz is not None,
            )
        known = memory.identity
        if known is None or jsz is None or jsz.server_id != known.server_id:
            return None
        return msgspec.structs.replace(
            known, health=health, jsz=jsz, with_config=asking.with_config
        )

    def _varz(self, asking: Asking, deadline: float) -> Awaitable[Varz | None]:
        return asking.part("varz", "/varz", decode_varz, deadline)

    async def _jsz(
        self, asking: Asking, memory: _Memory, deadline: float, with_config: bool
    ) -> Jsz | None:
        """Ask for jsz. Where configurations take too long, ask without them; a later scrape takes them."""
        if with_config and memory.reading is None:
            now = asyncio.get_running_loop().time()
            memory.reading = reading = Reading(self._client, asking.place)
            await reading.wait(now + CONFIG_SHARE * (deadline - now))
            if reading.done:
                memory.reading = None
                jsz = reading.take(asking)
                asking.with_config = jsz is not None
                if "jsz" not in asking.timeouts:
                    return jsz
        return await asking.part("jsz", LIGHT, decode_jsz, deadline)

    def _health(self, asking: Asking, deadline: float) -> Awaitable[Health | None]:
        path = "/healthz" if self._check == "full" else f"/healthz?{self._check}=true"
        return asking.part(
            "healthz", path, lambda answer: decode_health(answer, self._check), deadline
        )


def _patience(memory: _Memory, left: float) -> float:
    """Seconds that the small questions may take before the large one, of those left until the deadline."""
    if not memory.timeouts:
        return left / 2
    return SHORT if memory.timeouts % LONGER_EVERY else LONGER


def _late(memory: _Memory) -> Report | None:
    """The configurations that an earlier scrape asked for, if they have arrived since."""
    reading = memory.reading
    if reading is None or not reading.done:
        return None
    memory.reading = None
    jsz, known = reading.take(), memory.identity
    if jsz is None or known is None or jsz.server_id != known.server_id:
        return None
    return msgspec.structs.replace(known, jsz=jsz, with_config=True)


def _shrank(memory: _Memory, jsz: Jsz) -> bool:
    return jsz.streams < memory.streams or jsz.consumers < memory.consumers


def _remember(memory: _Memory, report: Report | None, asking: Asking, took: float) -> None:
    memory.timeouts = memory.timeouts + 1 if asking.timeouts else 0
    if report is None or report.varz is None or report.jsz is None or report.health is None:
        memory.start = None
        return
    if not asking.errors:
        memory.took = took
    memory.start = report.varz.start if report.health.code == 200 else None
    memory.streams, memory.consumers = report.jsz.streams, report.jsz.consumers
    memory.identity = msgspec.structs.replace(report, varz=None, health=None, jsz=None)
