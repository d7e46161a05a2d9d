"""Everything at once for a while, against real servers: what must stay flat is measured, and judged.

A cluster of three with the ORDERS workload; streams and consumers that come and go; servers that are killed, frozen
and drained; every source of the exporter, and probes; events that are heard, and those that a stream captures;
reloads, of which some change the settings of every source; a tenant who publishes hostile events; neighbours who read
slowly, stop in the middle of a request or give odd deadlines; a second cluster that says what no server says.
`make soak` writes the table to bench/results.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import os
import signal
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from pathlib import Path

import aiohttp
from bench import machine
from bench.soak_hostile import hostile
from bench.soak_judge import HELD, Sample, flat, page
from bench.soak_trouble import CAPTURED, Trouble

from jetstream_exporter.demo.child import Child, until
from jetstream_exporter.demo.cluster import Cluster, account
from jetstream_exporter.demo.orders.producer import Pace
from jetstream_exporter.demo.orders.workload import Workload
from jetstream_exporter.demo.ports import Port
from jetstream_exporter.runtime.cancel import cancel_and_wait

RESULTS = Path(__file__).parent / "results"
CONFIG = """\
clusters:
  - targets: {targets}
    system: {{urls: {urls}, username: sys, password_env: SOAK_SYS}}
    accounts: [{{urls: {urls}, username: app, password_env: SOAK_APP}}]
    advisories:
      - {{urls: {urls}, username: sys, password_env: SOAK_SYS, hot: [naks, acks]}}
      - {{urls: {urls}, username: app, password_env: SOAK_APP, hot: [naks, acks], stream: {captured}}}
  - name: odd
    targets: [{odd_http}]
    accounts: [{{urls: [{odd_nats}], username: app, password_env: SOAK_APP}}]
collect: {{config_interval: 5s, max_response_bytes: {bytes}}}
filters: {{ephemeral_consumers: true}}
"""
SCRAPE_EVERY, PROBE_EVERY, SAMPLE_EVERY, RELOAD_EVERY = 2.0, 10.0, 5.0, 15.0
CHANGED = 4  # the settings are others after so many reloads
LIMITS = (256 * 2**20, 128 * 2**20)  # bytes, the settings that change; every source is built anew


class Settings:
    """The exporter's file, which is written anew for some reloads."""

    def __init__(self, cluster: Cluster, odd: tuple[str, str], file: Path) -> None:
        self._file = file
        self._targets = cluster.monitor_urls
        self._urls = [server.url for server in cluster]
        self._odd = odd
        self._written = 0

    def write(self) -> Path:
        limit = LIMITS[self._written % len(LIMITS)]
        self._written += 1
        text = CONFIG.format(
            targets=self._targets,
            urls=self._urls,
            captured=CAPTURED,
            odd_http=self._odd[0],
            odd_nats=self._odd[1],
            bytes=limit,
        )
        self._file.write_text(text)
        return self._file


def exporter(config: Path, folder: Path, port: Port) -> Child:
    """The exporter as its users run it, but for a task that writes down what it holds."""
    argv = (sys.executable, "-m", "bench.soak_target", folder / "held")
    flags = (f"--config.file={config}", f"--web.listen-address={port}")
    env = {"SOAK_SYS": "sys", "SOAK_APP": "app"}
    return Child("exporter", [*argv, *map(str, flags)], folder / "exporter.log", env)


