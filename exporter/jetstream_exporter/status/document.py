"""The status as data: what `/api/v1/status` and `status --format json` give.

A reader may rely on this: within one `schema`, keys keep their meaning and are not removed; keys and values of `state`,
`severity` and `alert` may be added. Times are seconds since the epoch, sizes are bytes, and null is not known.
"""

import math
from collections.abc import Mapping, Sequence

import msgspec
from msgspec import UNSET, UnsetType

from jetstream_exporter import __version__
from jetstream_exporter.snapshot import Consumer, Meta, Server, Stream
from jetstream_exporter.status.conditions import NOT_JUDGED
from jetstream_exporter.status.consumers import subscribers
from jetstream_exporter.status.facts import Object, of_cluster, of_server
from jetstream_exporter.status.findings import Finding
from jetstream_exporter.status.lists import Listed
from jetstream_exporter.status.view import View

SCHEMA = "jetstream-exporter/status/v1"
NAMES: Mapping[str, tuple[str, ...]] = {
    "cluster": ("cluster",),
    "server": ("cluster", "server"),
    "account": ("cluster", "account"),
    "stream": ("cluster", "account", "stream"),
    "consumer": ("cluster", "account", "stream", "consumer"),
}


class Named(msgspec.Struct, frozen=True, gc=False):
    """An object by its kind, and by those names that such an object has."""

    kind: str
    cluster: str | UnsetType = UNSET
    server: str | UnsetType = UNSET
    account: str | UnsetType = UNSET
    stream: str | UnsetType = UNSET
    consumer: str | UnsetType = UNSET


class FindingRow(msgspec.Struct, frozen=True):
    alert: str
    severity: str
    object: Named
    labels: Mapping[str, str]
    summary: str
    sentence: str
    value: float | None
    since_timestamp_seconds: float
    fires_timestamp_seconds: float
    firing: bool
    runbook: str


class ClusterRow(msgspec.Struct, frozen=True, gc=False):
    cluster: str
    state: str
    leader: str | None
    peers: int
    peers_current: int | None
    quorum_needed: int | None


class ServerRow(msgspec.Struct, frozen=True, gc=False):
    cluster: str
    server: str
    state: str
    up: bool
    configured: bool | None
    version: str | None
    start_timestamp_seconds: float | None
    file_used_bytes: int | None
    file_limit_bytes: int | None
    memory_used_bytes: int | None
    memory_limit_bytes: int | None
    stream_leaders: int | None
    consumer_leaders: int | None


class StreamRow(msgspec.Struct, frozen=True, gc=False):
    cluster: str
    account: str
    stream: str
    state: str
    leader: str | None
    replicas: int
    replicas_current: int | None
    messages: int | None
    bytes: int | None
    max_bytes: int | None
    consumers: int | None
    last_message_timestamp_seconds: float | None


class ConsumerRow(msgspec.Struct, frozen=True, gc=False):
    cluster: str
    account: str
    stream: str
    consumer: str
    state: str
    leader: str | None
    pending: int | None
    ack_pending: int | None
    redelivered: int | None
    waiting: int | None
    paused: bool | None
    last_delivery_timestamp_seconds: float | None
    last_ack_timestamp_seconds: float | None


class Document(msgspec.Struct, frozen=True, kw_only=True):
    """Everything of one moment."""

    schema: str = SCHEMA
    version: str = __version__
    collected_timestamp_seconds: float
    watched_seconds: float
    worst: str
    counts: Mapping[str, int]
    findings: Sequence[FindingRow]
    not_judged: Sequence[str] = NOT_JUDGED
    conflicts: Sequence[str]
    clusters: Sequence[ClusterRow]
    servers: Sequence[ServerRow]
    streams: Sequence[StreamRow]
    consumers: Sequence[ConsumerRow]


def document(view: View) -> Document:
    """The same view gives the same document."""
    snapshot = view.snapshot
    return Document(
        collected_timestamp_seconds=round(view.time, 3),
        watched_seconds=round(view.watched_for, 3),
        worst=view.worst,
        counts=view.counts,
        findings=[_finding(each) for each in view.findings],
        conflicts=snapshot.conflicts,
        clusters=[_cluster(row, view) for row in snapshot.metas],
        servers=[_server(row, view) for row in snapshot.servers],
        streams=[_stream(each) for each in view.listed_streams],
        consumers=[_consumer(each) for each in view.listed_consumers],
    )


def encoded(view: View) -> bytes:
    """As JSON, in one line."""
    return msgspec.json.encode(document(view)) + b"\n"


def _finding(each: Finding) -> FindingRow:
    key, found, labels = each.object, each.alert, each.labels
    return FindingRow(
        found.name,
        found.severity,
        _named(key),
        labels,
        found.summary,
        found.text(labels, each.value),
        each.value if math.isfinite(each.value) else None,
        round(each.since, 3),
        round(each.fires_at, 3),
        each.is_firing,
        f"/runbooks/{found.name}",
    )


def _named(key: Object) -> Named:
    if key.kind == "consumer":  # of which there may be many
        cluster, account, stream, consumer = key.names
        return Named(key.kind, cluster, UNSET, account, stream, consumer)
    return Named(key.kind, **dict(zip(NAMES.get(key.kind, ()), key.names, strict=True)))


def _cluster(row: Meta, view: View) -> ClusterRow:
    return ClusterRow(
        row.cluster,
        view.metas[of_cluster(row.cluster)],
        row.leader,
        row.peers,
        row.peers_current,
        row.quorum_needed,
    )


def _server(row: Server, view: View) -> ServerRow:
    process, jetstream = row.process, row.jetstream
    file = jetstream.file if jetstream is not None else None
    memory = jetstream.memory if jetstream is not None else None
    return ServerRow(
        row.cluster,
        row.name,
        view.servers[of_server(row)],
        row.up,
        row.configured,
        version=process.version if process is not None else None,
        start_timestamp_seconds=process.start if process is not None else None,
        file_used_bytes=file.used if file is not None else None,
        file_limit_bytes=file.limit if file is not None else None,
        memory_used_bytes=memory.used if memory is not None else None,
        memory_limit_bytes=memory.limit if memory is not None else None,
        stream_leaders=row.stream_leaders,
        consumer_leaders=row.consumer_leaders,
    )


def _stream(each: Listed[Stream]) -> StreamRow:
    row, figures = each.row, each.row.figures
    return StreamRow(
        row.cluster,
        row.account,
        row.name,
        each.state,
        row.raft.leader,
        row.raft.size or 1,
        row.raft.current,
        messages=figures.messages if figures is not None else None,
        bytes=figures.bytes if figures is not None else None,
        max_bytes=row.settings.max_bytes if row.settings is not None else None,
        consumers=row.consumers,
        last_message_timestamp_seconds=figures.last_time if figures is not None else None,
    )


def _consumer(each: Listed[Consumer]) -> ConsumerRow:
    row = each.row
    return ConsumerRow(
        row.cluster,
        row.account,
        row.stream,
        row.name,
        each.state,
        row.raft.leader,
        row.pending,
        row.ack_pending,
        row.redelivered,
        subscribers(row),
        row.paused,
        row.last_delivery,
        row.last_ack,
    )
