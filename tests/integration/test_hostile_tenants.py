"""What a tenant sends costs that tenant: others' streams are there, and their receiving events."""

import asyncio
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import Any

import nats
import pytest
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.js.api import ConsumerConfig
from tests.support import sources
from tests.support.exporter import Exporter, Samples, eventually, exporter

from jetstream_exporter.demo.cluster import Cluster, account
from jetstream_exporter.demo.create import create_consumer, create_stream

GIVEN_UP = "jetstream_consumer_max_deliveries_total"
GAPS = "jetstream_exporter_advisory_gaps_total"
REFUSED = "jetstream_exporter_events_refused_total"
SUBJECT = "$JS.EVENT.ADVISORY.CONSUMER.MAX_DELIVERIES.S.c"
STREAMS = "jetstream_stream_messages"
DROPPED = "jetstream_exporter_objects_dropped"
UP = "jetstream_exporter_source_up"
LIE = b'{"total":1,"streams":[{"config":{"name":"S"},"state":{"messages":9},"cluster":{"name":"X","leader":"n"}}]}'
DEEP = b'{"x":' * 20_000
HUGE = int("9" * 400)


def event(**more: Any) -> bytes:
    said = {"type": "io.nats.jetstream.advisory.v1.max_deliver", "stream": "S", "consumer": "c"}
    return json.dumps(said | {"stream_seq": 1, "deliveries": 5} | more).encode()


HOSTILE = [
    DEEP,
    b"",
    b"\xff",
    b"[]",
    event(ack_time=HUGE),
    event(deliveries=HUGE),
    event(stream="x" * 300),
    event(id="x" * 500_000, stream="x" * 300),
]


@asynccontextmanager
async def tenant(cluster: Cluster, user: str, *more: str) -> AsyncIterator[Client]:
    """A tenant with a stream S and its consumer c, and with more streams."""
    async with await nats.connect(cluster.urls_for(user)) as nc:
        js = nc.jetstream(timeout=20)
        await create_stream(js, name="S", subjects=["s"])
        await create_consumer(js, "S", ConsumerConfig(durable_name="c", ack_policy="explicit"))
        for name in more:
            await create_stream(js, name=name, subjects=["$JS.EVENT.>"])
        yield nc


def two_tenants() -> dict[str, Any]:
    return {"A": account("a"), "B": account("b")}


async def ready(running: Exporter, consumers: int) -> None:
    await running.until("zeros", lambda s: s.all(GIVEN_UP, consumer="c") == [0] * consumers)


async def test_hostile_events_are_counted_settled_and_cost_no_other(tmp_path: Path) -> None:
    async with (
        Cluster(size=1, accounts={"A": account("a")}) as cluster,
        tenant(cluster, "a", "EVENTS") as nc,
    ):
        advisories = sources.login(cluster, tmp_path, "a") | {"stream": "EVENTS"}
        config = sources.settings(targets=cluster.monitor_urls, advisories=[advisories])
        async with exporter(tmp_path, config=config) as running:
            await ready(running, 1)
            for body in HOSTILE:
                await nc.publish(SUBJECT, body)
                await nc.publish(SUBJECT, event())
            samples = await running.until(
                "every good event", lambda s: s.get(GIVEN_UP, consumer="c") == len(HOSTILE)
            )
            assert sum(samples.all(REFUSED)) == len(HOSTILE)
            assert samples.all("jetstream_exporter_source_up") == [1, 1]
            assert "sequence=1 " in running.log() + " "

            async def is_settled() -> bool:
                info = await nc.jetstream(timeout=20).consumer_info("EVENTS", "jetstream-exporter")
                await running.scrape()
                return info.num_pending == info.num_ack_pending == 0

            await eventually("the end of the stream", is_settled)


def with_headers(headers: bytes) -> bytes:
    size = len(headers)
    return b"HPUB %s %d %d\r\n%s{\r\n" % (SUBJECT.encode(), size, size + 1, headers)


ODD_MESSAGES = [
    b"PUB $JS.EVENT.ADVISORY.CONSUMER.MAX_DELIVERIES.S.\xff\xfe 1\r\n{\r\n",
    *(with_headers(h) for h in (b"X", b"NATS/1.0", b"NATS/1.0 404 \xff\r\n\r\n", b"\r\n\r\n")),
]


