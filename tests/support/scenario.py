"""A real cluster in trouble, an exporter beside it, and a Prometheus that watched it all.

What the boards are proven on: the ORDERS workload with its poison message, and beside it a stream
that fills up and refuses, a work queue whose worker hangs, a paused consumer, one that nobody asks
for, a stream that copies another, and a server that dies and comes back.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import nats
import nats.errors
from nats.aio.client import Client
from nats.js.errors import APIError
from tests.support.api import api
from tests.support.clients import persistent
from tests.support.exporter import eventually, exporter
from tests.support.ports import free_ports
from tests.support.prometheus import spawned

from jetstream_exporter.demo.child import Child
from jetstream_exporter.demo.cluster import Cluster
from jetstream_exporter.demo.orders.producer import Pace
from jetstream_exporter.demo.orders.streams import PROCESSOR
from jetstream_exporter.demo.orders.workload import Workload
from jetstream_exporter.demo.stack import fast

JOB = "jetstream-exporter"
MIB, GIB = 1 << 20, 1 << 30
FILLING, QUEUE, COPY = "EXPORTS", "INVOICES", "ORDERS_archive"

Json = dict[str, Any]


class Prometheus:
    """A real one, with the project's rules."""

    def __init__(self, child: Child, url: str, session: aiohttp.ClientSession) -> None:
        self.child = child
        self.url = url
        self._session = session

    async def get(self, path: str, **parameters: str) -> Any:
        async with self._session.get(f"{self.url}{path}", params=parameters) as answer:
            body: Json = await answer.json()
        assert body["status"] == "success", body
        return body["data"]

    async def ask(self, expression: str, at: float | None = None) -> list[Json]:
        parameters = {"query": expression} | ({} if at is None else {"time": f"{at:.3f}"})
        result: list[Json] = (await self.get("/api/v1/query", **parameters))["result"]
        return result

    async def ask_over(self, expression: str, start: float, end: float, step: float) -> list[Json]:
        data = await self.get(
            "/api/v1/query_range",
            query=expression,
            start=f"{start:.3f}",
            end=f"{end:.3f}",
            step=f"{step:g}",
        )
        result: list[Json] = data["result"]
        return result


@asynccontextmanager
async def prometheus(
    folder: Path, targets: list[str], interval: float, factor: float = fast.FACTOR
) -> AsyncIterator[Prometheus]:
    """Scrape the targets; data and log stay in the folder. Spans of the rules are divided by the factor."""
    (port,) = free_ports(1)
    every = f"{interval * 1000:.0f}ms"
    (folder / "rules").mkdir()
    # The shipped windows are longer than a whole recording.
    fast.write_rules(folder / "rules", factor)
    config = {
        "global": {"scrape_interval": every, "scrape_timeout": every, "evaluation_interval": every},
        "rule_files": [f"{folder}/rules/*.yaml"],
        "scrape_configs": [{"job_name": JOB, "static_configs": [{"targets": targets}]}],
    }
    (folder / "prometheus.json").write_text(json.dumps(config))  # JSON is YAML
    child = spawned(folder, folder / "prometheus.json", port)
    try:
        async with aiohttp.ClientSession() as session:
            asked = Prometheus(child, f"http://127.0.0.1:{port}", session)

            async def is_ready() -> bool:
                assert child.alive, child.tail()
                with suppress(aiohttp.ClientError):
                    async with session.get(f"{asked.url}/-/ready") as answer:
                        return answer.status == 200
                return False

            await eventually("Prometheus", is_ready)
            yield asked
    finally:
        child.kill_now()


async def add_stream(nc: Client, name: str, **config: Any) -> None:
    await api(nc, f"STREAM.CREATE.{name}", {"name": name, "num_replicas": 3, **config})


async def add_consumer(nc: Client, stream: str, name: str, **config: Any) -> None:
    wanted = {"durable_name": name, "ack_policy": "explicit", **config}
    body = {"stream_name": stream, "config": wanted, "action": "create"}
    await api(nc, f"CONSUMER.DURABLE.CREATE.{stream}.{name}", body)


