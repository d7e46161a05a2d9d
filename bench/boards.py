"""How long Prometheus takes for each query of the dashboards when there are many consumers.

One nats-server with the bench's load, this exporter, and a real Prometheus that scrapes it for a
while; then every board is asked for as a browser would, panel by panel. What three servers would say
of each object and one does not, Prometheus makes of the rest, or queries over it would be fast for want
of data.
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
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bench import load
from bench.boards_page import Found, Timing, document
from bench.exporters import free_port
from bench.measure import MeasureError
from bench.run import TOOLS
from nats.errors import Error as NatsError
from nats.js.api import StorageType
from scripts.render_boards.answers import Asker

from jetstream_exporter.demo.child import Child, DemoError
from jetstream_exporter.demo.cluster import Cluster

ROOT = Path(__file__).resolve().parent.parent
CHOSEN = {"stream": load.stream_name(0), "consumer": load.consumer_name(0)}
GIB = 1 << 30
PATIENCE = 120.0  # seconds until Prometheus has everyone

REPLICA = 'label_replace(jetstream_stream_has_leader, "server", "replica-{}", "", "")'
REPLICAS = " or ".join(REPLICA.format(number) for number in (1, 2))
OF_A_CLUSTER = {
    "jetstream_consumer_max_deliver": "5 * jetstream_consumer_has_leader",
    "jetstream_consumer_fault_tolerance": "1 * jetstream_consumer_has_leader",
    "jetstream_stream_fault_tolerance": "1 * jetstream_stream_has_leader",
    "jetstream_stream_max_bytes": "2 * jetstream_stream_bytes",
    "jetstream_stream_storage_ratio": "0.5 * jetstream_stream_has_leader",
    "jetstream_stream_replica_current": REPLICAS,
    "jetstream_stream_replica_offline": f"0 * ({REPLICAS})",
    "jetstream_stream_replica_lag_entries": f"3 * ({REPLICAS})",
    "jetstream_stream_replica_last_seen_seconds": f"0.1 * ({REPLICAS})",
}


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
    add("--prometheus", default=shutil.which("prometheus") or TOOLS / "bin/prometheus")
    return parser.parse_args(argv)


def say(text: str) -> None:
    print(f"bench.boards: {text}", file=sys.stderr, flush=True)


async def scraped(options: argparse.Namespace, folder: Path) -> Found:
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
            url = f"http://127.0.0.1:{ports[1]}"
            await begun(Asker(url, 0, 0, options.interval, {}), options.size.consumers)
            started = time.time()
            await work_on(cluster[0].url, options, started + options.minutes * 60)
            asker = Asker(url, started, time.time(), options.interval, CHOSEN)
            return await asyncio.to_thread(measured, asker, options)
        finally:
            prometheus.kill_now()
            exporter.kill_now()


async def begun(asker: Asker, consumers: int) -> None:
    """Wait until Prometheus has scraped everyone: queries over nothing are fast."""
    end = time.monotonic() + PATIENCE
    while (seen := await asyncio.to_thread(scraped_consumers, asker)) != consumers:
        if time.monotonic() > end:
            raise MeasureError(f"Prometheus has {seen} of {consumers} consumers")
        await asyncio.sleep(0.5)


def scraped_consumers(asker: Asker) -> int:
    try:
        found = asker.at(time.time(), "count(jetstream_consumer_has_leader)")
    except OSError:  # it starts
        return 0
    return int(found[0]["value"][1]) if found else 0


async def work_on(url: str, options: argparse.Namespace, end: float) -> None:
    """Everyone works on while Prometheus scrapes, so that rates are no zeros."""
    while (left := end - time.time()) > 0:
        say(f"scraping for another {left / 60:.1f} minutes")
        began = time.time()
        try:
            await load.stir(url, options.size)
        except* (NatsError, OSError, TimeoutError) as group:  # others work on
            say(f"not everyone worked: {group.exceptions[0]!r}")
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
    rules = [{"record": name, "expr": expr} for name, expr in OF_A_CLUSTER.items()]
    (folder / "cluster.json").write_text(json.dumps({"groups": [{"name": "c", "rules": rules}]}))
    config = {
        "global": {"scrape_interval": every, "evaluation_interval": every},
        "rule_files": [f"{ROOT}/rules/*.yaml", f"{folder}/cluster.json"],
        "scrape_configs": [job],
    }
    (folder / "prometheus.json").write_text(json.dumps(config))
    return [
        options.prometheus,
        f"--config.file={folder}/prometheus.json",
        f"--storage.tsdb.path={folder}/tsdb",
        f"--web.listen-address=127.0.0.1:{port}",
    ]


def measured(asker: Asker, options: argparse.Namespace) -> Found:
    held = asker.now('count({job="jetstream-exporter"})')
    if not held:
        raise MeasureError("Prometheus has lost the exporter")
    boards = [json.loads(file.read_text()) for file in sorted((ROOT / "dashboards").glob("*.json"))]
    return Found(
        [t for board in boards for t in of_board(asker, board, options.rounds)],
        int(held[0]["value"][1]),
    )


def of_board(asker: Asker, board: Any, rounds: int) -> list[Timing]:
    say(f"asking what {board['title']} asks")
    values = asker.values(board)
    return [
        Timing(board["title"], panel["title"], target["refId"], *asked(asker, one, values, rounds))
        for panel in board["panels"]
        for target in panel.get("targets", ())
        for one in [panel | {"targets": [target]}]
    ]


def asked(
    asker: Asker, panel: Any, values: dict[str, str], rounds: int
) -> tuple[float, int | None]:
    """Seconds, the median of all rounds, and how many series came."""
    took: list[float] = []
    count: int | None = None
    for _ in range(rounds):
        began = time.perf_counter()
        try:
            (answer,) = asker.panel(panel, values)
            count = len(answer)
        except (
            OSError
        ) as error:  # refused, or not in time: worse than slow, and no end of the others
            say(f"{panel['title']}: {error}")
            return time.perf_counter() - began, None
        took.append(time.perf_counter() - began)
    return statistics.median(took), count


def main(argv: list[str]) -> int:
    options = arguments(argv)
    before = Path("/proc/loadavg").read_text().split()[0]
    with tempfile.TemporaryDirectory(prefix="bench-boards-") as folder:
        try:
            found = asyncio.run(scraped(options, Path(folder)))
        except (MeasureError, DemoError) as error:
            say(str(error))
            return 1
    text = document(options, found, before)
    file = options.into / f"boards-{datetime.now(UTC):%Y-%m-%d}.md"
    file.parent.mkdir(exist_ok=True, parents=True)
    file.write_text(text)
    print(text)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
