"""What servers do when their disk is full, as the runbooks say it: on a small file system in memory."""

import contextlib
import json
import os
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import nats
import nats.errors
import pytest
from scripts.versions import BETWEEN, NEWER, NEWEST
from tests.support.api import NO_ANSWER, STORED, api, publish
from tests.support.clients import persistent
from tests.support.exporter import eventually
from tests.support.small_disk import enlarge, first_on_small_disk
from tests.support.tools import nats_server

from jetstream_exporter.demo.cluster import Cluster
from jetstream_exporter.demo.server import Server

pytestmark = pytest.mark.timeout(180)
SMALL, ENLARGED = "16m", "128m"
LARGE = b"x" * 200_000


@asynccontextmanager
async def servers(folder: Path, version: str, size: int) -> AsyncIterator[tuple[Cluster, Server]]:
    """And the one whose disk is small."""
    async with first_on_small_disk(folder, SMALL, size, binary=nats_server(version)) as cluster:
        yield cluster, cluster[0]


async def health(server: Server, query: str = "") -> tuple[int, str]:
    async with (
        aiohttp.ClientSession() as http,
        http.get(f"{server.monitor_url}/healthz{query}") as answer,
    ):
        return answer.status, await answer.text()


async def stores(nc: nats.NATS) -> bool:
    return await publish(nc, "s", LARGE) == STORED


async def until_full(nc: nats.NATS, folder: Path) -> None:
    """The disk has no room for one more message, and further ones were tried."""

    async def is_full() -> bool:
        await publish(nc, "s", LARGE)
        free = os.statvfs(folder)
        return free.f_bavail * free.f_frsize < len(LARGE)

    await eventually("a full disk", is_full, 60)
    for _ in range(5):
        await publish(nc, "s", LARGE)


async def led_elsewhere(nc: nats.NATS, server: Server) -> None:
    asked = ""

    async def is_led() -> bool:
        nonlocal asked
        leader = (await api(nc, "STREAM.INFO.S"))["cluster"].get("leader", "")
        if leader == server.name != asked:
            asked = leader
            await api(nc, "STREAM.LEADER.STEPDOWN.S")
        return leader not in ("", server.name)

    await eventually("a leader with room", is_led, 60)


async def is_off(server: Server) -> bool:
    return bool((await server.ask("/jsz")).get("disabled"))


async def turns_off(nc: nats.NATS, full: Server) -> bool:
    """Whether JetStream is turned off, or else the replica stops. Chance decides which file is the first without room:
    the log of the group, or the stream's. A leader without room is asked to step down.
    """
    off = False

    async def is_decided() -> bool:
        nonlocal off
        await led_elsewhere(nc, full)
        await publish(nc, "s", LARGE)
        off = await is_off(full)
        return off or "expected sequence does not match store" in (await health(full))[1]

    await eventually("a replica that stopped, or JetStream turned off", is_decided, 60)
    return off


async def test_a_replica_stops_until_the_restart_and_jetstream_stays_on(tmp_path: Path) -> None:
    """Nothing but the health check and one line of the log says so; what is stored is far below the limit."""
    for attempt in ("first", "second", "third"):
        async with (
            servers(tmp_path / attempt, NEWEST, 3) as (cluster, full),
            await persistent(cluster.urls) as nc,
        ):
            await api(nc, "STREAM.CREATE.S", {"name": "S", "subjects": ["s"], "num_replicas": 3})
            await led_elsewhere(nc, full)
            await until_full(nc, full.store)
            if await turns_off(nc, full):
                continue
            assert "expected sequence does not match store" in full.log.read_text()
            assert (await health(full, "?js-enabled-only=true"))[0] == 200
            assert not await is_off(full)
            of_the_server = await full.ask("/jsz")
            assert of_the_server["storage"] < 0.1 * of_the_server["config"]["max_storage"]
            await eventually("a stored message", lambda: stores(nc))
            enlarge(full.store, ENLARGED)
            assert (await health(full))[0] == 503
            await full.restart()
            return
    pytest.fail("JetStream was turned off each time")


async def test_a_server_that_cannot_write_the_log_of_a_group_turns_jetstream_off(
    tmp_path: Path,
) -> None:
    """And publishes server_out_of_space."""
    async with (
        servers(tmp_path, NEWEST, 3) as (cluster, full),
        await persistent(cluster.urls) as nc,
        await persistent(cluster.urls_for("sys")) as system,
    ):
        heard = await system.subscribe("$JS.EVENT.ADVISORY.SERVER.OUT_OF_STORAGE")
        await api(nc, "STREAM.CREATE.S", {"name": "S", "subjects": ["s"], "num_replicas": 3})
        await led_elsewhere(nc, full)
        await until_full(nc, full.store)
        number = 0

        async def turned_off() -> bool:
            nonlocal number
            number += 1
            name = f"T{number}"
            config = {
                "name": name,
                "subjects": [name],
                "num_replicas": 3,
                "description": "x" * 4000,
            }
            with contextlib.suppress(nats.errors.TimeoutError, nats.errors.NoRespondersError):
                body = json.dumps(config).encode()
                await nc.request(f"$JS.API.STREAM.CREATE.{name}", body, timeout=2)
            return await is_off(full)

        await eventually("JetStream turned off", turned_off, 60)
        assert json.loads((await heard.next_msg(timeout=10)).data)["server"] == full.name
        # It says that it is out of resources where the log of a group is the first that it cannot write.
        assert re.search("will be DISABLED|JetStream Shutdown", full.log.read_text())
        assert (await health(full))[0] == 503
        enlarge(full.store, ENLARGED)
        await full.restart()
        assert not await is_off(full)


@pytest.mark.parametrize("version", [BETWEEN, NEWER])
async def test_a_stream_with_one_replica_stops_or_before_2_14_refuses(
    version: str, tmp_path: Path
) -> None:
    """Before 2.14 the server is healthy, and stores again as soon as there is room."""
    stops = version == NEWER
    async with (
        servers(tmp_path, version, 1) as (cluster, full),
        await persistent(cluster.urls) as nc,
    ):
        await api(nc, "STREAM.CREATE.S", {"name": "S", "subjects": ["s"]})
        await until_full(nc, full.store)

        async def is_as_expected() -> bool:
            answer = await publish(nc, "s", LARGE)
            status, said = await health(full)
            if stops:
                return (status, answer) == (503, NO_ANSWER) and "no space left on device" in said
            return status == 200 and "(10077)" in answer

        await eventually("the server without space", is_as_expected, 60)
        assert "no space left on device" in full.log.read_text()
        assert not await is_off(full)
        enlarge(full.store, ENLARGED)
        if stops:
            assert not await stores(nc)
            await full.restart()
        await eventually("a stored message", lambda: stores(nc))
