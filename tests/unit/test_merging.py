"""Collections that overlap: whose figures are told, and that none is merged while another changes the same."""

import asyncio
import threading
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import pytest
from tests.support.closing import closing
from tests.support.reports import NOW, consumer, follows, led, outcome, server, stream, unreplicated
from tests.support.scrapes import light
from tests.support.waiting import until

from jetstream_exporter.config import Config
from jetstream_exporter.config.exported import Limits
from jetstream_exporter.report import Outcome, ScrapeRequest
from jetstream_exporter.runtime.cancel import cancel_and_wait
from jetstream_exporter.scrape import Pipeline, Reload, Scraper
from jetstream_exporter.scrape.merging import Merging
from jetstream_exporter.scrape.processor import Processor
from jetstream_exporter.scrape.renderer import Form, Renderer, ScrapeResult
from jetstream_exporter.scrape.single_flight import Flight, SingleFlight
from jetstream_exporter.snapshot import Snapshot
from jetstream_exporter.sources.collector import Collector
from jetstream_exporter.wire import StreamState


def figures(name: str, pending: int) -> Outcome:
    """What a server says of a stream of its own, which bears its name."""
    said = stream(name, unreplicated(name), consumer("c", unreplicated(name), pending=pending))
    return outcome(server(name, said), f"http://{name}:8222")


def nothing(name: str) -> Outcome:
    return outcome(None, f"http://{name}:8222")


def told(snapshot: Snapshot | None) -> dict[str, int | None]:
    assert snapshot is not None
    return {row.stream: row.pending for row in snapshot.consumers}


class Held(Pipeline):
    """Lets nobody have a snapshot before its gate is open."""

    def __init__(self) -> None:
        super().__init__(Config())
        self.gate = asyncio.Event()
        self.gate.set()
        self.merged = asyncio.Event()

    async def process(self, *args: Any, **kwargs: Any) -> Snapshot:
        snapshot = await super().process(*args, **kwargs)
        self.merged.set()
        await self.gate.wait()
        return snapshot


async def forever(_flight: Flight) -> Any:
    await asyncio.Event().wait()


@pytest.fixture
async def flights() -> AsyncIterator[SingleFlight]:
    """Collections that end by themselves never."""
    found = SingleFlight()
    yield found
    await cancel_and_wait(*(flight.task for flight in found.flying))


async def test_what_a_late_collection_adds_to_is_not_emptied_meanwhile(
    flights: SingleFlight,
) -> None:
    """The third replaces what the second brought while the first, which is slow, adds to it."""
    held = Held()
    merging = Merging(held, flights)
    first, second, third = (flights.start(60, forever) for _ in range(3))
    await merging.merge(second, [nothing("n1"), figures("n2", 2)])
    held.gate.clear()
    held.merged.clear()
    newest = asyncio.create_task(merging.merge(third, [nothing("n1"), figures("n2", 3)]))
    await held.merged.wait()
    late = asyncio.create_task(merging.merge(first, [figures("n1", 1), figures("n2", 1)]))
    await asyncio.sleep(0)
    held.gate.set()
    assert told(await newest) == {"n2": 3}
    assert told(await late) == {"n1": 1, "n2": 3}


async def test_who_leaves_a_collection_gets_nothing_older_than_what_was_told(
    flights: SingleFlight,
) -> None:
    merging = Merging(Pipeline(Config()), flights)
    older, newer = (flights.start(60, forever) for _ in range(2))
    older.note(figures("n1", 1))
    assert told(await merging.merge_so_far(older)) == {"n1": 1}
    await merging.merge(newer, [figures("n1", 2)])
    assert await merging.merge_so_far(older) is None


async def test_an_older_collection_is_not_merged_after_what_a_newer_one_brought_until_then(
    flights: SingleFlight,
) -> None:
    """It adds what it alone brought, and what both did is not told twice."""
    merging = Merging(Pipeline(Config()), flights)
    older, newer = (flights.start(60, forever) for _ in range(2))
    newer.note(figures("n1", 2))
    assert told(await merging.merge_so_far(newer)) == {"n1": 2}
    late = await merging.merge(older, [figures("n1", 1), figures("n2", 1)])
    assert told(late) == {"n1": 2, "n2": 1}
    assert told(await merging.merge(newer, [figures("n1", 2), figures("n2", 2)])) == {
        "n1": 2,
        "n2": 2,
    }


