"""What the alert rules cost Prometheus: half an hour of 20,000 consumers, then every expression's evaluation time.

    python -m bench.rules --prometheus .tools/bin/prometheus

The samples are written by remote write, since half an hour cannot be scraped in a minute. Every consumer works, so no
rule is spared its comparisons; each figure that the rules ask for is there.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import sys
import tempfile
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import Any

import yaml
from bench.machine import facts
from bench.proc import Process
from bench.remote_write import field, labels, post, samples, snappy

from jetstream_exporter.demo.child import Child
from jetstream_exporter.demo.ports import Port
from jetstream_exporter.metrics import TABLES

RULES = sorted((Path(__file__).parent.parent / "rules").glob("*.yaml"))
RESULTS = Path(__file__).parent / "results"
LEVEL = ("nats_cluster", "account", "stream", "consumer")
OF_TEAMS = {
    "nats_cluster_account_stream_team:jetstream_stream_labels:since": (*LEVEL[:3], "team"),
    "nats_cluster_account_stream_team:jetstream_stream_labels:newest": (*LEVEL[:3], "team"),
    "nats_cluster_account_stream_consumer_team:jetstream_consumer_labels:since": (*LEVEL, "team"),
    "nats_cluster_account_stream_consumer_team:jetstream_consumer_labels:newest": (*LEVEL, "team"),
}
SPACING = 30
HISTORY = 30 * 60
SERVERS = 3
BATCH = 2000  # series in one request
ROUNDS = 5
LONGEST = 300  # seconds for one expression, on a machine that has other work
# What a group finds recorded for each consumer; other recording rules have few rows.
RECORDED = (
    "nats_cluster_account_stream_consumer:jetstream_consumer_acknowledged_deliveries:rate5m",
    "nats_cluster_account_stream_consumer:jetstream_consumer_drain_seconds:ratio5m",
    "nats_cluster_account_stream_consumer:jetstream_consumer_last_delivery_timestamp_seconds:last",
    "nats_cluster_account_stream_consumer:jetstream_consumer_last_delivery_seconds:max",
)
# Every object has two thresholds, of which none is exceeded.
CHECKS = {
    "jetstream_stream_threshold": ("seen", "lag"),
    "jetstream_consumer_threshold": ("unprocessed", "last-delivery"),
}
LEVELS = {"_threshold": 1e9, "_labels": 1.0, "_ratio": 0.5, ":newest": 1.0}
WRONG = "_threshold_invalid_info"  # an alert for each


def asked() -> list[tuple[str, str, tuple[str, ...]]]:
    """Name, type and labels of every family that a rule names."""
    text = "".join(path.read_text() for path in RULES)
    words = set(re.findall(r"[a-z][a-z0-9_]+", text))
    found: list[tuple[str, str, tuple[str, ...]]] = [
        (family.name, family.type, tuple(table.labels))
        for table in TABLES
        for family in table.families
        if family.name in words and not family.name.endswith(WRONG)
    ]
    found += [(name, "gauge", LEVEL) for name in RECORDED]
    return found + [(name, "gauge", labels) for name, labels in OF_TEAMS.items()]


# What a label holds that is not the name of an object.
CHOICES = {
    "store": "file",
    "check": "full",
    "leader": "nats-0",
    "kind": "stream",
    "retention": "limits",
    "storage": "file",
    "discard": "old",
    "role": "",
    "ack_policy": "explicit",
    "deliver_policy": "all",
    "type": "pull",
    "durable": "true",
    "filtered": "false",
    "source": "ORIGIN",
    "target": "nats-0",
    "severity": "critical",
    "team": "payments",
}


def rows(needed: tuple[str, ...], streams: int, each: int) -> Iterator[dict[str, str]]:
    """One label set for each object that a family with these labels has."""
    fixed = {name: CHOICES[name] for name in needed if name in CHOICES}
    if "nats_cluster" in needed:
        fixed["nats_cluster"] = "bench"
    if "account" in needed:
        fixed["account"] = "APP"
    for server in range(SERVERS if "server" in needed else 1):
        place = {"server": f"nats-{server}"} if "server" in needed else {}
        for stream in range(streams if "stream" in needed else 1):
            held = {"stream": f"stream-{stream:04}"} if "stream" in needed else {}
            for consumer in range(each if "consumer" in needed else 1):
                own = {"consumer": f"consumer-{consumer:03}"} if "consumer" in needed else {}
                yield {
                    **fixed,
                    **place,
                    **held,
                    **own,
                    "job": "jetstream-exporter",
                    "instance": "a",
                }


def history(kind: str, name: str) -> list[float]:
    """Half an hour: counters grow, states are 1, levels move."""
    count = HISTORY // SPACING
    if re.search(
        r"_(excess_deliveries|max_deliveries|slow_consumers|leader_changes|errors)_total$", name
    ):
        return [0.0] * count  # a healthy cluster: an alert that fires costs its sentences, too
    if kind == "counter" or name.endswith("_sequence"):
        return [10.0 * n for n in range(count)]
    if name.endswith(("_paused", "_dropped")):
        return [0.0] * count
    if re.search(r"_(info|up|healthy|current|enabled)$|has_leader", name):
        return [1.0] * count
    for ending, level in LEVELS.items():
        if name.endswith(ending):
            return [level] * count
    return [50.0 + (n * 7) % 13 for n in range(count)]


def requests(streams: int, each: int, start: int) -> Iterator[tuple[int, bytes]]:
    """Remote-write requests and how many series each holds."""
    pending: list[bytes] = []
    for name, kind, needed in asked():
        block = samples(history(kind, name), start, SPACING)
        for row in rows(needed, streams, each):
            for check in CHECKS.get(name, ("",)):
                full = {"__name__": name, **row, **({"check": check} if check else {})}
                pending.append(field(1, labels(full) + block))
            if len(pending) >= BATCH:
                yield len(pending), snappy(b"".join(pending))
                pending = []
    yield len(pending), snappy(b"".join(pending))


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
    for name, (interval, _) in groups().items():
        wall = median(took for took, _ in found[name])
        cpu = median(took for _, took in found[name])
        lines.append(
            f"| {name} | {interval:.0f} s | {wall:.3f} s | {wall / interval:.1%} "
            f"| {cpu:.2f} s | {cpu / interval:.1%} |"
        )
    return lines


def run(program: str, streams: int, each: int, rounds: int) -> list[str]:
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
            series = load(url, streams, each, now - HISTORY + SPACING)
            found = measure(url, Process(prometheus.pid), now, rounds)
            version = str(ask(url, "/api/v1/status/buildinfo")["version"])
        finally:
            prometheus.kill_now()
            port.release()
    about = facts() | {"Prometheus": version, "load before the run": f"{os.getloadavg()[0]:.1f}"}
    return [
        "# What the alert rules cost",
        "",
        f"{streams * each:,} consumers on {streams:,} streams, {series:,} series with {HISTORY // 60} minutes of "
        f"samples every {SPACING} s. Every expression of the rules, one after another; the median of {rounds} rounds. "
        "Evaluation is what Prometheus' query statistics say, and grows with whatever else the machine does; processor "
        "is what its process used meanwhile, over all cores, with its answers and its collection of garbage.",
        "",
        *table(found),
        "",
        *(f"- {name}: {value}" for name, value in about.items()),
    ]


def load(url: str, streams: int, each: int, start: int) -> int:
    total = 0
    for count, body in requests(streams, each, start):
        post(url, body)
        total += count
    return total


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0], allow_abbrev=False)
    parser.add_argument("--prometheus", default=".tools/bin/prometheus", metavar="PROGRAM")
    parser.add_argument("--streams", type=int, default=500)
    parser.add_argument("--consumers-each", type=int, default=40)
    parser.add_argument("--rounds", type=int, default=ROUNDS, help="of all expressions")
    parser.add_argument("--output", type=Path, help="default: bench/results/rules-<date>.md")
    arguments = parser.parse_args()
    size = arguments.streams, arguments.consumers_each
    lines = run(arguments.prometheus, *size, arguments.rounds)
    output = arguments.output or RESULTS / f"rules-{datetime.now(UTC):%Y-%m-%d}.md"
    output.write_text("\n".join(lines) + "\n")
    print("\n".join(lines))
    return 0


if __name__ == "__main__":
    sys.exit(main())
