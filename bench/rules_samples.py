"""The samples of `bench.rules`: what the rules read of a cluster in which all is well.

Every consumer works, so no rule is spared its comparisons. The clusters differ in what is exported of a consumer:
everything, what a cluster without metadata has, or what the lean profile has.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from bench.remote_write import field, labels, post, samples, snappy

from jetstream_exporter.metrics import TABLES
from jetstream_exporter.metrics.families import Family
from jetstream_exporter.metrics.lean import CONDITIONS

RULES = sorted((Path(__file__).parent.parent / "rules").glob("*.yaml"))
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
# What a group finds recorded for each consumer; other recording rules have few rows.
RECORDED = (
    "nats_cluster_account_stream_consumer:jetstream_consumer_acknowledged_deliveries:rate5m",
    "nats_cluster_account_stream_consumer:jetstream_consumer_drain_seconds:ratio5m",
    "nats_cluster_account_stream_consumer:jetstream_consumer_delivery_lag_seconds:max",
)
RECORDED_OF_THRESHOLDS = (
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
OF_METADATA = ("_threshold", "_labels", "_monitoring_enabled")
CLUSTERS = {
    "metadata": "every stream and consumer with a team, two thresholds and the other metadata that the rules read",
    "full": "without metadata",
    "lean": "without metadata, in the lean profile",
}


def asked(cluster: str) -> list[tuple[str, str, tuple[str, ...]]]:
    """Name, type and labels of every family that a rule names and this cluster has."""
    text = "".join(path.read_text() for path in RULES)
    words = set(re.findall(r"[a-z][a-z0-9_]+", text))
    found: list[tuple[str, str, tuple[str, ...]]] = [
        (family.name, family.type, tuple(table.labels))
        for table in TABLES
        for family in table.families
        if family.name in words and _has(cluster, family)
    ]
    found += [(name, "gauge", LEVEL) for name in RECORDED]
    if cluster != "metadata":
        return found
    found += [(name, "gauge", LEVEL) for name in RECORDED_OF_THRESHOLDS]
    return found + [(name, "gauge", labels) for name, labels in OF_TEAMS.items()]


def _has(cluster: str, family: Family[Any]) -> bool:
    if family.name.endswith(WRONG):
        return False
    if cluster != "metadata" and family.name.endswith(OF_METADATA):
        return False
    return cluster != "lean" or (family.in_lean and family.name not in CONDITIONS)


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
        r"_(excess_deliveries|max_deliveries|slow_consumers|leader_changes|errors|naks)_total$",
        name,
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


def requests(cluster: str, streams: int, each: int, start: int) -> Iterator[tuple[int, bytes]]:
    """Remote-write requests and how many series each holds."""
    pending: list[bytes] = []
    for name, kind, needed in asked(cluster):
        block = samples(history(kind, name), start, SPACING)
        for row in rows(needed, streams, each):
            for check in CHECKS.get(name, ("",)):
                full = {"__name__": name, **row, **({"check": check} if check else {})}
                pending.append(field(1, labels(full) + block))
            if len(pending) >= BATCH:
                yield len(pending), snappy(b"".join(pending))
                pending = []
    yield len(pending), snappy(b"".join(pending))


def load(url: str, cluster: str, streams: int, each: int, start: int) -> int:
    total = 0
    for count, body in requests(cluster, streams, each, start):
        post(url, body)
        total += count
    return total
