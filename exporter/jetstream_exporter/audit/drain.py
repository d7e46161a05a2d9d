"""May this server be stopped now? What `audit --without NAME` says of a live cluster."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence, Set
from dataclasses import dataclass

from jetstream_exporter.audit.finding import Check, Finding, Seen, Severity
from jetstream_exporter.audit.observe import Observation, consumer_name, server_name, stream_name
from jetstream_exporter.audit.room import without_room
from jetstream_exporter.config import ConfigError
from jetstream_exporter.config.hints import did_you_mean
from jetstream_exporter.snapshot import Consumer, Server, Snapshot, Stream
from jetstream_exporter.snapshot.drain import (
    BEHIND,
    MAJORITY,
    NEW_LEADER,
    NO_LEADER,
    NO_MAJORITY,
    SINGLE_REPLICA,
    STORE_FULL,
    Blocker,
    blockers,
    counted_on,
    is_judged,
)

SHOWN = 20  # objects of one reason that are listed by name


@dataclass(frozen=True, slots=True)
class Drain:
    """The server in question, what is known of its cluster, and what speaks against stopping it.

    `counted` are the servers that groups can count on; None where these are all.
    """

    server: Server
    snapshot: Snapshot
    blockers: Sequence[Blocker]
    counted: Set[str] | None


def of(name: str, seen: Observation) -> Drain:
    """The server of this name, or of CLUSTER/NAME. ConfigError if there is none, or if there are several."""
    rows = seen.snapshot.servers
    found = [row for row in rows if name in (row.name, f"{row.cluster}/{row.name}")]
    if len(found) == 1:
        (row,) = found
        place = (row.cluster, row.name)
        against = [each for each in blockers(seen.snapshot) if (each.cluster, each.server) == place]
        return Drain(row, seen.snapshot, against, counted_on(rows).get(row.cluster))
    if found:
        names = " or ".join(f"{row.cluster}/{row.name}" for row in found)
        raise ConfigError(f"--without: {len(found)} servers have the name {name}; give {names}")
    known = sorted(row.name for row in rows)
    if not any(row.up for row in rows):
        raise ConfigError(
            f"--without: no server answered that could be {name}; only the monitoring port and the "
            "system account report servers"
        )
    raise ConfigError(
        f"--without: there is no server {name}{did_you_mean(name, set(known))}; "
        f"the servers are {', '.join(known)}"
    )


def verdict(findings: Iterable[Finding], server: Server) -> str:
    if any(finding.severity == Severity.ERROR for finding in findings):
        return f"do not stop {server.name} now"
    return f"{server.name} can be stopped now"


def blocked(reason: str, drain: Drain) -> Iterator[Seen]:
    """The objects that are the reason not to stop the server. Of many, some are named and the others counted."""
    found = [each for each in drain.blockers if each.reason == reason]
    for kind in (Stream, Consumer):
        rows = [row for each in found for row in each.objects if isinstance(row, kind)]
        yield from _named(rows, drain.counted)
    if not all(each.objects for each in found):
        yield Seen(f"cluster {drain.server.cluster}", META[reason])


META = {
    MAJORITY: "the meta group loses its majority: streams and consumers cannot be created or moved",
    NO_MAJORITY: "the meta group has no majority now",
    NO_LEADER: "the meta group has no leader now",
}


def _named(rows: Sequence[Stream | Consumer], counted: Set[str] | None) -> Iterator[Seen]:
    for row in rows[:SHOWN]:
        name = stream_name(row) if isinstance(row, Stream) else consumer_name(row)
        yield Seen(name, _members(row, counted))
    if rows[SHOWN:]:
        kind = "streams" if isinstance(rows[0], Stream) else "consumers"
        yield Seen(f"{len(rows) - SHOWN} more {kind}", "the same holds for them")


def _members(row: Stream | Consumer, counted: Set[str] | None) -> str:
    """A server that does not answer any more may still be reached as its leader says it: it is named as what it is."""
    raft = row.raft
    if raft.leader is None:
        return "no server that was asked leads it"
    if raft.size is None:
        return "it has one replica, on this server"
    names = sorted({raft.leader, *(name for name in raft.reachable if name)})
    absent = [name for name in names if counted is not None and name not in counted]
    reached = [name for name in names if name not in absent]
    parts = [
        f"{raft.quorum_needed} of {raft.size} replicas are needed, and it reaches {_list(reached)}"
    ]
    if absent:
        parts.append(f"not answering or not ready: {_list(absent)}")
    if raft.behind:
        parts.append(f"behind: {_list(sorted(raft.behind))}")
    return "; ".join(parts)


def _list(names: Sequence[str]) -> str:
    return ", ".join(names) or "nobody"


def not_judged(drain: Drain) -> Iterator[Seen]:
    if not is_judged(drain.server):
        yield Seen(server_name(drain.server), _why_not(drain.server))


def _why_not(server: Server) -> str:
    if server.up:
        return "it starts, shuts down, or does not report its streams"
    if server.configured is False:
        return "no target answers for it: add its monitoring port to the targets"
    return "it does not answer"


def leads(drain: Drain) -> Iterator[Seen]:
    """What is led by another server afterwards."""
    row = drain.server
    counts = [
        f"{number} {kind}{'s' if number > 1 else ''}"
        for number, kind in ((row.stream_leaders, "stream"), (row.consumer_leaders, "consumer"))
        if number
    ]
    if any(m.leader == row.name and m.cluster == row.cluster for m in drain.snapshot.metas):
        counts.append("the meta group")
    if counts:
        yield Seen(server_name(row), f"it leads {', '.join(counts)}")


def ephemerals(drain: Drain) -> Iterator[Seen]:
    mine = [
        row
        for row in drain.snapshot.consumers
        if row.cluster == drain.server.cluster
        and row.raft.leader == drain.server.name
        and row.raft.size is None
        and row.settings is not None
        and not row.settings.durable
    ]
    if mine:
        yield Seen(server_name(drain.server), f"ephemeral consumers that end with it: {len(mine)}")


def room(drain: Drain) -> Iterator[Seen]:
    for what in without_room(drain.server, drain.snapshot):
        yield Seen(server_name(drain.server), what)


def _check(name: str, reason: str, title: str, why: str, advice: str) -> Check[Drain]:
    return Check(name, Severity.ERROR, title, why, advice, lambda drain: blocked(reason, drain))


CHECKS: tuple[Check[Drain], ...] = (
    Check(
        "drain-not-judged",
        Severity.ERROR,
        "the server is up, and reports all that it holds",
        "A server that does not answer, or starts, or shuts down does not report everything that it holds.",
        "Repeat the command when the server is healthy.",
        not_judged,
    ),
    _check(
        "drain-majority",
        MAJORITY,
        "every stream, consumer and meta group keeps its majority",
        "Without a majority a stream accepts no messages, and a consumer delivers none, until a server comes back.",
        "Bring the other servers back first. Of a stream with two replicas, configure three: "
        "nats stream edit <stream> --replicas=3.",
    ),
    _check(
        "drain-single-replica",
        SINGLE_REPLICA,
        "nothing has its only replica on the server",
        "While the server is down, the stream or consumer is unavailable.",
        "Configure three replicas: nats stream edit <stream> --replicas=3. Or accept that it is unavailable until the "
        "server is back.",
    ),
    _check(
        "drain-no-majority",
        NO_MAJORITY,
        "everything that the server holds has a majority now",
        "With one more server down, it takes longer until there is a majority again.",
        "Bring the other servers back first.",
    ),
    _check(
        "drain-no-leader",
        NO_LEADER,
        "everything that the server holds has a leader now",
        "An election is under way, or the majority is lost. What stopping another server does is not known.",
        "Repeat the command after 20 seconds. If there is still no leader, see the runbook JetStreamStreamNoLeader.",
    ),
    _check(
        "drain-new-leader",
        NEW_LEADER,
        "the leader of everything that the server holds has heard all replicas",
        "A leader that was elected in the last seconds does not know yet which replicas are up.",
        "Repeat the command after ten seconds.",
    ),
    _check(
        "drain-replica-behind",
        BEHIND,
        "the replicas that are left have all messages",
        "A replica that is behind has to receive the missing messages before the stream accepts new ones.",
        "Wait until the replicas are current, and repeat the command.",
    ),
    _check(
        "drain-store-full",
        STORE_FULL,
        "what the server leads can be led by a server with free space",
        "On a server whose store is full, a stream rejects new messages.",
        "Free space on the other servers, or raise their max_file_store.",
    ),
    Check(
        "drain-room",
        Severity.INFO,
        "the other servers have room for what the server holds",
        "This matters only if the server does not come back, and its replicas have to be placed on other servers. "
        "Placement tags are not checked.",
        "Before you remove the server for good, add a server or storage, or lower the number of replicas.",
        room,
    ),
    Check(
        "drain-leads",
        Severity.INFO,
        "the server leads nothing",
        "Its streams and consumers stand still until another server leads them: less than a second after an orderly "
        "stop, four to nine seconds after a crash.",
        "Stop the server in order, in lame duck mode: nats-server --signal ldm=<pid>.",
        leads,
    ),
    Check(
        "drain-ephemeral-consumers",
        Severity.INFO,
        "no ephemeral consumer is on the server",
        "Ephemeral consumers with one replica end with the server.",
        "Nothing, if the clients make them anew, as the clients of NATS do for ordered consumers.",
        ephemerals,
    ),
)
