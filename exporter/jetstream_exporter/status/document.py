"""The status as data: what `/api/v1/status` and `status --format json` give.

A reader may rely on this: within one `schema`, keys keep their meaning and are not removed; keys and values of `state`,
`severity` and `alert` may be added. Times are seconds since the epoch, sizes are bytes, and null is not known.
"""

import math
from collections.abc import Mapping
from typing import Any

from jetstream_exporter import __version__
from jetstream_exporter.snapshot import Consumer, Meta, Server, Stream
from jetstream_exporter.status.conditions import NOT_JUDGED
from jetstream_exporter.status.consumers import subscribers
from jetstream_exporter.status.facts import (
    Object,
    of_cluster,
    of_consumer,
    of_server,
    of_stream,
)
from jetstream_exporter.status.findings import Finding
from jetstream_exporter.status.view import View

SCHEMA = "jetstream-exporter/status/v1"
NAMES: Mapping[str, tuple[str, ...]] = {
    "cluster": ("cluster",),
    "server": ("cluster", "server"),
    "account": ("cluster", "account"),
    "stream": ("cluster", "account", "stream"),
    "consumer": ("cluster", "account", "stream", "consumer"),
}
Json = dict[str, Any]


def document(view: View) -> Json:
    """Everything of one moment; the same view gives the same document."""
    snapshot = view.snapshot
    return {
        "schema": SCHEMA,
        "version": __version__,
        "collected_timestamp_seconds": round(view.time, 3),
        "watched_seconds": round(view.watched_for, 3),
        "worst": view.worst,
        "counts": dict(view.counts),
        "findings": [finding(each) for each in view.findings],
        "not_judged": list(NOT_JUDGED),
        "conflicts": list(snapshot.conflicts),
        "clusters": [_cluster(row, view) for row in snapshot.metas],
        "servers": [_server(row, view) for row in snapshot.servers],
        "streams": [_stream(row, view) for row in snapshot.streams],
        "consumers": [_consumer(row, view) for row in snapshot.consumers],
    }


def names(key: Object) -> Json:
    """The names of an object by what they name."""
    return dict(zip(NAMES.get(key.kind, ()), key.names, strict=True))


def finding(each: Finding) -> Json:
    return {
        "alert": each.alert.name,
        "severity": each.alert.severity,
        "object": {"kind": each.object.kind, **names(each.object)},
        "labels": each.labels,
        "summary": each.alert.summary,
        "sentence": each.sentence,
        "value": each.value if math.isfinite(each.value) else None,
        "since_timestamp_seconds": round(each.since, 3),
        "fires_timestamp_seconds": round(each.fires_at, 3),
        "firing": each.is_firing,
        "runbook": f"/runbooks/{each.alert.name}",
    }


def _cluster(row: Meta, view: View) -> Json:
    return {
        "cluster": row.cluster,
        "state": view.metas[of_cluster(row.cluster)],
        "leader": row.leader,
        "peers": row.peers,
        "peers_current": row.peers_current,
        "quorum_needed": row.quorum_needed,
    }


def _server(row: Server, view: View) -> Json:
    key, process, jetstream = of_server(row), row.process, row.jetstream
    file = jetstream.file if jetstream is not None else None
    memory = jetstream.memory if jetstream is not None else None
    return {
        **names(key),
        "state": view.servers[key],
        "up": row.up,
        "configured": row.configured,
        "version": process.version if process is not None else None,
        "start_timestamp_seconds": process.start if process is not None else None,
        "file_used_bytes": file.used if file is not None else None,
        "file_limit_bytes": file.limit if file is not None else None,
        "memory_used_bytes": memory.used if memory is not None else None,
        "memory_limit_bytes": memory.limit if memory is not None else None,
        "stream_leaders": row.stream_leaders,
        "consumer_leaders": row.consumer_leaders,
    }


def _stream(row: Stream, view: View) -> Json:
    key, figures = of_stream(row), row.figures
    return {
        **names(key),
        "state": view.streams[key],
        "leader": row.raft.leader,
        "replicas": row.raft.size or 1,
        "replicas_current": row.raft.current,
        "messages": figures.messages if figures is not None else None,
        "bytes": figures.bytes if figures is not None else None,
        "max_bytes": row.settings.max_bytes if row.settings is not None else None,
        "consumers": row.consumers,
        "last_message_timestamp_seconds": figures.last_time if figures is not None else None,
    }


def _consumer(row: Consumer, view: View) -> Json:
    key = of_consumer(row)
    return {
        **names(key),
        "state": view.consumers[key],
        "leader": row.raft.leader,
        "pending": row.pending,
        "ack_pending": row.ack_pending,
        "redelivered": row.redelivered,
        "waiting": subscribers(row),
        "paused": row.paused,
        "last_delivery_timestamp_seconds": row.last_delivery,
        "last_ack_timestamp_seconds": row.last_ack,
    }
