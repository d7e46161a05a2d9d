"""Whether every server of each cluster is asked, and which of the others are down."""

from __future__ import annotations

from collections.abc import Iterator

from jetstream_exporter.doctor.facts import Facts
from jetstream_exporter.doctor.result import Result, State, some

AWAY = 10.0  # seconds without a heartbeat, of which there is one each second


def targets(facts: Facts) -> Iterator[Result]:
    """Whether every server of each cluster is asked."""
    rows = facts.snapshot.servers
    for cluster in sorted({row.cluster for row in rows if row.up}):
        servers = [row.name for row in rows if row.cluster == cluster]
        missing = [row.name for row in rows if row.cluster == cluster and row.configured is False]
        down = {name: since for name in missing if (since := _silence(facts, cluster, name))}
        yield from (_down(name, since) for name, since in down.items())
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


def _silence(facts: Facts, cluster: str, name: str) -> float | None:
    """Seconds for which the meta leader has not heard from a server, if it is away."""
    peers = (peer for meta in facts.snapshot.metas for peer in meta.members)
    for peer in peers:
        if (peer.cluster, peer.server) == (cluster, name):
            since = peer.last_seen or 0.0
            return max(since, 1.0) if peer.offline or since > AWAY else None
    return None


def _down(name: str, since: float) -> Result:
    return Result(
        "target",
        State.ERROR,
        f"server {name}",
        f"the meta leader has not heard from it for {since:.0f} s, and it is no target now",
        "This server may be down: see whether it runs, and start it. A headless Service has the address of a pod again "
        "when the pod is ready. If the server will not return, see the runbook NatsServerDown.",
    )
