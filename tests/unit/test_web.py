"""Our pages over real HTTP: formats, errors, sharing, limits, probes and discovery."""

import asyncio
import contextlib
import gzip
import json
import re
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
from aiohttp import ClientSession
from prometheus_client.openmetrics.parser import text_string_to_metric_families as openmetrics
from prometheus_client.parser import text_string_to_metric_families as classic
from tests.support import fake_nats as fakes
from tests.support.exporter import Samples
from tests.support.fake_nats import FakeNats, fake_nats
from tests.support.logs import logging_kept
from tests.support.waiting import until
from tests.support.web import Web, web

from jetstream_exporter.report import Outcome
from jetstream_exporter.runtime import log
from jetstream_exporter.scrape import Content, Scraper, single_flight
from jetstream_exporter.scrape.processor import Processor
from jetstream_exporter.web import connections, sending
from jetstream_exporter.web.headers import HEADERS

TIMEOUT = "X-Prometheus-Scrape-Timeout-Seconds"


async def test_the_classic_text_is_served_by_default(site: Web) -> None:
    async with site.client.get("/metrics") as response:
        assert response.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
        assert response.headers["Vary"] == "Accept, Accept-Encoding"
        names = {family.name for family in classic(await response.text())}
    assert {"jetstream_stream_messages", "nats_server_up", "process_cpu_seconds"} <= names


async def test_openmetrics_is_served_to_who_asks_and_ends_as_it_must(site: Web) -> None:
    async with site.client.get(
        "/metrics", headers={"Accept": "application/openmetrics-text"}
    ) as response:
        kind = "application/openmetrics-text; version=1.0.0; charset=utf-8"
        assert response.headers["Content-Type"] == kind
        text = await response.text()
    assert text.endswith("# EOF\n")
    assert text.count("# EOF") == 1
    assert "jetstream_stream_messages" in {family.name for family in openmetrics(text)}


async def test_several_accept_headers_count_as_one(site: Web) -> None:
    headers = [("Accept", "text/plain;q=0.1"), ("Accept", "application/openmetrics-text")]
    async with site.client.get("/metrics", headers=headers) as response:
        assert response.content_type == "application/openmetrics-text"


async def test_gzip_is_sent_when_asked_for(site: Web) -> None:
    url = site.client.make_url("/metrics")
    async with ClientSession(auto_decompress=False) as session:
        async with session.get(url, headers={"Accept-Encoding": "gzip"}) as response:
            assert response.headers["Content-Encoding"] == "gzip"
            assert b"nats_server_up" in gzip.decompress(await response.read())
        async with session.get(url, headers={"Accept-Encoding": "gzip;q=0"}) as response:
            assert "Content-Encoding" not in response.headers
            assert b"nats_server_up" in await response.read()


@pytest.mark.parametrize("value", ["nonsense", "-1", "0", "nan", "inf", ""])
async def test_a_senseless_timeout_is_the_callers_mistake(value: str, site: Web) -> None:
    for path in ("/metrics", f"/probe?target={site.service.config.clusters[0].targets[0]}"):
        text = await site.text(path, 400, {TIMEOUT: value})
        assert text == f"{TIMEOUT} must be a positive number of seconds\n"


@pytest.mark.waits
async def test_a_frozen_server_is_down_within_the_timeout(fake: FakeNats, site: Web) -> None:
    fake.always(fakes.silent)
    async with asyncio.timeout(8):  # what a scrape takes that says no time of its own is longer
        samples = Samples(await site.text("/metrics", headers={TIMEOUT: "2"}))
    assert samples.get("jetstream_exporter_source_up", target=fake.url) == 0


async def test_scrapes_at_once_share_one_question(fake: FakeNats, site: Web) -> None:
    await asyncio.gather(*(site.text("/metrics") for _ in range(10)))
    assert fake.asked("/varz") == 1


async def test_a_finished_scrape_is_never_served_again(fake: FakeNats, site: Web) -> None:
    for number in range(1, 4):
        await site.text("/metrics")
        assert fake.asked("/varz") == number


async def test_a_finished_scrape_is_not_joined_either(fake: FakeNats, site: Web) -> None:
    """Between its end and the loop's next turn it still stands there."""
    scraper = site.service.scraper
    old = await scraper.answer(5)
    flight = scraper._flights.start(0, scraper._fly)
    await flight.task
    scraper._flights._flights.append(flight)
    assert (await scraper.answer(5)).number > old.number + 1
    assert fake.asked("/varz") == 3


