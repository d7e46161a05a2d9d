"""Families of the exporter's sources: whether each target answered, and how long it took."""

from collections.abc import Iterator
from typing import NamedTuple

from jetstream_exporter.metrics.families import Table, gauge
from jetstream_exporter.snapshot import Snapshot
from jetstream_exporter.snapshot.rows import TargetResult

SOURCES: Table[TargetResult] = Table(
    name="The exporter: sources",
    rows=lambda snapshot: snapshot.target_results,
    labels={"source": lambda a: a.source, "target": lambda a: a.target},
    families=(
        gauge(
            "jetstream_exporter_source_up",
            "Whether the target answered all requests.",
            lambda a: a.up,
            "measured",
            "jetstream_exporter_source_up == 0",
        ),
        gauge(
            "jetstream_exporter_source_duration_seconds",
            "Time that the target took to answer.",
            lambda a: a.duration,
            "measured",
            "jetstream_exporter_source_duration_seconds > 2",
        ),
        gauge(
            "jetstream_exporter_source_response_bytes",
            "Size of the target's responses.",
            lambda a: a.received,
            "measured",
            "jetstream_exporter_source_response_bytes",
        ),
    ),
)


class _Request(NamedTuple):
    result: TargetResult
    name: str
    up: bool


def _requests(snapshot: Snapshot) -> Iterator[_Request]:
    for result in snapshot.target_results:
        for name, up in result.requests.items():
            yield _Request(result, name, up)


SOURCE_PARTS: Table[_Request] = Table(
    name="The exporter: parts of the sources",
    rows=_requests,
    labels={
        "source": lambda p: p.result.source,
        "target": lambda p: p.result.target,
        "part": lambda p: p.name,
    },
    families=(
        gauge(
            "jetstream_exporter_source_part_up",
            "Whether the target answered this request as expected: varz, healthz and jsz of a server, and gatewayz, "
            "leafz and routez of one that has any, and accstatz; connection, statsz, info, "
            "streams, consumers, subscriptions or stream of a connection to NATS. "
            "0 if the request was not sent because an earlier one failed.",
            lambda p: p.up,
            "measured",
            "jetstream_exporter_source_part_up == 0",
        ),
    ),
)

SOURCE_SERVERS: Table[TargetResult] = Table(
    name="The exporter: servers of the sources",
    rows=lambda snapshot: snapshot.target_results,
    labels={
        "source": lambda a: a.source,
        "target": lambda a: a.target,
        "server": lambda a: a.server,
    },
    families=(
        gauge(
            "jetstream_exporter_source_info",
            "Always 1. Name of the server that the target is, as it last answered; empty where it is not known, and "
            "for connections to NATS.",
            lambda _: 1,
            "measured",
            "jetstream_exporter_source_up * on (job, instance, source, target) group_left (server) "
            "jetstream_exporter_source_info",
        ),
    ),
)

TABLES = (SOURCES, SOURCE_PARTS, SOURCE_SERVERS)
