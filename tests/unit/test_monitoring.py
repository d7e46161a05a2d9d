"""What a misbehaving server costs: its own data, a name in a series, one log line, never each deadline."""

import asyncio
import json
import socket
import time
from collections.abc import AsyncIterator, Collection

import pytest
import structlog
import trustme
from structlog.testing import capture_logs
from tests.support import fake_nats as fakes
from tests.support.closing import closing
from tests.support.fake_nats import FakeNats, Way, fake_nats
from tests.support.lookups import FakeLookup
from tests.support.tls import client_context, server_context

from jetstream_exporter.report import Outcome, RequestResult, ScrapeRequest, ServerReport
from jetstream_exporter.sources.collector import Collector
from jetstream_exporter.sources.http import endpoint_memory
from jetstream_exporter.sources.http.client import HttpClient
from jetstream_exporter.sources.http.monitoring import MonitoringSource

LIMIT = 2**20
DEADLINE = 5.0
LONG, SOON = 60, 20
SHORT = 2.0  # where it has to run out; the others have half of it on a busy machine


class Asker:
    """A collector over one source, asked again and again."""

    def __init__(
        self, targets: list[str], client: HttpClient | None = None, further: Collection[str] = ()
    ) -> None:
        client = client or HttpClient(LIMIT, None, {})
        self.source = MonitoringSource(targets, client, FakeLookup(), further=further)
        self.collector = Collector([self.source])
        self.took = 0.0

    async def ask(
        self, seconds: float = DEADLINE, *, with_config: bool = False
    ) -> dict[str, Outcome]:
        started = time.monotonic()
        deadline = asyncio.get_running_loop().time() + seconds
        outcomes = await self.collector.collect(ScrapeRequest(deadline, with_config))
        self.took = time.monotonic() - started
        return {outcome.target: outcome for outcome in outcomes}

    async def close(self) -> None:
        await self.collector.close()


@pytest.fixture
async def good() -> AsyncIterator[FakeNats]:
    async with fake_nats("good") as fake:
        yield fake


@pytest.fixture
async def bad() -> AsyncIterator[FakeNats]:
    async with fake_nats("bad") as fake:
        yield fake


@pytest.fixture
async def both(good: FakeNats, bad: FakeNats) -> AsyncIterator[Asker]:
    async with closing(Asker([good.url, bad.url])) as asker:
        yield asker


ALL = "varz, healthz: "
NOT_JSON = "the answer is not complete JSON: "
NO_START = f"{NOT_JSON}JSON is malformed: invalid character (byte 0)"
CUT = f"{ALL}the answer is incomplete"
DEEP = b'{"x":' + b"[" * 50_000 + b"]" * 50_000 + b"}"

WAYS: dict[str, tuple[Way, str]] = {
    "silent": (fakes.silent, f"{ALL}no answer in time"),
    "slow headers": (fakes.slow_headers, f"{ALL}no answer in time"),
    "a dripping body": (fakes.dripping, f"{ALL}no answer in time"),
    "cut before its Content-Length": (fakes.cut_with_length, CUT),
    "cut between chunks": (fakes.cut_chunked, CUT),
    "a whole answer of half a JSON": (
        fakes.whole_http_cut_json,
        f"{ALL}{NOT_JSON}Input data was truncated",
    ),
    "a connection reset": (fakes.reset, CUT),
    "a connection closed": (fakes.raw(b""), f"{ALL}the connection was closed without an answer"),
    "no HTTP": (fakes.raw(b"SSH-2.0-OpenSSH_9.6\r\n"), f"{ALL}the answer is not HTTP"),
    "huge headers": (
        fakes.raw(b"HTTP/1.1 200 OK\r\nX: " + b"x" * 100_000 + b"\r\n\r\n"),
        f"{ALL}the answer is not HTTP",
    ),
    "500": (
        fakes.says(b"oops", "500 Internal Server Error"),
        f"varz: answered 500 Internal Server Error; healthz: {NO_START}",
    ),
    "404": (fakes.says(b"", "404 Not Found"), f"{ALL}answered 404 Not Found"),
    "another exporter": (
        fakes.says(b"", "404 Not Found", {"Server": "jetstream-exporter"}),
        f"{ALL}a jetstream-exporter answers there, and no NATS server",
    ),
    "a web page": (fakes.says(b"<!doctype html>"), f"{ALL}{NO_START}"),
    "somebody else's JSON": (
        fakes.says(b'{"name": "something else"}'),
        "varz: the answer does not come from a NATS server: Object missing required field `server_id`",
    ),
    "a JSON list": (
        fakes.says(b"[]"),
        f"{ALL}the answer does not come from a NATS server: Expected `object`, got `array`",
    ),
    "a redirect": (
        fakes.says(b"", "302 Found", {"Location": "/elsewhere"}),
        f"{ALL}answered 302 Found",
    ),
    "a gzip bomb": (
        fakes.gzip_bomb,
        f"{ALL}the answer is compressed, which a NATS server never does",
    ),
    "a body larger than the limit, with its length": (
        fakes.says(b" " * (LIMIT + 1)),
        f"{ALL}the answer is larger than {LIMIT} bytes (collect.max_response_bytes)",
    ),
    "a body without an end": (
        fakes.endless,
        f"{ALL}the answer is larger than {LIMIT} bytes (collect.max_response_bytes)",
    ),
    "deep nesting": (fakes.says(DEEP), f"{ALL}the answer is nested too deeply"),
    "no UTF-8": (
        fakes.says(b'{"server_id": "\xff", "status": "\xff"}'),
        f"{ALL}{NOT_JSON}it is not UTF-8",
    ),
}


