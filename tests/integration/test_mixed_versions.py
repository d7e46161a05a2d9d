"""A rolling upgrade that stands still: an older leader keeps what a newer server knows as acknowledged."""

import json
from pathlib import Path

import nats
import pytest
from scripts.versions import BETWEEN, NEWER, NEWEST
from tests.support.api import api
from tests.support.exporter import eventually
from tests.support.tools import nats_server

from jetstream_exporter.demo.cluster import Cluster
from jetstream_exporter.demo.server import Server

STREAM = {"name": "Q", "subjects": ["q"], "num_replicas": 3, "retention": "workqueue"}
CONSUMER = {"durable_name": "c", "ack_policy": "explicit"}


class Upgraded(Cluster):
    """The first server runs the version before, and the others the one after."""

    def __init__(self, before: str, after: str) -> None:
        super().__init__(binary=nats_server(after))
        self.before = nats_server(before)

    def _prepare(self, binary: Path) -> None:
        super()._prepare(binary)
        self[0].binary = self.before


async def lead(nc: nats.NATS, server: Server, call: str, info: str) -> None:
    """Ask each leader in turn to step down until the server leads."""
    asked = ""

    async def leads() -> bool:
        nonlocal asked
        leader = (await api(nc, info))["cluster"].get("leader", "")
        if leader not in ("", asked, server.name):
            asked = leader
            wanted = {"placement": {"preferred": server.name}}
            await nc.request(f"$JS.API.{call}", json.dumps(wanted).encode(), timeout=5)
        return bool(leader == server.name)

    await eventually(f"{server.name} leads", leads, 60)


async def held(nc: nats.NATS) -> int:
    return int((await api(nc, "STREAM.INFO.Q"))["state"]["messages"])


@pytest.mark.timeout(180)
@pytest.mark.parametrize("after", [NEWER, NEWEST])
async def test_a_work_queue_that_an_older_server_leads_keeps_what_is_acknowledged(
    after: str,
) -> None:
    """Until a newer one leads. JetStreamStreamMessagesOrphaned would call these messages lost."""
    async with Upgraded(BETWEEN, after) as cluster:
        old, new = cluster[0], cluster[1]
        async with await nats.connect(cluster.urls) as nc:
            await api(nc, "STREAM.CREATE.Q", STREAM)
            await api(nc, "CONSUMER.DURABLE.CREATE.Q.c", {"stream_name": "Q", "config": CONSUMER})
            await lead(nc, old, "STREAM.LEADER.STEPDOWN.Q", "STREAM.INFO.Q")
            await lead(nc, new, "CONSUMER.LEADER.STEPDOWN.Q.c", "CONSUMER.INFO.Q.c")
            for _ in range(5):
                await nc.jetstream(timeout=20).publish("q", b"x")
            worker = await nc.jetstream().pull_subscribe_bind("c", "Q")
            for _ in range(3):
                (message,) = await worker.fetch(1, timeout=20)
                await message.ack_sync(timeout=20)

            async def acknowledged() -> bool:
                return bool((await api(nc, "CONSUMER.INFO.Q.c"))["ack_floor"]["stream_seq"] == 3)

            await eventually("the acknowledgements", acknowledged)
            assert await held(nc) == 5
            await lead(nc, new, "STREAM.LEADER.STEPDOWN.Q", "STREAM.INFO.Q")

            async def removed() -> bool:
                return await held(nc) == 2

            await eventually("the removal", removed)
