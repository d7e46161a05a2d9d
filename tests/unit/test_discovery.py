"""From one configured name to every server behind it, on every scrape, also while DNS is down."""

import asyncio
import socket
import threading

import pytest
from structlog.testing import capture_logs
from tests.support.closing import closing
from tests.support.fake_nats import FakeNats, fake_nats
from tests.support.lookups import FakeLookup
from yarl import URL

from jetstream_exporter.report import Outcome, ScrapeRequest
from jetstream_exporter.snapshot import merge
from jetstream_exporter.sources.errors import SourceError
from jetstream_exporter.sources.http import discovery
from jetstream_exporter.sources.http.client import Endpoint, HttpClient
from jetstream_exporter.sources.http.discovery import Discovery
from jetstream_exporter.sources.http.monitoring import MonitoringSource
from jetstream_exporter.sources.lookup import SystemLookup

NAME = "http://nats.example:8222"


def soon(seconds: float = 5) -> float:
    return asyncio.get_running_loop().time() + seconds


async def targets(found: Discovery, seconds: float = 5) -> list[str]:
    return [endpoint.target for endpoint in await found.endpoints(soon(seconds))]


async def test_a_name_with_several_addresses_stands_for_all_of_them() -> None:
    lookup = FakeLookup()
    lookup.hosts["nats.example"] = ["10.0.0.1", "10.0.0.2"]
    endpoints = await Discovery(NAME, lookup).endpoints(soon())
    assert [
        Endpoint(URL("http://10.0.0.1:8222"), "nats.example:8222"),
        Endpoint(URL("http://10.0.0.2:8222"), "nats.example:8222"),
    ] == endpoints


async def test_a_name_with_one_address_stays_a_name() -> None:
    lookup = FakeLookup()
    lookup.hosts["nats.example"] = ["10.0.0.1"]
    endpoints = await Discovery(NAME, lookup).endpoints(soon())
    assert [Endpoint(URL(NAME), addresses=("10.0.0.1",))] == endpoints


async def test_a_dual_stack_server_counts_once() -> None:
    """Both its addresses are tried, under its one name."""
    lookup = FakeLookup()
    lookup.hosts["nats.example"] = ["10.0.0.1", "fd00::1"]
    endpoints = await Discovery(NAME, lookup).endpoints(soon())
    assert [Endpoint(URL(NAME), addresses=("10.0.0.1", "fd00::1"))] == endpoints


async def test_dual_stack_servers_are_asked_by_one_family() -> None:
    lookup = FakeLookup()
    lookup.hosts["nats.example"] = ["10.0.0.1", "10.0.0.2", "fd00::1", "fd00::2"]
    assert await targets(Discovery(NAME, lookup)) == [
        "http://10.0.0.1:8222",
        "http://10.0.0.2:8222",
    ]


async def test_servers_with_ipv6_alone_are_asked_by_it() -> None:
    lookup = FakeLookup()
    lookup.hosts["nats.example"] = ["fd00::1", "fd00::2"]
    assert await targets(Discovery(NAME, lookup)) == [
        "http://[fd00::1]:8222",
        "http://[fd00::2]:8222",
    ]


@pytest.mark.parametrize("target", ["http://10.0.0.1:80", "http://[fd00::1]:8222"])
async def test_an_address_is_not_looked_up(target: str) -> None:
    lookup = FakeLookup()
    assert [target] == await targets(Discovery(target, lookup))
    assert lookup.asked == []


async def test_changed_addresses_replace_the_old_ones() -> None:
    lookup = FakeLookup()
    found = Discovery(NAME, lookup)
    lookup.hosts["nats.example"] = ["10.0.0.1", "10.0.0.2"]
    await found.endpoints(soon())
    lookup.hosts["nats.example"] = ["10.0.0.2", "10.0.0.3"]
    assert await targets(found) == ["http://10.0.0.2:8222", "http://10.0.0.3:8222"]


async def test_srv_records_give_hosts_and_ports() -> None:
    lookup = FakeLookup()
    lookup.records["_monitor._tcp.nats.svc"] = [("n0.svc", 8222), ("n1.svc", 8223)]
    lookup.hosts = {"n0.svc": ["10.0.0.1"], "n1.svc": ["10.0.0.2"]}
    found = Discovery("srv+http://_monitor._tcp.nats.svc", lookup)
    assert await targets(found) == ["http://n0.svc:8222", "http://n1.svc:8223"]