async def test_figures_are_kept_only_where_min_interval_says_so(
    fake: FakeNats, tmp_path: Path
) -> None:
    file = tmp_path / "exporter.yaml"
    file.write_text("collect: {min_interval: 1h}")
    async with web([fake.url], file) as site:
        first = Samples(await site.text("/metrics"))
        await asyncio.sleep(0.05)
        second = Samples(await site.text("/metrics"))
    assert fake.asked("/varz") == 1
    ages = [s.get("jetstream_exporter_snapshot_age_seconds") for s in (first, second)]
    assert ages[0] is not None
    assert ages[1] is not None
    assert ages[1] >= ages[0] + 0.04


async def test_without_min_interval_the_age_is_zero(site: Web) -> None:
    samples = Samples(await site.text("/metrics"))
    assert samples.get("jetstream_exporter_snapshot_age_seconds") == 0


@pytest.mark.waits
async def test_a_shared_scrape_that_takes_longer_than_my_timeout_is_not_waited_for(
    fake: FakeNats,
) -> None:
    """What has come until then is in the answer; what has not is late."""
    async with fake_nats("nats-1") as well, web([fake.url, well.url]) as site:
        fake.always(fakes.silent)
        patient = asyncio.create_task(site.text("/metrics", headers={TIMEOUT: "6"}))
        await until(lambda: fake.asked("/varz") > 0, 20)
        samples = Samples(await site.text("/metrics", headers={TIMEOUT: "3"}))
        assert not patient.done()
        assert samples.get("jetstream_exporter_source_up", target=fake.url) == 0
        assert samples.get("jetstream_exporter_source_up", target=well.url) == 1
        assert samples.labels("jetstream_stream_messages", "stream") == {"ORDERS"}
        assert "jetstream_exporter_source_up" in await patient
    assert well.asked("/jsz") == 1


async def test_the_collection_at_the_start_gives_way_to_a_scrape_that_has_less_time(
    fake: FakeNats, tmp_path: Path
) -> None:
    """Else a silent server would cost everything until the start's time is over."""
    file = tmp_path / "exporter.yaml"
    file.write_text("collect: {timeout: 300s}")
    async with web([fake.url], file) as site:
        fake.always(fakes.silent)
        first = asyncio.create_task(site.service.initial_collection())
        await until(lambda: fake.asked("/varz") == 1, 20)
        fake.heal()
        samples = Samples(await site.text("/metrics", headers={TIMEOUT: "60"}))
        await first
    assert samples.get("jetstream_exporter_source_up", target=fake.url) == 1


async def test_the_collection_at_the_start_is_shared_by_a_scrape_that_has_the_time(
    fake: FakeNats, site: Web
) -> None:
    first = asyncio.create_task(site.service.initial_collection())
    samples = Samples(await site.text("/metrics", headers={TIMEOUT: "60"}))
    await first
    assert samples.get("jetstream_exporter_source_up", target=fake.url) == 1
    assert fake.asked("/jsz") == 1