async def publish_raw(cluster: Cluster, user: str, lines: bytes) -> None:
    """Publish what no library would: servers look at neither the letters of a subject nor at headers."""
    host, _, port = cluster.urls[0].rpartition("/")[2].rpartition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    with closing(writer):
        await reader.readline()
        login = json.dumps({"verbose": False, "headers": True, "user": user, "pass": user})
        writer.write(f"CONNECT {login}\r\n".encode() + lines + b"PING\r\n")
        assert await reader.readline() == b"PONG\r\n"
    await writer.wait_closed()


@pytest.mark.parametrize("stream", ["EVENTS", ""], ids=["captured", "subscribed"])
async def test_odd_subjects_and_headers_are_refused_and_end_no_connection(
    tmp_path: Path, stream: str
) -> None:
    async with (
        Cluster(size=1, accounts={"A": account("a")}) as cluster,
        tenant(cluster, "a", *([stream] if stream else [])) as nc,
    ):
        advisories = sources.login(cluster, tmp_path, "a") | ({"stream": stream} if stream else {})
        config = sources.settings(targets=cluster.monitor_urls, advisories=[advisories])
        async with exporter(tmp_path, config=config) as running:
            await ready(running, 1)
            for lines in ODD_MESSAGES:
                await publish_raw(cluster, "a", lines)
                await nc.publish(SUBJECT, event())
            count = len(ODD_MESSAGES)
            samples = await running.until(
                "every good event", lambda s: s.get(GIVEN_UP, consumer="c") == count
            )
            assert sum(samples.all(REFUSED)) == count
            assert sum(samples.all(GAPS)) == 0


async def counts_for_a_alone(cluster: Cluster, a: Client, folder: Path) -> None:
    """An event that A publishes and that names B counts on A's consumer, and not on B's."""
    both = [sources.login(cluster, folder, user) for user in ("a", "b")]
    config = sources.settings(targets=cluster.monitor_urls, advisories=both)
    async with exporter(folder, config=config) as running:
        await ready(running, 2)
        await a.publish(SUBJECT, event(account="B"))
        samples = await running.until(
            "the event", lambda s: s.get(GIVEN_UP, account="A", consumer="c") == 1
        )
        assert samples.get(GIVEN_UP, account="B", consumer="c") == 0


async def test_an_event_counts_for_the_account_it_was_published_in(tmp_path: Path) -> None:
    async with (
        Cluster(size=1, accounts=two_tenants()) as cluster,
        tenant(cluster, "a") as a,
        tenant(cluster, "b"),
    ):
        await counts_for_a_alone(cluster, a, tmp_path)


async def test_who_answers_like_a_server_is_not_taken_for_the_system_account(
    tmp_path: Path,
) -> None:
    async with (
        Cluster(size=1, accounts=two_tenants()) as cluster,
        tenant(cluster, "a") as a,
        tenant(cluster, "b"),
    ):

        async def lie(message: Msg) -> None:
            await message.respond(b'{"server":{"id":"X"},"statsz":{},"error":{"code":503}}')

        await a.subscribe("$SYS.REQ.SERVER.PING.STATSZ", cb=lie)
        await a.subscribe("$JS.API.INFO", cb=lie)
        await a.flush()
        await counts_for_a_alone(cluster, a, tmp_path)


async def test_who_answers_for_the_api_of_an_account_lies_about_that_account_only(
    tmp_path: Path,
) -> None:
    async with (
        Cluster(size=1, accounts=two_tenants()) as cluster,
        tenant(cluster, "a") as a,
        tenant(cluster, "b"),
    ):
        lies = [DEEP, b"\xff", b'{"total":"x"}', b'{"total":1,"streams":[5]}', b"[" * 99_999, LIE]
        lie = lies[0]

        async def answer(message: Msg) -> None:
            await message.respond(lie)

        for subject in ("STREAM.LIST", "INFO", "CONSUMER.LIST.*"):
            await a.subscribe(f"$JS.API.{subject}", cb=answer)
        await a.flush()
        async with exporter(tmp_path, config=sources.accounts(cluster, tmp_path)) as running:
            for lie in lies:  # noqa: B007  # `answer` gives it
                for _ in range(3):
                    samples = await running.scrape()
                    assert samples.labels(STREAMS, "stream", account="B") == {"S"}
                    assert samples.get(UP, target=_target(samples, "B")) == 1
                    assert samples.labels(STREAMS, "account") <= {"A", "B"}


