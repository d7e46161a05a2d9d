"""What the alert rules cost Prometheus: half an hour of 20,000 consumers, then every expression's evaluation time.

    python -m bench.rules --prometheus .tools/bin/prometheus

The samples are written by remote write, since half an hour cannot be scraped in a minute. Three
clusters are measured: with all metadata that the rules read, without, and in the lean profile.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import Any

import yaml
from bench.machine import facts
from bench.proc import Process
from bench.rules_samples import CLUSTERS, HISTORY, RULES, SPACING, load
from bench.run import RESULTS, TOOLS, find

from jetstream_exporter.demo.child import Child
from jetstream_exporter.demo.ports import Port

PROMETHEUS = TOOLS / "bin/prometheus"
ROUNDS = 5
LONGEST = 300  # seconds for one expression, on a machine that has other work


def ask(url: str, path: str) -> dict[str, object]:
    with urllib.request.urlopen(url + path, timeout=LONGEST) as answer:  # noqa: S310
        return dict(json.load(answer)["data"])


def until_ready(url: str, prometheus: Child) -> None:
    end = time.monotonic() + 60
    while time.monotonic() < end:
        try:
            with urllib.request.urlopen(f"{url}/-/ready", timeout=2):  # noqa: S310
                return
        except (urllib.error.URLError, TimeoutError):
            if not prometheus.alive:
                break
            time.sleep(0.1)
    raise SystemExit(f"bench.rules: Prometheus did not start:\n{prometheus.tail()}")


def groups() -> dict[str, tuple[float, list[str]]]:
    """Of each group its interval and its expressions."""
    spell = {"s": 1, "m": 60}
    return {
        group["name"]: (
            float(group["interval"][:-1]) * spell[group["interval"][-1]],
            [rule["expr"] for rule in group["rules"]],
        )
        for path in RULES
        for group in yaml.safe_load(path.read_text())["groups"]
    }


def evaluate(url: str, expressions: list[str], at: int) -> float:
    """Seconds that Prometheus says it took to evaluate them, one after another as it does in a group."""
    total = 0.0
    for expression in expressions:
        asked = urllib.parse.urlencode({"query": expression, "time": at, "stats": "all"})
        found: Any = ask(url, f"/api/v1/query?{asked}")
        total += found["stats"]["timings"]["evalTotalTime"]
    return total


def measure(
    url: str, process: Process, at: int, rounds: int
) -> dict[str, list[tuple[float, float]]]:
    """Of each group the evaluation time and the processor time, once a round."""
    found: dict[str, list[tuple[float, float]]] = {name: [] for name in groups()}
    for _ in range(rounds):
        for name, (_, expressions) in groups().items():
            before = process.cpu_seconds()
            took = evaluate(url, expressions, at)
            found[name].append((took, process.cpu_seconds() - before))
    return found


def table(found: dict[str, list[tuple[float, float]]]) -> list[str]:
    lines = [
        "| group | interval | evaluation | by interval | processor | by interval |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    shares = [0.0, 0.0]
    for name, (interval, _) in groups().items():
        wall = median(took for took, _ in found[name])
        cpu = median(took for _, took in found[name])
        shares = [total + took / interval for total, took in zip(shares, (wall, cpu), strict=True)]
        lines.append(
            f"| {name} | {interval:.0f} s | {wall:.3f} s | {wall / interval:.1%} "
            f"| {cpu:.2f} s | {cpu / interval:.1%} |"
        )
    return [*lines, f"| all | – | – | {shares[0]:.1%} | – | {shares[1]:.1%} |"]


def run(program: str, cluster: str, streams: int, each: int, rounds: int) -> tuple[list[str], str]:
    """The section about one cluster, and the version of Prometheus."""
    with tempfile.TemporaryDirectory(prefix="bench-rules-") as name:
        folder = Path(name)
        port = Port()
        url = f"http://{port}"
        argv = [
            program,
            f"--config.file={folder / 'prometheus.yml'}",
            f"--storage.tsdb.path={folder / 'data'}",
            f"--query.timeout={LONGEST}s",
            f"--web.listen-address={port}",
            "--web.enable-remote-write-receiver",
        ]
        (folder / "prometheus.yml").write_text("{}")
        prometheus = Child("prometheus", argv, folder / "prometheus.log")
        prometheus.spawn()
        try:
            until_ready(url, prometheus)
            now = int(time.time())
            series = load(url, cluster, streams, each, now - HISTORY + SPACING)
            found = measure(url, Process(prometheus.pid), now, rounds)
            version = str(ask(url, "/api/v1/status/buildinfo")["version"])
        finally:
            prometheus.kill_now()
            port.release()
    section = [f"## {CLUSTERS[cluster].capitalize()}", "", f"{series:,} series.", "", *table(found)]
    return [*section, ""], version


def page(program: str, clusters: list[str], streams: int, each: int, rounds: int) -> list[str]:
    load_before = f"{os.getloadavg()[0]:.1f}"
    sections, versions = zip(
        *(run(program, cluster, streams, each, rounds) for cluster in clusters), strict=True
    )
    about = facts() | {"Prometheus": versions[0], "load before the run": load_before}
    return [
        "# What the alert rules cost",
        "",
        f"{streams * each:,} consumers that work, on {streams:,} streams, with {HISTORY // 60} minutes of "
        f"samples every {SPACING} s. Every expression of the rules, one after another; the median of {rounds} rounds. "
        "Evaluation is what Prometheus' query statistics say, and grows with whatever else the machine does; processor "
        "is what its process used meanwhile, over all cores, with its answers and its collection of garbage.",
        "",
        *(line for section in sections for line in section),
        *(f"- {name}: {value}" for name, value in about.items()),
    ]


def options_of(argv: Sequence[str]) -> argparse.Namespace:
    """The flags with their defaults. What cannot be measured with them ends with 2 before anything is started."""
    parser = argparse.ArgumentParser(
        prog="python -m bench.rules", description=__doc__.splitlines()[0], allow_abbrev=False
    )
    shown = "default: %(default)s"
    add = parser.add_argument
    add("--prometheus", default=str(PROMETHEUS), metavar="PROGRAM", help=shown)
    add("--streams", type=int, default=500, metavar="N", help=shown)
    add("--consumers-each", type=int, default=40, metavar="N", help=f"of a stream; {shown}")
    add(
        "--clusters",
        nargs="+",
        choices=CLUSTERS,
        default=list(CLUSTERS),
        metavar="CLUSTER",
        help=f"what is exported of each consumer: {', '.join(CLUSTERS)} (default: all of them, one after another)",
    )
    add("--rounds", type=int, default=ROUNDS, metavar="N", help=f"of all expressions; {shown}")
    add("--output", type=Path, help="default: bench/results/rules-<date>.md")
    options = parser.parse_args(argv)
    options.output = options.output or RESULTS / f"rules-{datetime.now(UTC):%Y-%m-%d}.md"
    program = find(options.prometheus)
    why = mistake(options, program)
    if why is not None:
        parser.error(why)
    options.prometheus = program
    return options


def mistake(options: argparse.Namespace, program: str | None) -> str | None:
    """Why this cannot be measured; None if it can."""
    if min(options.streams, options.consumers_each, options.rounds) < 1:
        return "--streams, --consumers-each and --rounds have to be at least 1"
    if program is None:
        return f"there is no program {options.prometheus}: `python scripts/tools.py prometheus` installs it"
    if not options.output.parent.is_dir():
        return f"--output: there is no folder {options.output.parent}"
    if options.output.is_dir():
        return f"--output: {options.output} is a folder"
    return None


def main(argv: Sequence[str]) -> int:
    options = options_of(argv)
    size = options.streams, options.consumers_each
    lines = page(options.prometheus, options.clusters, *size, options.rounds)
    options.output.write_text("\n".join(lines) + "\n")
    print("\n".join(lines))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