async def test_what_a_collection_brought_early_is_not_emptied_while_it_is_under_way(
    flights: SingleFlight,
) -> None:
    """A newer one was merged in between, in which that server failed."""
    merging = Merging(Pipeline(Config()), flights)
    older, newer = (flights.start(60, forever) for _ in range(2))
    answered = figures("n1", 1)
    older.note(answered)
    assert told(await merging.merge_so_far(older)) == {"n1": 1}
    assert told(await merging.merge(newer, [nothing("n1"), figures("n2", 2)])) == {"n2": 2}
    assert told(await merging.merge(older, [answered, nothing("n2")])) == {"n1": 1, "n2": 2}


async def test_configurations_that_a_late_collection_alone_asked_for_are_kept(
    flights: SingleFlight,
) -> None:
    merging = Merging(Pipeline(Config()), flights)
    older, newer = (flights.start(60, forever) for _ in range(2))
    without = figures("n1", 2)
    assert without.server is not None
    light(without.server)
    snapshot = await merging.merge(newer, [without])
    assert not snapshot.consumers
    snapshot = await merging.merge(older, [figures("n1", 1)])
    assert told(snapshot) == {"n1": 2}
    assert all(row.settings is not None for row in snapshot.consumers)


async def test_who_leaves_while_a_collection_ends_waits_for_all_of_it(
    flights: SingleFlight,
) -> None:
    """Its lists are emptied as soon as they were merged."""
    merging = Merging(Pipeline(Config()), flights)
    flight = flights.start(60, forever)
    flight.note(figures("n1", 1))
    flight.merging = True
    assert await merging.merge_so_far(flight) is None


