"""What polling costs the JetStream API: how long STREAM.INFO takes for a client while each source polls.

    python -m bench.polling                    # 500x40: 20,000 consumers, two minutes
    python -m bench.polling 25x40 --seconds 3  # a quick look

Every source polls again as soon as its answer is there, which is far more than any scrape interval: the figures are the
worst case. Who polls is a process of its own. The table is printed and written with the machine and the versions.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import datetime
import json
import os
import statistics
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import nats
from bench import machine
from bench.load import Size, grow, stream_name
from nats.js.api import StorageType

from jetstream_exporter.config.nats import AccountApi, System
from jetstream_exporter.demo.cluster import GIB, Cluster, account
from jetstream_exporter.report import ScrapeRequest
from jetstream_exporter.sources.http.client import HttpClient
from jetstream_exporter.sources.http.monitoring import MonitoringSource
from jetstream_exporter.sources.lookup import SystemLookup
from jetstream_exporter.sources.nats.account import AccountSource
from jetstream_exporter.sources.nats.system import SystemSource

if TYPE_CHECKING:
    from jetstream_exporter.sources.collector import Source

WAYS = {"monitoring": "HTTP", "system": "system account", "account": "account's API"}
RESULTS = Path(__file__).parent / "results"
LIMIT = 2**30
PAUSE = 0.002  # seconds between two STREAM.INFO
DEADLINE = 60.0
HEADERS = ("polled by", "median ms", "p99 ms", "worst ms", "requests", "polls", "seconds a poll")


def source(kind: str, settings: dict[str, Any]) -> Source:
    urls = list(settings["urls"])
    if kind == "monitoring":
        return MonitoringSource(
            list(settings["targets"]), HttpClient(LIMIT, None, {}), SystemLookup()
        )
    if kind == "system":
        login = System(urls=urls, username="sys", password_file=settings["password_file"])
        return SystemSource(login, "bench", "", "full", LIMIT)
    return AccountSource(AccountApi(urls=urls), "bench", "")


async def poll(kind: str, settings: dict[str, Any]) -> list[float]:
    """Ask without a pause until standard input ends; says `ready` after the first answer. Seconds of each."""
    took: list[float] = []
    polled = source(kind, settings)
    ended = asyncio.create_task(asyncio.to_thread(sys.stdin.read))
    while not ended.done():
        began = time.monotonic()
        deadline = asyncio.get_running_loop().time() + DEADLINE
        outcomes = await polled.ask(ScrapeRequest(deadline, with_config=False))
        took.append(time.monotonic() - began)
        errors = [outcome.error for outcome in outcomes if outcome.error]
        if errors:
            raise RuntimeError(f"{kind}: {errors[0]}")
        if len(took) == 1:
            print("ready", flush=True)
    await polled.close()
    return took


@asynccontextmanager
async def polling(kind: str, settings: dict[str, Any], took: list[float]) -> AsyncIterator[None]:
    """Let a process poll meanwhile; `took` has its times in the end."""
    command = [sys.executable, "-m", "bench.polling", "--poll", kind, json.dumps(settings)]
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(*command, stdin=pipe, stdout=pipe)
    try:
        assert process.stdout is not None
        if await process.stdout.readline() != b"ready\n":
            raise RuntimeError(f"{kind} does not poll")
        yield
        said, _ = await process.communicate(b"")
        took += json.loads(said)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def latencies(url: str, size: Size, seconds: float) -> list[float]:
    """STREAM.INFO of one stream after the other, milliseconds."""
    client = await nats.connect(url)
    found: list[float] = []
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        subject = f"$JS.API.STREAM.INFO.{stream_name(len(found) % size.streams)}"
        began = time.perf_counter()
        await client.request(subject, b"", timeout=30)
        found.append(1000 * (time.perf_counter() - began))
        await asyncio.sleep(PAUSE)
    await client.close()
    return found


def row(name: str, found: list[float], took: list[float]) -> list[str]:
    p99 = statistics.quantiles(found, n=100, method="inclusive")[98]
    figures = [f"{statistics.median(found):.2f}", f"{p99:.2f}", f"{max(found):.1f}"]
    mean = f"{statistics.fmean(took):.3f}" if took else ""
    return [name, *figures, f"{len(found):,}", f"{len(took)}", mean]


def table(rows: list[list[str]]) -> str:
    lines = [list(HEADERS), ["---", *["--:"] * (len(HEADERS) - 1)], *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


async def measure(size: Size, seconds: float, binary: str | None) -> list[list[str]]:
    users = {"APP": account("app")}
    async with Cluster(size=1, accounts=users, binary=binary, max_file_store=16 * GIB) as cluster:
        url = cluster[0].url_for("app")
        await grow(url, Size(0, 0), size, StorageType.FILE)
        password = cluster[0].folder / "sys.password"
        password.write_text("sys")
        settings = {
            "urls": cluster.urls,
            "targets": cluster.monitor_urls,
            "password_file": str(password),
        }
        rows = [row("nobody", await latencies(url, size, seconds), [])]
        for kind, name in WAYS.items():
            took: list[float] = []
            async with polling(kind, settings, took):
                found = await latencies(url, size, seconds)
            rows.append(row(name, found, took))
        return rows


def page(size: Size, rows: list[list[str]], load_before: float) -> str:
    """The table with what it was measured on."""
    facts = {**machine.facts(), "load before the run": f"{load_before:.1f}"}
    return "\n".join(
        [
            f"# STREAM.INFO while {size.consumers:,} consumers are polled without a pause",
            "",
            table(rows),
            "",
            *(f"- {name}: {value}" for name, value in facts.items()),
            "",
        ]
    )


def main(argv: list[str]) -> int:
    if argv[:1] == ["--poll"]:
        print(json.dumps(asyncio.run(poll(argv[1], json.loads(argv[2])))))
        return 0
    parser = argparse.ArgumentParser(
        prog="python -m bench.polling",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("size", nargs="?", type=Size.parse, default="500x40", help="STREAMSxCONSUMERS (500x40)")
    add("--seconds", type=float, default=15, help="of each source (default: 15)")
    add("--nats-server", help="program, by name or path")
    add("--output", type=Path, help="default: bench/results/polling-<date>.md")
    options = parser.parse_args(argv)
    load_before = os.getloadavg()[0]
    with contextlib.suppress(KeyboardInterrupt):
        rows = asyncio.run(measure(options.size, options.seconds, options.nats_server))
        print(table(rows))
        output = options.output or RESULTS / f"polling-{datetime.datetime.now():%Y-%m-%d}.md"
        output.write_text(page(options.size, rows, load_before))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
