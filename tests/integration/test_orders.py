"""The ORDERS workload on real servers: what is promised to the stream, and what it does to a message."""

import asyncio
import logging
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import nats
import pytest
from nats.aio.client import Client

from jetstream_exporter.demo.child import Child, until
from jetstream_exporter.demo.cluster import Cluster
from jetstream_exporter.demo.create import create_stream
from jetstream_exporter.demo.orders import streams
from jetstream_exporter.demo.orders.order import Order
from jetstream_exporter.demo.orders.producer import POISON, Pace
from jetstream_exporter.demo.orders.publisher import Publisher
from jetstream_exporter.demo.orders.replay import replay
from jetstream_exporter.demo.orders.retry import Backoff, GaveUpError
from jetstream_exporter.demo.orders.work import Work
from jetstream_exporter.demo.orders.workload import Workload

NANO = 1_000_000_000
AN_ORDER = Order("order-1", "customer-1", 995)


@pytest.fixture
async def server() -> AsyncIterator[Cluster]:
    async with Cluster(size=1) as cluster:
        yield cluster


@pytest.fixture
async def nc(server: Cluster) -> AsyncIterator[Client]:
    async with await nats.connect(server.urls) as nc:
        yield nc


async def test_the_stream_is_what_the_workload_promises_and_a_second_creation_changes_nothing(
    nc: Client,
) -> None:
    await streams.ensure_stream(nc, streams.orders(replicas=1))
    first = await nc.jetstream().stream_info("ORDERS")
    await streams.ensure_stream(nc, streams.orders(replicas=1))
    second = await nc.jetstream().stream_info("ORDERS")
    said = second.config.as_dict()
    expected = {
        "subjects": ["orders.>"],
        "retention": "limits",
        "max_age": 72 * 3600 * NANO,
        "max_bytes": 1 << 30,
        "max_msgs": 1_000_000,
        "storage": "file",
        "discard": "old",
        "duplicate_window": 600 * NANO,
    }
    assert {key: said[key] for key in expected} == expected
    assert first.created == second.created
    assert streams.orders().num_replicas == 3


async def test_a_stream_with_another_configuration_is_an_error_and_stays_as_it_is(
    nc: Client,
) -> None:
    js = nc.jetstream()
    await create_stream(js, name="ORDERS", subjects=["orders.>"], max_age=3600)
    with pytest.raises(
        streams.ConflictError,
        match=r"stream ORDERS exists .* was not changed: .*max_age is 3600\.0 instead of 259200",
    ):
        await streams.ensure_stream(nc, streams.orders(replicas=1))
    assert (await js.stream_info("ORDERS")).config.max_age == 3600
    await js.delete_stream("ORDERS")
    await create_stream(js, name="OTHER", subjects=["orders.created"])
    with pytest.raises(streams.ConflictError, match=r"another stream has one of the subjects"):
        await streams.ensure_stream(nc, streams.orders(replicas=1))


