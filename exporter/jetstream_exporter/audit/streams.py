"""Checks of streams."""

from __future__ import annotations

from collections.abc import Iterator

from jetstream_exporter.audit.finding import Check, Seen, Severity
from jetstream_exporter.audit.observe import Observation, stream_name

BUCKETS = ("KV_", "OBJ_")


def not_judged(seen: Observation) -> Iterator[Seen]:
    for row in seen.snapshot.streams:
        if row.settings is None:
            yield Seen(stream_name(row), "no server told its configuration")
    for kind, number in sorted(
        (seen.snapshot.exporter.dropped if seen.snapshot.exporter else {}).items()
    ):
        if number:
            yield Seen(f"{number} objects of kind {kind}", "they are above the configured limit")


def unplaceable(seen: Observation) -> Iterator[Seen]:
    sizes = seen.sizes()
    for row, settings in seen.streams():
        servers = sizes.get(row.cluster)
        if servers is not None and settings.replicas > servers:
            what = f"it wants {settings.replicas} replicas, and {servers} servers have JetStream"
            yield Seen(stream_name(row), what)


def unreplicated(seen: Observation) -> Iterator[Seen]:
    sizes = seen.sizes()
    for row, settings in seen.streams():
        servers = sizes.get(row.cluster, 1)
        if servers > 1 and settings.replicas == 1:
            what = f"one replica, in a cluster of {servers} servers"
            if row.raft.leader:
                what += f", on {row.raft.leader}"
            yield Seen(stream_name(row), what)


def unlimited(seen: Observation) -> Iterator[Seen]:
    for row, settings in seen.streams():
        limits = (settings.max_bytes, settings.max_age, settings.max_messages)
        if all(limit is None for limit in limits):
            severity = Severity.INFO if row.name.startswith(BUCKETS) else None
            yield Seen(
                stream_name(row), "neither max_bytes nor max_age nor max_msgs is set", severity
            )


def pinned(seen: Observation) -> Iterator[Seen]:
    interested = {
        row.key: settings for row, settings in seen.streams() if settings.retention == "interest"
    }
    for row in seen.snapshot.streams:
        if row.key in interested and row.ephemerals.count:
            many = "s" if row.ephemerals.count > 1 else ""
            what = f"interest retention with {row.ephemerals.count} ephemeral consumer{many}"
            yield Seen(stream_name(row), what)
    for consumer, settings in seen.consumers():
        if consumer.key[:3] in interested and settings.ack_policy == "none":
            stream = next(row for row in seen.snapshot.streams if row.key == consumer.key[:3])
            what = f"interest retention with consumer {consumer.name}, which acknowledges nothing"
            yield Seen(stream_name(stream), what)


CHECKS: tuple[Check[Observation], ...] = (
    Check(
        "not-judged",
        Severity.WARNING,
        "everything could be judged",
        "A stream without a leader tells nothing, and what is left out is not checked.",
        "Repeat the audit when its leader is there; raise limits.streams and limits.consumers.",
        not_judged,
    ),
    Check(
        "replicas-above-servers",
        Severity.ERROR,
        "there are servers for all replicas",
        "The stream can never be whole again and may already have no majority.",
        "Add servers, or lower its replicas: nats stream edit <stream> --replicas.",
        unplaceable,
    ),
    Check(
        "single-replica",
        Severity.WARNING,
        "streams of a cluster are replicated",
        "While its server is down nothing can be stored or read; with its disk the messages are gone.",
        "Give it three replicas: nats stream edit <stream> --replicas=3.",
        unreplicated,
    ),
    Check(
        "stream-unlimited",
        Severity.WARNING,
        "every stream has a limit",
        "It grows until the server's store is full, and then every stream there refuses messages.",
        "Set max_bytes, and max_age where messages lose their use.",
        unlimited,
    ),
    Check(
        "interest-retention-consumers",
        Severity.WARNING,
        "interest retention has durable consumers that acknowledge",
        "Messages live until every consumer acknowledged them: an ephemeral one that vanishes takes "
        "its interest along, one that acknowledges nothing lets go of them unprocessed.",
        "Use durable consumers with explicit acknowledgement, or limits retention.",
        pinned,
    ),
)
