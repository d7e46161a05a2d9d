"""The clients of each account: what is asked, what a failure costs, and the rows of what was answered."""

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest
from tests.support import fake_nats as fakes
from tests.support.closing import closing
from tests.support.fake_nats import fake_nats
from tests.support.reports import outcome, server
from tests.unit.test_monitoring import Asker

from jetstream_exporter.config.exported import Filters, Labels, Limits, Selection
from jetstream_exporter.config.schema import Config
from jetstream_exporter.config.values import read_pattern
from jetstream_exporter.report import Links, ServerReport
from jetstream_exporter.scrape.processor import Processor
from jetstream_exporter.snapshot import Server, Snapshot, merge
from jetstream_exporter.snapshot.rows import AccountClients, Traffic
from jetstream_exporter.sources.decoding import decode, refusal
from jetstream_exporter.sources.links import OF_ACCOUNTS, OF_LINKS, wanted
from jetstream_exporter.wire import Accstatz, AccstatzAnswer, Varz

RECORDED = Path(__file__).resolve().parents[1] / "payloads" / "accounts"
VERSIONS = sorted(path.name for path in RECORDED.iterdir())
PATH = "/accstatz"


def body(said: Any) -> bytes:
    return json.dumps(said).encode()


def used(*names: str, **more: Any) -> Accstatz:
    return decode(
        body({"account_statz": [{"acc": name, "conns": 1, **more} for name in names]}), Accstatz
    )


def saying(said: Accstatz, name: str = "n1") -> ServerReport:
    return msgspec.structs.replace(server(name), links=Links(accounts=said))


def exported(config: Config, *reports: ServerReport) -> Snapshot:
    outcomes = [outcome(report, f"http://{report.server_name}") for report in reports]
    return Processor(config, 0.0).process(outcomes, 1.0, 1.0)


def accounts(row: Server) -> list[str]:
    return [each.account for each in row.accounts]


@pytest.mark.parametrize("version", VERSIONS)
def test_each_account_that_was_used_has_the_figures_of_the_answer(version: str) -> None:
    """The answer lists C, $G and SYS as well, which nobody ever used."""
    said = decode((RECORDED / version / "accstatz.json").read_bytes(), Accstatz)
    (row,) = merge([saying(said)]).servers
    sent = 819 if version == "2.10.26" else 915
    assert row.accounts == [
        AccountClients("A", 1, 0, 6, Traffic(3, sent, 3, 325), 0),
        AccountClients("B", 1, 0, 5, Traffic(0, 0, 1, 2), 0),
    ]


@pytest.mark.parametrize(
    "trace",
    [
        {"conns": 1},
        {"leafnodes": 1},
        {"sent": {"msgs": 1}},
        {"received": {"msgs": 1}},
        {"slow_consumers": 1},
    ],
    ids=lambda trace: next(iter(trace)),
)
def test_an_account_whose_clients_have_left_keeps_its_counters(trace: dict[str, Any]) -> None:
    left = {"conns": 0, "num_subscriptions": 5, **trace}
    (row,) = merge([saying(used("A", **left))]).servers
    assert accounts(row) == ["A"]


def test_an_account_that_is_named_twice_is_one_series() -> None:
    answer = {"account_statz": [{"acc": "A", "conns": 1}, {"acc": "A", "conns": 2}]}
    (row,) = merge([saying(decode(body(answer), Accstatz))]).servers
    assert [(each.account, each.connections) for each in row.accounts] == [("A", 1)]


def test_subscriptions_of_the_server_itself_are_no_use_of_an_account() -> None:
    (row,) = merge([saying(used("A", conns=0, num_subscriptions=59))]).servers
    assert row.accounts == []


@pytest.mark.parametrize(
    "one",
    [{"acc": "a" * 257}, {"conns": -1}, {"sent": {"msgs": 2**64}}, {"received": 3}, None],
    ids=lambda one: repr(one)[:20],
)
def test_an_account_that_cannot_be_read_costs_no_other(one: Any) -> None:
    answer = {"account_statz": [{"acc": "A", "conns": 1}, one, {"acc": "B", "conns": 1}]}
    said = decode(body({"server": {"id": "X"}, "data": answer}), AccstatzAnswer)
    assert said.data is not None
    assert [each.acc for each in said.data.account_statz] == ["A", "B"]
    assert str(refusal(said.data)).startswith("1 part(s) cannot be read")


def test_each_server_keeps_as_many_accounts_as_any_other_and_the_rest_is_counted() -> None:
    many = [saying(used(*(f"A{i:03}" for i in range(100))), name) for name in ("n1", "n2")]
    snapshot = exported(Config(limits=Limits(server_accounts=10)), *many)
    assert [accounts(row) for row in snapshot.servers] == [[f"A{i:03}" for i in range(5)]] * 2
    assert snapshot.exporter is not None
    assert snapshot.exporter.dropped["server_account"] == 190
    assert snapshot.exporter.objects["server_account"] == 10


def test_accounts_that_are_not_wanted_are_not_exported() -> None:
    only_b = Filters(accounts=Selection(include=[read_pattern("B")]))
    (row,) = exported(Config(filters=only_b), saying(used("A", "B"))).servers
    assert accounts(row) == ["B"]


def test_an_account_without_streams_is_labelled_by_its_name_where_that_is_asked_for() -> None:
    said = decode(
        body({"account_statz": [{"acc": "AIDS", "name": "orders", "conns": 1}]}), Accstatz
    )
    (row,) = exported(Config(labels=Labels(account="name")), saying(said)).servers
    assert accounts(row) == ["orders"]


def test_accounts_that_one_source_did_not_get_come_from_the_other() -> None:
    for reports in ([saying(used("A")), server("n1")], [server("n1"), saying(used("A"))]):
        (row,) = merge(reports).servers
        assert accounts(row) == ["A"]


def test_every_server_is_asked_for_its_accounts_unless_that_is_turned_off() -> None:
    assert wanted(Varz(server_id="X"), OF_ACCOUNTS | OF_LINKS) == ["accstatz"]
    assert wanted(Varz(server_id="X"), OF_LINKS) == []
    assert wanted(None, OF_ACCOUNTS) == []


async def asked(url: str) -> Any:
    async with closing(Asker([url], further=OF_ACCOUNTS)) as asker:
        return (await asker.ask())[url]


async def test_accounts_that_are_unused_are_asked_for_since_they_may_have_been_used() -> None:
    async with fake_nats("n1") as fake:
        fake.ways[PATH] = fakes.says(body({"account_statz": [{"acc": "A", "conns": 2}]}))
        said = await asked(fake.url)
        assert fake.questions.count(f"{PATH}?unused=1") == 1
        assert said.requests["accstatz"].up
        assert said.server.links.accounts.account_statz[0].conns == 2


async def test_a_request_for_accounts_that_fails_costs_its_own_part() -> None:
    async with fake_nats("n1") as fake:
        fake.ways[PATH] = fakes.says(b"", "403 Forbidden")
        said = await asked(fake.url)
        assert said.error is None
        assert [name for name, result in said.requests.items() if not result.up] == ["accstatz"]
        assert said.server.links.accounts is None
