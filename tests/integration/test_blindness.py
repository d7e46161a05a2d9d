"""What blinds the rules is told by the rules: real servers and a real Prometheus, the rules sixty times as fast."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import aiohttp
import nats
import pytest
from aiohttp import web
from tests.support.exporter import eventually, exporter
from tests.support.prometheus import Prometheus, prometheus

from jetstream_exporter.demo.cluster import Cluster
from jetstream_exporter.demo.create import create_stream
from jetstream_exporter.demo.stack import fast

pytestmark = pytest.mark.timeout(300)
PATIENCE = 120  # seconds; the rules wait 20 and more, and the machine may be busy


class Mesh:
    """Passes a monitoring port on, and refuses the paths that begin with what `refused` says."""

    def __init__(self, address: str, session: aiohttp.ClientSession) -> None:
        self._address = address
        self._session = session
        self.refused: dict[str, int] = {}  # path: HTTP status; 0 hangs
        self.address = ""

    async def answer(self, request: web.Request) -> web.Response:
        for path, status in self.refused.items():
            if request.path.startswith(path):
                if not status:
                    await asyncio.sleep(600)
                return web.Response(status=status, text="refused by the mesh")
        async with self._session.get(f"{self._address}{request.path_qs}") as answer:
            return web.Response(
                status=answer.status,
                body=await answer.read(),
                content_type=answer.content_type,
            )


@asynccontextmanager
async def mesh(address: str, session: aiohttp.ClientSession) -> AsyncIterator[Mesh]:
    made = Mesh(address, session)
    app = web.Application()
    app.router.add_get("/{path:.*}", made.answer)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    made.address = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield made
    finally:
        await runner.cleanup()


def quick_rules(folder: Path) -> list[Path]:
    return fast.write_rules(folder)


async def fire(prom: Prometheus, alert: str, **labels: str) -> list[dict[str, str]]:
    """The labels of the firing alerts of this name."""
    wanted = "".join(f',{name}="{value}"' for name, value in labels.items())
    found = await prom.query(f'ALERTS{{alertname="{alert}",alertstate="firing"{wanted}}}')
    return [series["metric"] for series in found]


async def until_fires(prom: Prometheus, alert: str, **labels: str) -> None:
    async def fires() -> bool:
        return bool(await fire(prom, alert, **labels))

    await eventually(f"{alert} {labels}", fires, PATIENCE)


@pytest.mark.parametrize("status", [403, 500, 0], ids=["refused", "failing", "hanging"])
async def test_lists_of_streams_that_fail_are_told_while_everything_else_answers(
    tmp_path: Path, status: int
) -> None:
    async with AsyncExitStack() as stack:
        enter = stack.enter_async_context
        cluster = await enter(Cluster(name="p"))
        async with await nats.connect(cluster.urls) as nc:
            js = nc.jetstream(timeout=20)
            await create_stream(js, name="R3", subjects=["r3"], num_replicas=3)
            await create_stream(js, name="R1", subjects=["r1"], num_replicas=1)
        session = await enter(aiohttp.ClientSession())
        meshes = [await enter(mesh(url, session)) for url in cluster.monitor_urls]
        running = await enter(exporter(tmp_path, [each.address for each in meshes]))
        target = running.url.removeprefix("http://")
        prom = await enter(prometheus(tmp_path, target, "2s", rules=quick_rules(tmp_path)))

        async def watched() -> bool:
            return len(await prom.query("jetstream_stream_has_leader == 1")) == 2

        await eventually("both streams", watched)

        meshes[0].refused["/jsz"] = status
        await until_fires(prom, "JetStreamExporterSourceFailing", part="jsz")
        (alert,) = await fire(prom, "JetStreamExporterSourceFailing", part="jsz")
        assert alert["severity"] == "warning"
        assert meshes[0].address.endswith(alert["target"].rpartition("/")[2])
        assert await prom.query("min(nats_server_up) == 1")

        for each in meshes:
            each.refused["/jsz"] = status
        await until_fires(prom, "JetStreamExporterSourceFailing", severity="critical")
        assert await prom.query("jetstream_stream_has_leader") == []
        assert await prom.query("min(nats_server_up) == 1")


@pytest.mark.parametrize(
    ("namespaces", "told"),
    [
        (("", ""), {"JetStreamClusterVanished": {"nats_cluster": "us-0"}}),
        (("eu", "us"), {"JetStreamExporterDown": {"namespace": "us"}}),
    ],
    ids=["in one job", "in namespaces of their own"],
)
async def test_of_two_clusters_with_an_exporter_each_one_exporter_dies(
    tmp_path: Path, namespaces: tuple[str, str], told: dict[str, dict[str, str]]
) -> None:
    async with AsyncExitStack() as stack:
        enter = stack.enter_async_context
        running, targets = [], []
        for prefix, namespace in zip(("eu", "us"), namespaces, strict=True):
            cluster = await enter(Cluster(size=1, prefix=prefix))
            folder = tmp_path / prefix
            folder.mkdir()
            one = await enter(exporter(folder, cluster.monitor_urls))
            running.append(one)
            labels = {"namespace": namespace} if namespace else {}
            targets.append({"targets": [one.url.removeprefix("http://")], "labels": labels})
        scrape = {"job_name": "jetstream-exporter", "static_configs": targets}
        prom = await enter(
            prometheus(tmp_path, "", "1s", scrape=scrape, rules=quick_rules(tmp_path))
        )

        async def both() -> bool:
            return len(await prom.query("nats_server_up == 1")) == 2

        await eventually("both clusters", both)
        running[1].child.kill_now()
        ((alert, labels),) = told.items()
        await until_fires(prom, alert, **labels)

        for name in ("JetStreamClusterVanished", "JetStreamExporterDown"):
            assert len(await fire(prom, name)) == (name == alert), name
