"""The sources over NATS, asked in this process: many servers, silent ones, large answers, and nothing left behind."""

import asyncio
import gzip
import json
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from typing import Any

import nats
import pytest
from nats.aio.client import Client
from nats.aio.msg import Msg
from tests.support.closing import closing
from tests.support.exporter import eventually

from jetstream_exporter.config.nats import AccountApi, Advisories, System
from jetstream_exporter.demo.cluster import Cluster, account
from jetstream_exporter.demo.create import create_stream
from jetstream_exporter.report import Events, Outcome, RequestResult, ScrapeRequest
from jetstream_exporter.snapshot.clusters import decide
from jetstream_exporter.snapshot.joining import TargetReport
from jetstream_exporter.snapshot.owners import Conflict
from jetstream_exporter.sources import links
from jetstream_exporter.sources.advisories import source as advisories
from jetstream_exporter.sources.advisories.event_counter import EventCounter
from jetstream_exporter.sources.advisories.source import AdvisoriesSource
from jetstream_exporter.sources.links import OF_ACCOUNTS, OF_LINKS, PATIENT_EVERY
from jetstream_exporter.sources.nats import members, scatter, system_links, system_scrape
from jetstream_exporter.sources.nats.account import AccountSource
from jetstream_exporter.sources.nats.system import SystemSource
from jetstream_exporter.sources.nats.system_links import PING
from jetstream_exporter.wire import VarzAnswer

LIMIT = 2**28
STATZ = "$SYS.REQ.ACCOUNT.PING.STATZ"
NO_SUCH = "nats://127.0.0.1:1"
LONG, SOON = (
    60,
    20,
)  # seconds; who waits for an answer that does not come waits for 0.4 of what a scrape has


def in_seconds(seconds: float, *, with_config: bool = False) -> ScrapeRequest:
    return ScrapeRequest(asyncio.get_running_loop().time() + seconds, with_config)


def system_source(urls: list[str], further: Collection[str] = (), **login: str) -> SystemSource:
    return SystemSource(System(urls=urls, **login), "here", "", "full", LIMIT, further=further)


async def timed(source: SystemSource, seconds: float) -> tuple[dict[str, Outcome], float]:
    loop = asyncio.get_running_loop()
    started = loop.time()
    outcomes = await source.ask(in_seconds(seconds))
    return {outcome.target: outcome for outcome in outcomes}, loop.time() - started


class Crowd:
    """Servers that answer as a system account's do, played by one client of an ordinary account."""

    def __init__(self, size: int) -> None:
        self.ids = {f"N{i:02}": f"n{i:02}" for i in range(size)}
        self.silent: set[str] = set()
        self.hangs: set[tuple[str, str]] = set()  # server and request that is not answered
        self.liars: dict[str, str] = {}  # the name of who answers before the server of that id does
        self.unreadable: set[str] = set()  # before whom somebody answers what cannot be read
        self.denied: set[str] = set()  # requests of which somebody says first that nobody listens
        self.listed_by: dict[str, str] = {}  # the id of who answers instead when asked for its list
        self.padding = 0
        self.asked_at_once = self.most_at_once = 0

    def lie(self, identity: str, name: str) -> dict[str, Any]:
        body = self.body(identity, name)
        return body | {"server": body["server"] | {"name": self.liars[identity], "seq": 7}}

    def body(self, identity: str, name: str) -> dict[str, Any]:
        server = {"id": identity, "name": self.ids[identity], "cluster": "crowd", "ver": "2.15.1"}
        if name == "STATSZ":
            return {"server": server, "statsz": {"active_servers": len(self.ids)}}
        data: dict[str, dict[str, Any]] = {
            "VARZ": {"server_id": identity, "start": "2026-01-01T00:00:00Z", "routes": 1},
            "HEALTHZ": {"status": "ok", "status_code": 200},
            "JSZ": {"server_id": identity, "streams": 1, "padding": "x" * self.padding},
            "ROUTEZ": {"routes": [{"remote_name": "other"}]},
            "STATZ": {"account_statz": [{"acc": "A", "conns": 1}]},
        }
        return {"server": server, "data": data[name]}

    async def answer(self, nc: Client, message: Msg) -> None:
        parts = message.subject.split(".")
        asked = list(self.ids) if parts[3] == "PING" else [parts[3]]
        if parts[4] in self.denied:
            await nc.publish(message.reply, headers={"Status": "503"})
        for identity in asked:
            if identity in self.silent or identity not in self.ids:
                continue
            if (identity, parts[4]) in self.hangs:
                continue
            if identity in self.unreadable and parts[4] != "JSZ":
                bad = self.body(identity, parts[4]) | {"data": "x", "statsz": "x"}
                await nc.publish(message.reply, json.dumps(bad).encode())
            if identity in self.liars and parts[4] != "JSZ":
                lie = self.lie(identity, parts[4])
                await nc.publish(message.reply, json.dumps(lie).encode())
            if parts[4] == "JSZ":
                self.asked_at_once += 1
                self.most_at_once = max(self.most_at_once, self.asked_at_once)
                await asyncio.sleep(0.02 if self.padding else 0)
                self.asked_at_once -= 1
            said_by = self.listed_by.get(identity, identity) if parts[4] == "JSZ" else identity
            data = json.dumps(self.body(said_by, parts[4])).encode()
            headers = {"Content-Encoding": "gzip"} if self.padding else None
            body = gzip.compress(data, 1) if self.padding else data
            await nc.publish(message.reply, body, headers=headers)


