"""A server that was removed from the meta group and starts again: what the runbooks say of it."""

import json
import shutil
from pathlib import Path

import nats
import pytest
from scripts.versions import NEWER, NEWEST, OLDEST
from tests.support.api import NO_STREAM, STORED, api, publish
from tests.support.clients import persistent
from tests.support.exporter import eventually
from tests.support.tools import nats_server

from jetstream_exporter.demo.cluster import Cluster
from jetstream_exporter.demo.server import Server

ONE = {"name": "ONE", "subjects": ["one"], "num_replicas": 1, "storage": "file"}


async def removed(cluster: Cluster, server: Server) -> None:
    async with await persistent(cluster.urls_for("sys")) as system:
        body = json.dumps({"peer": server.name}).encode()

        async def done() -> bool:
            try:  # nobody answers during an election
                said = await system.request("$JS.API.SERVER.REMOVE", body, timeout=2)
            except nats.errors.TimeoutError:
                return False
            return bool(json.loads(said.data).get("success"))

        await eventually("the removal", done, 60)


async def members(cluster: Cluster) -> int:
    """How many the meta leader counts; 0 during an election."""
    answers = [(server.name, await server.ask("/jsz")) for server in cluster if server.alive]
    groups = [(name, said.get("meta_cluster") or {}) for name, said in answers]
    return next((g["cluster_size"] for name, g in groups if g.get("leader") == name), 0)


async def messages_of_a_copy(store: Path, version: str) -> int:
    async with Cluster(1, binary=nats_server(version)) as alone:
        await alone[0].stop()
        shutil.rmtree(alone[0].store)
        shutil.copytree(store, alone[0].store)
        await alone[0].start()
        async with await nats.connect(alone.urls) as nc:
            info = await api(nc, "STREAM.INFO.ONE")
        return int(info["state"]["messages"])


@pytest.mark.timeout(240)
@pytest.mark.parametrize("version", [OLDEST, NEWER, NEWEST])
async def test_a_removed_server_deletes_what_only_it_held_and_joins_again(
    version: str, tmp_path: Path
) -> None:
    async with (
        Cluster(binary=nats_server(version)) as cluster,
        await persistent(cluster.urls) as nc,
    ):
        await api(nc, "STREAM.CREATE.ONE", ONE)

        async def is_stored() -> bool:
            return await publish(nc, "one", b"x") == STORED

        for _ in range(7):
            await eventually("a message", is_stored)
        held = (await api(nc, "STREAM.INFO.ONE"))["state"]["messages"]
        gone = cluster[(await api(nc, "STREAM.INFO.ONE"))["cluster"]["leader"]]
        await gone.stop()
        await removed(cluster, gone)
        shutil.copytree(gone.store, tmp_path / "copy")

        async def placed_again() -> bool:
            # Whoever answers may not have the stream yet.
            said = await api(nc, "STREAM.INFO.ONE", again=(NO_STREAM,))
            leader = said["cluster"].get("leader")
            return bool(leader and leader != gone.name)

        await eventually("another server of the stream", placed_again)
        assert (await api(nc, "STREAM.INFO.ONE"))["state"]["messages"] == 0
        assert await messages_of_a_copy(tmp_path / "copy", version) == held >= 7
        await gone.start()

        async def deleted() -> bool:
            return not list(gone.store.rglob("ONE"))

        await eventually("the deletion", deleted)
        if version == NEWEST:  # healthy, and a member only 5 minutes after the removal
            assert await members(cluster) == 2
        else:

            async def joined() -> bool:
                return await members(cluster) == 3

            await eventually("the return", joined, 60)