async def test_a_merge_that_is_given_up_ends_before_the_next_one_begins(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Both change what is remembered of earlier scrapes."""
    process = Processor.process
    entered, go_on, running, most = threading.Semaphore(0), threading.Event(), [0], [0]

    def slow(self: Processor, *args: Any, **kwargs: Any) -> Snapshot:
        running[0] += 1
        most[0] = max(most[0], running[0])
        entered.release()
        assert go_on.wait(10)
        snapshot = process(self, *args, **kwargs)
        running[0] -= 1
        return snapshot

    monkeypatch.setattr(Processor, "process", slow)
    pipeline = Pipeline(Config())
    given_up = asyncio.create_task(pipeline.process([figures("n1", 1)], 0.0))
    assert await asyncio.to_thread(entered.acquire, timeout=10)
    given_up.cancel()
    following = asyncio.create_task(pipeline.process([figures("n1", 2)], 0.0))
    assert not await asyncio.to_thread(entered.acquire, timeout=0.2)
    go_on.set()
    with pytest.raises(asyncio.CancelledError):
        await given_up
    assert told(await following) == {"n1": 2}
    assert most == [1]


async def test_a_collection_from_before_a_reload_is_not_merged_by_the_new_configuration() -> None:
    """Names and filters of the new one would make something else of it, and it of their memory."""
    before, after = Config(), Config(limits=Limits(consumers=0))
    pipeline = Pipeline(before)
    old = pipeline.generation
    pipeline.configure(after)
    assert told(await pipeline.process([figures("n1", 1)], 0.0, generation=old)) == {"n1": 1}
    assert told(await pipeline.process([figures("n1", 2)], 0.0)) == {}
    assert told(await pipeline.process([figures("n1", 3)], 0.0, generation=old)) == {}
    assert told(await pipeline.process([figures("n1", 4)], 0.0)) == {}


@pytest.mark.parametrize("reloads", [1, 2])
async def test_a_collection_from_before_a_reload_is_not_merged_after_a_newer_one(
    reloads: int,
) -> None:
    """Nor where the configuration is the same again: its leader would come, go and come."""
    pipeline = Pipeline(Config())
    old = pipeline.generation
    for config in [Config(limits=Limits(consumers=0)), Config()][-reloads:]:
        pipeline.configure(config)
    assert told(await pipeline.process([figures("n1", 2)], 0.0)) == {"n1": 2}
    assert told(await pipeline.process([figures("n1", 1)], 0.0, generation=old)) == {"n1": 2}


async def test_a_collection_is_merged_by_its_own_configuration_though_another_reload_came_since() -> (
    None
):
    """The file may be read again while the first collection after a reload is under way."""
    none = Config(limits=Limits(consumers=0))
    pipeline = Pipeline(Config())
    pipeline.configure(none)
    between = pipeline.generation
    pipeline.configure(Config())
    assert told(await pipeline.process([figures("n1", 1)], 0.0, generation=between)) == {}
    assert told(await pipeline.process([figures("n1", 2)], 0.0)) == {"n1": 2}
    assert told(await pipeline.process([figures("n1", 1)], 0.0, generation=between)) == {"n1": 2}


async def test_what_was_not_merged_says_nothing_of_how_long_merging_takes() -> None:
    pipeline = Pipeline(Config())
    old = pipeline.generation
    pipeline.configure(Config())
    await pipeline.process([figures("n1", 2)], 0.0)
    pipeline.took = 7.0
    await pipeline.process([figures("n1", 1)], 0.0, generation=old)
    assert pipeline.took == 7.0


async def test_what_stands_for_a_collection_from_before_a_reload_is_held_until_that_ended(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(Pipeline, "_is_judged", lambda *_: False)  # nobody looks at the status
    pipeline = Pipeline(Config())
    old = pipeline.generation
    pipeline.configure(Config())
    await pipeline.process([figures("n1", 2)], 0.0)
    pipeline.make_room()
    assert told(await pipeline.process([figures("n1", 1)], 0.0, generation=old)) == {"n1": 2}
    pipeline.ended()
    pipeline.make_room()
    assert told(pipeline.latest and pipeline.latest.snapshot) == {}


class Source:
    """A server that answers at once."""

    name = "monitoring"

    async def ask(self, _request: ScrapeRequest) -> list[Outcome]:
        return [figures("n1", 1)]

    async def close(self) -> None: ...


async def test_of_a_collection_that_is_dropped_who_has_time_gets_another(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What came was being merged. Who had to leave by then has no answer, and not one without any figures."""
    started: list[tuple[SingleFlight, Flight]] = []
    start = SingleFlight.start

    def noted(self: SingleFlight, *args: Any) -> Flight:
        flight = start(self, *args)
        started.append((self, flight))
        return flight

    so_far, has_left = Scraper._so_far, asyncio.Event()

    async def left(self: Scraper, flight: Flight) -> ScrapeResult:
        has_left.set()
        return await so_far(self, flight)

    monkeypatch.setattr(SingleFlight, "start", noted)
    monkeypatch.setattr(Scraper, "_so_far", left)
    monkeypatch.setattr(Scraper, "_reserve", lambda _self, timeout: timeout - 0.1 * timeout)
    held = Held()
    held.gate.clear()
    async with closing(Scraper(Config(), Collector([Source()]), Reload(), held)) as scraper:
        leaves = asyncio.create_task(scraper.answer(10))
        stays = asyncio.create_task(scraper.snapshot(600))
        await held.merged.wait()
        await has_left.wait()
        flights, flight = started[0]
        flights.drop(flight)
        held.gate.set()
        with pytest.raises(TimeoutError):
            await leaves
        assert told(await stays) == {"n1": 1}


class Late(Source):
    """A server that answers when it is told to, and another that does at once."""

    def __init__(self) -> None:
        self.asked, self.gate = asyncio.Event(), asyncio.Event()

    async def ask(self, request: ScrapeRequest) -> list[Outcome]:
        request.note(figures("n1", 1))
        self.asked.set()
        await self.gate.wait()
        return [figures("n1", 1), figures("n2", 1)]


async def test_who_leaves_an_older_collection_is_told_what_a_newer_one_brought_until_then(
    flights: SingleFlight, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Scraper, "_reserve", lambda _self, timeout: timeout - 0.1 * timeout)
    monkeypatch.setattr(SingleFlight, "join", lambda _self, _timeout: None)
    late = Late()
    async with closing(Scraper(Config(), Collector([late]), Reload())) as scraper:
        older = asyncio.create_task(scraper.snapshot(20))
        await late.asked.wait()
        newer = asyncio.create_task(scraper.snapshot(5))
        assert told(await newer) == {"n1": 1}
        assert told(await older) == {"n1": 1}
        late.gate.set()


async def test_what_the_end_of_a_collection_brings_is_remembered_though_one_scraper_always_left(
    flights: SingleFlight,
) -> None:
    """The leader of a consumer is slower than that of its stream."""
    merging = Merging(Pipeline(Config()), flights)
    times = []
    for _ in range(4):
        flight = flights.start(60, forever)
        fast, slow = waiting()
        flight.note(fast)
        early = await merging.merge_so_far(flight)
        assert early is not None
        assert [row.pending for row in early.consumers] == [None]
        whole = await merging.merge(flight, [fast, slow])
        times.append(whole.lags[0].pending)
        await cancel_and_wait(flight.task)
    assert None not in times
    assert times == sorted(times, reverse=True)  # none is later than the one before


def waiting() -> tuple[Outcome, Outcome]:
    """A message waits for a consumer with a filter: what is remembered alone tells since when."""
    now = datetime.now(UTC)
    stream_led = {"n1": led("n1", "n2"), "n2": follows("n1", "n1")}
    consumer_led = {"n1": follows("n2", "n2"), "n2": led("n2", "n1")}

    def told_by(name: str) -> Outcome:
        row = consumer("c", consumer_led[name], pending=1, config={"filter_subject": "a"})
        said = stream("S", stream_led[name], row, replicas=2)
        said.state = StreamState(2, 20, 1, NOW, 2, NOW)
        return outcome(server(name, said, now=now), f"http://{name}:8222")

    return told_by("n1"), told_by("n2")


async def test_newer_configurations_are_not_replaced_by_those_of_a_late_collection(
    flights: SingleFlight,
) -> None:
    merging = Merging(Pipeline(Config()), flights)
    older, newer = (flights.start(60, forever) for _ in range(2))
    await merging.merge(newer, [configured(7)])
    snapshot = await merging.merge(older, [configured(3)])
    assert [row.settings and row.settings.max_deliver for row in snapshot.consumers] == [7]


def configured(max_deliver: int) -> Outcome:
    row = consumer("c", unreplicated("n1"), config={"max_deliver": max_deliver})
    return outcome(server("n1", stream("S", unreplicated("n1"), row, replicas=1)), "http://n1:8222")


async def test_a_text_that_nobody_waits_for_any_more_is_not_written(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Who asks for many texts and leaves would keep everybody else waiting."""
    go_on, written = threading.Event(), []
    pieces = Renderer._pieces

    def slow(self: Renderer, snapshot: Snapshot, form: Form) -> Any:
        written.append(form.names)
        assert go_on.wait(10)
        return pieces(self, snapshot, form)

    monkeypatch.setattr(Renderer, "_pieces", slow)
    async with closing(Scraper(Config(), Collector([Source()]), Reload())) as scraper:
        answer = await scraper.answer(5)

        def render(name: str) -> asyncio.Task[Any]:
            form = Form(openmetrics=False, gzip=False, names=frozenset([name]))
            return asyncio.create_task(scraper.render(answer, form))

        first, left, stayed, other = map(render, ("a", "b", "c", "c"))
        await until(lambda: bool(written), 5)
        for gone in (first, left, other):
            gone.cancel()
        await asyncio.wait([first, left, other])
        again = render("b")
        go_on.set()
        await asyncio.gather(stayed, again)
    assert written == [frozenset("a"), frozenset("c"), frozenset("b")]
