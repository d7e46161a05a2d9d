"""Reload: a good file takes over whole, a bad one changes nothing and is said in a metric and a log line."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from structlog.testing import capture_logs
from tests.support import fake_nats as fakes
from tests.support.exporter import Samples
from tests.support.fake_nats import FakeNats, fake_nats
from tests.support.waiting import until
from tests.support.web import Web, web

SUCCESS = "jetstream_exporter_config_last_reload_successful"
SINCE = "jetstream_exporter_config_last_reload_success_timestamp_seconds"


@pytest.fixture
async def site(fake: FakeNats, tmp_path: Path) -> AsyncIterator[Web]:
    write(tmp_path, fake)
    async with web(file=tmp_path / "exporter.yaml", lifecycle=True) as site:
        yield site


def write(folder: Path, fake: FakeNats, more: str = "") -> None:
    (folder / "exporter.yaml").write_text(f"clusters:\n  - targets: ['{fake.url}']\n{more}")


async def reload(site: Web, method: str = "POST") -> tuple[int, str]:
    async with site.client.request(method, "/-/reload") as response:
        return response.status, await response.text()


@pytest.mark.parametrize("method", ["POST", "PUT"])
async def test_a_good_file_takes_over(
    method: str, fake: FakeNats, site: Web, tmp_path: Path
) -> None:
    before = Samples(await site.text("/metrics"))
    async with fake_nats("nats-1") as other:
        write(tmp_path, other, "    name: elsewhere\n")
        with capture_logs() as lines:
            assert await reload(site, method) == (200, "reloaded\n")
            after = Samples(await site.text("/metrics"))
        assert after.labels("jetstream_exporter_source_up", "target") == {other.url}
        assert after.labels("nats_server_up", "nats_cluster") == {"elsewhere"}
        assert [line["event"] for line in lines] == ["configuration reloaded"]
        old, new = before.get(SINCE), after.get(SINCE)
        assert old is not None
        assert new is not None
        assert new > old


async def test_a_bad_file_keeps_the_running_configuration_and_says_so(
    fake: FakeNats, site: Web, tmp_path: Path
) -> None:
    before = Samples(await site.text("/metrics"))
    write(tmp_path, fake, "    http: {password: hunter2}\n")
    with capture_logs() as lines:
        status, text = await reload(site)
    sentence = (
        f"{tmp_path}/exporter.yaml:3: clusters[0].http.password: unknown key; allowed here: ca_file, cert_file, "
        "key_file, insecure_skip_verify, username, password_file, password_env; "
        "did you mean password_env or password_file?"
    )
    assert (500, f"{sentence}\n") == (status, text)
    assert [
        {
            "event": "configuration not reloaded; the running one is kept",
            "log_level": "error",
            "error": sentence,
        }
    ] == lines
    after = Samples(await site.text("/metrics"))
    assert after.get("jetstream_exporter_source_up", target=fake.url) == 1
    assert after.get(SUCCESS) == 0
    assert after.get(SINCE) == before.get(SINCE)
    write(tmp_path, fake)
    assert await reload(site) == (200, "reloaded\n")
    assert Samples(await site.text("/metrics")).get(SUCCESS) == 1


async def test_a_vanished_file_is_a_bad_one(site: Web, tmp_path: Path) -> None:
    file = tmp_path / "exporter.yaml"
    file.unlink()
    assert (500, f"{file}: cannot be read: No such file or directory\n") == await reload(site)


async def test_a_scrape_in_hand_comes_to_its_end(fake: FakeNats, site: Web, tmp_path: Path) -> None:
    """It is answered under the configuration that it began with."""
    reloaded = asyncio.Event()

    async def held(fake: FakeNats, path: str, writer: asyncio.StreamWriter) -> None:
        await reloaded.wait()
        await fakes.truthful(fake, path, writer)

    fake.ways["/varz"] = held
    scrape = asyncio.create_task(
        site.text("/metrics", headers={"X-Prometheus-Scrape-Timeout-Seconds": "60"})
    )
    await until(lambda: fake.asked("/varz") > 0, 20)
    async with fake_nats("nats-1") as other:
        write(tmp_path, other)
        await reload(site)
        reloaded.set()
        samples = Samples(await scrape)
    assert samples.labels("jetstream_exporter_source_up", "target") == {fake.url}


async def test_the_servers_are_asked_at_once_and_nobody_sees_a_gap(
    fake: FakeNats, site: Web, tmp_path: Path
) -> None:
    """Prometheus would drop every target that /sd leaves out, Kubernetes every pod that is not ready."""
    await site.text("/metrics")
    fake.always(fakes.silent)
    asked = fake.asked("/varz")
    assert await reload(site) == (200, "reloaded\n")
    assert await site.text("/-/ready") == "ready\n"
    assert [[fake.url]] == [group["targets"] for group in json.loads(await site.text("/sd"))]
    await until(lambda: fake.asked("/varz") > asked, 20)


async def test_what_the_file_allowed_before_is_forbidden_after(
    fake: FakeNats, site: Web, tmp_path: Path
) -> None:
    await site.text(f"/probe?target={fake.url}")
    async with fake_nats("nats-1") as other:
        write(tmp_path, other)
        await reload(site)
        await site.text(f"/probe?target={fake.url}", 403)
        await site.text(f"/probe?target={other.url}")


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://["},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ],
)
async def test_a_page_of_another_site_reloads_nothing(
    headers: dict[str, str], fake: FakeNats, site: Web
) -> None:
    async with site.client.post("/-/reload", headers=headers) as response:
        assert response.status == 403
        assert "another site" in await response.text()
    assert fake.questions == []


async def test_our_own_pages_and_programs_may_reload(site: Web) -> None:
    origin = str(site.client.make_url("/").origin())
    for headers in (
        {"Origin": origin},
        {"Sec-Fetch-Site": "same-origin"},
        {"Sec-Fetch-Site": "none"},
    ):
        async with site.client.post("/-/reload", headers=headers) as response:
            assert response.status == 200


async def test_reload_is_off_unless_it_was_enabled(fake: FakeNats) -> None:
    async with web([fake.url]) as site:
        for method in ("POST", "PUT"):
            async with site.client.request(method, "/-/reload") as response:
                assert response.status == 403
                assert "--web.enable-lifecycle" in await response.text()
    assert fake.questions == []


async def test_many_reloads_at_once_ask_the_servers_once_and_cost_no_scrape(
    fake: FakeNats, site: Web
) -> None:
    await site.text("/metrics")
    before = fake.asked("/varz")
    many = [asyncio.create_task(reload(site)) for _ in range(100)]
    scrapes = [asyncio.create_task(site.text("/metrics")) for _ in range(5)]
    assert set(await asyncio.gather(*many)) == {(200, "reloaded\n")}
    assert all("nats_server_up" in text for text in await asyncio.gather(*scrapes))
    await until(lambda: not site.service.scraper._flights.flying, 20)
    assert fake.asked("/varz") - before <= 4


async def test_what_earlier_scrapes_showed_outlives_a_reload(
    fake: FakeNats, site: Web, tmp_path: Path
) -> None:
    """Sources that it does not concern go on, too: a connection made anew would miss events."""
    await site.text("/metrics")
    history = site.service._pipeline._processor.history
    totals = site.service._pipeline._processor._event_totals
    sources = site.service._source_set.sources
    write(tmp_path, fake, "collect: {timeout: 5s}\nfilters: {streams: {exclude: [ORDERS]}}\n")
    await reload(site)
    samples = Samples(await site.text("/metrics"))
    assert samples.labels("jetstream_stream_messages", "stream") == set()
    assert site.service._pipeline._processor.history is history
    assert site.service._pipeline._processor._event_totals is totals
    assert site.service._source_set.sources == sources


async def test_memory_is_made_free_again_once_the_scrapes_from_before_a_reload_have_ended(
    fake: FakeNats, site: Web
) -> None:
    await site.text("/metrics")
    gate = asyncio.Event()
    fake.always(fakes.after(gate))
    waiting = asyncio.create_task(site.service.scraper.answer(60))
    await until(lambda: bool(site.service.scraper._flights.flying), 20)
    await reload(site)
    assert site.service._pipeline._ending == 1
    gate.set()
    await waiting
    await until(lambda: not site.service._pipeline._ending, 20)


async def test_a_scrape_of_the_configuration_before_keeps_its_sources_until_it_is_answered(
    fake: FakeNats, site: Web
) -> None:
    """It may ask again, or begin another collection; closed sources would make every server look down."""
    scraper = site.service.scraper
    fake.always(fakes.silent)
    waiting = asyncio.create_task(scraper.answer(60))
    await until(lambda: fake.asked("/varz") > 0, 20)
    draining = asyncio.create_task(scraper.drain())
    for flight in list(scraper._flights.flying):
        scraper._flights.drop(flight)  # as when newer ones push it out
    fake.heal()
    answer = await asyncio.wait_for(waiting, 20)
    assert [row.up for row in answer.snapshot.target_results] == [True]
    await asyncio.wait_for(draining, 20)
