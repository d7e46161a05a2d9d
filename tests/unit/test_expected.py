"""What the configuration expects: there, missing, or not known because somebody has not answered."""

import msgspec
import pytest
from structlog.testing import capture_logs
from tests.support.everything import api
from tests.support.reports import (
    consumer,
    follows,
    led,
    outcome,
    peer,
    server,
    stream,
    unreplicated,
)

from jetstream_exporter.config.expect import Expected, ExpectedAccount
from jetstream_exporter.config.exported import Filters, Selection
from jetstream_exporter.config.schema import Config
from jetstream_exporter.config.values import read_pattern
from jetstream_exporter.report import PROBE, Health, Outcome, RequestResult, ServerReport
from jetstream_exporter.scrape.processor import Processor
from jetstream_exporter.wire import AccountDetail, MetaCluster, RaftGroup, StreamDetail

EXPECTED = Expected(
    servers=["n1"],
    accounts=[
        ExpectedAccount(account="APP", streams=["S", "GONE"], consumers=["S/c", "S/gone", "GONE/c"])
    ],
)
NAMES = ("n1", "n2", "n3")


def held(name: str) -> StreamDetail:
    others = [other for other in NAMES if other != name]

    def group() -> RaftGroup:
        return led("n1", *others) if name == "n1" else follows("n1", *others)

    return stream("S", group(), consumer("c", group()))


def cluster(*answering: str, health: Health | None = Health(200)) -> list[ServerReport]:  # noqa: B008
    peers = [peer("n2"), peer("n3")]
    return [
        server(name, held(name), health=health, meta=MetaCluster("C", "n1", peers, 3))
        for name in answering
    ]


def present(
    outcomes: list[Outcome],
    expected: Expected = EXPECTED,
    filters: Filters = Filters(),  # noqa: B008
) -> dict[str, bool | None]:
    config = Config(expect=[expected], filters=filters)
    rows = Processor(config, 0.0).process(outcomes, 1.0, 1.0).expected
    return {row.name: row.present for row in rows}


def asked(*answering: str) -> list[Outcome]:
    outcomes = [outcome(report, report.server_name) for report in cluster(*answering)]
    return outcomes + [outcome(None, name) for name in NAMES if name not in answering]


def test_what_no_server_lists_is_missing_where_all_have_answered() -> None:
    assert present(asked(*NAMES)) == {
        "n1": True,
        "S": True,
        "S/c": True,
        "GONE": False,
        "S/gone": False,
        "GONE/c": False,
    }


def test_while_a_server_does_not_answer_nothing_is_missing() -> None:
    assert present(asked("n1", "n2")) == {
        "n1": True,
        "S": True,
        "S/c": True,
        "GONE": None,
        "S/gone": None,
        "GONE/c": None,
    }


def test_a_server_that_starts_may_hold_it() -> None:
    starting = Health(503, "JetStream is still recovering meta layer")
    outcomes = [outcome(report, report.server_name) for report in cluster("n1", "n2")]
    (late,) = cluster("n3", health=starting)
    assert present([*outcomes, outcome(late, "n3")])["GONE"] is None


def test_an_object_that_is_not_exported_is_not_missing() -> None:
    filters = Filters(streams=Selection(include=[read_pattern("another")]))
    assert present(asked(*NAMES), filters=filters) == present(asked(*NAMES))


def test_a_server_is_missing_where_nobody_names_it_and_down_where_somebody_does() -> None:
    servers = Expected(servers=["n3", "n9"])
    assert present(asked(*NAMES), servers) == {"n3": True, "n9": False}
    assert present(asked("n1", "n2"), servers) == {"n3": None, "n9": None}


def test_an_account_is_found_by_its_name_too() -> None:
    details = [
        AccountDetail(
            name="shop", id="AAAA", stream_detail=[stream("S", unreplicated("n1"), replicas=1)]
        )
    ]
    said = [outcome(server("n1", cluster="", accounts=details), "n1")]
    by_name = Expected(accounts=[ExpectedAccount(account="shop", streams=["S", "T"])])
    assert present(said, by_name) == {"S": True, "T": False}
    other = Expected(accounts=[ExpectedAccount(account="APP", streams=["S"])])
    assert present(said, other) == {"S": False}


def test_a_part_that_cannot_be_read_may_be_what_is_missing() -> None:
    said = cluster(*NAMES)
    assert said[1].jsz is not None
    said[1].jsz.refused.append("APP GONE cannot be read")
    outcomes = [outcome(report, report.server_name) for report in said]
    assert present(outcomes)["GONE"] is None


def test_a_probe_of_one_server_expects_nothing() -> None:
    outcomes = [msgspec.structs.replace(asked(*NAMES)[0], entry=PROBE)]
    assert present(outcomes) == {}


API = Expected(
    accounts=[
        ExpectedAccount(
            account="APP", streams=["ORDERS", "FUTURE", "GONE"], consumers=["ORDERS/worker"]
        ),
        ExpectedAccount(account="OTHER", streams=["S"]),
    ]
)


def test_without_servers_the_list_of_the_account_s_api_counts() -> None:
    """A stream that its servers do not answer for is in that list."""
    assert present([api()], API) == {
        "ORDERS": True,
        "FUTURE": True,
        "GONE": False,
        "ORDERS/worker": True,
        "S": None,
    }


@pytest.mark.parametrize("part", ["streams", "consumers"])
def test_an_api_that_could_not_list_everything_misses_nothing(part: str) -> None:
    said = api()
    said.requests[part] = RequestResult(False, "timeout")
    assert present([said], API)["GONE"] is None


def test_a_cluster_that_is_not_known_is_told_once() -> None:
    processor = Processor(Config(expect=[Expected(cluster="prod", servers=["n1"])]), 0.0)
    with capture_logs() as logs:
        for now in (1.0, 2.0):
            assert processor.process(asked(*NAMES), now, now).expected == []
    told = [entry for entry in logs if "expects objects in a cluster" in entry["event"]]
    assert [entry["cluster"] for entry in told] == ["prod"]


def test_while_nobody_answers_nothing_is_missing() -> None:
    assert set(present([outcome(None, "n1")]).values()) <= {None}
