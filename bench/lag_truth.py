"""The delivery lag against the times that the server gives its messages: is any message said to be older than it is?

    python -m bench.lag_truth                                      # the oldest and the newest, two minutes each
    python -m bench.lag_truth --seconds 10 --servers /path/to/nats-server

Streams of several kinds are published to and worked on; after each scrape STREAM.MSG.GET says when the oldest
undelivered message of each consumer was stored. Nothing moves between a scrape and what it is compared with.
"""

from __future__ import annotations

import argparse
import asyncio
import datetime
import random
import sys
import time
from collections.abc import Iterable
from contextlib import AsyncExitStack
from pathlib import Path
from statistics import mean

import nats
from bench import machine, table
from bench.exporters import Exporter, running
from bench.lag_workload import PAUSE, Workload
from bench.measure import Compared, curl
from bench.run import RESULTS, TOOLS, find, say
from prometheus_client.parser import text_string_to_metric_families
from scripts.versions import EXTREMES

from jetstream_exporter.demo.child import DemoError
from jetstream_exporter.demo.cluster import Cluster
from jetstream_exporter.demo.server import Server, find_binary
from jetstream_exporter.runtime.threads import run_in_thread

SHIPPED = [TOOLS / f"nats-server-{version}/bin/nats-server" for version in EXTREMES]
OLDEST = "jetstream_consumer_oldest_pending_timestamp_seconds"
ERROR = "jetstream_consumer_oldest_pending_error_seconds"
CLOCK = 1e-5  # seconds; a float of the present time is no more exact
Said = dict[tuple[str, str, str], float]


class Comparison:
    """Of one consumer: by how much later than it was a message was said to be stored."""

    def __init__(self) -> None:
        self.errors: list[float] = []
        self.unknown = 0
        self.over = 0
        self.beyond = 0
        self.later = 0
        self._before: tuple[int, float] | None = None  # the message, and what was said of it

    def add(self, said: float | None, error: float | None, truth: float, sequence: int) -> None:
        if said is None:
            self.unknown += 1
            return
        self.errors.append(max(0.0, said - truth))
        self.over += said < truth - CLOCK
        self.beyond += error is not None and said - error > truth + CLOCK
        if self._before is not None and self._before[0] == sequence:
            self.later += said > self._before[1] + CLOCK
        self._before = sequence, said


def arguments_of(server: Server, port: int, _: Path) -> list[str]:
    return ["--target", server.monitor_url, f"--web.listen-address=127.0.0.1:{port}"]


def scraped(compared: Compared, folder: Path) -> Said:
    body = folder / "truth"
    curl(compared.url, keep=body)
    return {
        (sample.name, sample.labels["stream"], sample.labels["consumer"]): sample.value
        for family in text_string_to_metric_families(body.read_text())
        if family.name in (OLDEST, ERROR)
        for sample in family.samples
    }


async def compare(server: Server, seconds: float, program: str) -> dict[str, Comparison]:
    found: dict[str, Comparison] = {}
    ours = Exporter("jetstream-exporter", program, arguments_of, lambda _: "")
    async with AsyncExitStack() as stack:
        compared = await stack.enter_async_context(running(ours, program, server, server.folder))
        client = await stack.enter_async_context(await nats.connect(server.url))
        work = Workload(client, random.Random(server.name))  # noqa: S311  # no secret
        await work.prepare()
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            await work.some()
            await asyncio.sleep(PAUSE)
            said = await run_in_thread(scraped, compared, server.folder)
            for consumer in work.consumers:
                truth = await work.oldest_pending(consumer)
                if truth is not None:
                    key = (consumer.stream, consumer.name)
                    values = said.get((OLDEST, *key)), said.get((ERROR, *key))
                    found.setdefault(consumer.kind, Comparison()).add(*values, *truth)
    return found


COLUMNS = (
    "nats-server", "consumer", "compared", "said to be older than true", "beyond the error", "not known",
    "moved later", "mean error", "largest error",
)  # fmt: skip


def rows(version: str, found: dict[str, Comparison]) -> Iterable[list[str]]:
    for kind, each in found.items():
        errors = each.errors or [0.0]
        yield [
            version,
            kind,
            f"{len(each.errors):,}",
            str(each.over),
            str(each.beyond),
            str(each.unknown),
            str(each.later),
            f"{mean(errors):.2f} s",
            f"{max(errors):.2f} s",
        ]


def document(lines: list[list[str]], seconds: float) -> str:
    interval = seconds / max(int(line[2].replace(",", "")) for line in lines)
    return "\n".join(
        [
            "# The delivery lag and the truth",
            "",
            f"What one exporter said after each scrape, for {seconds:g} s a server, and the time that STREAM.MSG.GET "
            "gives the oldest message that the consumer had not been given. An error is by how much younger than it is "
            "a message was said to be, and depends on the time between two scrapes, which was at most "
            f"{interval:.1f} s on average. It moved later where the same message still waited and was said to be "
            "younger than a scrape before.",
            "",
            table.markdown(COLUMNS, lines),
            "",
            *(f"- {name}: {value}" for name, value in machine.facts().items()),
            "",
        ]
    )


async def run(options: argparse.Namespace) -> list[list[str]]:
    lines: list[list[str]] = []
    program = find("jetstream-exporter")
    if program is None:
        raise SystemExit("bench: there is no program jetstream-exporter")
    for binary in options.servers:
        async with Cluster(size=1, binary=binary, prefix="bench") as cluster:
            say(f"{binary}: {options.seconds:g} s")
            found = await compare(cluster[0], options.seconds, program)
            lines += rows(binary.parent.parent.name.removeprefix("nats-server-"), found)
    return lines


def main(argv: list[str]) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m bench.lag_truth", description=(__doc__ or "").splitlines()[0]
    )
    parser.add_argument("--servers", type=Path, nargs="+", default=SHIPPED, metavar="PROGRAM")
    parser.add_argument("--seconds", type=float, default=120, help="with each server")
    parser.add_argument("--output", type=Path, help="default: bench/results/lag-<date>.md")
    options = parser.parse_args(argv)
    try:
        options.servers = [find_binary(binary) for binary in options.servers]
        lines = asyncio.run(run(options))
    except DemoError as error:
        print(f"bench: {error}", file=sys.stderr)
        return 1
    today = datetime.datetime.now(datetime.UTC)
    output = options.output or RESULTS / f"lag-{today:%Y-%m-%d}.md"
    output.write_text(document(lines, options.seconds))
    print(output.read_text())
    return 1 if any(line[3] != "0" for line in lines) else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
