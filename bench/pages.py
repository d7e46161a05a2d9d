"""The status pages with many consumers: how long does each take, and how much of the processor?

    python -m bench.pages                                          # 500 streams with 40 consumers each
    python -m bench.pages --size 25x40 --rounds 2

Each page is asked twice after each scrape: the first answer judges the new snapshot, the second one finds it judged.
"""

from __future__ import annotations

import argparse
import asyncio
import datetime
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

from bench import machine, table
from bench.exporters import Exporter, running
from bench.load import Size, grow
from bench.measure import Compared, curl
from bench.proc import Process
from bench.run import RESULTS, find, say
from nats.js.api import StorageType

from jetstream_exporter.demo.cluster import Cluster
from jetstream_exporter.demo.server import Server
from jetstream_exporter.runtime.threads import run_in_thread

PAGES = {
    "status": "/",
    "streams": "/streams",
    "consumers": "/consumers",
    "consumers, page 100": "/consumers?page=100",
    "consumers, searched": "/consumers?q=7",
    "consumers, sorted by undelivered": "/consumers?sort=-pending",
    "JSON": "/api/v1/status",
}
COLUMNS = (
    "page", "size", "first: wall", "first: CPU", "then: wall", "then: CPU", "worst CPU"
)  # fmt: skip


@dataclass(slots=True)
class Figures:
    """Seconds of each answer: the first one after a scrape, and the one after that."""

    size: int = 0
    first: list[tuple[float, float]] = field(default_factory=list)
    then: list[tuple[float, float]] = field(default_factory=list)

    def cells(self) -> Iterator[str]:
        yield f"{self.size / 1000:.0f} kB"
        for values in (self.first, self.then):
            for part in zip(*values, strict=True):
                yield table.seconds(median(part))
        yield table.seconds(max(cpu for _, cpu in (*self.first, *self.then)))


def arguments_of(server: Server, port: int, _: Path) -> list[str]:
    return ["--target", server.monitor_url, f"--web.listen-address=127.0.0.1:{port}"]


def measured(url: str, process: Process) -> tuple[float, float, int]:
    before = process.cpu_seconds()
    wall, size = curl(url)
    return wall, process.cpu_seconds() - before, size


def rounds(compared: Compared, count: int) -> dict[str, Figures]:
    assert compared.pid is not None
    process, base = Process(compared.pid), compared.url.removesuffix("/metrics")
    for _ in range(3):  # it reads the configurations, and is warm
        curl(compared.url)
    found = {name: Figures() for name in PAGES}
    for _ in range(count):
        for name, path in PAGES.items():
            curl(compared.url)
            for values in (found[name].first, found[name].then):
                wall, cpu, found[name].size = measured(f"{base}{path}", process)
                values.append((wall, cpu))
    return found


async def run(size: Size, count: int, binary: Path | None) -> dict[str, Figures]:
    program = find("jetstream-exporter")
    if program is None:
        raise SystemExit("bench: there is no program jetstream-exporter")
    ours = Exporter("jetstream-exporter", program, arguments_of, lambda _: "")
    async with Cluster(size=1, binary=binary, prefix="bench") as cluster:
        say(f"{size.consumers:,} consumers")
        await grow(cluster[0].url, Size(0, 0), size, StorageType.MEMORY)
        async with running(ours, program, cluster[0], cluster[0].folder) as compared:
            return await run_in_thread(rounds, compared, count)


def document(found: dict[str, Figures], size: Size, count: int) -> str:
    rows = [[name, *figures.cells()] for name, figures in found.items()]
    return "\n".join(
        [
            "# The status pages",
            "",
            f"{size.streams:,} streams with {size.consumers:,} consumers on one server. Medians of {count} rounds; "
            "each page was asked twice after a scrape. The first answer judges the new snapshot, the second one finds "
            "it judged. CPU is that of the exporter, with a resolution of 10 ms; on a busy machine it says more than "
            "the wall time.",
            "",
            table.markdown(COLUMNS, rows),
            "",
            *(f"- {name}: {value}" for name, value in machine.facts().items()),
            "",
        ]
    )


def main(argv: list[str]) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m bench.pages", description=re.split(r"\n\n", __doc__ or "")[0]
    )
    parser.add_argument("--size", type=Size.parse, default=Size(500, 40), metavar="SIZE")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--nats-server", type=Path, help="default: the one of the demo")
    parser.add_argument("--output", type=Path, help="default: bench/results/pages-<date>.md")
    options = parser.parse_args(argv)
    found = asyncio.run(run(options.size, options.rounds, options.nats_server))
    today = datetime.datetime.now(datetime.UTC)
    output = options.output or RESULTS / f"pages-{today:%Y-%m-%d}.md"
    output.write_text(document(found, options.size, options.rounds))
    print(output.read_text())
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
