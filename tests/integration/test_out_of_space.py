"""A server whose disk is full, and a meta group whose quorum is lowered: what real servers say, and what fires."""

import contextlib
import json
import re
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import nats
import nats.errors
import pytest
from scripts.versions import BETWEEN, NEWEST, OLDEST
from tests.support import sources
from tests.support.exporter import Exporter, eventually, exporter
from tests.support.prometheus import Prometheus, prometheus
from tests.support.small_disk import fill, first_on_small_disk
from tests.support.tools import nats_server

from jetstream_exporter.demo.cluster import Cluster, account
from jetstream_exporter.demo.create import create_stream
from jetstream_exporter.demo.stack import fast

USERS = {"A": account("a")}
DISK = "40m"
TROUBLE = "JetStreamAdvisoryServerTrouble"
KINDS = "jetstream_advisories_total"


def as_if_long_started(file: Path) -> Path:
    """Without the ten minutes that a server has after its start, which are not shortened."""
    content = file.read_text()
    file.write_text(re.sub(r"(nats_server_start_timestamp_seconds\)) < 600\b", r"\1 < 0", content))
    return file


@asynccontextmanager
async def watched(cluster: Cluster, folder: Path) -> AsyncIterator[tuple[Exporter, Prometheus]]:
    """An exporter that hears the system account, and a Prometheus with the rules, which wait for seconds only."""
    config = sources.settings(
        targets=cluster.monitor_urls, advisories=[sources.login(cluster, folder, "sys")]
    )
    async with AsyncExitStack() as stack:
        running = await stack.enter_async_context(exporter(folder, config=config))
        target = running.url.removeprefix("http://")
        rules = [as_if_long_started(each) for each in fast.write_rules(folder)]
        prom = await stack.enter_async_context(prometheus(folder, target, "2s", rules=rules))

        async def counts() -> bool:
            return bool(await prom.query(f'{KINDS}{{kind="server_out_of_space"}} == 0'))

        await eventually("the count from 0", counts, 60)
        yield running, prom


async def until_fires(prom: Prometheus, alert: str, **labels: str) -> None:
    wanted = "".join(f',{name}="{value}"' for name, value in labels.items())

    async def fires() -> bool:
        return bool(await prom.query(f'ALERTS{{alertname="{alert}",alertstate="firing"{wanted}}}'))

    await eventually(f"{alert} {labels}", fires, 120)


async def publish_until(js: Any, is_over: Any) -> None:
    async def step() -> bool:
        with contextlib.suppress(nats.errors.Error):
            await js.publish("s", b"x" * 65536, timeout=1)
        return bool(await is_over())

    await eventually("what a server without space says", step, 60)


@pytest.mark.parametrize(
    ("version", "turns_off"), [(OLDEST, True), (BETWEEN, True), (NEWEST, False)]
)
async def test_a_server_out_of_space_raises_an_alert_whether_it_turns_jetstream_off_or_not(
    version: str, turns_off: bool, tmp_path: Path
) -> None:
    """Since 2.14 it marks the stream as not current if the stream's own file is the first that cannot be written."""
    binary = nats_server(version)
    async with (
        first_on_small_disk(tmp_path, DISK, accounts=USERS, binary=binary) as cluster,
        watched(cluster, tmp_path) as (running, prom),
        await nats.connect(cluster.urls_for("a")[1:]) as nc,
    ):
        js = nc.jetstream(timeout=20)
        await create_stream(js, name="S", subjects=["s"], num_replicas=3)
        fill(cluster[0].store)

        async def is_unhealthy() -> bool:
            samples = await running.scrape()
            return samples.all("nats_server_healthy", server="nats-0") == [0]

        await publish_until(js, is_unhealthy)
        if turns_off:
            samples = await running.until(
                "the advisory", lambda s: s.all(KINDS, kind="server_out_of_space") == [1]
            )
            assert samples.all("jetstream_server_enabled", server="nats-0") == [0]
            await until_fires(prom, TROUBLE, severity="critical", kind="server_out_of_space")
        else:
            await until_fires(prom, "JetStreamServerUnhealthy", server="nats-0")


async def test_a_lowered_quorum_of_the_meta_group_is_heard_and_stays_an_alert(
    tmp_path: Path,
) -> None:
    async with (
        Cluster(accounts=USERS, binary=nats_server(NEWEST)) as cluster,
        watched(cluster, tmp_path) as (running, prom),
    ):
        assert (await running.scrape()).all("jetstream_meta_rescue") == [0]
        for server in (cluster[1], cluster[2]):
            await server.kill()
        await running.until(
            "no leader, and the connection that hears of it",
            lambda s: (
                s.all("jetstream_meta_has_leader") == [0]
                and s.all("jetstream_exporter_advisory_connected") == [1]
            ),
        )
        async with await nats.connect(cluster[0].url_for("sys")) as nc:
            body = json.dumps({"quorum_needed": 1}).encode()

            async def is_lowered() -> bool:
                said = json.loads((await nc.request("$JS.API.META.RESCUE", body, timeout=5)).data)
                return "error" not in said

            await eventually("the lowered quorum", is_lowered)
        await running.until("the advisory", lambda s: s.all(KINDS, kind="meta_rescue") == [1])
        samples = await running.until("the state", lambda s: s.all("jetstream_meta_rescue") == [1])
        assert samples.all("jetstream_meta_quorum_needed") == [1]
        await until_fires(prom, TROUBLE, severity="warning", kind="meta_rescue")