@asynccontextmanager
async def crowd(
    size: int, further: Collection[str] = ()
) -> AsyncIterator[tuple[Crowd, SystemSource]]:
    async with (
        Cluster(size=1, accounts={"A": account("a")}) as cluster,
        await nats.connect(cluster.urls) as nc,
    ):
        servers = Crowd(size)
        running: set[asyncio.Task[None]] = set()

        async def heard(message: Msg) -> None:
            task = asyncio.create_task(servers.answer(nc, message))
            running.add(task)
            task.add_done_callback(running.discard)

        for subject in ("PING.STATSZ", "PING.VARZ", "PING.HEALTHZ", "*.JSZ", "PING.ROUTEZ"):
            await nc.subscribe(f"$SYS.REQ.SERVER.{subject}", cb=heard)
        await nc.subscribe(STATZ, cb=heard)
        await nc.flush()
        async with closing(system_source(cluster.urls, further)) as source:
            yield servers, source


async def test_one_silent_server_of_33_costs_itself_and_seconds(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(system_scrape, "SHARE", 0.05)
    async with crowd(33) as (servers, source):
        first, took = await timed(source, LONG)
        assert len(first) == 34
        assert {outcome.error for outcome in first.values()} == {None}
        assert took < SOON
        servers.silent.add("N07")
        second, took = await timed(source, LONG)
        assert took < SOON
        assert [t for t, outcome in second.items() if outcome.error] == ["crowd/n07"]
        assert second["crowd/n07"].error == "no answer in time"
        assert second["crowd/n07"].server is None


async def patient_now_and_then(
    source: SystemSource, number: int, monkeypatch: pytest.MonkeyPatch
) -> dict[str, Outcome]:
    """A scrape that waits for what hung before only if it is the first or one of five; else that would take long."""
    is_patient = number % PATIENT_EVERY == 0
    monkeypatch.setattr(links, "PATIENCE", 2 if is_patient else LONG)
    found, seconds = await timed(source, 2 * LONG)
    assert seconds > 2 if is_patient else seconds < SOON
    return found


@pytest.mark.parametrize(("subject", "request_name"), [("STATZ", "accstatz"), ("ROUTEZ", "routez")])
async def test_a_request_about_connections_that_hung_before_costs_time_only_now_and_then(
    subject: str, request_name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with crowd(3, OF_LINKS | OF_ACCOUNTS) as (servers, source):
        servers.hangs = {("N01", subject)}
        for number in range(1 + PATIENT_EVERY):
            found = await patient_now_and_then(source, number, monkeypatch)
            up = {
                t: one.requests[request_name].up
                for t, one in found.items()
                if t.startswith("crowd")
            }
            assert up == {"crowd/n00": True, "crowd/n01": False, "crowd/n02": True}
            assert found["crowd/n01"].requests[request_name].text == "no answer in time"
        servers.hangs = set()
        found, _ = await timed(source, LONG)
        assert found["crowd/n01"].requests[request_name].up


async def test_a_request_that_no_server_answers_costs_time_only_now_and_then(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with crowd(2, OF_ACCOUNTS) as (servers, source):
        servers.hangs = {("N00", "STATZ"), ("N01", "STATZ")}
        for number in range(3):
            await patient_now_and_then(source, number, monkeypatch)


async def test_of_more_servers_than_there_can_be_the_known_ones_are_asked(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Whoever answers in the system account can say that there are any number, and others the next time."""
    monkeypatch.setattr(members, "MOST", 5)
    monkeypatch.setattr(system_scrape, "MOST", 5)
    async with crowd(5) as (servers, source):
        first, _ = await timed(source, 10)
        assert {outcome.error for outcome in first.values()} == {None}
        servers.ids |= {f"X{i:02}": f"x{i:02}" for i in range(20)}
        second, _ = await timed(source, 10)
        assert second.keys() == first.keys()
        failed = [outcome for outcome in second.values() if outcome.error]
        assert [outcome.error for outcome in failed] == [
            "statsz: 25 servers answered, of which 5 are asked"
        ]
        assert len(source._members) == 5


async def test_a_server_that_returns_with_another_id_is_the_same_server() -> None:
    async with crowd(3) as (servers, source):
        await timed(source, 10)
        servers.ids["N99"] = servers.ids.pop("N00")
        outcomes, took = await timed(source, LONG)
        assert took < SOON
        assert sorted(t for t in outcomes if t.startswith("crowd")) == [
            "crowd/n00",
            "crowd/n01",
            "crowd/n02",
        ]
        assert outcomes["crowd/n00"].error is None


async def test_an_unreadable_answer_with_the_id_of_another_server_silences_nobody_and_is_told() -> (
    None
):
    async with crowd(3) as (servers, source):
        servers.unreadable = {"N01"}
        found, took = await timed(source, LONG)
        assert took < SOON
        assert {outcome.error for outcome in found.values()} == {None}
        (conflict,) = conflicts(found)
        assert "more than one server replies with the ID of n01" in conflict.text


async def test_who_says_that_nobody_listens_silences_nobody() -> None:
    async with crowd(3) as (servers, source):
        servers.denied = {"STATSZ", "VARZ", "HEALTHZ", "JSZ"}
        found, took = await timed(source, LONG)
        assert took < SOON
        assert len(found) == 4
        assert {outcome.error for outcome in found.values()} == {None}


@pytest.mark.parametrize("name", ["another", "n01"])
async def test_who_answers_with_the_id_of_another_server_replaces_nobody_and_is_told(
    name: str,
) -> None:
    async with crowd(3) as (servers, source):
        before, _ = await timed(source, 10)
        assert not conflicts(before)
        servers.liars = {"N01": name}
        during, took = await timed(source, LONG)
        assert took < SOON
        assert during.keys() == before.keys()
        assert {outcome.error for outcome in during.values()} == {None}
        (conflict,) = conflicts(during)
        assert conflict.cluster == "crowd"
        assert "more than one server replies with the ID of n01" in conflict.text
        servers.liars = {}
        after, _ = await timed(source, 10)
        assert not conflicts(after)


def conflicts(outcomes: dict[str, Outcome]) -> list[Conflict]:
    answers = [
        TargetReport(report, target)
        for target, one in outcomes.items()
        if (report := one.server) is not None
    ]
    return list(decide(answers, outcomes.keys(), {}, 0.0).conflicts)


async def test_large_lists_are_fetched_from_one_server_after_the_other() -> None:
    async with crowd(5) as (servers, source):
        servers.padding = 6_000_000
        outcomes, _ = await timed(source, 20)
        assert {outcome.error for outcome in outcomes.values()} == {None}
        assert servers.most_at_once == 1


async def test_a_list_above_the_limit_is_refused_as_soon_as_it_came() -> None:
    async with crowd(1) as (servers, source):
        servers.padding = 6_000_000
        source._connection.max_bytes = 2**20
        outcomes, took = await timed(source, LONG)
        assert "is larger than 1048576 bytes" in str(outcomes["crowd/n00"].error)
        assert took < SOON


async def test_the_list_of_another_server_is_not_taken_for_that_of_the_one_that_was_asked() -> None:
    async with crowd(2) as (servers, source):
        servers.listed_by = {"N01": "N00"}
        outcomes, _ = await timed(source, 3)
        assert outcomes["crowd/n00"].error is None
        assert outcomes["crowd/n01"].error == "jsz: another server answered"
        report = outcomes["crowd/n01"].server
        assert report is not None
        assert report.jsz is None


@pytest.mark.parametrize("identity", ["PING", "*", "N00.JSZ", ">", "", "a b"])
async def test_a_server_whose_id_names_others_in_a_subject_is_not_asked(identity: str) -> None:
    async with crowd(1) as (servers, source):
        servers.ids[identity] = "odd"
        outcomes, took = await timed(source, LONG)
        assert took < SOON
        assert [target for target in outcomes if target.startswith("crowd")] == ["crowd/n00"]
        assert outcomes["crowd/n00"].error is None


async def test_what_came_by_the_deadline_counts_although_another_server_is_waited_for_until_then(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(scatter, "SPARE", -LONG)
    async with crowd(2) as (servers, source):
        await timed(source, LONG)
        servers.silent = {"N01"}
        connection, members = source._connection, source._members
        deadline = asyncio.get_running_loop().time() + 1
        client = await connection.ready(deadline + LONG)
        asked = scatter.Scatter(connection, client, f"{PING}.VARZ", VarzAnswer, members)
        answers = await asked.ask({}, {"N00", "N01"}, deadline, lambda _: LONG)
        assert answers.keys() == {"N00"}


async def test_answers_about_an_account_above_the_limit_together_are_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("USER_A", "a")
    async with Cluster(size=1, accounts={"A": account("a")}) as cluster:
        async with await nats.connect(cluster.urls_for("a")) as nc:
            for number in range(5):
                await create_stream(
                    nc.jetstream(timeout=20), name=f"S{number}", subjects=[f"s{number}"]
                )
        login = AccountApi(urls=cluster.urls, username="a", password_env="USER_A")
        async with closing(AccountSource(login, "here", "", max_bytes=3000)) as source:
            (outcome,) = await source.ask(in_seconds(10))
            assert "are larger than 3000 bytes together (collect.max_response_bytes)" in str(
                outcome.error
            )


@pytest.mark.parametrize("kind", ["system", "account", "advisories"])
async def test_a_source_leaves_no_task_behind_whatever_it_met(kind: str) -> None:
    before = asyncio.all_tasks()
    async with Cluster(size=1, accounts={"A": account("a")}) as cluster:
        for urls in ([NO_SUCH], [NO_SUCH, cluster.urls[0]]):
            made: dict[str, SystemSource | AccountSource | AdvisoriesSource] = {
                "system": system_source(urls),
                "account": AccountSource(AccountApi(urls=urls), "here", ""),
                "advisories": AdvisoriesSource(Advisories(urls=urls), "here", "", EventCounter()),
            }
            async with closing(made[kind]) as source:
                for _ in range(3):
                    await source.ask(in_seconds(1))

    async def is_quiet() -> bool:
        return asyncio.all_tasks() <= before

    await eventually(f"the end of all tasks; left: {asyncio.all_tasks() - before}", is_quiet)


async def test_asking_again_and_again_keeps_nothing() -> None:
    async with crowd(3) as (_, source):
        await timed(source, 10)
        client = source._connection.client
        assert client is not None
        tasks, subscriptions = len(asyncio.all_tasks()), len(client._subs)
        for _ in range(30):
            await timed(source, 10)
        assert len(client._subs) <= subscriptions
        assert len(asyncio.all_tasks()) <= tasks + 1
        assert source._connection._refusals == {}


async def test_a_revoked_login_is_said_and_a_withdrawn_permission_named_until_given_back() -> None:
    users = {"A": account("a")}
    async with Cluster(size=1, accounts=users) as cluster:
        server = cluster[0]
        whole = server.config.read_text()
        login = {"urls": cluster.urls, "username": "a", "password_env": "USER_A"}
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("USER_A", "a")
            async with closing(AccountSource(AccountApi(**login), "here", "")) as source:

                async def error() -> str | None:
                    return (await source.ask(in_seconds(4)))[0].error

                assert await error() is None
                narrow = {"publish": {"deny": ["$JS.API.INFO"]}}
                plain = '{"user": "a", "password": "a"}'
                assert plain in whole
                limited = {"user": "a", "password": "a", "permissions": narrow}
                other = '{"user": "a", "password": "other"}'
                states = {
                    "the user may not publish to $JS.API.INFO": whole.replace(
                        plain, json.dumps(limited)
                    ),
                    None: whole,
                    "the server refuses the login": whole.replace(plain, other),
                }
                for expected, text in states.items():
                    server.config.write_text(text)
                    server.reload()

                    async def holds(expected: str | None = expected) -> bool:
                        said = await error()
                        return said == expected or bool(expected and expected in (said or ""))

                    await eventually(str(expected), holds, 20)


async def test_a_request_that_is_refused_is_sent_again_rarely_or_over_a_new_connection(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The server logs each refusal, and the exporter says in each scrape what is missing."""
    users = {"A": account("a"), "SYS": account("sys", jetstream=False)}
    blind = {"user": "blind", "password": "blind", "permissions": {"publish": {"deny": [STATZ]}}}
    users["SYS"]["users"].append(blind)
    monkeypatch.setenv("BLIND", "blind")
    async with Cluster(size=1, accounts=users) as cluster:
        server = cluster[0]
        login = {"username": "blind", "password_env": "BLIND"}
        async with closing(system_source(cluster.urls, OF_ACCOUNTS, **login)) as source:

            async def part() -> RequestResult:
                return (await source.ask(in_seconds(10)))[1].requests["accstatz"]

            def violations() -> int:
                return server.log.read_text().count("Publish Violation")

            first = await part()
            assert (first.up, first.text) == (False, f"the user may not publish to {STATZ}")
            for _ in range(3):
                again = await part()
                assert (again.up, again.text) == (
                    False,
                    f"the user may not publish to {STATZ}; "
                    "the request is sent again after 5 minutes or over a new connection",
                )
            assert violations() == 1
            monkeypatch.setattr(system_links, "ASK_AGAIN", 0.0)
            assert (await part()).text == first.text
            assert violations() == 2
            monkeypatch.undo()
            monkeypatch.setenv("BLIND", "blind")
            assert (await part()).text == again.text
            server.config.write_text(server.config.read_text().replace(STATZ, "other"))
            await server.restart()

            async def is_up() -> bool:
                return (await part()).up

            await eventually("the request that is permitted now", is_up, 20)


async def test_events_not_permitted_for_a_time_are_named_and_count_as_a_gap(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(advisories, "RETRY", 0.2)
    async with Cluster(size=1, accounts={"A": account("a")}) as cluster:
        server = cluster[0]
        whole = server.config.read_text()
        subject = "$JS.EVENT.ADVISORY.CONSUMER.MAX_DELIVERIES.>"
        narrow = {"subscribe": {"deny": [subject]}}
        limited = {"user": "a", "password": "a", "permissions": narrow}
        async with closing(
            AdvisoriesSource(Advisories(urls=cluster.urls), "here", "", EventCounter())
        ) as source:

            async def ask() -> tuple[str | None, Events]:
                (outcome,) = await source.ask(in_seconds(4))
                assert outcome.events is not None
                return outcome.error, outcome.events

            assert (await ask())[0] is None
            server.config.write_text(
                whole.replace('{"user": "a", "password": "a"}', json.dumps(limited))
            )
            server.reload()

            async def is_refused() -> bool:
                error, events = await ask()
                return error == f"the user may not subscribe to {subject.lower()}" and (
                    events.counted == {"A": frozenset(("quorum_lost", "terminations"))}
                )

            await eventually("the refusal", is_refused)
            gaps = (await ask())[1].gaps
            client = source._connection.client
            assert client is not None
            held = len(client._subs)
            with monkeypatch.context() as at_once:
                at_once.setattr(advisories, "RETRY", 0.0)
                for _ in range(3):
                    await ask()
            assert len(client._subs) == held
            server.config.write_text(whole)
            server.reload()

            async def is_heard() -> bool:
                error, events = await ask()
                return (
                    error is None and "max_deliveries" in events.counted["A"] and events.gaps > gaps
                )

            await eventually("what is permitted again, after a gap", is_heard)


async def test_a_lame_duck_is_left_for_another_server(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("USER_SYS", "sys")
    async with (
        Cluster(
            accounts={"A": account("a")},
            extra='lame_duck_duration: "30s"\nlame_duck_grace_period: "1ms"',
        ) as cluster,
        closing(system_source(cluster.urls, username="sys", password_env="USER_SYS")) as source,
    ):
        await timed(source, 10)
        client = source._connection.client
        assert client is not None
        duck = cluster[str(client._server_info["server_name"])]
        duck.lame_duck()

        async def others_answer() -> bool:
            outcomes, took = await timed(source, 8)
            assert took < SOON
            fine = [t for t, o in outcomes.items() if o.error is None and t.startswith("demo/")]
            return len(fine) == 2 and outcomes[f"demo/{duck.name}"].error is not None

        await eventually("two of three", others_answer, 60)