class Watch:
    """Scrapes as Prometheus does and looks at the process."""

    def __init__(self, child: Child, url: str, settings: Settings, trouble: Trouble) -> None:
        self.child, self.url, self.settings, self.trouble = child, url, settings, trouble
        self.samples: list[Sample] = []
        self.scrapes = self.failed = 0
        self.began = time.monotonic()

    async def scrape(self, http: aiohttp.ClientSession) -> None:
        self.scrapes += 1
        self.failed += await self._get(http, "/metrics") != 200

    async def probe(self, http: aiohttp.ClientSession) -> None:
        """Ask for one server alone; it may be the one that is away."""
        await self._get(http, f"/probe?target={self.trouble.monitor_url}")

    async def _get(self, http: aiohttp.ClientSession, path: str) -> int:
        """The status; 0 where there is no answer."""
        headers = {"X-Prometheus-Scrape-Timeout-Seconds": "10"}
        try:
            async with http.get(f"{self.url}{path}", headers=headers) as answer:
                await answer.read()
                return answer.status
        except (aiohttp.ClientError, TimeoutError):
            return 0

    async def look(self) -> None:
        proc = Path(f"/proc/{self.child.pid}")
        status = dict(
            line.split(":", 1) for line in (proc / "status").read_text().splitlines() if ":" in line
        )
        held = self.child.log.parent / "held"
        said = json.loads(held.read_text()) if held.exists() else dict.fromkeys(HELD, 0)
        self.samples.append(
            Sample(
                seconds=time.monotonic() - self.began,
                memory=int(status["VmRSS"].split()[0]) * 1024,
                threads=int(status["Threads"]),
                descriptors=len(os.listdir(proc / "fd")),
                log_bytes=self.child.log.stat().st_size,
                scrapes=self.scrapes,
                failed=self.failed,
                **said,
                **self.trouble.counts,
            )
        )

    async def reload(self) -> None:
        self.trouble.counts["reloads"] += 1
        if self.trouble.counts["reloads"] % CHANGED == 0:
            self.settings.write()
        self.child.send(signal.SIGHUP)


async def every(seconds: float, work: Callable[[], Awaitable[None]]) -> None:
    while True:
        began = time.monotonic()
        await work()
        await asyncio.sleep(max(0.0, seconds - (time.monotonic() - began)))


async def soak(minutes: float, folder: Path) -> list[Sample]:
    accounts = {"APP": account("app")}
    port = Port()
    async with Cluster(3, accounts=accounts, folder=folder) as cluster, hostile() as odd:
        settings = Settings(cluster, odd, folder / "exporter.yaml")
        child = exporter(settings.write(), folder, port)
        url = f"http://{port}"
        trouble = Trouble(cluster, port.number)
        await trouble.capture()
        child.spawn()
        timeout = aiohttp.ClientTimeout(total=12)
        try:
            async with (
                aiohttp.ClientSession(timeout=timeout) as http,
                Workload(cluster.urls, replicas=3, pace=Pace(100.0)),
            ):
                await until("an exporter that listens", lambda: listens(http, url), 60)
                await trouble.flood()
                watch = Watch(child, url, settings, trouble)
                tasks = [
                    asyncio.create_task(each)
                    for each in (
                        every(SCRAPE_EVERY, lambda: watch.scrape(http)),
                        every(PROBE_EVERY, lambda: watch.probe(http)),
                        every(SAMPLE_EVERY, watch.look),
                        every(RELOAD_EVERY, watch.reload),
                        *trouble.all(),
                    )
                ]
                try:
                    await asyncio.wait(
                        tasks, timeout=minutes * 60, return_when=asyncio.FIRST_COMPLETED
                    )
                    for task in tasks:
                        if task.done():
                            task.result()
                finally:
                    await cancel_and_wait(*tasks)  # the NATS library can swallow a cancellation
                    trouble.mend()
                return watch.samples
        finally:
            child.kill_now()
            port.release()


async def listens(http: aiohttp.ClientSession, url: str) -> bool:
    with suppress(aiohttp.ClientError):
        async with http.get(f"{url}/-/healthy") as answer:
            return answer.status == 200
    return False


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="bench.soak", description=__doc__.splitlines()[0])
    parser.add_argument("--minutes", type=float, default=20.0, help="how long (default: 20)")
    parser.add_argument("--out", type=Path, default=RESULTS, help="folder of the table")
    arguments = parser.parse_args(argv)
    orders = logging.getLogger(
        "jetstream_exporter.demo.orders"
    )  # it tells of every message that fails
    orders.addHandler(logging.NullHandler())
    orders.propagate = False
    with tempfile.TemporaryDirectory(prefix="jetstream-soak-") as name:
        samples = asyncio.run(soak(arguments.minutes, Path(name)))
    verdicts = flat(samples)
    today = time.strftime("%Y-%m-%d")
    file = arguments.out / f"soak-{today}.md"
    file.write_text(page(samples, verdicts, today, machine.facts()))
    print(f"{file}: " + "; ".join(str(each) for each in verdicts))
    return 0 if all(each.holds for each in verdicts) else 1


if __name__ == "__main__":
    sys.exit(main())
