"""Shards of a cluster: which accounts each reads, that together they are the whole, and what is no shard."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support import fake_nats as fakes
from tests.support.everything import everything
from tests.support.examples import examples
from tests.support.fake_accounts import AccountsOf
from tests.support.fake_nats import FakeNats
from tests.support.golden import METADATA_KEYS
from tests.support.lookups import FakeLookup
from tests.support.recorded import NEW, three_servers
from tests.support.reports import led, outcome, server, stream
from tests.support.shards import is_divided, read_in, shards
from tests.support.strategies import reports
from tests.support.web import web

from jetstream_exporter.app import collected, load_checked
from jetstream_exporter.config import ConfigError
from jetstream_exporter.config.expect import Expected, ExpectedAccount
from jetstream_exporter.config.exported import Labels
from jetstream_exporter.config.nats import AccountApi, Advisories
from jetstream_exporter.config.schema import Cluster, Collect, Config
from jetstream_exporter.config.shard import MOST, WHOLE, Shard
from jetstream_exporter.exposition import Encoder
from jetstream_exporter.metrics import tables
from jetstream_exporter.report import (
    EventBatch,
    EventCounts,
    Events,
    Outcome,
    Report,
    ScrapeRequest,
    ServerReport,
)
from jetstream_exporter.scrape.processor import Processor
from jetstream_exporter.snapshot import Snapshot
from jetstream_exporter.snapshot.member import is_list_complete
from jetstream_exporter.sources.build import build_sources
from jetstream_exporter.sources.divided import AT_ONCE
from jetstream_exporter.sources.http import config_fetch
from jetstream_exporter.sources.http.client import HttpClient
from jetstream_exporter.sources.http.endpoint_memory import EndpointMemory
from jetstream_exporter.sources.http.monitoring import MonitoringSource
from jetstream_exporter.sources.purpose import Purpose
from jetstream_exporter.state import event_totals
from jetstream_exporter.wire import AccountDetail

LIMIT = 2**20
FILE = "clusters:\n  - targets: [http://a]\n"
ACCOUNTS = {"A": ["ONE", "TWO"], "B": ["ORDERS"], "C": [], "x&y=z#/?": ["ODD"], "ünï": ["U"]}


def series(snapshot: Snapshot) -> list[str]:
    text = b"".join(Encoder(tables(METADATA_KEYS)).render(snapshot)).decode()
    lines = text.split("\n")  # names may hold what others take for the end of a line
    return [line for line in lines if line and not line.startswith("#") and is_divided(line)]


def processed(outcomes: Sequence[Outcome], config: Config) -> Snapshot:
    return Processor(config, 0.0).process(outcomes, now=60.0, wall=1_800_000_000.0)


def together(found: Sequence[Sequence[Outcome]], config: Config) -> Counter[str]:
    """The series of all shards; `found` are their outcomes."""
    total = len(found)
    parts = [
        series(processed(outcomes, replaced(config, shard)))
        for shard, outcomes in zip(shards(total), found, strict=True)
    ]
    return Counter(line for part in parts for line in part)


def replaced(config: Config, shard: Shard) -> Config:
    return Config(labels=config.labels, expect=config.expect, shard=shard)


def without_silent(found: Counter[str]) -> Counter[str]:
    """Behind gateways a silent server that never answered is known to be of this cluster by a stream on it alone, which
    another shard than the first may read.
    """
    silent = tuple(
        f'nats_server_{f}{{nats_cluster="by-hand",server="hand-{n}"}} 0'
        for f in ("up", "configured")
        for n in (2, 3)
    )
    return Counter({line: count for line, count in found.items() if line not in silent})


class TestTogether:
    @examples(30)
    @given(reports(), st.integers(2, 5), st.sampled_from(["id", "name"]))
    def test_all_shards_are_the_whole_and_no_series_comes_twice(
        self, said: list[Report], total: int, label: str
    ) -> None:
        config = Config(labels=Labels(account=label))  # type: ignore[arg-type]
        outcomes = [
            outcome(report, f"http://{number}:8222")
            for number, report in enumerate(said)
            if isinstance(report, ServerReport)
        ]
        parts = [read_in(shard, outcomes) for shard in shards(total)]
        assert together(parts, config) == Counter(series(processed(outcomes, config)))

    @pytest.mark.parametrize("total", [2, 3, 16])
    def test_so_they_are_of_every_family_that_there_is(self, total: int) -> None:
        account = ExpectedAccount(account="APP", streams=["LIMITED"], consumers=["LIMITED/pushed"])
        config = Config(
            labels=Labels(metadata=METADATA_KEYS),
            expect=[Expected(cluster="by-hand", servers=["hand-1"], accounts=[account])],
        )

        def seen() -> list[Outcome]:
            """Anew for each: events are taken only once."""
            servers = [outcome(r, f"http://{r.server_name}:8222") for r in three_servers(NEW)]
            return [*servers, outcome(None, "http://nowhere:8222"), *everything()]

        whole = Counter(series(processed(seen(), config)))
        parts = [read_in(shard, seen()) for shard in shards(total)]
        assert without_silent(together(parts, config)) == without_silent(whole)
        assert len(whole) > 1000

    def test_a_shard_says_which_it_is_and_asks_for_lists_of_its_own(self) -> None:
        said = outcome(server("n1", stream("S", led("n1"))), "http://n1:8222")
        config = Config(shard=Shard(ordinal=1, total=3))
        snapshot = processed(read_in(config.shard, [said]), config)
        assert snapshot.shard is not None
        assert (snapshot.shard.index, snapshot.shard.total) == (1, 3)
        assert processed([said], Config()).shard is None


class TestAccounts:
    @given(st.text(), st.integers(1, MOST))
    def test_an_account_is_in_one_shard(self, account: str, total: int) -> None:
        few = total if total < 20 else 20
        assert sum(shard.holds(account) for shard in shards(few)) == 1
        assert WHOLE.holds(account)

    def test_the_shards_are_those_that_are_documented(self) -> None:
        """A change here moves accounts between the shards of everybody who uses them."""
        held = [
            next(s.number for s in shards(4) if s.holds(account)) for account in ("A", "APP", "é")
        ]
        assert held == [3, 0, 3]

    def test_a_name_that_two_accounts_share_is_no_label_where_one_of_them_is_elsewhere(
        self,
    ) -> None:
        ids = [next(f"K{n}" for n in range(50) if shard.holds(f"K{n}")) for shard in shards(2)]
        details = [
            AccountDetail(name="shop", id=each, stream_detail=[stream("S", led("n1"))])
            for each in ids
        ]
        said = [outcome(server("n1", accounts=details), "http://n1:8222")]
        labels = Labels(account="name")
        for shard in shards(2):
            rows = processed(read_in(shard, said), Config(labels=labels, shard=shard)).streams
            assert [row.account for row in rows] == [ids[shard.number]]

    def test_an_account_is_expected_in_its_shard_by_its_name_too(self) -> None:
        details = [AccountDetail(name="shop", id="AKEY", stream_detail=[stream("S", led("n1"))])]
        said = [outcome(server("n1", accounts=details), "http://n1:8222")]
        account = ExpectedAccount(account="shop", streams=["S", "GONE"])
        expect = [Expected(servers=["n1"], accounts=[account])]
        rows = [
            row
            for shard in shards(5)
            for row in processed(read_in(shard, said), Config(expect=expect, shard=shard)).expected
        ]
        assert sorted((row.kind, row.name, row.present) for row in rows) == [
            ("server", "n1", True),
            ("stream", "GONE", False),
            ("stream", "S", True),
        ]

    def test_a_name_that_accounts_of_two_shards_have_misses_nothing(self) -> None:
        """Each shard reads one of the accounts, and what is expected may be in the other."""
        ids = [next(f"K{n}" for n in range(50) if shard.holds(f"K{n}")) for shard in shards(2)]
        details = [
            AccountDetail(name="shop", id=each, stream_detail=[stream(f"S-{each}", led("n1"))])
            for each in ids
        ]
        said = [outcome(server("n1", accounts=details), "http://n1:8222")]

        def verdicts(account: str) -> dict[str, bool | None]:
            expected = ExpectedAccount(account=account, streams=[f"S-{each}" for each in ids])
            expect = [Expected(accounts=[expected])]
            rows = [
                row
                for shard in shards(2)
                for row in processed(
                    read_in(shard, said), Config(expect=expect, shard=shard)
                ).expected
            ]
            assert len(rows) == len(ids)
            return {row.name: row.present for row in rows}

        first, second = sorted(ids)
        assert verdicts("shop") == {f"S-{first}": True, f"S-{second}": None}
        assert verdicts(second) == {f"S-{first}": False, f"S-{second}": True}


class TestEvents:
    def heard(self, account: str) -> Outcome:
        batch = EventBatch(
            kinds={"max_deliver": 1}, objects={(account, "S", "c"): EventCounts(max_deliveries=1)}
        )
        events = Events("C", True, counted={"*": frozenset(["max_deliveries"])}, take=lambda: batch)
        return Outcome("advisories", "nats://n", 0.0, answer=events)

    def test_a_shard_that_has_nothing_but_events_to_receive_succeeds(self) -> None:
        for shard in shards(2):
            exporter = processed([self.heard("A")], Config(shard=shard)).exporter
            assert exporter is not None
            assert exporter.last_success == 1_800_000_000.0
        exporter = processed([self.heard("A")], Config()).exporter
        assert exporter is not None
        assert exporter.last_success is None

    def test_events_of_an_account_in_another_shard_do_not_wait_and_are_not_refused(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(event_totals, "WAITING", 0)
        for shard in shards(4):  # account A is in the last
            snapshot = processed([self.heard("A")], Config(shard=shard))
            refused = {row.reason: row.count for row in snapshot.event_refusals}
            assert refused["too_many_objects"] == (1 if shard.number == 3 else 0)
            kinds = {row.kind: row.count for row in snapshot.event_kinds}
            assert kinds.get("max_deliver", 0) == (1 if shard.is_first else 0)


class Asker:
    """A shard's source over one fake server."""

    def __init__(self, fake: FakeNats, shard: Shard) -> None:
        client = HttpClient(LIMIT, None, {})
        self.source = MonitoringSource([fake.url], client, FakeLookup(), shard=shard)

    @property
    def memory(self) -> EndpointMemory:
        (memory,) = self.source._memories.values()
        return memory

    async def ask(self, seconds: float = 10.0, *, with_config: bool = False) -> Outcome:
        deadline = asyncio.get_running_loop().time() + seconds
        (found,) = await self.source.ask(ScrapeRequest(deadline, with_config))
        return found


