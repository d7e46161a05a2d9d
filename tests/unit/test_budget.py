"""What is exported where there is more than the limits allow: by worth, fairly, and always the same."""

import random

import pytest
from tests.support.reports import BORN, consumer, led, outcome, peer, server, stream, unreplicated

from jetstream_exporter.config.exported import Filters, Limits
from jetstream_exporter.config.schema import Config
from jetstream_exporter.report import ServerReport
from jetstream_exporter.scrape.processor import Processor
from jetstream_exporter.snapshot import Snapshot
from jetstream_exporter.wire import (
    AccountDetail,
    ConsumerDetail,
    Listener,
    MetaCluster,
    Source,
    StreamDetail,
)


def exported(*reports: ServerReport, ephemeral: bool = True, **limits: int) -> Snapshot:
    config = Config(limits=Limits(**limits), filters=Filters(ephemeral_consumers=ephemeral))
    said = [outcome(report, f"http://{i}") for i, report in enumerate(reports)]
    return Processor(config, 0.0).process(said, 1.0, 1.0)


def a_stream(name: str, *consumers: ConsumerDetail) -> StreamDetail:
    return stream(name, unreplicated("n1"), *consumers, replicas=1)


def durable(name: str, **more: bool) -> ConsumerDetail:
    return consumer(name, unreplicated("n1"), **more)  # type: ignore[arg-type]


def names(snapshot: Snapshot) -> list[str]:
    return [f"{row.stream}/{row.name}" for row in snapshot.consumers]


def dropped(snapshot: Snapshot) -> dict[str, int]:
    assert snapshot.exporter is not None
    return snapshot.exporter.dropped


SESSIONS = a_stream("$MQTT_msgs", *[durable(f"c{i}") for i in range(9)])
BUCKET = a_stream("KV_settings", durable("reader"))
FILES = a_stream("OBJ_files", durable("reader"))
ORDERS = a_stream(
    "ORDERS",
    durable("JS_SRC_copy"),
    durable("aaa", durable=False),
    durable("billing"),
    durable("shipping"),
)


@pytest.mark.parametrize(
    ("limit", "expected"),
    [
        (2, ["ORDERS/billing", "ORDERS/shipping"]),
        (4, ["KV_settings/reader", "OBJ_files/reader", "ORDERS/billing", "ORDERS/shipping"]),
        (
            5,
            [
                "KV_settings/reader",
                "OBJ_files/reader",
                "ORDERS/aaa",
                "ORDERS/billing",
                "ORDERS/shipping",
            ],
        ),
    ],
)
def test_sessions_copies_ephemerals_and_buckets_give_way_to_durable_consumers(
    limit: int, expected: list[str]
) -> None:
    snapshot = exported(server("n1", SESSIONS, BUCKET, FILES, ORDERS), consumers=limit)
    assert names(snapshot) == expected
    assert dropped(snapshot)["consumer"] == 15 - limit


def test_the_same_consumers_are_kept_whatever_the_order_of_the_answer() -> None:
    consumers = [durable(f"c{i}") for i in range(20)]
    expected = names(exported(server("n1", a_stream("S", *consumers)), consumers=7))
    random.Random(1).shuffle(consumers)
    assert names(exported(server("n1", a_stream("S", *consumers)), consumers=7)) == expected
    assert expected == sorted(expected)


def test_streams_of_mqtt_and_of_buckets_give_way_to_the_others() -> None:
    streams = [a_stream(name) for name in ("$MQTT_msgs", "KV_a", "OBJ_b", "orders")]
    snapshot = exported(server("n1", *streams), streams=2)
    assert [row.name for row in snapshot.streams] == ["KV_a", "orders"]
    assert dropped(snapshot)["stream"] == 2


def test_an_account_that_makes_many_consumers_does_not_push_out_another_s() -> None:
    greedy = a_stream("S", *[durable(f"c{i:03}") for i in range(200)])
    small = a_stream("S", *[durable(f"d{i}") for i in range(5)])
    accounts = [
        AccountDetail(name="A", id="A", stream_detail=[greedy]),
        AccountDetail(name="Z", id="Z", stream_detail=[small]),
    ]
    snapshot = exported(server("n1", accounts=accounts), consumers=50)
    assert sum(row.account == "Z" for row in snapshot.consumers) == 5
    assert sum(row.account == "A" for row in snapshot.consumers) == 45


def test_accounts_with_streams_are_kept_before_100_000_without() -> None:
    idle = [AccountDetail(name=f"a{i}", id=f"a{i}") for i in range(1000)]
    busy = AccountDetail(name="zoo", id="zoo", stream_detail=[a_stream("S")])
    snapshot = exported(server("n1", accounts=[*idle, busy]), accounts=10)
    assert len(snapshot.accounts) == 10
    assert "zoo" in [row.id for row in snapshot.accounts]
    assert dropped(snapshot)["account"] == 991


def test_servers_that_answer_are_kept_before_any_number_that_one_of_them_names() -> None:
    members = [peer(f"m{i:05}") for i in range(50_000)]
    meta = MetaCluster(leader="n1", replicas=members, cluster_size=50_001)
    snapshot = exported(server("n1", meta=meta), server("zz"), servers=100, meta_peers=30)
    assert len(snapshot.servers) == 100
    assert {"n1", "zz"} <= {row.name for row in snapshot.servers}
    assert [len(row.members) for row in snapshot.metas] == [30]
    assert snapshot.metas[0].peers == 50_001
    assert dropped(snapshot)["meta_peer"] == 49_970
    assert dropped(snapshot)["server"] == 50_002 - 100


def test_the_sources_of_one_stream_do_not_push_out_another_stream_s() -> None:
    many = stream(
        "A", unreplicated("n1"), replicas=1, sources=[Source(f"s{i:05}") for i in range(3000)]
    )
    few = stream("B", unreplicated("n1"), replicas=1, sources=[Source("one"), Source("two")])
    snapshot = exported(server("n1", many, few), stream_sources=100)
    assert [len(row.sources) for row in snapshot.streams] == [98, 2]
    assert dropped(snapshot)["stream_source"] == 2902


def test_replicas_and_listeners_have_a_limit_each() -> None:
    report = server("n1", stream("S", led("n1", *(f"p{i}" for i in range(9)))))
    assert report.varz is not None
    report.varz.cluster = Listener(name="C", tls_cert_not_after=BORN)
    report.varz.tls_cert_not_after = BORN
    snapshot = exported(report, replicas=4, tls_listeners=1)
    assert [len(row.replicas) for row in snapshot.streams] == [4]
    assert dropped(snapshot)["replica"] == 5
    assert dropped(snapshot)["tls_listener"] == 1
    (row,) = [row for row in snapshot.servers if row.process]
    assert row.process is not None
    assert len(row.process.certificates) == 1


def test_within_the_limits_nothing_is_dropped_and_every_kind_says_0() -> None:
    snapshot = exported(server("n1", SESSIONS, ORDERS))
    assert snapshot.exporter is not None
    assert dropped(snapshot) == dict.fromkeys(snapshot.exporter.objects, 0)