@pytest.mark.parametrize(
    "fault",
    [
        pytest.param(name, marks=pytest.mark.waits) if "in time" in error else name
        for name, (_, error) in WAYS.items()
    ],
)
async def test_a_fault_costs_its_own_data_and_is_named_once(
    fault: str, good: FakeNats, bad: FakeNats, both: Asker
) -> None:
    """It turns, stays and heals: two log lines, and the other server is whole throughout."""
    way, error = WAYS[fault]
    seconds = SHORT if "in time" in error else DEADLINE
    bad.always(way)
    with capture_logs() as lines:
        first = await both.ask(seconds)
        second = await both.ask(seconds)
        bad.heal()
        healed = await both.ask()
    for outcomes in (first, second, healed):
        assert outcomes[good.url].error is None
        assert outcomes[good.url].server is not None
    assert error == first[bad.url].error
    assert first[bad.url].server is None
    assert healed[bad.url].error is None
    assert [
        {"event": "target failed", "log_level": "warning", "error": error},
        {"event": "target answers again", "log_level": "info", "down_seconds": 0},
    ] == [
        {k: v for k, v in line.items() if k not in ("source", "target")}
        | ({"down_seconds": 0} if "down_seconds" in line else {})
        for line in lines
    ]
    assert {bad.url} == {line["target"] for line in lines}
    assert not bad.asked("/elsewhere")


DROPPED = "; a proxy may drop the query of the URL"
TOTALS: dict[str, tuple[dict[str, object], str]] = {
    "no account": (
        {"accounts": 2, "streams": 7},
        f"jsz: the answer counts 2 accounts and lists none of them{DROPPED}",
    ),
    "no account of those without a stream": (
        {"accounts": 1},
        f"jsz: the answer counts 1 accounts and lists none of them{DROPPED}",
    ),
    "no stream": (
        {"accounts": 1, "streams": 7, "account_details": [{"name": "A", "id": "A"}]},
        f"jsz: the answer counts 7 streams and lists none of them{DROPPED}",
    ),
}


@pytest.mark.parametrize("answer", TOTALS)
async def test_totals_without_the_list_that_was_asked_for_are_a_failed_list(
    answer: str, good: FakeNats, bad: FakeNats, both: Asker
) -> None:
    said, error = TOTALS[answer]
    body = json.dumps({"server_id": bad.identity, "now": fakes.CREATED} | said).encode()
    bad.ways["/jsz"] = fakes.says(body)
    outcome = (await both.ask())[bad.url]
    assert outcome.error == error
    assert outcome.requests["jsz"].up is False
    assert outcome.server is not None
    assert outcome.server.jsz is None


async def test_a_list_that_lacks_accounts_is_used_and_told(bad: FakeNats, both: Asker) -> None:
    bad.ways["/jsz"] = fakes.says(json.dumps(bad.truth("/jsz") | {"accounts": 3}).encode())
    outcome = (await both.ask())[bad.url]
    assert outcome.error is not None
    assert "2 of 3 accounts, which the answer does not list" in outcome.error
    assert outcome.requests["jsz"].up is False
    assert outcome.server is not None
    assert outcome.server.jsz is not None


