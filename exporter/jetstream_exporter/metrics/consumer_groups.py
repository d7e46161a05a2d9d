"""Families of the priority groups of consumers."""

from collections.abc import Iterator
from typing import NamedTuple

from jetstream_exporter.metrics.families import Table, gauge
from jetstream_exporter.snapshot import Consumer, Snapshot
from jetstream_exporter.snapshot.rows import PinnedGroup


class _Pinned(NamedTuple):
    consumer: Consumer
    group: PinnedGroup


def _pinned(snapshot: Snapshot) -> Iterator[_Pinned]:
    return (_Pinned(row, group) for row in snapshot.consumers for group in row.pinned)


PINNED: Table[_Pinned] = Table(
    name="Consumers: pinned clients",
    rows=_pinned,
    labels={
        "nats_cluster": lambda p: p.consumer.cluster,
        "account": lambda p: p.consumer.account,
        "stream": lambda p: p.consumer.stream,
        "consumer": lambda p: p.consumer.name,
        "group": lambda p: p.group.name,
    },
    families=(
        gauge(
            "jetstream_consumer_pinned_client_info",
            "Always 1. The label `group` is a priority group of the consumer that has a pinned client. Absent "
            "without a pinned client. The ID of the client is no label, because each pinning has another one. "
            "Servers 2.11 and newer.",
            lambda _: 1,
            "priority_groups.pinned_client_id",
            "jetstream_consumer_pinned_client_info",
            in_lean=False,
        ),
        gauge(
            "jetstream_consumer_pinned_since_timestamp_seconds",
            "Time when the client was pinned to the priority group.",
            lambda p: p.group.since,
            "priority_groups.pinned_ts",
            "changes(jetstream_consumer_pinned_since_timestamp_seconds[1h]) > 5",
            in_lean=False,
        ),
    ),
)

TABLES = (PINNED,)
