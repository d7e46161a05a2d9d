"""Checks of streams."""

from __future__ import annotations

import shlex
from collections.abc import Iterator

from jetstream_exporter.audit.finding import Check, Seen, Severity
from jetstream_exporter.audit.observe import Observation, stream_name
from jetstream_exporter.config.exported import limit_of

BUCKETS = ("KV_", "OBJ_")


def quoted(name: str) -> str:
    """A stream's name as a shell takes it: an advice is pasted, and a name may be anything."""
    return shlex.quote(name)


def not_judged(seen: Observation) -> Iterator[Seen]:
    for row in seen.snapshot.streams:
        if row.settings is None:
            yield Seen(
                stream_name(row),
                "no server reported its configuration",
                why=(
                    "The stream has no leader to report its configuration, so its settings are "
                    "not checked."
                ),
                advice="Repeat the audit when the stream has a leader. If it stays without one, see "
                "the runbook JetStreamStreamNoLeader.",
            )
    for kind, number in sorted(
        (seen.snapshot.exporter.dropped if seen.snapshot.exporter else {}).items()
    ):
        if number:
            yield Seen(
                f"{number} objects of kind {kind}",
                "they are above the configured limit",
                why="Objects above the limit are neither checked nor monitored by the exporter.",
                advice=f"Raise {limit_of(kind)} in the configuration file, or exclude objects that "
                "need no monitoring with filters.",
            )


def unplaceable(seen: Observation) -> Iterator[Seen]:
    sizes = seen.sizes()
    for row, settings in seen.streams():
        servers = sizes.get(row.cluster)
        if servers is not None and settings.replicas > servers:
            what = (
                f"it is configured with {settings.replicas} replicas, and {servers} servers have "
                "JetStream"
            )
            fewer = servers if servers % 2 else servers - 1
            yield Seen(
                stream_name(row),
                what,
                advice=(
                    "Add servers, or lower the number of replicas: nats stream edit "
                    f"{quoted(row.name)} --replicas={fewer}."
                ),
            )


def unreplicated(seen: Observation) -> Iterator[Seen]:
    sizes = seen.sizes()
    for row, settings in seen.streams():
        servers = sizes.get(row.cluster, 1)
        if servers > 1 and settings.replicas == 1:
            what = f"it has one replica in a cluster of {servers} servers"
            if row.raft.leader:
                what += f", on {row.raft.leader}"
            three = f"nats stream edit {quoted(row.name)} --replicas=3"
            yield Seen(
                stream_name(row),
                what,
                advice=f"Configure three replicas: {three}."
                if servers >= 3
                else (
                    f"Run three servers, then configure three replicas: {three}. Two replicas do "
                    "not tolerate a failure either."
                ),
            )


def unlimited(seen: Observation) -> Iterator[Seen]:
    for row, settings in seen.streams():
        limits = (settings.max_bytes, settings.max_age, settings.max_messages)
        if all(limit is None for limit in limits):
            what = "neither max_bytes nor max_age nor max_msgs is set"
            if row.name.startswith(BUCKETS):
                yield Seen(
                    stream_name(row),
                    what,
                    Severity.INFO,
                    why="The size of a bucket is limited only by the number of its keys or "
                    "objects and their values.",
                    advice="Set max_bytes if clients choose the keys. A TTL would delete entries "
                    "that are still in use.",
                )
            else:
                yield Seen(stream_name(row), what)


def pinned(seen: Observation) -> Iterator[Seen]:
    interested = {
        row.key: settings for row, settings in seen.streams() if settings.retention == "interest"
    }
    for row in seen.snapshot.streams:
        if row.key in interested and row.ephemerals.count:
            many = "s" if row.ephemerals.count > 1 else ""
            what = f"interest retention with {row.ephemerals.count} ephemeral consumer{many}"
            yield Seen(
                stream_name(row),
                what,
                why="If an ephemeral consumer is deleted because it was inactive, the stream "
                "deletes the messages that only this consumer had not acknowledged.",
                advice="Use a durable consumer, or limits retention.",
            )
    for consumer, settings in seen.consumers():
        if consumer.key[:3] in interested and settings.ack_policy == "none":
            stream = next(row for row in seen.snapshot.streams if row.key == consumer.key[:3])
            what = f"interest retention with consumer {consumer.name}, which acknowledges nothing"
            yield Seen(
                stream_name(stream),
                what,
                why="For this consumer a message is acknowledged as soon as it is sent, so the "
                "stream deletes messages that were not processed.",
                advice="Use explicit acknowledgement, or limits retention.",
            )


CHECKS: tuple[Check[Observation], ...] = (
    Check(
        "not-judged",
        Severity.WARNING,
        "everything could be checked",
        "A stream without a leader does not report its configuration, and objects above the "
        "limits are not checked.",
        "Repeat the audit when every stream has a leader, and raise limits.streams and "
        "limits.consumers.",
        not_judged,
    ),
    Check(
        "replicas-above-servers",
        Severity.ERROR,
        "there are servers for all replicas",
        "Some replicas cannot be placed, and the stream may already have no majority.",
        "Add servers, or lower the number of replicas: nats stream edit <stream> --replicas.",
        unplaceable,
    ),
    Check(
        "single-replica",
        Severity.WARNING,
        "streams of a cluster are replicated",
        "While the server of the replica is down, the stream is unavailable. If its disk is "
        "lost, the messages are lost.",
        "Configure three replicas: nats stream edit <stream> --replicas=3.",
        unreplicated,
    ),
    Check(
        "stream-unlimited",
        Severity.WARNING,
        "every stream has a limit",
        "The stream grows until the server's store is full. Then every stream on the server "
        "rejects new messages.",
        "Set max_bytes, and max_age if old messages are not needed.",
        unlimited,
    ),
    Check(
        "interest-retention-consumers",
        Severity.WARNING,
        "interest retention has durable consumers that acknowledge",
        "An interest stream keeps a message until every consumer has acknowledged it. A "
        "deleted ephemeral consumer and a consumer without acknowledgements both let the "
        "stream delete messages that were not processed.",
        "Use durable consumers with explicit acknowledgement, or limits retention.",
        pinned,
    ),
)
