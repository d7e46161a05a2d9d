"""The audit of real servers: a cluster as it should be, and what is wrong with others."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import nats
import pytest
import trustme
from nats.aio.client import Client
from nats.aio.msg import Msg
from scripts.versions import BETWEEN, NEWEST
from tests.support import manifests
from tests.support.api import api
from tests.support.manifests import Server
from tests.support.ports import free_ports

from jetstream_exporter.audit.command import LIVE, main
from jetstream_exporter.audit.finding import judge
from jetstream_exporter.audit.observe import observe

MINUTE = 60 * 10**9
GOOD_CONSUMER = {
    "durable_name": "worker",
    "ack_policy": "explicit",
    "ack_wait": MINUTE,
    "max_deliver": 5,
    "max_ack_pending": 1000,
}
DEAD_LETTERS = {
    "name": "ORDERS-dead-letters",
    "subjects": ["dead-letters.>"],
    "num_replicas": 3,
    "max_age": 1440 * MINUTE,
    "max_bytes": 2**20,
}


async def found(urls: Sequence[str], seconds: float = 0, config: str = "") -> set[tuple[str, str]]:
    seen = await observe(config, urls, seconds)
    return {(f.check, f.object.partition(" (")[0]) for f in judge(LIVE, seen)}


@asynccontextmanager
async def client(server: Server, user: str = "app") -> AsyncIterator[Client]:
    password = manifests.PASSWORDS[f"{user.upper()}_PASSWORD"]
    url = f"nats://127.0.0.1:{server.client}"
    async with await nats.connect(
        url, user=user, password=password, allow_reconnect=False
    ) as connected:
        yield connected


async def add_stream(nc: Client, name: str, **config: Any) -> None:
    whole = {"name": name, "subjects": [f"{name}.>"], "num_replicas": 3, "max_bytes": 2**20}
    await api(nc, f"STREAM.CREATE.{name}", {**whole, **config})


async def add_consumer(nc: Client, stream: str, name: str, **config: Any) -> None:
    body = {**GOOD_CONSUMER, "durable_name": name, **config}
    await api(nc, f"CONSUMER.CREATE.{stream}.{name}", {"stream_name": stream, "config": body})


async def add_good(nc: Client) -> None:
    await api(nc, "STREAM.CREATE.ORDERS", manifests.orders())
    await api(nc, "STREAM.CREATE.ORDERS-dead-letters", DEAD_LETTERS)
    await add_consumer(nc, "ORDERS", "worker")


async def test_the_example_cluster_passes_and_what_is_added_wrongly_is_found(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    async with manifests.cluster(tmp_path) as servers, client(servers[0]) as nc:
        await add_good(nc)
        flags = [word for server in servers for word in ("--target", server.url)]
        code = await asyncio.to_thread(main, ["--observe", "0.5", *flags])
        assert (code, capsys.readouterr().out) == (
            0,
            f"{len(LIVE)} checks: 0 errors, 0 warnings, 0 info\n",
        )

        await add_wrong(nc)
        seen = await slowly(nc, servers)
        code = await asyncio.to_thread(main, ["--observe", "0", *flags])

    assert code == 1
    assert seen == {
        ("single-replica", "stream LONELY"),
        ("stream-unlimited", "stream ENDLESS"),
        ("interest-retention-consumers", "stream INTEREST"),
        ("interest-retention-consumers", "stream FLEETING"),
        ("ack-none", "consumer careless of stream INTEREST"),
        ("unlimited-deliveries", "consumer endless of stream ORDERS"),
        ("ack-pending-unlimited", "consumer greedy of stream ORDERS"),
        ("ack-wait-short", "consumer slow of stream ORDERS"),
    }


async def add_wrong(nc: Client) -> None:
    await add_stream(nc, "LONELY", num_replicas=1)
    await add_stream(nc, "ENDLESS", max_bytes=-1)
    await add_stream(nc, "INTEREST", retention="interest")
    await add_stream(nc, "FLEETING", retention="interest")
    ephemeral = {"ack_policy": "explicit", "inactive_threshold": MINUTE}
    await api(nc, "CONSUMER.CREATE.FLEETING", {"stream_name": "FLEETING", "config": ephemeral})
    await add_consumer(nc, "INTEREST", "careless", ack_policy="none", max_ack_pending=0)
    await add_consumer(nc, "ORDERS", "endless", max_deliver=-1)
    await add_consumer(nc, "ORDERS", "greedy", max_ack_pending=-1)
    await add_consumer(nc, "ORDERS", "slow", ack_wait=20 * 10**9)


async def slowly(nc: Client, servers: list[Server]) -> set[tuple[str, str]]:
    """Look while a consumer with an ack wait of 20 s holds 90 messages and ends three in two seconds."""
    js = nc.jetstream()
    for number in range(90):
        await js.publish("orders.created", str(number).encode())
    work = await js.pull_subscribe_bind("slow", stream="ORDERS")
    held: list[Msg] = []
    async with asyncio.timeout(30):
        while len(held) < 90:  # one fetch may end with less than it asked for
            held += await work.fetch(90 - len(held), timeout=10)
    looking = asyncio.create_task(found([server.url for server in servers], seconds=2))
    for message in held[:3]:
        await asyncio.sleep(0.5)  # the pace of the work is what is looked at
        await message.ack_sync(timeout=10)
    return await looking


async def test_a_server_that_was_removed_and_one_that_is_lost_are_found(tmp_path: Path) -> None:
    async with manifests.cluster(tmp_path) as servers:
        async with client(servers[0]) as nc:
            await add_good(nc)
        manifests.end(servers[2].process)
        async with client(servers[0], "sys") as nc:
            await api(nc, "SERVER.REMOVE", {"peer": "nats-2"})
        urls = [server.url for server in servers]
        gone = {("server-unreachable", f"target {urls[2]}")}
        removed = await until_found(urls, ("replicas-above-servers", "stream ORDERS"))
        manifests.end(servers[1].process)
        await until_found(
            urls, ("server-unhealthy", "server nats-0"), ("meta-without-quorum", "cluster nats")
        )

    assert gone < removed
    assert ("even-number-of-servers", "cluster nats") in removed


async def until_found(urls: Sequence[str], *wanted: tuple[str, str]) -> set[tuple[str, str]]:
    async with asyncio.timeout(60):
        while True:
            seen = await found(urls)
            if seen >= set(wanted):
                return seen
            await asyncio.sleep(0.2)


async def test_two_versions_in_one_cluster_are_found(tmp_path: Path) -> None:
    async with manifests.cluster(tmp_path, (BETWEEN, NEWEST, NEWEST)) as servers:
        assert await found([s.url for s in servers]) == {("mixed-versions", "cluster nats")}


@asynccontextmanager
async def standalone(folder: Path, text: str) -> AsyncIterator[Server]:
    """A server by itself."""
    port, monitor = free_ports(2)
    conf = (
        f'server_name: $POD_NAME\nlisten: "127.0.0.1:{port}"\nhttp: "127.0.0.1:{monitor}"\n{text}\n'
    )
    (folder / "nats.conf").write_text(conf)
    server = Server("n1", port, monitor, manifests.start(folder, "n1", NEWEST), folder / "log")
    try:
        await manifests.healthy([server])
        yield server
    finally:
        manifests.end(server.process)


def store(folder: Path, size: str) -> str:
    return (
        f'jetstream: {{store_dir: "{folder}/data", max_file_store: {size}}}\n'
        "accounts: {APP: {jetstream: enabled, users: [{user: app, password: $APP_PASSWORD}]}}"
    )


async def test_streams_that_reserve_more_than_the_store_are_found(tmp_path: Path) -> None:
    async with standalone(tmp_path, store(tmp_path, "1GB")) as server, client(server) as nc:
        await add_stream(nc, "LARGE", num_replicas=1, max_bytes=900 * 2**20)
        assert await found([server.url]) == set()
        await add_consumer(nc, "LARGE", "worker")
        lost = ("no-dead-letter-stream", "consumer worker of stream LARGE")
        assert await found([server.url]) == {lost}
        await api(nc, "CONSUMER.DELETE.LARGE.worker", {})
    async with standalone(tmp_path, store(tmp_path, "512MB")) as server:
        assert await found([server.url]) == {("store-overcommitted", "server n1")}


async def test_a_server_without_jetstream_and_a_certificate_near_its_end_are_found(
    tmp_path: Path,
) -> None:
    issued = trustme.CA().issue_cert("localhost", not_after=datetime.now(UTC) + timedelta(days=5))
    cert, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    cert.write_bytes(b"".join(part.bytes() for part in issued.cert_chain_pems))
    key.write_bytes(issued.private_key_pem.bytes())
    async with standalone(tmp_path, f'tls: {{cert_file: "{cert}", key_file: "{key}"}}') as server:
        assert await found([server.url]) == {
            ("jetstream-disabled", "server n1"),
            ("certificate-expiring", "server n1"),
        }


async def test_what_the_configuration_leaves_out_is_not_passed_over(tmp_path: Path) -> None:
    (tmp_path / "server").mkdir()
    async with standalone(tmp_path / "server", store(tmp_path, "1GB")) as server:
        async with client(server) as nc:
            await add_stream(nc, "ONE", num_replicas=1)
        config = tmp_path / "config.yaml"
        config.write_text(
            f"clusters: [{{targets: ['{server.url}']}}]\nlimits: {{streams: 0, consumers: 0}}\n"
        )
        assert await found([], config=str(config)) == {("not-judged", "1 objects of kind stream")}