async def test_an_srv_host_that_does_not_resolve_costs_the_others_nothing() -> None:
    """It is asked by its name, and so it is named as failing."""
    lookup = FakeLookup()
    async with fake_nats() as fake:
        lookup.records["_monitor._tcp.nats.svc"] = [("gone.svc", 8222), ("n1.svc", fake.port)]
        lookup.hosts = {"n1.svc": ["127.0.0.1"]}
        outcomes = await ask(["srv+http://_monitor._tcp.nats.svc"], lookup)
    assert {
        "http://gone.svc:8222": "varz, healthz: the name gone.svc cannot be resolved",
        f"http://n1.svc:{fake.port}": None,
    } == {outcome.target: outcome.error for outcome in outcomes}


async def test_while_dns_fails_the_last_addresses_are_asked_and_it_is_said_once() -> None:
    lookup = FakeLookup()
    lookup.hosts["nats.example"] = ["10.0.0.1", "10.0.0.2"]
    found = Discovery(NAME, lookup)
    before = await targets(found)
    with capture_logs() as lines:
        lookup.hosts.clear()
        assert before == await targets(found) == await targets(found)
        lookup.hosts["nats.example"] = ["10.0.0.7", "10.0.0.8"]
        assert await targets(found) == ["http://10.0.0.7:8222", "http://10.0.0.8:8222"]
    assert [(line["log_level"], line["event"]) for line in lines] == [
        ("warning", "name cannot be resolved; its previous addresses are used"),
        ("info", "name resolved again"),
    ]


def by_name(fake: FakeNats, lookup: FakeLookup) -> MonitoringSource:
    return MonitoringSource(
        [f"http://nats.example:{fake.port}"], HttpClient(2**20, None, {}), lookup
    )


async def test_a_name_with_one_address_is_asked_there_while_dns_fails() -> None:
    """The client must not look the name up once more."""
    lookup = FakeLookup()
    lookup.hosts["nats.example"] = ["127.0.0.1"]
    async with fake_nats() as fake, closing(by_name(fake, lookup)) as source:
        for _ in range(2):
            outcomes = await source.ask(ScrapeRequest(soon(), False))
            assert [outcome.error for outcome in outcomes] == [None]
            lookup.hosts.clear()
        assert {f"nats.example:{fake.port}"} == {headers["host"] for headers in fake.headers}


async def test_a_name_that_never_resolved_is_an_error() -> None:
    with pytest.raises(SourceError, match=r"^the name cannot be resolved$"):
        await Discovery(NAME, FakeLookup()).endpoints(soon())


@pytest.mark.waits
async def test_hanging_dns_leaves_time_to_ask(monkeypatch: pytest.MonkeyPatch) -> None:
    """A lookup has half of the deadline the first time, and a moment from then on."""
    monkeypatch.setattr(discovery, "SHORT", 0.1)
    lookup = FakeLookup()
    lookup.hosts["nats.example"] = ["10.0.0.1", "10.0.0.2"]
    found = Discovery(NAME, lookup)
    before = await targets(found)
    lookup.hanging = True
    assert found._patience(soon(60)) == pytest.approx(30, abs=5)
    assert before == await targets(found, 2)
    assert found._patience(soon(60)) == 0.1
    assert before == await asyncio.wait_for(targets(found, 60), 20)


class SlowLookup(FakeLookup):
    """Gives the right answer, too late for the scrape that asks."""

    def __init__(self) -> None:
        super().__init__()
        self.told = asyncio.Event()

    async def _hang(self) -> None:
        await self.told.wait()


async def test_an_answer_that_comes_late_serves_the_next_scrape() -> None:
    lookup = SlowLookup()
    lookup.hosts["nats.example"] = ["10.0.0.1", "10.0.0.2"]
    async with closing(Discovery(NAME, lookup)) as found:
        with pytest.raises(SourceError, match=r"^the name was not resolved in time$"):
            await found.endpoints(soon(0.2))
        lookup.told.set()
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        for _ in range(4):
            lookup.told.clear()
            assert len(await asyncio.wait_for(targets(found, 60), 20)) == 2
            lookup.told.set()
            await asyncio.sleep(0)
            await asyncio.sleep(0)


