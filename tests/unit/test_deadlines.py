"""Scrapes with different times beside each other: each is answered in its own, and none worse than alone."""

import asyncio
import json
import threading
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from tests.support import fake_nats as fakes
from tests.support.exporter import Samples
from tests.support.fake_nats import FakeNats, fake_nats
from tests.support.waiting import until
from tests.support.web import Web, web

from jetstream_exporter.scrape import Content, Scraper
from jetstream_exporter.scrape.budget import FLIGHTS, FLOOR, own_time, reserve
from jetstream_exporter.scrape.config_schedule import UNKNOWN_LATEST, ConfigSchedule

TIMEOUT = "X-Prometheus-Scrape-Timeout-Seconds"
UP = "jetstream_exporter_source_up"
PART = "jetstream_exporter_source_part"


async def scrape(site: Web, seconds: float) -> tuple[int, Samples | None, float]:
    """Status, samples, and how many seconds it took."""
    started = time.monotonic()
    async with site.client.get("/metrics", headers={TIMEOUT: str(seconds)}) as response:
        text = await response.text()
    samples = Samples(text) if response.status == 200 else None
    return response.status, samples, time.monotonic() - started


def slowly(seconds: float) -> fakes.Way:
    async def way(fake: FakeNats, path: str, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(seconds)
        await fakes.truthful(fake, path, writer)

    return way


@pytest.mark.waits
async def test_a_hasty_neighbour_makes_no_slow_server_look_down(fake: FakeNats, site: Web) -> None:
    """The server answers in 0.7 s, which is nothing of Prometheus' ten; the neighbours have 0.6 s."""
    fake.always(slowly(0.7))
    for _ in range(3):
        asked = fake.asked("/varz")
        hasty = asyncio.create_task(scrape(site, 0.6))
        await until(lambda asked=asked: fake.asked("/varz") > asked, 20)  # type: ignore[misc]
        status, samples, _ = await scrape(site, 10)
        assert status == 200
        assert samples is not None
        assert samples.get(UP, target=fake.url) == 1
        await hasty


@pytest.mark.waits
async def test_a_hasty_neighbour_takes_nothing_from_the_next_scrapes_patience(
    fake: FakeNats, site: Web
) -> None:
    """A server that needs longer than the shortest collection, and that only hasty scrapes have asked yet."""
    fake.always(slowly(FLOOR + 1))
    await scrape(site, 0.6)
    await until(lambda: not site.service.scraper._flights.flying, 20)
    status, samples, _ = await scrape(site, 30)
    assert status == 200
    assert samples is not None
    assert samples.get(UP, target=fake.url) == 1


@asynccontextmanager
async def kept_too_early(fake: FakeNats, folder: Path) -> AsyncIterator[Web]:
    """An exporter with `min_interval`, of which the last scrape had no time for its slow server."""
    path = folder / "config.yaml"
    path.write_text(
        f"collect: {{min_interval: 1h}}\nclusters: [{{name: C, targets: ['{fake.url}']}}]\n"
    )
    async with web(file=path) as site:
        await until(lambda: not site.service.scraper._flights.flying, 20)
        site.service.scraper._replace_last(None)
        fake.always(slowly(FLOOR + 1))
        await scrape(site, 0.6)
        await until(lambda: not site.service.scraper._flights.flying, 20)
        yield site


@pytest.mark.waits
async def test_what_a_hasty_scrape_had_no_time_for_is_not_served_to_the_patient(
    fake: FakeNats, tmp_path: Path
) -> None:
    """With `min_interval` every Prometheus would be told that the server is down until it is over."""
    async with kept_too_early(fake, tmp_path) as site:
        fake.heal()
        for seconds, is_up in ((0.6, 0), (30, 1), (0.6, 1)):
            _, samples, _ = await scrape(site, seconds)
            assert samples is not None
            assert samples.get(UP, target=fake.url) == is_up, seconds


@pytest.mark.waits
async def test_the_patience_of_one_takes_no_fresh_answer_from_the_others(
    fake: FakeNats, tmp_path: Path
) -> None:
    async with kept_too_early(fake, tmp_path) as site:
        patient = asyncio.create_task(scrape(site, 30))
        await until(lambda: bool(site.service.scraper._flights.flying), 20)
        asked = fake.asked("/varz")
        status, samples, _ = await scrape(site, 0.6)
        assert status == 200
        assert samples is not None
        assert samples.get("jetstream_exporter_snapshot_age_seconds") > 0
        assert fake.asked("/varz") == asked
        _, whole, _ = await patient
        assert whole is not None
        assert whole.get(UP, target=fake.url) == 1


@pytest.mark.waits
async def test_a_patient_neighbour_beside_a_frozen_server_delays_nobody(fake: FakeNats) -> None:
    """With two minutes, it waits for the frozen server; Prometheus gets the others' figures in its own time."""
    async with fake_nats("nats-1") as well, web([fake.url, well.url]) as site:
        fake.always(fakes.silent)
        patient = asyncio.create_task(scrape(site, 120))
        await until(lambda: fake.asked("/varz") > 0, 20)
        for number in range(3):
            well.streams = [f"S{number}"]
            status, samples, took = await scrape(site, 10)
            assert status == 200
            assert took < 10
            assert samples is not None
            assert samples.get(UP, target=fake.url) == 0
            assert samples.get(UP, target=well.url) == 1
            if number:  # the first shares what had begun
                assert samples.labels("jetstream_stream_messages", "stream") == {f"S{number}"}
            assert len(site.service.scraper._flights.flying) <= FLIGHTS
        assert not patient.done()
        patient.cancel()
        await asyncio.gather(patient, return_exceptions=True)


@pytest.mark.waits
@pytest.mark.parametrize("is_known", [True, False])
async def test_who_leaves_early_gets_what_a_server_has_said_of_itself(
    is_known: bool, fake: FakeNats, site: Web
) -> None:
    """Only its list is late: the server is no server that is down."""
    if is_known:
        await scrape(site, 10)
    fake.ways["/jsz"] = fakes.silent
    patient = asyncio.create_task(scrape(site, 60))
    await until(lambda: fake.asked("/jsz") > is_known, 20)
    _, samples, took = await scrape(site, 12)
    assert took < 12
    assert samples is not None
    assert samples.get("nats_server_up") == 1
    assert samples.get("nats_server_connections") is not None
    assert samples.get(UP, target=fake.url) == 0
    parts = {name: samples.get(f"{PART}_up", part=name) for name in ("varz", "healthz", "jsz")}
    assert parts == {"varz": 1, "healthz": 1, "jsz": 0}
    assert samples.all("jetstream_stream_messages") == []
    patient.cancel()
    await asyncio.gather(patient, return_exceptions=True)


@pytest.mark.waits
async def test_what_a_patient_scrape_alone_gets_is_in_its_answer(fake: FakeNats) -> None:
    """Although newer collections were answered meanwhile; what they found of the other servers is newer."""
    async with fake_nats("nats-1") as well, web([fake.url, well.url]) as site:
        release = asyncio.Event()
        fake.always(fakes.after(release))
        patient = asyncio.create_task(scrape(site, 60))
        await until(lambda: fake.asked("/varz") > 0, 20)
        await asyncio.sleep(1.5)  # longer than is usual: the next scrape asks for itself
        well.streams = ["NEWER"]
        fake.always(fakes.silent)
        _, samples, _ = await scrape(site, 3)
        assert samples is not None
        assert samples.get(UP, target=fake.url) == 0
        fake.heal()
        release.set()
        status, samples, _ = await patient
        assert status == 200
        assert samples is not None
        assert samples.get(UP, target=fake.url) == 1
        assert "NEWER" in samples.labels("jetstream_stream_messages", "stream")


@pytest.mark.waits
async def test_a_rendering_that_takes_too_long_is_told_in_time(
    site: Web, monkeypatch: pytest.MonkeyPatch
) -> None:
    encoder, go = (
        site.service.scraper._renderer._encoders[Content.EVERYTHING].of(None),
        threading.Event(),
    )
    pieces = encoder.pieces

    def heavy(*arguments: object, **more: object) -> object:
        go.wait(30)
        return pieces(*arguments, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(encoder, "pieces", heavy)
    try:
        status, _, took = await scrape(site, 1.5)
    finally:
        go.set()
    assert status == 503
    assert took < 5  # and not 30


async def test_a_family_is_served_alone_by_its_name(site: Web) -> None:
    names = ("jetstream_stream_messages", "process_open_fds")
    query = "&".join(f"name[]={name}" for name in names)
    assert Samples(await site.text(f"/metrics?{query}")).families.keys() == set(names)
    assert await site.text("/metrics?name[]=nothing") == ""
    whole = await site.text("/metrics")
    assert "nats_server_up" in whole
    openmetrics = {"Accept": "application/openmetrics-text"}
    text = await site.text("/metrics?name[]=process_cpu_seconds", headers=openmetrics)
    assert text.endswith("# EOF\n")


@pytest.mark.parametrize("path", ["/metrics", "/sd", "/", "/-/healthy", "/debug/sources"])
async def test_an_unknown_parameter_is_refused(path: str, site: Web) -> None:
    known = {"/metrics": "name[] and shard", "/sd": "shards"}
    has = f"it has {known.get(path, 'none')}"
    text = await site.text(f"{path}?nmae[]=x", 400)
    assert text == f"{path} has no parameter 'nmae[]'; {has}\n"


async def test_only_what_can_be_probed_is_discovered(
    fake: FakeNats, site: Web, monkeypatch: pytest.MonkeyPatch
) -> None:
    await site.text("/metrics")
    outcomes = site.service.scraper.outcomes
    connection = [
        type(outcomes[0])("advisories", "nats://127.0.0.1:4222 APP", 0.1),
        type(outcomes[0])("system", "nats://127.0.0.1:4222", 0.1),
    ]
    monkeypatch.setattr(Scraper, "outcomes", [*outcomes, *connection])
    groups = json.loads(await site.text("/sd"))
    assert [group["targets"] for group in groups] == [[fake.url]]


def test_the_time_is_shared_out_as_the_page_says() -> None:
    assert own_time(10) == 9.5
    assert own_time(0.6) == 0.3
    assert own_time(10_000) == 119.5
    assert reserve(9.5, 0) == 0.2
    assert reserve(0.3, 10) == 0.15


def test_configurations_are_read_by_age_and_for_what_is_unknown() -> None:
    schedule = ConfigSchedule(300)
    assert schedule.is_due(0)
    assert schedule.age(5) is None
    schedule.note_read(10)
    assert schedule.age(15) == 5
    assert not schedule.is_due(309)
    assert schedule.is_due(310)
    assert schedule.wants_unknown(1, 11)
    assert not schedule.wants_unknown(0, 11)
    schedule.note_unknown_read(11, took=0.1)
    assert not schedule.wants_unknown(1, 15)
    assert schedule.wants_unknown(1, 16)
    schedule.note_too_slow(400)
    assert not schedule.is_due(400 + UNKNOWN_LATEST - 1)
    assert schedule.is_due(400 + UNKNOWN_LATEST)