@dataclass(slots=True)
class Scenario:
    cluster: Cluster
    prometheus: Prometheus
    nc: Client
    began: float
    fill_pause: float  # seconds between two messages into the filling stream
    work: AsyncExitStack
    orders: Workload
    # Told, not cancelled: before Python 3.12 wait_for, which nats-py waits with, can swallow a cancellation.
    resting: asyncio.Event = field(default_factory=asyncio.Event)

    async def rest(self) -> None:
        """End all work, so that the figures stand still; cluster, exporter and Prometheus go on.

        The orders that are stored are processed first: a consumer without workers that has some
        left is in trouble after a moment.
        """
        await self.orders.stop_publishing()
        await eventually("the last order", self._all_processed, deadline=60)
        await self.work.aclose()

    async def _all_processed(self) -> bool:
        info = await api(self.nc, f"CONSUMER.INFO.ORDERS.{PROCESSOR}", {})
        return not (info["num_pending"] or info["num_ack_pending"])

    async def set(self) -> None:
        """Everything that goes wrong without a server's death."""
        await add_stream(
            self.nc,
            FILLING,
            subjects=["exports.>"],
            max_bytes=4 * MIB,
            discard="new",
            storage="file",
        )
        await add_consumer(self.nc, FILLING, "uploader")  # nobody ever asks for it
        await add_stream(
            self.nc, QUEUE, subjects=["invoices"], retention="workqueue", max_age=2 * 3600 * 10**9
        )
        # What hangs is called stalled once its time to acknowledge is over; spans of a configuration are not shortened.
        soon = {"ack_wait": 10**9}
        await add_consumer(self.nc, QUEUE, "printer", max_ack_pending=200, max_deliver=5, **soon)
        await add_stream(self.nc, COPY, sources=[{"name": "ORDERS"}])
        await add_consumer(self.nc, "ORDERS", "audit", pause_until="2099-01-01T00:00:00Z")

    async def fill(self) -> None:
        """Publish exports until the stream refuses, and go on trying as publishers do."""
        js = self.nc.jetstream(timeout=2)
        while not self.resting.is_set():
            with suppress(APIError, nats.errors.Error, TimeoutError):
                await js.publish("exports.daily", bytes(4096))
            await asyncio.sleep(self.fill_pause)

    async def queue(self) -> None:
        js = self.nc.jetstream(timeout=2)
        while not self.resting.is_set():
            with suppress(APIError, nats.errors.Error, TimeoutError):
                await js.publish("invoices", b"an invoice")
            await asyncio.sleep(0.5)

    async def print(self, until: float) -> None:
        """Acknowledge invoices for so many seconds, then take more and hang: a stalled consumer."""
        subscription = await self.nc.jetstream().pull_subscribe_bind("printer", QUEUE)
        end = time.monotonic() + until
        while not self.resting.is_set():
            with suppress(APIError, nats.errors.Error, TimeoutError):
                for message in await subscription.fetch(20, timeout=1):
                    if time.monotonic() < end:
                        await message.ack()
            if time.monotonic() > end:
                return


def configuration(cluster: Cluster) -> str:
    """The exporter's: every server, and the advisories of the account that works."""
    listen = {"urls": cluster.urls, "hot": ["naks"]}  # without a user: the first account
    return json.dumps({"clusters": [{"targets": cluster.monitor_urls, "advisories": [listen]}]})


@asynccontextmanager
async def scenario(
    folder: Path,
    *,
    interval: float,
    fill_pause: float = 0.05,
    hang_after: float = 20,
    rate: float = 20,
    exporters: int = 1,
    factor: float = fast.FACTOR,
) -> AsyncIterator[Scenario]:
    """Set the scene. Several exporters of the same cluster show whether the boards count it once.

    Spans of the rules are divided by `factor`.
    """
    async with AsyncExitStack() as stack:
        enter = stack.enter_async_context
        cluster = await enter(Cluster(size=3, name="shop", max_file_store=2 * GIB))
        targets = []
        for number in range(exporters):
            own = folder / f"exporter-{number}"
            own.mkdir()
            watching = await enter(exporter(own, config=configuration(cluster)))
            targets.append(watching.url.removeprefix("http://"))
        asked = await enter(prometheus(folder, targets, interval, factor))
        nc = await enter(await persistent(cluster.urls))
        work = await enter(AsyncExitStack())
        orders = await work.enter_async_context(Workload(cluster.urls, pace=Pace(rate=rate)))
        here = Scenario(cluster, asked, nc, time.time(), fill_pause, work, orders)
        await here.set()
        for task in (here.fill(), here.queue(), here.print(hang_after)):
            work.push_async_callback(asyncio.wait_for, asyncio.create_task(task), None)
        work.callback(here.resting.set)
        yield here
