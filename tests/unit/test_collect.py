"""Whatever happens in a source, it is that source's outcome, and the others are heard."""

import asyncio
from collections.abc import Callable

import pytest
from structlog.testing import capture_logs

from jetstream_exporter.config.schema import Config
from jetstream_exporter.report import (
    EventBatch,
    EventCounts,
    Events,
    Outcome,
    RequestResult,
    ScrapeRequest,
    ServerAnswer,
)
from jetstream_exporter.scrape import Reload, Scraper
from jetstream_exporter.sources.advisories.event_counter import EventCounter
from jetstream_exporter.sources.collector import Collector
from jetstream_exporter.wire import Advisory

QUESTION = ScrapeRequest(0.0, False)
NAK = Advisory(type="io.nats.jetstream.advisory.v1.nak", stream="S", consumer="c")
ERRORS = (RecursionError, TypeError, MemoryError, KeyError, UnicodeError, asyncio.CancelledError)


class Told:
    """A source that does as it is told."""

    def __init__(self, name: str, answer: Callable[[], list[Outcome]]) -> None:
        self.name = name
        self.answer = answer

    async def ask(self, _question: ScrapeRequest) -> list[Outcome]:
        await asyncio.sleep(0)
        return self.answer()

    async def close(self) -> None:
        pass


def well(name: str, *targets: str) -> list[Outcome]:
    parts = {"jsz": RequestResult(True, "5 bytes")}
    return [Outcome(name, target, 0.1, 5, cluster_name="G", requests=parts) for target in targets]


@pytest.mark.parametrize("error", ERRORS)
async def test_an_error_in_one_source_is_its_outcome(error: type[BaseException]) -> None:
    def fail() -> list[Outcome]:
        raise error

    collector = Collector([Told("bad", fail), Told("good", lambda: well("good", "t"))])
    with capture_logs() as logs:
        for _ in range(3):
            bad, good = await collector.collect(QUESTION)
    assert (good.target, good.error, good.received) == ("t", None, 5)
    assert (bad.source, bad.target, bad.is_server) == ("bad", "bad", False)
    assert error.__name__ in str(bad.error)
    assert sum("exc_info" in line for line in logs) == 1


async def test_the_targets_it_had_are_the_ones_that_fail() -> None:
    answers: list[list[Outcome]] = [well("s", "a", "b")]
    collector = Collector([Told("s", lambda: answers.pop(0))])
    await collector.collect(QUESTION)
    failed = await collector.collect(QUESTION)
    assert [(one.target, one.cluster_name, one.received) for one in failed] == [
        ("a", "G", 0),
        ("b", "G", 0),
    ]
    assert all("IndexError" in str(one.error) for one in failed)
    assert [one.requests["jsz"].up for one in failed] == [False, False]
    answers.append(well("s", "a"))
    assert [one.error for one in await collector.collect(QUESTION)] == [None]


async def test_targets_of_one_cluster_that_are_called_alike_are_all_told() -> None:
    collector = Collector([Told("s", lambda: well("s", "a", "a", "b", "a"))])
    found = await collector.collect(QUESTION)
    assert [one.target for one in found] == ["a", "a (2)", "a (3)", "b"]


async def test_a_second_failure_after_a_recovery_has_its_traceback_too() -> None:
    answers: list[list[Outcome]] = []
    collector = Collector([Told("s", lambda: answers.pop(0))])
    with capture_logs() as logs:
        await collector.collect(QUESTION)
        answers.append(well("s", "a"))
        await collector.collect(QUESTION)
        await collector.collect(QUESTION)
    assert sum("exc_info" in line for line in logs) == 2


async def test_a_collection_that_is_cancelled_is_cancelled() -> None:
    entered = asyncio.Event()

    class Slow(Told):
        async def ask(self, _question: ScrapeRequest) -> list[Outcome]:
            entered.set()
            await asyncio.Event().wait()
            return []

    collecting = asyncio.create_task(Collector([Slow("s", list)]).collect(QUESTION))
    await entered.wait()
    collecting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await collecting


class Listening(Told):
    """Events of one counter, and a second source that can be held up."""

    def __init__(self) -> None:
        super().__init__("advisories", list)
        self.counter = EventCounter()
        self.confirmed: list[int] = []
        self.gate = asyncio.Event()
        self.asked = asyncio.Event()

    async def ask(self, _question: ScrapeRequest) -> list[Outcome]:
        async def confirm(_until: float) -> None:
            self.confirmed.append(self.counter.taken)

        events = Events("C", True, take=self.counter.take, confirm=confirm)
        self.asked.set()
        await self.gate.wait()
        return [Outcome("advisories", "n", 0.0, answer=events)]


async def test_a_collection_that_is_given_up_loses_no_event() -> None:
    source = Listening()
    scraper = Scraper(Config(), Collector([source]), Reload())
    source.counter.add(NAK, "A", 3)
    scrape = asyncio.create_task(scraper.snapshot(5.0))
    await source.asked.wait()
    scrape.cancel()
    for flight in scraper._flights.flying:
        scraper._flights.drop(flight)
    await asyncio.gather(scrape, return_exceptions=True)
    assert source.confirmed == []
    source.gate.set()
    snapshot = await scraper.snapshot(5.0)
    assert {row.kind: row.count for row in snapshot.event_kinds}["nak"] == 1
    assert source.confirmed == [1]
    again = await scraper.snapshot(5.0)
    assert {row.kind: row.count for row in again.event_kinds}["nak"] == 1


async def test_events_are_confirmed_only_after_they_were_counted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Where counting fails, the next scrape counts them."""
    source = Listening()
    source.gate.set()
    scraper = Scraper(Config(), Collector([source]), Reload())
    source.counter.add(NAK, "A", 3)
    process = scraper._pipeline._processor.process

    def broken(*_: object, **_more: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(scraper._pipeline._processor, "process", broken)
    with pytest.raises(ZeroDivisionError):
        await scraper.snapshot(5.0)
    assert source.confirmed == []
    monkeypatch.setattr(scraper._pipeline._processor, "process", process)
    snapshot = await scraper.snapshot(5.0)
    assert {row.kind: row.count for row in snapshot.event_kinds}["nak"] == 1
    assert source.confirmed == [1]


async def test_what_cannot_be_confirmed_ends_no_scrape() -> None:
    async def confirm(_until: float) -> None:
        raise ZeroDivisionError

    events = Events("C", True, take=lambda: EventBatch(objects={("A", "S"): EventCounts()}))
    events.confirm = confirm
    outcome = Outcome("advisories", "n", 0.0, answer=events)
    with capture_logs() as logs:
        await Collector([]).confirm(
            [outcome, Outcome("monitoring", "m", 0.0, answer=ServerAnswer())], 0.0
        )
    assert [line["event"] for line in logs] == ["events could not be acknowledged"]