async def test_an_answer_out_of_a_cache_is_none(bad: FakeNats, both: Asker) -> None:
    body = json.dumps(bad.truth("/jsz")).encode()
    bad.ways["/jsz"] = fakes.says(body, headers={"Age": "31"})
    outcome = (await both.ask())[bad.url]
    assert outcome.error == ("jsz: the answer comes from a cache; disable caching in the proxy")
    bad.ways["/jsz"] = fakes.says(body, headers={"Age": "0"})
    assert (await both.ask())[bad.url].error is None


async def test_a_refusing_server_is_named(good: FakeNats) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    async with closing(Asker([good.url, f"http://127.0.0.1:{port}"])) as asker:
        outcomes = await asker.ask()
        error = outcomes[f"http://127.0.0.1:{port}"].error
        assert error == "varz, healthz: cannot connect: Connection refused"
        assert outcomes[good.url].error is None


def no_patience_with_longer_scrapes(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that what has to take a moment is told from what takes half of a long scrape on any machine."""
    monkeypatch.setattr(endpoint_memory, "LONGER_THAN_BEFORE", 1000)
    monkeypatch.setattr(endpoint_memory, "SHORT", 0.1)


@pytest.mark.waits
async def test_a_frozen_server_costs_the_whole_deadline_once_and_a_moment_after_that(
    bad: FakeNats, both: Asker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From the second time on it has a short budget, until it answers; every fifth try is patient."""
    no_patience_with_longer_scrapes(monkeypatch)
    await both.ask()
    bad.always(fakes.silent)
    await both.ask(1)
    assert both.took >= 0.9
    for _ in range(4):
        await both.ask(LONG)
        assert both.took < SOON
    bad.heal()
    outcomes = await both.ask(DEADLINE)
    assert outcomes[bad.url].error is None
    assert outcomes[bad.url].server is not None
    assert outcomes[bad.url].server.jsz is not None


async def test_a_frozen_server_is_asked_the_small_questions_alone_until_it_answers(
    bad: FakeNats, both: Asker
) -> None:
    bad.always(fakes.silent)
    await both.ask(0.3)
    bad.questions.clear()
    await both.ask(0.3)
    assert sorted(bad.questions) == ["/healthz", "/varz"]


@pytest.mark.waits
@pytest.mark.parametrize(
    "odd", [fakes.says(DEEP), fakes.reset, fakes.raw(b"")], ids=["deep", "reset", "closed"]
)
async def test_a_server_that_hangs_and_says_something_odd_by_turns_is_not_waited_for_each_time(
    odd: Way, bad: FakeNats, both: Asker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only an answer that can be read ends the short budget."""
    no_patience_with_longer_scrapes(monkeypatch)
    for seconds in (1, LONG):
        bad.always(fakes.silent)
        await both.ask(seconds)
        assert both.took < SOON  # and not half of the deadline
        bad.always(odd)
        await both.ask(1)
    bad.heal()
    assert (await both.ask(DEADLINE))[bad.url].error is None


@pytest.mark.waits
@pytest.mark.parametrize(
    ("part", "known"),
    [("varz", True), ("healthz", True), ("healthz", False), ("jsz", True), ("jsz", False)],
)
async def test_a_question_that_hangs_for_good_costs_no_other_questions_data(
    part: str, known: bool, bad: FakeNats, both: Asker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without varz only a known server can be named."""
    monkeypatch.setattr(endpoint_memory, "LONGER_THAN_BEFORE", 1000)
    if known:
        await both.ask()
    bad.ways[f"/{part}"] = fakes.silent
    for seconds in (2, 2, 8):
        outcome = (await both.ask(seconds))[bad.url]
        assert outcome.error == f"{part}: no answer in time"
        said = outcome.server
        assert said is not None
        answered = {"varz": said.varz, "healthz": said.health, "jsz": said.jsz}
        assert [name for name, answer in answered.items() if answer is None] == [part]
    assert both.took < 7.5  # a list that hung before has half of the time


@pytest.mark.waits
async def test_a_slow_jsz_keeps_the_rest_of_its_server_and_starves_nobody(
    good: FakeNats, bad: FakeNats, both: Asker
) -> None:
    await both.ask()
    bad.ways["/jsz"] = fakes.silent
    outcomes = await both.ask(SHORT)
    report = outcomes[bad.url].server
    assert report is not None
    assert report.varz is not None
    assert report.jsz is None
    assert outcomes[bad.url].error == "jsz: no answer in time"
    assert outcomes[good.url].duration < SHORT / 2


async def test_a_known_server_without_varz_still_tells_its_streams(
    bad: FakeNats, both: Asker
) -> None:
    await both.ask()
    bad.ways["/varz"] = fakes.says(b"", "500 Internal Server Error")
    outcome = (await both.ask())[bad.url]
    assert outcome.error == "varz: answered 500 Internal Server Error"
    assert outcome.server is not None
    assert outcome.server.server_name == "bad"
    assert outcome.server.jsz is not None


async def test_a_load_balancer_does_not_lend_one_servers_streams_to_another(
    bad: FakeNats, both: Asker
) -> None:
    """A Service with one address in front of several servers: every question may reach another one."""
    other = FakeNats("other")
    bad.ways["/jsz"] = fakes.says(json.dumps(other.truth("/jsz")).encode())
    for _ in range(2):
        outcome = (await both.ask())[bad.url]
        assert outcome.server is not None
        assert outcome.server.server_name == "bad"
        assert outcome.server.jsz is None
        why = "a different server answered than for varz; list each server as a target"
        assert outcome.error == f"jsz: {why}"
        assert outcome.requests["jsz"] == RequestResult(False, why)


@pytest.mark.parametrize("status", ["500 Internal Server Error", "503 Service Unavailable"])
async def test_an_unhealthy_server_is_no_failed_source(
    status: str, bad: FakeNats, both: Asker
) -> None:
    bad.ways["/healthz"] = fakes.says(b'{"status": "unavailable", "error": "no"}', status)
    outcome = (await both.ask())[bad.url]
    assert outcome.error is None
    assert outcome.server is not None
    assert outcome.server.health is not None
    assert int(status[:3]) == outcome.server.health.code


async def test_configurations_are_asked_for_only_when_told_to(good: FakeNats, both: Asker) -> None:
    await both.ask(with_config=True)
    await both.ask()
    questions = [question for question in good.questions if question.startswith("/jsz")]
    assert ["config=true" in question for question in questions] == [True, False]


@pytest.mark.waits
class TestSlowConfigurations:
    """A question that takes longer than a scrape is not lost with it."""

    @pytest.fixture
    async def slow(self, good: FakeNats) -> AsyncIterator[tuple[FakeNats, Asker, asyncio.Event]]:
        """A server that keeps its configurations back until it is told to give them."""
        told = asyncio.Event()

        async def way(fake: FakeNats, path: str, writer: asyncio.StreamWriter) -> None:
            if "config=true" in fake.questions[-1]:
                await told.wait()
            await fakes.truthful(fake, path, writer)

        good.ways["/jsz"] = way
        async with closing(Asker([good.url])) as asker:
            yield good, asker, told

    async def test_the_figures_come_without_them(
        self, slow: tuple[FakeNats, Asker, asyncio.Event]
    ) -> None:
        good, asker, _ = slow
        outcome = (await asker.ask(SHORT, with_config=True))[good.url]
        assert outcome.error is None
        assert outcome.server is not None
        assert outcome.server.jsz is not None
        assert outcome.configurations == []

    async def test_a_later_scrape_has_them_and_they_are_asked_for_once(
        self, slow: tuple[FakeNats, Asker, asyncio.Event]
    ) -> None:
        good, asker, told = slow
        for _ in range(2):
            await asker.ask(SHORT, with_config=True)
        told.set()
        found: list[ServerReport] = []
        while not found:
            outcome = (await asker.ask())[good.url]
            found = outcome.configurations
        assert outcome.answer.late in found
        assert outcome.server is not None
        assert not outcome.server.with_config
        (account,) = found[0].jsz.account_details if found[0].jsz else ()
        assert account.stream_detail[0].config is not None
        assert sum("config=true" in question for question in good.questions) == 1
        assert (await asker.ask())[good.url].configurations == []

    async def test_those_of_another_server_at_the_same_address_are_not_taken(
        self, slow: tuple[FakeNats, Asker, asyncio.Event]
    ) -> None:
        good, asker, told = slow
        await asker.ask(SHORT, with_config=True)
        config_fetch = asker.source._memories[good.url].config_fetch
        assert config_fetch is not None
        told.set()
        await config_fetch.wait(asyncio.get_running_loop().time() + DEADLINE)
        good.name = "another"
        assert (await asker.ask())[good.url].configurations == []

    async def test_they_are_given_up_with_their_target(
        self, slow: tuple[FakeNats, Asker, asyncio.Event]
    ) -> None:
        _, asker, _ = slow
        await asker.ask(SHORT, with_config=True)
        before = {task for task in asyncio.all_tasks() if "coro=<whole_list" in repr(task)}
        assert len(before) == 1
        await asker.close()
        await asyncio.wait(before, timeout=DEADLINE)
        assert all(task.cancelled() for task in before)


async def test_a_server_behind_ipv6_is_asked() -> None:
    async with fake_nats("six", host="::1") as fake, closing(Asker([fake.url])) as asker:
        outcomes = await asker.ask()
        assert outcomes[f"http://[::1]:{fake.port}"].error is None


async def test_a_path_before_the_endpoints_is_kept(good: FakeNats) -> None:
    async with closing(Asker([f"{good.url}/nats/0"])) as asker:
        await asker.ask()
        assert {"/nats/0/varz", "/nats/0/healthz", "/nats/0/jsz"} >= {
            q.split("?")[0] for q in good.questions
        }


async def test_neither_compression_nor_a_cache_is_asked_for_and_the_password_is_sent(
    good: FakeNats,
) -> None:
    async with closing(
        Asker([good.url], HttpClient(LIMIT, None, {"Authorization": "Basic aHVudGVyMg=="}))
    ) as asker:
        await asker.ask()
        assert {"identity"} == {headers["accept-encoding"] for headers in good.headers}
        assert {"no-cache"} == {headers["cache-control"] for headers in good.headers}
        assert {"Basic aHVudGVyMg=="} == {headers["authorization"] for headers in good.headers}


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


class TestTls:
    """Certificates: right, wrong, and none."""

    async def error(self, target: str, client: HttpClient) -> str | None:
        async with closing(Asker([target], client)) as asker:
            outcomes = await asker.ask()
        return outcomes[target].error

    async def test_a_trusted_certificate_is_accepted(self, authority: trustme.CA) -> None:
        async with fake_nats(tls=server_context(authority, "127.0.0.1")) as fake:
            client = HttpClient(LIMIT, client_context(authority), {})
            assert await self.error(fake.url, client) is None

    async def test_an_unknown_authority_is_refused(self, authority: trustme.CA) -> None:
        async with fake_nats(tls=server_context(authority, "127.0.0.1")) as fake:
            error = await self.error(fake.url, HttpClient(LIMIT, client_context(trustme.CA()), {}))
            said = "unable to get local issuer certificate"
            assert error == f"varz, healthz: the certificate is not trusted: {said}"

    async def test_a_certificate_for_another_name_is_refused(self, authority: trustme.CA) -> None:
        async with fake_nats(tls=server_context(authority, "nats.example")) as fake:
            error = await self.error(fake.url, HttpClient(LIMIT, client_context(authority), {}))
            said = "ip address mismatch, certificate is not valid for '127.0.0.1'."
            assert error == f"varz, healthz: the certificate is not trusted: {said}"

    async def test_tls_to_a_server_without_is_named(self, good: FakeNats) -> None:
        target = good.url.replace("http:", "https:")
        error = await self.error(target, HttpClient(LIMIT, None, {}))
        assert error is not None
        assert error.startswith("varz, healthz: TLS failed: ")

    async def test_http_to_a_server_with_tls_is_named(self, authority: trustme.CA) -> None:
        async with fake_nats(tls=server_context(authority, "127.0.0.1")) as fake:
            error = await self.error(
                fake.url.replace("https:", "http:"), HttpClient(LIMIT, None, {})
            )
            assert error in (
                "varz, healthz: the connection was closed without an answer",
                "varz, healthz: the connection was lost: Connection reset by peer",
            )


def test_the_logger_is_structlogs() -> None:
    """`capture_logs` sees what the collector says only if that is so."""
    with capture_logs() as lines:
        structlog.get_logger().info("heard")
    assert lines == [{"event": "heard", "log_level": "info"}]
