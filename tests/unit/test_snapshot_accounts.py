"""Clusters and accounts of equal names are not mixed."""

import pytest
from tests.support.merging import merged
from tests.support.reports import server, stream, unreplicated

from jetstream_exporter.snapshot import LabelOptions
from jetstream_exporter.snapshot.rows import AccountStore
from jetstream_exporter.snapshot.units import UNLIMITED
from jetstream_exporter.wire import AccountDetail, ApiStats, StreamDetail

# Two clusters, accounts.


def test_two_clusters_with_equal_names_inside_do_not_mix() -> None:
    one = server("n1", stream("S", unreplicated("n1"), messages=1, replicas=1), cluster="A")
    two = server("n1", stream("S", unreplicated("n1"), messages=2, replicas=1), cluster="B")
    snapshot = merged(one, two)
    assert [(row.cluster, row.figures.messages) for row in snapshot.streams if row.figures] == [
        ("A", 1),
        ("B", 2),
    ]
    assert [(row.cluster, row.name, row.up) for row in snapshot.servers] == [
        ("A", "n1", True),
        ("B", "n1", True),
    ]


def test_the_configured_name_tells_clusters_of_one_name_apart() -> None:
    one = server("n1", stream("S", unreplicated("n1"), messages=1, replicas=1), cluster_name="east")
    two = server("n1", stream("S", unreplicated("n1"), messages=2, replicas=1), cluster_name="west")
    assert [row.cluster for row in merged(one, two).streams] == ["east", "west"]


def account(name: str, identity: str, *streams: StreamDetail, **more: int) -> AccountDetail:
    return AccountDetail(name=name, id=identity, stream_detail=list(streams), **more)  # type: ignore[arg-type]


def test_equal_stream_names_in_two_accounts_are_two_streams() -> None:
    said = [
        account("a", "A1", stream("S", unreplicated("n1"), messages=1, replicas=1)),
        account("b", "B1", stream("S", unreplicated("n1"), messages=2, replicas=1)),
    ]
    snapshot = merged(server("n1", accounts=said))
    assert [(row.account, row.figures.messages) for row in snapshot.streams if row.figures] == [
        ("A1", 1),
        ("B1", 2),
    ]


def labels(*accounts: AccountDetail) -> list[tuple[str, str]]:
    snapshot = merged(
        server("n1", accounts=accounts), label_options=LabelOptions(account_by_name=True)
    )
    return [(row.id, row.name) for row in snapshot.accounts]


def test_an_account_may_be_called_by_its_name() -> None:
    assert labels(account("orders", "ID1")) == [("orders", "orders")]


def test_two_accounts_of_one_name_keep_their_ids() -> None:
    assert labels(account("same", "ID2"), account("same", "ID1")) == [
        ("ID1", "same"),
        ("ID2", "same"),
    ]


def test_a_name_that_is_another_s_id_is_not_used() -> None:
    assert labels(account("", "ID1"), account("ID1", "ID2")) == [("ID1", ""), ("ID2", "ID1")]


def test_an_account_whose_name_is_its_id_keeps_it() -> None:
    assert labels(account("APP", "APP")) == [("APP", "APP")]


def test_of_an_account_s_figures_the_highest_counts() -> None:
    """Every server says the whole cluster's; one that catches up says less."""
    behind = account("A", "A", storage=10, memory=1, reserved_storage=UNLIMITED)
    right = account("A", "A", storage=30, memory=4, reserved_storage=UNLIMITED, reserved_memory=100)
    right.api = ApiStats(total=7, errors=2)
    (row,) = merged(server("n1", accounts=[behind]), server("n2", accounts=[right])).accounts
    assert (AccountStore(30, None), AccountStore(4, 100)) == (row.file, row.memory)
    assert (row.api_requests, row.api_errors) == (7, 2)


@pytest.mark.parametrize(
    ("file", "memory", "expected"),
    [
        (1000, 0, (1000, 0)),
        (UNLIMITED, 0, (None, 0)),
        (UNLIMITED, UNLIMITED, (None, None)),
        (0, 0, (None, None)),
    ],
)
def test_an_account_that_may_store_nothing_in_memory_is_limited_to_0(
    file: int, memory: int, expected: object
) -> None:
    """What a JWT leaves out is 0, not unlimited; both are 0 where the limits are set by tier."""
    said = account("A", "A", reserved_storage=file, reserved_memory=memory)
    (row,) = merged(server("n1", accounts=[said])).accounts
    assert expected == (row.file.limit, row.memory.limit)


# What is said aloud.


def test_two_accounts_of_one_name_are_said_aloud_where_names_are_the_label() -> None:
    mute = server("n0")
    mute.jsz = None
    said = server(
        "n1", accounts=[account("same", "ID1"), account("same", "ID2"), account("x", "X")]
    )
    label_options = LabelOptions(account_by_name=True)
    assert merged(mute, said, label_options=label_options).conflicts == [
        "2 accounts of the cluster C have the name same; their label is the ID"
    ]
    assert merged(mute, said).conflicts == []


def test_accounts_of_which_a_server_says_no_name_are_no_conflict() -> None:
    """Servers before 2.11 name no account in accstatz."""
    said = server("n1", accounts=[account("", "ID1"), account("", "ID2")])
    options = LabelOptions(account_by_name=True)
    assert merged(said, label_options=options).conflicts == []
