"""What is said about stopping a server is what happens when it is stopped. bench/drain_truth.py does it 200 times."""

import asyncio
import json
import random
import subprocess
import sys
from pathlib import Path

import nats
from bench.drain_trial import META, mend, trial
from nats.js.api import StreamConfig
from tests.support.exporter import eventually, exporter

from jetstream_exporter.demo.cluster import Cluster
from jetstream_exporter.demo.create import create_stream


async def audit(cluster: Cluster, server: str, config: Path | None = None) -> tuple[int, str]:
    targets = [f"--target={url}" for url in cluster.monitor_urls]
    if config is not None:
        targets = [f"--config.file={config}"]
    argv = [sys.executable, "-m", "jetstream_exporter", "audit", f"--without={server}", *targets]
    done = await asyncio.to_thread(subprocess.run, argv, capture_output=True, text=True, timeout=60)
    assert done.returncode in (0, 1), done.stderr
    return done.returncode, done.stdout


def not_exporting(cluster: Cluster, stream: str, folder: Path) -> Path:
    """A configuration with which the exporter leaves the stream out, by a filter and by its limit."""
    file = folder / "part.yaml"
    filters, limits = {"streams": {"exclude": [stream]}}, {"streams": 0, "consumers": 0}
    config = {"clusters": [{"targets": cluster.monitor_urls}], "filters": filters, "limits": limits}
    file.write_text(json.dumps(config))
    return file


async def add_stream(cluster: Cluster, name: str, replicas: int) -> str:
    """Its leader's name."""
    async with await nats.connect(cluster.urls) as client:
        config = StreamConfig(name=name, subjects=[f"{name}.>"], num_replicas=replicas)
        info = await create_stream(client.jetstream(), config)
    assert info.cluster is not None
    return info.cluster.leader or ""


async def test_the_audit_allows_to_stop_one_of_three_and_then_no_other(tmp_path: Path) -> None:
    async with Cluster(size=3) as cluster:
        await add_stream(cluster, "ORDERS", 3)
        alone = await add_stream(cluster, "ALONE", 1)
        first, second = [server.name for server in cluster if server.name != alone]

        async def is_allowed() -> bool:  # once the new group has elected its leader
            code, text = await audit(cluster, first)
            return code == 0 and text.startswith(f"{first} can be stopped now\n")

        await eventually("the permission to stop a server", is_allowed)
        code, text = await audit(cluster, alone)
        assert code == 1
        assert text.startswith(f"do not stop {alone} now\n")
        assert "stream ALONE (account APP, cluster demo): it has one replica, on this" in text
        assert "stream ORDERS" not in text.split("info drain", 1)[0]
        await the_metric_says_the_same(cluster, alone, tmp_path)
        code, text = await audit(cluster, alone, not_exporting(cluster, "ALONE", tmp_path))
        assert (code, "stream ALONE" in text) == (1, True)

        await cluster[first].stop()
        code, text = await audit(cluster, second)
        assert code == 1
        assert "stream ORDERS (account APP, cluster demo): 2 of 3 replicas are needed" in text
        assert "the meta group loses its majority" in text


async def the_metric_says_the_same(cluster: Cluster, alone: str, folder: Path) -> None:
    async with exporter(folder, cluster.monitor_urls) as running:
        samples = await running.scrape()
        drainable = {
            server.name: samples.get("jetstream_server_drainable", server=server.name)
            for server in cluster
        }
        assert drainable == {server.name: float(server.name != alone) for server in cluster}
        reason = {"server": alone, "reason": "single_replica"}
        assert samples.get("jetstream_server_drain_blockers", **reason) == 1


async def test_what_is_predicted_happens() -> None:
    async with Cluster(size=3) as cluster:
        for trouble in ("none", "stopped", "frozen"):
            one = await trial(cluster, random.Random(trouble), trouble)

            assert one.errors() == []
            assert one.things - {META}
            await mend(cluster)