@pytest.fixture
def accounts(fake: FakeNats) -> AccountsOf:
    return AccountsOf(fake, ACCOUNTS)


@pytest.fixture
async def first(fake: FakeNats, accounts: AccountsOf) -> AsyncIterator[Asker]:
    """The first of two shards. It holds three of the accounts."""
    asker = Asker(fake, Shard(ordinal=0, total=2))
    yield asker
    await asker.source.close()


HELD = [account for account in ACCOUNTS if Shard(ordinal=0, total=2).holds(account)]


def listed(outcome: Outcome) -> dict[str, list[str]]:
    assert outcome.server is not None
    return {a.id: [s.name for s in a.stream_detail] for a in outcome.server.account_details}


class TestReading:
    async def test_a_shard_reads_its_accounts_and_no_others(
        self, fake: FakeNats, first: Asker
    ) -> None:
        found = await first.ask()
        assert found.error is None
        assert listed(found) == {account: ACCOUNTS[account] for account in HELD}
        assert found.server is not None
        others = ACCOUNTS.keys() - set(HELD)
        assert set(found.server.elsewhere) == {(name, name) for name in others}
        asked = [question for question in fake.questions if "acc=" in question]
        assert len(asked) == len(HELD)
        assert not any("accounts=true" in question for question in asked)
        assert found.requests["jsz"].up
        assert is_list_complete(found.server)

    async def test_configurations_are_asked_for_by_account_too(
        self, fake: FakeNats, first: Asker
    ) -> None:
        found = await first.ask(with_config=True)
        assert found.server is not None
        assert found.server.with_config
        configured = [question for question in fake.questions if "config=true" in question]
        assert len(configured) == len(HELD)
        assert all("acc=" in question for question in configured)

    async def test_few_accounts_are_asked_for_at_once(
        self, fake: FakeNats, accounts: AccountsOf
    ) -> None:
        accounts.accounts = {f"A{number}": ["S"] for number in range(40)}
        asker = Asker(fake, Shard(ordinal=0, total=2))
        found = await asker.ask()
        assert len(listed(found)) > 2 * AT_ONCE
        assert accounts.most == AT_ONCE
        await asker.source.close()

    async def test_without_shards_one_answer_brings_all(
        self, fake: FakeNats, accounts: AccountsOf
    ) -> None:
        asker = Asker(fake, WHOLE)
        found = await asker.ask()
        assert listed(found) == ACCOUNTS
        assert [q for q in fake.questions if q.startswith("/jsz")] == [
            "/jsz?consumers=true&limit=65536"
        ]
        await asker.source.close()

    async def test_an_account_that_fails_costs_its_own_data_and_makes_the_list_incomplete(
        self, accounts: AccountsOf, first: Asker
    ) -> None:
        failing, *others = HELD
        accounts.ways[failing] = fakes.says(b"broken", "500 Internal Server Error")
        found = await first.ask()
        assert listed(found) == {account: ACCOUNTS[account] for account in others}
        why = f"1 of {len(HELD)} accounts failed: {failing}: answered 500 Internal Server Error"
        assert found.error == f"jsz: {why}"
        assert found.requests["jsz"].up is False
        assert found.server is not None
        assert not is_list_complete(found.server)
        accounts.ways = {}
        found = await first.ask()
        assert found.error is None
        assert found.server is not None
        assert is_list_complete(found.server)

    async def test_an_account_that_does_not_answer_in_time_is_no_answer_of_the_others(
        self, accounts: AccountsOf, first: Asker
    ) -> None:
        failing, *others = HELD
        accounts.ways[failing] = fakes.silent
        found = await first.ask(4.0)
        assert listed(found) == {account: ACCOUNTS[account] for account in others}
        assert found.error == f"jsz: 1 of {len(HELD)} accounts failed: {failing}: no answer in time"

    @pytest.mark.waits
    async def test_an_account_that_hangs_takes_neither_time_nor_configurations_from_the_others(
        self, fake: FakeNats, accounts: AccountsOf, first: Asker
    ) -> None:
        """The server answers, so each scrape gives it all of the time, and may ask for configurations."""
        failing, *others = HELD
        accounts.ways[failing] = fakes.silent
        for with_config in (False, False, True):
            found = await first.ask(4.0, with_config=with_config)
            assert found.error is not None
            assert f"{failing}: no answer in time" in found.error
            assert set(listed(found)) == set(others)
            assert first.memory.timeouts == 0
            assert first.memory.limited(4.0) == 4.0
        configured = {q for q in fake.questions if "config=true" in q}
        assert len(configured) == len(HELD)

    @pytest.mark.waits
    async def test_a_server_of_which_no_account_answers_in_time_hangs(
        self, accounts: AccountsOf, first: Asker
    ) -> None:
        accounts.ways = dict.fromkeys(HELD, fakes.silent)
        await first.ask(2.0)
        assert first.memory.timeouts == 1

    @pytest.mark.waits
    async def test_configurations_that_came_are_kept_where_one_account_s_did_not(
        self, fake: FakeNats, accounts: AccountsOf, first: Asker, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(config_fetch, "LONGEST", 2.0)
        failing, *others = HELD
        accounts.ways[failing] = fakes.silent
        found = await first.ask(30.0, with_config=True)
        assert set(listed(found)) == set(others)
        assert found.server is not None
        assert found.server.with_config
        asked = [question for question in fake.questions if "acc=" in question]
        assert all("config=true" in question for question in asked)

    @pytest.mark.waits
    async def test_a_list_that_was_read_again_without_configurations_has_none(
        self, fake: FakeNats, accounts: AccountsOf, first: Asker, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(config_fetch, "LONGEST", 1.0)

        async def without_configurations(
            fake: FakeNats, path: str, writer: asyncio.StreamWriter
        ) -> None:
            is_asked = "config=true" in fake.questions[-1]
            await (fakes.silent if is_asked else accounts.answer)(fake, path, writer)

        fake.ways["/jsz"] = without_configurations
        found = await first.ask(30.0, with_config=True)
        assert found.error is None
        assert set(listed(found)) == set(HELD)
        assert found.server is not None
        assert not found.server.with_config

    async def test_an_account_that_is_deleted_meanwhile_is_gone_and_nothing_failed(
        self, fake: FakeNats, accounts: AccountsOf, first: Asker
    ) -> None:
        gone, *others = HELD

        accounts.before[gone] = lambda: accounts.accounts.pop(gone) and None
        found = await first.ask()
        assert found.error is None
        assert set(listed(found)) == set(others)
        assert found.server is not None
        assert is_list_complete(found.server)

    async def test_an_account_that_appears_is_read_by_the_next_scrape(
        self, accounts: AccountsOf, first: Asker
    ) -> None:
        await first.ask()
        new = next(f"N{n}" for n in range(50) if Shard(ordinal=0, total=2).holds(f"N{n}"))
        accounts.accounts[new] = ["NEW"]
        assert listed(await first.ask())[new] == ["NEW"]

    async def test_a_server_that_stops_while_its_accounts_are_read_is_asked_for_its_health_again(
        self, fake: FakeNats, accounts: AccountsOf, first: Asker
    ) -> None:
        """The answer about an account counts the streams of the whole server."""
        await first.ask()
        stopping = fakes.says(b'{"status":"unavailable","error":"not running"}', "503 Unavailable")

        def stop() -> None:
            accounts.accounts = {}
            fake.ways["/healthz"] = stopping

        accounts.before[HELD[0]] = stop
        found = await first.ask()
        assert found.server is not None
        assert not is_list_complete(found.server)

    async def test_the_list_of_accounts_is_needed(self, fake: FakeNats, first: Asker) -> None:
        fake.ways["/jsz"] = fakes.says(b'{"server_id":"ID-nats-0","accounts":3,"streams":2}')
        found = await first.ask()
        assert found.server is not None
        assert found.server.jsz is None
        assert found.error is not None
        assert "lists none of them" in found.error

    async def test_an_answer_of_another_server_or_account_is_refused(
        self, accounts: AccountsOf, first: Asker
    ) -> None:
        body = b'{"server_id":"ID-nats-0","account_details":[{"id":"Z","name":"Z"}]}'
        accounts.ways[HELD[0]] = fakes.says(body)
        accounts.ways[HELD[1]] = fakes.says(body.replace(b"ID-nats-0", b"OTHER"))
        found = await first.ask()
        assert found.error is not None
        assert "the answer is about other accounts" in found.error
        assert "a different server answered" in found.error
        assert set(listed(found)) == set(HELD[2:])


MISTAKES = {
    "an ordinal outside the total": (
        "shard: {ordinal: 4, total: 4}",
        "3: shard.ordinal: 4 is not below 4 (total); shards are counted from 0",
    ),
    "a negative ordinal": (
        "shard: {ordinal: -1, total: 4}",
        "3: shard.ordinal: expected a whole number that is not negative",
    ),
    "an ordinal that is no number": (
        "shard: {ordinal: one, total: 4}",
        "3: shard.ordinal: expected a whole number, got a string",
    ),
    "no shards": (
        "shard: {ordinal: 0, total: 0}",
        "3: shard.total: expected a whole number >= 1",
    ),
    "more shards than there can be": (
        f"shard: {{ordinal: 0, total: {MOST + 1}}}",
        f"3: shard.total: expected a whole number of at most {MOST}",
    ),
    "no ordinal": (
        "shard: {total: 4}",
        "3: shard: set ordinal or ordinal_env, so that each shard has a number",
    ),
    "two ordinals": (
        "shard: {ordinal: 1, ordinal_env: SHARD, total: 4}",
        "3: shard: ordinal and ordinal_env are mutually exclusive",
    ),
    "an unknown key": (
        "shard: {ordinal: 1, totel: 4}",
        "3: shard.totel: unknown key; allowed here: ordinal, ordinal_env, total; did you mean total?",
    ),
    "an ordinal without a total": (
        "shard: {ordinal: 1}",
        "3: shard.ordinal: 1 is not below 1 (total); shards are counted from 0",
    ),
    "an API of an account that is not named": (
        "  - accounts: [{urls: [nats://a]}]\nshard: {ordinal: 1, total: 4}",
        "3: clusters[1].accounts[0]: set account to the ID of the account, which says in which shard it is read",
    ),
    "a stream of advisories": (
        "    advisories: [{urls: [nats://a], stream: EVENTS}]\nshard: {ordinal: 1, total: 4}",
        "3: clusters[0].advisories[0].stream: cannot be used with shard, because the shards would take events "
        "from each other; remove it, so that each of them subscribes",
    ),
}


class TestConfiguration:
    @pytest.mark.parametrize(("text", "sentence"), MISTAKES.values(), ids=MISTAKES)
    def test_what_is_no_shard_is_refused_in_one_sentence(
        self, tmp_path: Path, text: str, sentence: str
    ) -> None:
        file = tmp_path / "bad.yaml"
        file.write_text(FILE + text)
        with pytest.raises(ConfigError) as caught:
            load_checked(str(file), [])
        assert str(caught.value) == f"{file}:{sentence}"

    @pytest.mark.parametrize(
        ("value", "why"),
        [
            (None, "the environment variable SHARD is not set"),
            ("", "the environment variable SHARD is empty"),
            (
                "x",
                "the environment variable SHARD is neither a number nor a name that ends in - and a number",
            ),
            (
                "-",
                "the environment variable SHARD is neither a number nor a name that ends in - and a number",
            ),
            (
                "pod-1x",
                "the environment variable SHARD is neither a number nor a name that ends in - and a number",
            ),
            (
                "٣",
                "the environment variable SHARD is neither a number nor a name that ends in - and a number",
            ),
            (
                "9" * 5000,
                "the environment variable SHARD is neither a number nor a name that ends in - and a number",
            ),
            ("4", "4 is not below 4 (total); shards are counted from 0"),
            ("pod-17", "17 is not below 4 (total); shards are counted from 0"),
        ],
    )
    def test_so_is_a_variable_that_holds_no_number(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, value: str | None, why: str
    ) -> None:
        monkeypatch.delenv("SHARD", raising=False)
        if value is not None:
            monkeypatch.setenv("SHARD", value)
        file = tmp_path / "bad.yaml"
        file.write_text(FILE + "shard: {ordinal_env: SHARD, total: 4}")
        with pytest.raises(ConfigError) as caught:
            load_checked(str(file), [])
        assert str(caught.value) == f"{file}:3: shard.ordinal_env: {why}"

    @pytest.mark.parametrize("value", ["3", "03", "jetstream-exporter-3", "a-b-1-3"])
    def test_a_number_and_a_pods_name_say_which_shard_it_is(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, value: str
    ) -> None:
        monkeypatch.setenv("SHARD", value)
        file = tmp_path / "good.yaml"
        file.write_text(FILE + "shard: {ordinal_env: SHARD, total: 4}")
        config = load_checked(str(file), [])
        assert (config.shard.number, config.shard.total) == (3, 4)

    def test_who_only_looks_looks_at_all_accounts(self, tmp_path: Path) -> None:
        file = tmp_path / "good.yaml"
        file.write_text(FILE + "shard: {ordinal_env: NOT_SET_HERE, total: 4}")
        assert load_checked(str(file), [], whole=True).shard == WHOLE


class TestSources:
    def test_links_and_clients_are_asked_for_by_the_first_shard_alone(self) -> None:
        later = Shard(ordinal=1, total=2)
        assert collected(Config(shard=Shard(ordinal=0, total=2))) == Collect()
        said = collected(Config(shard=later))
        assert (said.links, said.accounts) == (False, False)
        by_name = collected(Config(shard=later, labels=Labels(account="name")))
        assert (by_name.links, by_name.accounts) == (False, True)

    def test_a_connection_of_an_account_is_its_shards(self) -> None:
        urls = ["nats://a"]
        cluster = Cluster(
            accounts=[AccountApi(urls=urls, account="A"), AccountApi(urls=urls, account="B")],
            advisories=[Advisories(urls=urls), Advisories(urls=urls, account="B")],
        )
        built = [
            Counter(
                source.name
                for source in build_sources(
                    cluster, Collect(), Purpose.EVERYTHING, FakeLookup(), shard=shard
                )
            )
            for shard in shards(4)
        ]
        assert sum(each["account"] for each in built) == 2
        holder = next(shard.number for shard in shards(4) if shard.holds("B"))
        heard = [each["advisories"] for each in built]
        assert heard == [2 if number in (0, holder) else 1 for number in range(4)]


def three_shards(file: Path) -> None:
    file.write_text(file.read_text().replace("total: 2", "total: 3"))


class TestOverHttp:
    @pytest.fixture
    def file(self, tmp_path: Path, fake: FakeNats, accounts: AccountsOf) -> Path:
        file = tmp_path / "exporter.yaml"
        targets = f"clusters: [{{targets: ['{fake.url}']}}]\n"
        file.write_text(f"{targets}shard: {{ordinal: 1, total: 2}}\n")
        return file

    async def test_a_shard_tells_itself_and_its_accounts(self, file: Path) -> None:
        async with web(file=file) as site:
            text = await site.text("/metrics")
            for page in ("/", "/streams", "/consumers", "/api/v1/status", "/debug/sources"):
                await site.text(page)
        assert 'jetstream_exporter_shard_info{shard="1",total="2"} 1' in text
        assert 'jetstream_exporter_shards{shard="1",total="2"} 2' in text
        assert 'part="jsz-shard-1"} 1' in text
        assert "process_cpu_seconds_total" in text
        assert "nats_server_up" not in text
        for account in ACCOUNTS:
            assert (f'account="{account}"' in text) == (account not in HELD)

    async def test_the_pages_of_a_later_shard_do_not_say_that_servers_are_missing(
        self, file: Path
    ) -> None:
        async with web(file=file) as site:
            page = await site.text("/")
            server = await site.text("/server?cluster=C&server=nats-0", status=404)
        assert "No server has answered" not in page
        assert "This exporter is shard 1/2" in page
        assert "Shard 0 shows the servers." in page
        assert "Shard 0 shows the servers." in server
        assert "another shard" not in server

    @pytest.mark.parametrize(
        "path", ["/metrics?shard=0/2", "/metrics/config?shard=0/2", "/sd?shards=2"]
    )
    async def test_a_shard_has_no_slices(self, file: Path, path: str) -> None:
        name = path.partition("?")[2].partition("=")[0]
        async with web(file=file) as site:
            text = await site.text(path, status=400)
        assert text == (
            f"parameter {name}: this exporter is shard 1/2 of a cluster and has no slices; "
            "scrape /metrics of each shard\n"
        )

    async def test_a_reload_can_change_the_number_of_shards(self, file: Path) -> None:
        async with web(file=file) as site:
            await site.text("/metrics")
            three_shards(file)
            assert await site.service.reload() is None
            text = await site.text("/metrics")
        assert 'jetstream_exporter_shard_info{shard="1",total="3"} 1' in text
        mine = [name for name in ACCOUNTS if Shard(ordinal=1, total=3).holds(name)]
        assert mine != [name for name in ACCOUNTS if name not in HELD]
        for account in ACCOUNTS:
            assert (f'account="{account}"' in text) == (account in mine)