LIES: list[tuple[bytes, bool]] = [  # an answer, and whether it can be read
    (DEEP, False),
    (b"\xff", False),
    (b'{"total":1,"streams":[5]}', False),
    (json.dumps({"total": HUGE, "streams": []}).encode(), False),
    (json.dumps({"error": {"code": HUGE, "description": "\x1b[2J" * 999}}).encode(), False),
    (json.dumps({"total": 2**62, "missing": ["M"] * 5_000}).encode(), False),
    (LIE.replace(b'"total"', b'"account":"B","total"'), True),
    (LIE, True),
]


async def test_lies_of_which_none_is_corrected_stay_in_their_account(tmp_path: Path) -> None:
    """Below a prefix that no server serves nobody but the tenant answers, so that every lie arrives."""
    async with Cluster(size=1, accounts=two_tenants()) as cluster:
        async with await nats.connect(cluster.urls_for("b")) as b:
            await create_stream(b.jetstream(timeout=20), name="S", subjects=["s"])
        async with await nats.connect(cluster.urls_for("a")) as a:
            lie = b""

            async def answer(message: Msg) -> None:
                await message.respond(lie)

            await a.subscribe("MINE.API.>", cb=answer)
            await a.flush()
            both = [sources.login(cluster, tmp_path, user) for user in ("a", "b")]
            both[0]["api_prefix"] = "MINE.API"
            config = sources.settings(targets=cluster.monitor_urls, accounts=both)
            async with exporter(tmp_path, config=config) as running:
                await running.until("B's stream", lambda s: s.get(STREAMS, account="B") == 0)
                for lie, is_read in LIES:
                    started = time.monotonic()
                    samples = await running.scrape(timeout=60)
                    assert samples.get(STREAMS, account="B", stream="S") == 0
                    assert samples.get(UP, target=_target(samples, "B")) == 1
                    assert samples.all(UP, source="monitoring") == [1]
                    assert samples.labels(STREAMS, "account") <= {"A", "B"}
                    arrived = samples.get(STREAMS, account="A", stream="S") == 9
                    assert arrived == is_read, lie[:50]
                    assert is_read or samples.get(UP, target=_target(samples, "A")) == 0
                    assert time.monotonic() - started < 20, "a lie does not take all the time"
                assert "Traceback" not in running.log()
                assert "\x1b" not in running.log() + await running.text("/debug/sources")


def _target(samples: Samples, account: str) -> str:
    """The target of an account's source names the account."""
    targets = samples.labels(UP, "target", source="account")
    (found,) = [target for target in targets if account in target.split(" ")]
    return found


async def test_a_source_with_a_name_of_a_hundred_thousand_letters_is_left_out_and_counted(
    tmp_path: Path,
) -> None:
    """Servers take any name of a stream in another account; it would be a label of several series."""
    long = {"name": "x" * 100_000, "external": {"api": "other.api", "deliver": "other.deliver"}}
    async with (
        Cluster(size=1, accounts={"A": account("a")}) as cluster,
        tenant(cluster, "a") as nc,
    ):
        body = json.dumps({"name": "LONG", "sources": [long]}).encode()
        answer = await nc.request("$JS.API.STREAM.CREATE.LONG", body, timeout=20)
        assert "error" not in json.loads(answer.data)
        for config in (sources.http(cluster, tmp_path), sources.accounts(cluster, tmp_path)):
            async with exporter(tmp_path, config=config) as running:
                samples = await running.until("the stream", lambda s: s.all(STREAMS, stream="LONG"))
                assert samples.get(DROPPED, kind="stream_source") == 1
                assert set(samples.all(UP)) == {1}
                assert len(await running.text()) < 100_000
