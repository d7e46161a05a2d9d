"""A cluster's trouble recorded once, and Prometheus' data of it served to as many tests as want it."""

from __future__ import annotations

import asyncio
import json
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.request import urlopen

from rules.src.consumer.stalled import STALLED, UNATTENDED
from scripts.render_boards.answers import Asker
from tests.support import oracle
from tests.support.api import api
from tests.support.exporter import eventually
from tests.support.ports import free_ports
from tests.support.prometheus import spawned
from tests.support.scenario import COPY, FILLING, QUEUE, Scenario, add_consumer, scenario

from jetstream_exporter.demo.child import Child

INTERVAL = 1.0
EXPORTERS = 2
QUIET = 20.0  # seconds of work before the trouble: a rate needs a stretch of it
HOSTILE = "re+play(eu)|$1&x=y#%41"  # NATS allows it; regular expressions and URLs read it otherwise
DELETED = "downloader"  # stood still like its neighbour, and is deleted at the end

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Recording:
    """What was recorded: where it is served, its times, and what the servers said of themselves at its end."""

    url: str
    said: Json

    def asker(self, **chosen: str) -> Asker:
        return Asker(self.url, self.said["began"], self.said["ended"], INTERVAL, chosen)


def record(folder: Path) -> None:
    asyncio.run(asyncio.wait_for(_record(folder), 300))


async def _record(folder: Path) -> None:
    async with scenario(
        folder, interval=INTERVAL, fill_pause=0, hang_after=10, exporters=EXPORTERS
    ) as here:
        await add_consumer(here.nc, COPY, HOSTILE)
        await add_consumer(here.nc, FILLING, DELETED)
        await _seen(here, f'jetstream_stream_storage_ratio{{stream="{FILLING}"}} > 0.95')
        await _seen(
            here,
            "jetstream_consumer_redelivered_messages - jetstream_consumer_ack_pending_messages > 0",
        )
        for alert in ("JetStreamDeadLetterGrowing", "JetStreamConsumerMaxDeliverExhausted"):
            await _seen(here, f'ALERTS{{alertname="{alert}", alertstate="firing"}}')
        await _seen(here, f"min(count_over_time(up[1m])) > {QUIET / INTERVAL}")
        (leader,) = await here.prometheus.ask("max by (server) (jetstream_meta_leader)")
        name = leader["metric"]["server"]
        killed = time.time()
        await here.cluster[name].kill()
        await _seen(
            here,
            f'max by (server) (nats_server_up{{server="{name}"}}) == 0 and on (server) '
            "max by (server) (jetstream_meta_peer_current) == 0",
        )
        for kind in ("stream", "consumer"):
            await _seen(here, f"min(jetstream_{kind}_fault_tolerance) == 0")
        await here.cluster[name].start()
        await _seen(
            here,
            "min(jetstream_meta_peers_current) == 3 and "
            f"count(nats_server_healthy == 1) == {3 * EXPORTERS}",
        )
        for kind in ("stream", "consumer"):
            await _seen(here, f"min(jetstream_{kind}_fault_tolerance) == 1")
        await api(here.nc, f"CONSUMER.DELETE.{FILLING}.{DELETED}", {})
        await here.rest()
        # The rules look back by a moment, in which the consumer was still there.
        deleted = f'jetstream_consumer_pending_messages{{stream="{FILLING}",consumer="{DELETED}"}}'
        await _seen(here, f"absent_over_time({deleted}[5s])")
        # The rules see them again some time after their leader changed.
        for record, stream in ((STALLED, QUEUE), (UNATTENDED, FILLING)):
            await _seen(here, f'{record}{{stream="{stream}"}} > 0')
        said = {
            "began": here.began,
            "killed": killed,
            "server": name,
            "streams": await _standing_still(here),
            "ended": time.time(),
        }
        await here.prometheus.child.stop()
    (folder / "said.json").write_text(json.dumps(said))


async def _seen(here: Scenario, condition: str) -> None:
    async def holds() -> bool:
        return bool(await here.prometheus.ask(condition))

    await eventually(condition, holds, deadline=60)


async def _standing_still(here: Scenario) -> Json:
    """What the servers say, once two scrapes later they say the same."""
    end = time.monotonic() + 90
    said = await _truth(here)
    while time.monotonic() < end:
        before = _figures(said)
        await asyncio.sleep(2 * INTERVAL)
        said = await _truth(here)
        # After a server's death a copy can stand still for seconds before it asks its origin again.
        copied = said[COPY]["state"]["messages"] == said["ORDERS"]["state"]["messages"]
        if copied and _figures(said) == before:
            return said
    raise AssertionError("the figures did not stand still within 90 s after all work ended")


def _figures(said: Json) -> Json:
    """What only work changes: not when it was said, nor how long ago a replica was heard."""
    counted = ("delivered", "ack_floor", "num_pending", "num_ack_pending", "num_redelivered")
    return {
        stream: (
            info["state"],
            {name: [one[key] for key in counted] for name, one in info["consumers"].items()},
        )
        for stream, info in said.items()
    }


async def _truth(here: Scenario) -> Json:
    """Each stream's STREAM.INFO, with CONSUMER.INFO of each of its consumers."""
    found: Json = {}
    async for info in oracle.streams(here.nc):
        name = info["config"]["name"]
        consumers = {one["name"]: one async for one in oracle.consumers(here.nc, name)}
        found[name] = info | {"consumers": consumers}
    return found


@contextmanager
def served(recording: Path, folder: Path) -> Iterator[Recording]:
    """A Prometheus that scrapes nothing and answers from a copy of the data."""
    shutil.copytree(recording / "tsdb", folder / "tsdb", ignore=shutil.ignore_patterns("lock"))
    (folder / "prometheus.json").write_text("{}")
    (port,) = free_ports(1)
    child = spawned(folder, folder / "prometheus.json", port)
    url = f"http://127.0.0.1:{port}"
    try:
        _wait(child, url)
        yield Recording(url, json.loads((recording / "said.json").read_text()))
    finally:
        child.kill_now()


def _wait(child: Child, url: str) -> None:
    end = time.monotonic() + 30
    while time.monotonic() < end:
        assert child.alive, child.tail()
        with suppress(URLError), urlopen(f"{url}/-/ready", timeout=5) as answer:
            if answer.status == 200:
                return
        time.sleep(0.05)
    raise AssertionError(f"Prometheus is not ready: {child.tail()}")
