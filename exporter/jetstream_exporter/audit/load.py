"""Checks of how much the servers carry. The limits are those of `nats audit` where it has one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from jetstream_exporter.audit.finding import Check, Seen, Severity
from jetstream_exporter.audit.observe import Observation, server_name, stream_name
from jetstream_exporter.snapshot import Server
from jetstream_exporter.snapshot.rows import Process

BUSY = 0.9  # of the processor cores
NEAR = 0.9  # of the memory limit
UNEVEN = 1.5  # times the mean of the cluster
SMALL = 2**30  # bytes below which a server's memory is never uneven
MANY_GROUPS = 1000
MANY_SUBJECTS = 1_000_000


def _running(seen: Observation) -> Iterator[tuple[Server, Process]]:
    """The servers that said something of their process."""
    for row in seen.snapshot.servers:
        if row.process is not None:
            yield row, row.process


def busy(seen: Observation) -> Iterator[Seen]:
    for row, process in _running(seen):
        cores, used = _cores(process), process.cpu_cores_used
        if cores and used > BUSY * cores:
            yield Seen(server_name(row), f"it uses {used:.1f} of {cores} processor cores")


def _cores(process: Process) -> int:
    return min(process.cores, process.max_procs or process.cores)


def near_memory_limit(seen: Observation) -> Iterator[Seen]:
    for row, process in _running(seen):
        limit = process.memory_limit
        if limit and process.memory > NEAR * limit:
            share = process.memory / limit
            yield Seen(server_name(row), f"it uses {share:.0%} of GOMEMLIMIT ({limit} bytes)")


def uneven(seen: Observation) -> Iterator[Seen]:
    clusters: dict[str, list[tuple[str, int]]] = {}
    for row, process in _running(seen):
        clusters.setdefault(row.cluster, []).append((server_name(row), process.memory))
    for servers in clusters.values():
        mean = sum(memory for _, memory in servers) / len(servers)
        yield from _above(servers, mean)


def _above(servers: Sequence[tuple[str, int]], mean: float) -> Iterator[Seen]:
    for name, memory in servers:
        if memory > max(UNEVEN * mean, SMALL):
            yield Seen(name, f"it uses {memory} bytes of memory, and the mean is {mean:.0f}")


def many_groups(seen: Observation) -> Iterator[Seen]:
    for row in seen.snapshot.servers:
        groups = (row.jetstream.ha_assets or 0) if row.jetstream is not None else 0
        if groups > MANY_GROUPS:
            yield Seen(server_name(row), f"it is a member of {groups} Raft groups")


def many_subjects(seen: Observation) -> Iterator[Seen]:
    for row in seen.snapshot.streams:
        if row.figures is not None and (row.figures.subjects or 0) > MANY_SUBJECTS:
            yield Seen(stream_name(row), f"its messages have {row.figures.subjects} subjects")


CHECKS: tuple[Check[Observation], ...] = (
    Check(
        "cpu-high",
        Severity.WARNING,
        "servers use less than 90% of their processor cores",
        "A server that is short of processor time sends its heartbeats late: its streams and the meta group elect "
        "other leaders again and again, and clients are disconnected as slow consumers.",
        "Move streams or clients to other servers, or give the server more cores. nats server report cpu compares "
        "the servers.",
        busy,
    ),
    Check(
        "memory-near-limit",
        Severity.WARNING,
        "servers use less than 90% of their memory limit",
        "Near GOMEMLIMIT the server spends its processor time on freeing memory. If the container's limit is close to "
        "it, the server is killed.",
        "Find what grows: connections, consumers, subjects of streams, or a memory store. Then remove it, or raise "
        "the container's limit and GOMEMLIMIT with it.",
        near_memory_limit,
    ),
    Check(
        "memory-uneven",
        Severity.INFO,
        "no server uses half as much memory again as the mean of its cluster",
        "Leaders of streams and consumers need more memory than their followers. If this server fails, others have to "
        "carry the same.",
        "Spread the leaders: nats stream cluster balance and nats consumer cluster balance. Large clients that are "
        "connected to one server can be the reason, too.",
        uneven,
    ),
    Check(
        "many-raft-groups",
        Severity.WARNING,
        "servers are members of at most 1000 Raft groups",
        "Each replicated stream and consumer is a Raft group with heartbeats, a log and snapshots of its own. "
        "Elections and restarts take long if a server has thousands.",
        "Use fewer consumers with several filter subjects, memory storage and one replica for consumers that may be "
        "lost, or more servers. max_ha_assets sets a limit.",
        many_groups,
    ),
    Check(
        "many-subjects",
        Severity.WARNING,
        "the messages of a stream have at most a million subjects",
        "Each server with a replica of the stream keeps all its subjects in memory.",
        "Take identifiers out of the subjects where nobody filters by them, set max_age or max_msgs_per_subject, or "
        "divide the stream.",
        many_subjects,
    ),
)