async def test_a_hasty_scrape_makes_no_server_look_down_for_others(
    fake: FakeNats, site: Web, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever asks with a millisecond gets nothing; a scrape that shares its question gets all."""
    monkeypatch.setattr(single_flight, "FLOOR", 10)  # two seconds are little on a busy machine
    hasty = asyncio.create_task(site.text("/metrics", 503, {TIMEOUT: "0.001"}))
    patient = asyncio.create_task(site.text("/metrics"))
    await hasty
    samples = Samples(await patient)
    assert samples.get("jetstream_exporter_source_up", target=fake.url) == 1


@pytest.mark.parametrize(
    "path",
    [
        "/nothing",
        "/metrics/",
        "/../etc/passwd",
        "/..%2f..%2fetc/passwd",
        "/metrics/..%2f..%2fetc%2fpasswd",
        "/static/%2e%2e/%2e%2e/etc/passwd",
        "//etc/passwd",
    ],
)
async def test_there_is_nothing_elsewhere(path: str, site: Web) -> None:
    answer = await raw_answer(site, f"GET {path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 404 Not Found")
    assert b"root:" not in answer


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("POST", "/metrics", "GET,HEAD"),
        ("DELETE", "/", "GET,HEAD"),
        ("GET", "/-/reload", "POST,PUT"),
        ("PUT", "/-/healthy", "GET,HEAD"),
    ],
)
async def test_the_wrong_method_is_told_the_right_ones(
    method: str, path: str, allowed: str, site: Web
) -> None:
    async with site.client.request(method, path) as response:
        assert response.status == 405
        assert response.headers["Allow"] == allowed


@pytest.mark.parametrize(
    "path", ["/", "/metrics", "/sd", "/debug/sources", "/-/healthy", "/streams", "/runbooks"]
)
async def test_head_gives_the_headers_alone(path: str, site: Web) -> None:
    async with site.client.head(path) as response:
        assert response.status == 200
        assert int(response.headers["Content-Length"]) > 0
        assert await response.read() == b""


async def test_requests_are_counted_by_route_and_code(site: Web) -> None:
    for path in ("/-/healthy", "/-/healthy", "/runbooks/NatsServerDown", "/nothing", "/else"):
        (await site.client.get(path)).release()
    (await site.client.get("/metrics", headers={TIMEOUT: "-1"})).release()
    (await site.client.post("/metrics")).release()
    (await site.client.get("/metrics")).release()
    async with site.client.get("/metrics") as response:
        counted = Samples(await response.text()).families["jetstream_exporter_requests_total"]
    assert {tuple(sorted(dict(labels).items())): value for labels, value in counted.items()} == {
        (("code", "200"), ("path", "/-/healthy")): 2,
        (("code", "200"), ("path", "/metrics")): 1,
        (("code", "400"), ("path", "/metrics")): 1,
        (("code", "200"), ("path", "/runbooks/{name}")): 1,
        (("code", "404"), ("path", "other")): 2,
        (("code", "405"), ("path", "other")): 1,
    }


async def test_every_answer_has_the_safe_headers(site: Web) -> None:
    for path in ("/", "/metrics", "/sd", "/debug/sources", "/-/healthy", "/nothing", "/probe"):
        async with site.client.get(path) as response:
            assert HEADERS.items() <= dict(response.headers).items(), path


async def test_names_are_escaped_on_pages(fake: FakeNats, site: Web) -> None:
    fake.name = "<script>alert('x')</script>&\"\n\u2028é"
    await site.text("/metrics")
    page = await site.text("/debug/sources")
    assert "<script>" not in page
    assert "&lt;script&gt;alert(&#x27;x&#x27;)&lt;/script&gt;&amp;&quot;" in page


async def test_an_error_that_a_server_chose_is_escaped_on_pages(fake: FakeNats, site: Web) -> None:
    fake.always(fakes.says(b"", "500 <img src=x onerror=alert(1)>"))
    await site.text("/metrics")
    page = await site.text("/debug/sources")
    assert "<img" not in page
    assert "&lt;img" in page


async def test_pages_hold_no_control_character_of_a_servers(fake: FakeNats, site: Web) -> None:
    """They are read with curl in a terminal, too."""
    fake.name = "n\x1b[2J\x07\x9b\x7f"
    fake.ways["/jsz"] = fakes.says(b"", "404 \x1b]0;x")
    await site.text("/metrics")
    page = await site.text("/debug/sources")
    assert [c for c in page if not c.isprintable() and c != "\n"] == []
    assert "\\x1b[2J" in page


async def test_before_the_first_collection_it_is_healthy_and_not_ready(
    fake: FakeNats, site: Web
) -> None:
    assert await site.text("/-/healthy") == "ok\n"
    assert await site.text("/-/ready", 503) == "no collection has been attempted yet\n"
    assert "No collection has been attempted yet." in await site.text("/debug/sources")
    assert fake.questions == []
    fake.always(fakes.says(b"", "500 Internal Server Error"))
    await site.text("/metrics")
    assert await site.text("/-/ready") == "ready\n"


async def test_the_page_of_sources_explains_the_last_scrape(fake: FakeNats, site: Web) -> None:
    fake.ways["/jsz"] = fakes.says(b"", "404 Not Found")
    await site.text("/metrics")
    page = await site.text("/debug/sources")
    assert fake.url in page
    assert "nats-0" in page
    assert "down: jsz: answered 404 Not Found" in page
    assert re.search(r"varz: up: \d+ bytes in \d\.\d+ s", page)
    assert "jsz: down: answered 404 Not Found" in page


async def test_discovery_has_the_shape_that_prometheus_reads(fake: FakeNats, site: Web) -> None:
    assert json.loads(await site.text("/sd")) == []
    await site.text("/metrics")
    async with site.client.get("/sd") as response:
        assert response.headers["Content-Type"] == "application/json; charset=utf-8"
        groups = await response.json()
    assert [
        {
            "targets": [fake.url],
            "labels": {
                "__meta_jetstream_source": "monitoring",
                "__meta_jetstream_server": "nats-0",
                "__meta_jetstream_cluster": "",
            },
        }
    ] == groups


class TestProbe:
    """One server alone, if the configuration allows it."""

    async def test_without_a_target_it_says_how(self, site: Web) -> None:
        text = "set the parameter target: /probe?target=http://nats-0:8222\n"
        assert text == await site.text("/probe", 400)
        assert text == await site.text("/probe?target=", 400)

    @pytest.mark.parametrize(
        "target",
        [
            "http://169.254.169.254/latest/meta-data",
            "http://127.0.0.1:1",
            "nonsense",
            "file:///etc/passwd",
            "http://user:hunter2@127.0.0.1:8222",
            "http://[",
            "http://xn--n:8222",
            "\x00",
        ],
    )
    async def test_another_target_is_forbidden_and_not_repeated(
        self, target: str, site: Web
    ) -> None:
        async with site.client.get("/probe", params={"target": target}) as response:
            assert response.status == 403
            text = await response.text()
        assert text == "this target is not configured; allow it with probe.allow\n"

    async def test_a_configured_server_is_asked_alone(self, fake: FakeNats) -> None:
        async with fake_nats("nats-1") as other, web([fake.url, other.url]) as site:
            samples = Samples(await site.text(f"/probe?target={other.url}"))
            assert samples.labels("jetstream_exporter_source_up", "target") == {other.url}
            assert samples.labels("nats_server_up", "server") == {"nats-1"}
        assert fake.questions == []

    async def test_a_closing_slash_makes_no_other_target(self, fake: FakeNats, site: Web) -> None:
        await site.text(f"/probe?target={fake.url}/")

    async def test_a_server_found_by_dns_is_allowed_once_it_was_found(self, fake: FakeNats) -> None:
        async with web([f"http://nats.example:{fake.port}"]) as site:
            site.lookup.hosts["nats.example"] = ["127.0.0.1", "127.0.0.2"]
            path = f"/probe?target=http://127.0.0.1:{fake.port}"
            await site.text(path, 403)
            await site.text("/metrics")
            samples = Samples(await site.text(path))
        assert samples.get("jetstream_exporter_source_up", target=fake.url) == 1

    async def test_a_server_found_by_dns_never_gets_another_clusters_password(
        self, fake: FakeNats, tmp_path: Path
    ) -> None:
        """Of two clusters without names nobody can say whose the address is."""
        (tmp_path / "password").write_text("hunter2")
        file = tmp_path / "exporter.yaml"
        login = "http: {username: u, password_file: password}"
        clusters = [
            "targets: ['http://127.0.0.1:1'], " + login,
            f"targets: ['http://n:{fake.port}']",
        ]
        file.write_text(f"clusters: [{', '.join(f'{{{cluster}}}' for cluster in clusters)}]")
        async with web([], file) as site:
            site.lookup.hosts["n"] = ["127.0.0.1", "127.0.0.2"]
            await site.text("/metrics")
            await site.text(f"/probe?target={fake.url}", 403)
        assert not any("authorization" in headers for headers in fake.headers)

    async def test_a_server_that_calls_itself_like_a_url_opens_no_way_there(
        self, fake: FakeNats, site: Web, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Of the system account's servers the target is what they say: cluster, slash and name."""
        await site.text("/metrics")
        called = Outcome("system", fake.url.replace("127.0.0.1", "127.0.0.2"), 0.1)
        monkeypatch.setattr(Scraper, "outcomes", [*site.service.scraper.outcomes, called])
        await site.text(f"/probe?target={called.target}", 403)
        assert called.target not in await site.text("/sd")

    async def test_a_pattern_allows_what_it_matches_whole(
        self, fake: FakeNats, tmp_path: Path
    ) -> None:
        file = tmp_path / "exporter.yaml"
        file.write_text(f"probe: {{allow: ['http://127\\.0\\.0\\.1:{fake.port}']}}")
        async with web(["http://127.0.0.1:1"], file) as site:
            await site.text(f"/probe?target={fake.url}")
            await site.text(f"/probe?target={fake.url}0", 403)
            await site.text(f"/probe?target=http://evil.example/{fake.url}", 403)

    @pytest.mark.parametrize(
        "rest", ["/jsz", "/x", "?a=b", "#a", "/%2e%2e", "//evil.example", "/?target=http://a"]
    )
    async def test_a_pattern_allows_nothing_beside_scheme_host_and_port(
        self, rest: str, fake: FakeNats, tmp_path: Path
    ) -> None:
        file = tmp_path / "exporter.yaml"
        file.write_text("probe: {allow: ['.*']}")
        async with web(["http://127.0.0.1:1"], file) as site:
            for target in (fake.url + rest, fake.url.replace("//", "//u:p@")):
                async with site.client.get("/probe", params={"target": target}) as response:
                    assert response.status == 403, target
            await site.text(f"/probe?target={fake.url}")

    async def test_a_pattern_for_the_port_of_http_does_not_allow_the_port_of_nats(
        self, tmp_path: Path
    ) -> None:
        """A target without a port is asked on 8222."""
        file = tmp_path / "exporter.yaml"
        file.write_text(
            "probe: {allow: ['http://127\\.0\\.0\\.1:80', 'https://127\\.0\\.0\\.1:443']}"
        )
        async with web(["http://127.0.0.1:1"], file) as site:
            await site.text("/probe?target=http://127.0.0.1", 403)
            await site.text("/probe?target=http://127.0.0.1:80")
            await site.text("/probe?target=https://127.0.0.1")

    async def test_a_failing_server_is_data(self, fake: FakeNats, site: Web) -> None:
        fake.always(fakes.raw(b""))
        samples = Samples(await site.text(f"/probe?target={fake.url}"))
        assert samples.get("jetstream_exporter_source_up", target=fake.url) == 0


class TestUnderLoad:
    """What must not hold up the rest."""

    @pytest.fixture
    def gate(self) -> Iterator[threading.Event]:
        event = threading.Event()
        yield event
        event.set()

    async def test_it_is_healthy_during_a_heavy_merge(
        self, site: Web, gate: threading.Event, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        merging = threading.Event()
        process = Processor.process

        def heavy(self: Processor, *arguments: Any, **more: Any) -> Any:
            merging.set()
            gate.wait(20)
            return process(self, *arguments, **more)

        monkeypatch.setattr(Processor, "process", heavy)
        await self.stays_healthy(site, merging, gate)

    async def test_it_is_healthy_during_a_heavy_rendering(
        self, site: Web, gate: threading.Event, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        rendering = threading.Event()
        encoder = site.service.scraper._renderer._encoders[Content.EVERYTHING].of(None)
        pieces = encoder.pieces

        def heavy(*arguments: Any, **more: Any) -> Iterator[bytes]:
            rendering.set()
            gate.wait(20)
            yield from pieces(*arguments, **more)

        monkeypatch.setattr(encoder, "pieces", heavy)
        await self.stays_healthy(site, rendering, gate)

    async def stays_healthy(self, site: Web, busy: threading.Event, gate: threading.Event) -> None:
        scrape = asyncio.create_task(site.text("/metrics"))
        await until(busy.is_set, 20)
        for _ in range(3):
            assert await site.text("/-/healthy") == "ok\n"
        assert not scrape.done()
        gate.set()
        assert "nats_server_up" in await scrape

    async def test_a_crowd_of_scrapes_shares_one_question_and_one_text(
        self, fake: FakeNats, site: Web, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        scraper, gate = site.service.scraper, asyncio.Event()
        encoder = scraper._renderer._encoders[Content.EVERYTHING].of(None)
        shared, texts = mock.Mock(wraps=scraper.answer), mock.Mock(wraps=encoder.pieces)
        monkeypatch.setattr(scraper, "answer", shared)
        monkeypatch.setattr(encoder, "pieces", texts)

        fake.always(fakes.after(gate))
        patient = {TIMEOUT: "60"}  # who has to leave early gets an answer of its own
        crowd = [asyncio.create_task(site.text("/metrics", headers=patient)) for _ in range(99)]
        await until(lambda: shared.call_count == len(crowd), 20)
        gate.set()
        assert len({await scrape for scrape in crowd}) == 1
        assert (fake.asked("/jsz"), texts.call_count) == (1, 1)

    async def test_readers_that_do_not_read_give_way(
        self, fake: FakeNats, site: Web, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Otherwise forty of them would end all scraping for as long as they like."""
        monkeypatch.setattr(sending, "AT_ONCE", 3)
        fake.streams = [f"STREAM-{number:05}-{'x' * 200}" for number in range(1000)]
        readers = [await self.stalled(site) for _ in range(5)]
        for _ in range(3):
            assert "nats_server_up" in await site.text("/metrics", headers={TIMEOUT: "20"})
        for writer in readers:
            writer.transport.abort()

    async def stalled(self, site: Web) -> asyncio.StreamWriter:
        """A client that asks for the metrics and does not read them."""
        reader, writer = await self.open(site)
        writer.write(b"GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n")
        reader._transport.pause_reading()  # type: ignore[attr-defined]
        return writer

    async def test_clients_that_read_do_not_give_way(
        self, site: Web, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(sending, "AT_ONCE", 0)
        text = await site.text("/metrics", 503, {TIMEOUT: "0.4"})
        assert text == "too many scrapes at once; try again later\n"
        assert await site.text("/-/healthy") == "ok\n"

    async def test_a_client_that_goes_away_costs_nothing(self, fake: FakeNats, site: Web) -> None:
        """Its scrape comes to its end, and the next one is served."""
        fake.always(fakes.silent)
        hasty = asyncio.create_task(site.text("/metrics", headers={TIMEOUT: "1"}))
        await until(lambda: fake.asked("/varz") > 0, 20)
        hasty.cancel()
        await asyncio.gather(hasty, return_exceptions=True)
        fake.heal()
        await until(lambda: not site.service.scraper._flights.flying, 20)
        assert site.service.attempted
        samples = Samples(await site.text("/metrics"))
        assert samples.get("jetstream_exporter_source_up", target=fake.url) == 1

    async def test_who_does_not_read_is_let_go(
        self, fake: FakeNats, site: Web, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Nobody needs the room, but the text is held as long as somebody may read it."""
        monkeypatch.setattr(sending, "SEND", 0.2)
        fake.streams = [f"STREAM-{number:05}-{'x' * 200}" for number in range(1000)]
        writer = await self.stalled(site)
        await until(lambda: site.service.scraper.attempted, 20)
        await until(lambda: len(site.connections) == 0, 20)
        writer.transport.abort()
        assert site.service.requests == {}, "it was not answered"

    async def open(self, site: Web) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        port = site.client.server.port
        assert port is not None
        plug = socket.socket()
        plug.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        plug.connect(("127.0.0.1", port))
        return await asyncio.open_connection(sock=plug, limit=2**10)

    async def test_a_request_that_drips_in_is_cut_off(
        self, site: Web, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Each holds a connection, and there are not endlessly many."""
        monkeypatch.setattr(connections, "HEADER", 0.3)
        for said in (b"", b"GET /metrics HTTP/1.1\r\nHost: a\r\nX-"):
            reader, writer = await self.open(site)
            with contextlib.closing(writer), contextlib.suppress(ConnectionResetError):
                writer.write(said)
                async with asyncio.timeout(20):
                    assert await reader.read() == b""

    async def test_huge_headers_are_refused_and_not_logged(
        self, site: Web, capsys: pytest.CaptureFixture[str]
    ) -> None:
        with logging_kept():
            log.configure("debug", "logfmt")
            secret = "hunter2" * 20_000
            answer = await raw_answer(
                site, f"GET /metrics HTTP/1.1\r\nHost: a\r\nAuthorization: Basic {secret}\r\n\r\n"
            )
        assert answer[9:12] == b"400"
        assert "hunter2" not in "".join(capsys.readouterr())

    async def test_what_is_no_http_is_refused(self, site: Web) -> None:
        assert (await raw_answer(site, "\x16\x03\x01 hunter2\r\n\r\n"))[9:12] == b"400"
        assert await site.text("/-/healthy") == "ok\n"


async def raw_answer(site: Web, request: str) -> bytes:
    """What the server sends to these bytes until it closes, or resets the connection since it read none of the rest."""
    reader, writer = await asyncio.open_connection("127.0.0.1", site.client.server.port)
    writer.write(request.encode("latin-1"))
    answer = b""
    with contextlib.closing(writer), contextlib.suppress(ConnectionResetError):
        async with asyncio.timeout(10):
            while piece := await reader.read(2**16):
                answer += piece
    return answer