async def test_after_a_late_answer_the_next_scrapes_use_their_own() -> None:
    lookup = SlowLookup()
    lookup.hosts["nats.example"] = ["10.0.0.1", "10.0.0.2"]
    async with closing(Discovery(NAME, lookup)) as found:
        with pytest.raises(SourceError):
            await found.endpoints(soon(0.2))
        lookup.told.set()
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        for number in (3, 5, 7):
            addresses = [f"10.0.0.{number}", f"10.0.0.{number + 1}"]
            lookup.hosts["nats.example"] = addresses
            assert await targets(found) == [f"http://{address}:8222" for address in addresses]


async def test_the_first_lookup_has_most_of_the_time() -> None:
    """5.3 s of the 9.3 that a scrape of 10 s has."""
    assert Discovery(NAME, FakeLookup())._patience(soon(9.3)) > 5.3


async def test_lookups_do_not_pile_up() -> None:
    lookup = FakeLookup()
    lookup.hanging = True
    async with closing(Discovery(NAME, lookup)) as found:
        before = len(asyncio.all_tasks())
        for _ in range(5):
            with pytest.raises(SourceError):
                await found.endpoints(soon(0.05))
        assert len(asyncio.all_tasks()) <= before + 2
    assert len(asyncio.all_tasks()) == before


async def ask(wanted: list[str], lookup: FakeLookup) -> list[Outcome]:
    async with closing(MonitoringSource(wanted, HttpClient(2**20, None, {}), lookup)) as source:
        return await source.ask(ScrapeRequest(soon(), False))


async def test_a_server_under_two_addresses_counts_once() -> None:
    async with fake_nats() as fake:
        lookup = FakeLookup()
        lookup.hosts["nats.example"] = ["127.0.0.1"]
        outcomes = await ask([fake.url, f"http://nats.example:{fake.port}"], lookup)
    assert [outcome.error for outcome in outcomes] == [None, None]
    snapshot = merge(outcome.server for outcome in outcomes if outcome.server)
    assert [server.name for server in snapshot.servers] == ["nats-0"]
    assert [stream.name for stream in snapshot.streams] == ["ORDERS"]


async def test_two_names_of_one_address_ask_it_once() -> None:
    async with fake_nats() as fake:
        lookup = FakeLookup()
        lookup.hosts = {name: ["127.0.0.1", "127.0.0.2"] for name in ("a.example", "b.example")}
        names = [f"http://{name}.example:{fake.port}" for name in "ab"]
        outcomes = await ask(names, lookup)
        assert len(outcomes) == 2
        assert fake.asked("/varz") == 1


async def test_a_vanished_address_is_forgotten() -> None:
    """Addresses of a headless Service change with every rollout; what is known of the old ones goes."""
    async with fake_nats() as fake:
        lookup = FakeLookup()
        async with closing(by_name(fake, lookup)) as source:
            for last in range(2, 5):
                lookup.hosts["nats.example"] = ["127.0.0.1", f"127.0.0.{last}"]
                await source.ask(ScrapeRequest(soon(), False))
            assert len(source._memories) == 2


class TestSystemLookup:
    """The machine's own resolver."""

    async def test_it_knows_this_machine(self) -> None:
        assert "127.0.0.1" in await SystemLookup().addresses("localhost")

    async def test_an_unknown_name_fails_as_the_resolver_fails(self) -> None:
        with pytest.raises(OSError, match=r"\w"):
            await SystemLookup().addresses("name.invalid")

    async def test_a_hanging_resolver_gets_one_thread_a_name(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Twenty scrapes give up on it; scrapes' own threads stay free, and it is asked once."""
        asked: list[str] = []
        go = threading.Event()

        def hang(host: str, *_: object, **__: object) -> list[object]:
            asked.append(host)
            go.wait(10)
            return [(socket.AF_INET, 1, 6, "", ("10.0.0.1", 0))]

        monkeypatch.setattr(socket, "getaddrinfo", hang)
        lookup = SystemLookup()
        for _ in range(20):
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.01):
                    await lookup.addresses("nats.example")
        assert asked == ["nats.example"]
        last = asyncio.create_task(lookup.addresses("nats.example"))
        await asyncio.sleep(0)
        go.set()
        assert await last == ["10.0.0.1"]
        assert asked == ["nats.example"]
