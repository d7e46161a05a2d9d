"""What servers say of themselves by advisories, from real servers: a member removed, and a batch that was abandoned."""

import json
from pathlib import Path

import nats
import pytest
from scripts.versions import EXTREMES
from tests.support import sources
from tests.support.exporter import exporter
from tests.support.tools import nats_server

from jetstream_exporter.demo.cluster import Cluster, account
from jetstream_exporter.demo.create import create_stream

KINDS = "jetstream_advisories_total"
PEERS = "jetstream_meta_peers"
USERS = {"A": account("a")}


@pytest.mark.parametrize("version", EXTREMES)
async def test_a_server_that_is_removed_is_heard_in_the_system_account_and_is_one_member_less(
    version: str, tmp_path: Path
) -> None:
    async with Cluster(accounts=USERS, binary=nats_server(version)) as cluster:
        config = sources.settings(
            targets=cluster.monitor_urls, advisories=[sources.login(cluster, tmp_path, "sys")]
        )
        async with exporter(tmp_path, config=config) as running:
            samples = await running.until(
                "three members",
                lambda s: s.all(PEERS) == [3] and s.all(KINDS, kind="server_removed") == [0],
            )
            leader = samples.labels("jetstream_meta_leader", "server")
            gone = next(server for server in cluster if server.name not in leader)
            async with await nats.connect(cluster.urls_for("sys")) as nc:
                said = await nc.request(
                    "$JS.API.SERVER.REMOVE", json.dumps({"peer": gone.name}).encode(), timeout=10
                )
                assert json.loads(said.data)["success"] is True
            await running.until("two members", lambda s: s.all(PEERS) == [2])
            samples = await running.until(
                "the advisory", lambda s: s.all(KINDS, kind="server_removed") == [1]
            )
            assert samples.all(KINDS, kind="server_out_of_space") == [0]


async def test_a_batch_that_nobody_commits_is_counted_from_0(tmp_path: Path) -> None:
    async with (
        Cluster(1, accounts=USERS, binary=nats_server("2.15.1")) as cluster,
        await nats.connect(cluster.urls_for("a")) as nc,
    ):
        await create_stream(nc.jetstream(timeout=20), name="S", subjects=["s"])
        config = {"name": "S", "subjects": ["s"], "allow_atomic": True}
        said = await nc.request("$JS.API.STREAM.UPDATE.S", json.dumps(config).encode(), timeout=5)
        assert "error" not in json.loads(said.data), said.data
        logins = [sources.login(cluster, tmp_path, user) for user in ("a", "sys")]
        settings = sources.settings(targets=cluster.monitor_urls, advisories=logins)
        async with exporter(tmp_path, config=settings) as running:
            kind = "stream_batch_abandoned"
            await running.until("the count", lambda s: s.all(KINDS, kind=kind) == [0])
            await nc.request(
                "s", b"x", headers={"Nats-Batch-Id": "one", "Nats-Batch-Sequence": "1"}, timeout=5
            )
            await running.until("the batch", lambda s: s.all(KINDS, kind=kind) == [1], 60)


async def test_what_a_client_makes_up_about_servers_raises_no_count(tmp_path: Path) -> None:
    """The account's own connection hears it; a rule pages for the count."""
    async with Cluster(1, accounts=USERS) as cluster:
        logins = [sources.login(cluster, tmp_path, user) for user in ("a", "sys")]
        settings = sources.settings(targets=cluster.monitor_urls, advisories=logins)
        async with exporter(tmp_path, config=settings) as running:
            kind = "server_out_of_space"
            await running.until("the count", lambda s: s.all(KINDS, kind=kind) == [0])
            async with await nats.connect(cluster.urls_for("a")) as nc:
                body = json.dumps({"type": f"io.nats.jetstream.advisory.v1.{kind}", "id": "x"})
                await nc.publish("$JS.EVENT.ADVISORY.SERVER.OUT_OF_STORAGE", body.encode())
                await nc.flush()
                samples = await running.until("it", lambda s: s.all(KINDS, kind="other") == [1])
                assert samples.all(KINDS, kind=kind) == [0]
