"""How long Prometheus takes for each query of the dashboards when there are many consumers.

One nats-server with the bench's load, this exporter, and a real Prometheus that scrapes it for a
while; then every board is asked for as a browser would, panel by panel.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import shutil
import statistics
import sys
import tempfile
import time
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.request import urlopen

from bench import load, machine
from bench.contestants import free_port
from dashboards.render.answers import Asker
from nats.js.api import StorageType

from jetstream_exporter.demo.child import Child
from jetstream_exporter.demo.cluster import Cluster

ROOT = Path(__file__).resolve().parent.parent
TOOLS = ROOT / ".tools/bin"
CHOSEN = {"stream": load.stream_name(0), "consumer": load.consumer_name(0)}
GIB = 1 << 30


@dataclass(frozen=True, slots=True)
class Timing:
    board: str
    panel: str
    query: str
    seconds: float
    series: int


def arguments(argv: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.boards", description=__doc__)
    add = parser.add_argument
    add("--size", type=load.Size.parse, default=load.Size(500, 40), help="default: %(default)s")
    add(
        "--minutes",
        type=float,
        default=60,
        help="of scraping, and of the boards' range (default: 60)",
    )
    add("--interval", type=float, default=15, help="between scrapes, in seconds (default: 15)")
    add("--rounds", type=int, default=3, help="of each query; the median counts (default: 3)")
    add("--into", type=Path, default=ROOT / "bench/results", help="default: bench/results")
    add("--prometheus", default=shutil.which("prometheus") or TOOLS / "prometheus")
    return parser.parse_args(argv)


def say(text: str) -> None:
    print(f"bench.boards: {text}", file=sys.stderr, flush=True)


async def scraped(options: argparse.Namespace, folder: Path) -> list[Timing]:
    async with Cluster(size=1, max_file_store=16 * GIB, max_memory_store=4 * GIB) as cluster:
        say(f"making {options.size} streams x consumers")
        await load.grow(cluster[0].url, load.Size(0, 0), options.size, StorageType.MEMORY)
        ports = free_port(), free_port()
        exporter = Child(
            "exporter", exporter_argv(cluster[0].monitor_url, ports[0]), folder / "e.log"
        )
        prometheus = Child("prometheus", prometheus_argv(options, folder, *ports), folder / "p.log")
        try:
            exporter.spawn()
            prometheus.spawn()
            started = time.time()
            await work_on(cluster[0].url, options, started + options.minutes * 60)
            say("asking")
            asker = Asker(
                f"http://127.0.0.1:{ports[1]}", started, time.time(), options.interval, CHOSEN
            )
            return await asyncio.to_thread(timings, asker, options.rounds)
        finally:
            prometheus.kill_now()
            exporter.kill_now()


async def work_on(url: str, options: argparse.Namespace, end: float) -> None:
    """Everyone works on while Prometheus scrapes, so that rates are no zeros."""
    say(f"scraping for {options.minutes:g} minutes")
    while time.time() < end:
        began = time.time()
        await load.stir(url, options.size)
        await asyncio.sleep(max(0, min(began + options.interval, end) - time.time()))


def exporter_argv(target: str, port: int) -> list[str]:
    listen = f"127.0.0.1:{port}"
    return [
        sys.executable,
        "-m",
        "jetstream_exporter",
        "--web.listen-address",
        listen,
        "--target",
        target,
    ]


def prometheus_argv(
    options: argparse.Namespace, folder: Path, exporter: int, port: int
) -> list[str | Path]:
    every = f"{options.interval:g}s"
    job = {
        "job_name": "jetstream-exporter",
        "static_configs": [{"targets": [f"127.0.0.1:{exporter}"]}],
    }
    config = {
        "global": {"scrape_interval": every, "evaluation_interval": every},
        "rule_files": [f"{ROOT}/rules/*.yaml"],
        "scrape_configs": [job],
    }
    (folder / "prometheus.json").write_text(json.dumps(config))
    return [
        options.prometheus,
        f"--config.file={folder}/prometheus.json",
        f"--storage.tsdb.path={folder}/tsdb",
        f"--web.listen-address=127.0.0.1:{port}",
    ]


def timings(asker: Asker, rounds: int) -> list[Timing]:
    with suppress(URLError):
        urlopen(f"{asker.url}/-/ready", timeout=60).close()  # noqa: S310
    boards = [json.loads(file.read_text()) for file in sorted((ROOT / "dashboards").glob("*.json"))]
    return [timing for board in boards for timing in of_board(asker, board, rounds)]


def of_board(asker: Asker, board: Any, rounds: int) -> list[Timing]:
    values = asker.values(board)
    found = []
    for panel in board["panels"]:
        for target in panel.get("targets", ()):
            took, answers = [], []
            for _ in range(rounds):
                began = time.perf_counter()
                (answers,) = asker.panel(panel | {"targets": [target]}, values)
                took.append(time.perf_counter() - began)
            seconds = statistics.median(took)
            found.append(
                Timing(board["title"], panel["title"], target["refId"], seconds, len(answers))
            )
    return found


def document(options: argparse.Namespace, all_timings: list[Timing], load_before: str) -> str:
    slowest = sorted(all_timings, key=lambda timing: -timing.seconds)
    facts = {**machine.facts(), "load before": load_before}
    lines = [
        "# What the dashboards cost Prometheus",
        "",
        f"{options.size.consumers:,} consumers ({options.size}), {options.minutes:g} minutes scraped every "
        f"{options.interval:g} s and asked for whole; median of {options.rounds}. "
        f"{len(all_timings)} queries, the twenty slowest:",
        "",
        *(f"- {name}: {value}" for name, value in facts.items()),
        "",
        "| board | panel | query | seconds | series |",
        "|---|---|---|---|---|",
        *(
            f"| {t.board} | {t.panel} | {t.query} | {t.seconds:.3f} | {t.series} |"
            for t in slowest[:20]
        ),
        "",
        f"Most series of one answer: {max(t.series for t in all_timings)}.",
        "",
    ]
    return "\n".join(lines)


def main(argv: list[str]) -> int:
    options = arguments(argv)
    before = Path("/proc/loadavg").read_text().split()[0]
    with tempfile.TemporaryDirectory(prefix="bench-boards-") as folder:
        found = asyncio.run(scraped(options, Path(folder)))
    text = document(options, found, before)
    file = options.into / f"boards-{datetime.now(UTC):%Y-%m-%d}.md"
    file.parent.mkdir(exist_ok=True, parents=True)
    file.write_text(text)
    print(text)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