async def test_a_consumer_with_another_configuration_is_an_error_and_stays_as_it_is(
    nc: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    await streams.ensure_stream(nc, streams.orders(replicas=1))
    for wanted in (streams.processor(), streams.batch_processor()):
        await streams.ensure_consumer(nc, wanted)
        await streams.ensure_consumer(nc, wanted)
        changed = wanted.evolve(max_deliver=7)
        with pytest.raises(
            streams.ConflictError, match=rf"max_deliver is {wanted.max_deliver} instead"
        ):
            await streams.ensure_consumer(nc, changed)
        with pytest.raises(streams.ConflictError, match=r"by another client"):
            await streams._create_consumer(nc, changed, "ORDERS", "consumer")
        info = await nc.jetstream().consumer_info("ORDERS", str(wanted.name))
        assert info.config.max_deliver == wanted.max_deliver


async def test_an_order_published_again_is_stored_once_and_shown_as_a_duplicate(
    nc: Client, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    await streams.ensure_stream(nc, streams.orders(replicas=1))
    publisher = Publisher(nc)
    assert not (await publisher.publish(AN_ORDER)).duplicate
    assert (await publisher.publish(AN_ORDER)).duplicate
    assert (await nc.jetstream().stream_info("ORDERS")).state.messages == 1
    said = [record.getMessage() for record in caplog.records]
    assert "order order-1 stored: stream ORDERS, sequence 1" in said
    assert "order order-1 is a duplicate: stream ORDERS has it as sequence 1" in said


async def test_a_publisher_gives_up_after_its_attempts_and_says_why(nc: Client) -> None:
    publisher = Publisher(nc, Backoff(first=0.001, attempts=3))
    with pytest.raises(GaveUpError, match=r"publishing order-1 failed 3 times; last error: .*no "):
        await publisher.publish(AN_ORDER)


def test_the_pauses_of_a_backoff_double_up_to_their_bound() -> None:
    assert list(Backoff(first=1, longest=5, attempts=6).pauses()) == [1, 2, 4, 5, 5]


async def test_a_poison_message_becomes_a_dead_letter_of_each_consumer_as_it_came() -> None:
    async with Cluster(size=3) as cluster, await nats.connect(cluster.urls) as nc:
        js = nc.jetstream()
        pace = Pace(rate=50, duplicate_every=5, poison_at=3)
        async with Workload(cluster.urls, pace=pace, replay_after=None):

            async def both_are_there() -> bool:
                state = (await js.stream_info("ORDERS_deadletter")).state
                return bool(state.messages == 2)

            await until("two dead letters", both_are_there, 25)
        letters = [await js.get_msg("ORDERS_deadletter", seq) for seq in (1, 2)]
        original = await js.get_msg("ORDERS", int(letters[0].headers["Dead-Letter-Sequence"]))
        assert {letter.data for letter in letters} == {POISON} == {original.data}
        assert {letter.subject for letter in letters} == {"ORDERS.deadletter"}
        by_consumer = {letter.headers["Dead-Letter-Consumer"]: letter.headers for letter in letters}
        assert by_consumer.keys() == {"orders-processor-v1", "orders-batch-processor"}
        said = by_consumer["orders-processor-v1"]
        assert said["Dead-Letter-Deliveries"] == "5"
        assert by_consumer["orders-batch-processor"]["Dead-Letter-Deliveries"] == "3"
        assert said["Dead-Letter-Stream"] == "ORDERS"
        assert said["Dead-Letter-Subject"] == "orders.created"
        assert said["Dead-Letter-Nats-Msg-Id"] == original.headers["Nats-Msg-Id"]
        assert said["Dead-Letter-Stored"] == original.time.isoformat()


async def test_leaving_the_workload_drains_it_and_a_second_run_goes_on_where_it_was(
    server: Cluster, nc: Client
) -> None:
    js = nc.jetstream()
    pace = Pace(rate=100, duplicate_every=0, poison_at=0)
    floors = [0]
    for _ in range(2):
        gate = asyncio.Event()

        async def wait_at_the_gate(_order: Order, gate: asyncio.Event = gate) -> None:
            await gate.wait()

        async def some_are_in_hand() -> bool:
            try:
                return (await js.consumer_info("ORDERS", "orders-processor-v1")).num_ack_pending > 5
            except nats.js.errors.NotFoundError:
                return False

        async with Workload(
            server.urls,
            replicas=1,
            pace=pace,
            replay_after=None,
            processing=wait_at_the_gate,
            batching=Work(seconds=0.001, fail_every=0),
        ):
            await until("orders in hand", some_are_in_hand, 20)
            gate.set()
        for name in ("orders-processor-v1", "orders-batch-processor"):

            async def nothing_is_left(name: str = name) -> bool:
                return (await js.consumer_info("ORDERS", name)).num_ack_pending == 0

            # The server may still be reading the last acknowledgements; redelivery would take 30 s.
            await until(f"no unacknowledged order of {name}", nothing_is_left, 15)
        floors.append(
            (await js.consumer_info("ORDERS", "orders-processor-v1")).ack_floor.stream_seq
        )
    assert floors == sorted(set(floors))


async def test_a_new_durable_name_replays_all_orders_and_leaves_no_consumer_behind(
    nc: Client,
) -> None:
    await streams.ensure_stream(nc, streams.orders(replicas=1))
    publisher = Publisher(nc)
    for number in range(70):
        await publisher.publish(Order(f"order-{number}", "c", number))
    seen: list[str] = []

    async def handle(order: Order) -> None:
        seen.append(order.id)

    assert await replay(nc, "orders-replay-1", handle, asyncio.Event()) == 70
    assert seen == [f"order-{number}" for number in range(70)]
    assert await nc.jetstream().consumers_info("ORDERS") == []


async def test_a_role_alone_drains_on_sigterm_and_says_a_conflict_in_one_sentence(
    server: Cluster, nc: Client, tmp_path: Path
) -> None:
    def role(name: str) -> Child:
        command = [sys.executable, "-m", "jetstream_exporter.demo.orders", name]
        return Child(
            name, [*command, "--server", server[0].url, "--replicas", "1"], tmp_path / name
        )

    js = nc.jetstream()
    publisher = role("publisher")
    publisher.spawn()

    async def is_publishing() -> bool:
        try:
            return bool((await js.stream_info("ORDERS")).state.messages > 3)
        except nats.js.errors.NotFoundError:
            return False

    await until("a few orders", is_publishing, 20)
    await publisher.stop(10)
    assert publisher.returncode == 0
    await js.delete_stream("ORDERS")
    await create_stream(js, name="ORDERS", subjects=["elsewhere"])
    processor = role("processor")
    processor.spawn()
    await processor.ended(20)
    assert processor.returncode == 1
    said = processor.log.read_text()
    assert said.startswith("orders: stream ORDERS exists with a different configuration")
    assert said.count("\n") == 1
