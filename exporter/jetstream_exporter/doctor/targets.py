"""Whether every server of each cluster is asked, and which of the others are down."""

from __future__ import annotations

from collections.abc import Iterator

from jetstream_exporter.doctor.facts import Facts
from jetstream_exporter.doctor.result import Result, State, some
from jetstream_exporter.snapshot.quorum import HEARD_WITHIN
from jetstream_exporter.snapshot.rows import MetaPeer
from jetstream_exporter.snapshot.units import seconds


def targets(facts: Facts) -> Iterator[Result]:
    """Whether every server of each cluster is asked."""
    rows = facts.snapshot.servers
    for cluster in sorted({row.cluster for row in rows if row.up}):
        servers = [row.name for row in rows if row.cluster == cluster]
        missing = [row.name for row in rows if row.cluster == cluster and row.configured is False]
        away = [peer for peer in _away(facts, cluster) if peer.server in missing]
        yield from map(_down, away)
        down = {peer.server for peer in away}
        missing = [name for name in missing if name not in down]
        if not missing and not down:
            seen = f"all servers are asked ({len(servers)})"
            yield Result("target", State.OK, f"cluster {cluster}", seen)
        if not missing:
            continue
        yield Result(
            "target",
            State.ERROR,
            f"cluster {cluster}",
            f"{len(missing)} of {len(servers)} servers are not asked: {some(missing)}",
            "Add them to the targets, or use a name that resolves to every server, such as that of a headless Service: "
            "the Service for clients resolves to one address. Streams that only these servers lead have no values.",
        )
    if not any(row.up for row in rows) and not facts.snapshot.streams:
        yield Result(
            "target",
            State.ERROR,
            "all clusters",
            "no server answered, and no stream was found",
            "Follow the advice above first.",
        )


def _away(facts: Facts, cluster: str) -> Iterator[MetaPeer]:
    """The servers of a cluster that the meta leader does not hear."""
    for meta in facts.snapshot.metas:
        for peer in meta.members:
            if peer.cluster == cluster and (peer.offline or _is_silent(peer)):
                yield peer


def _is_silent(peer: MetaPeer) -> bool:
    return peer.last_seen is not None and peer.last_seen > seconds(HEARD_WITHIN)


def _down(peer: MetaPeer) -> Result:
    heard = "has never heard from it"
    if peer.last_seen is not None:
        heard = f"has not heard from it for {peer.last_seen:.0f} s"
    return Result(
        "target",
        State.ERROR,
        f"server {peer.server}",
        f"the meta leader {heard}, and it is no target now",
        "This server may be down: see whether it runs, and start it. A headless Service has the address of a pod again "
        "when the pod is ready. If the server will not return, see the runbook NatsServerDown.",
    )
