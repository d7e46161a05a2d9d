"""Checks of servers and their cluster."""

from __future__ import annotations

from collections.abc import Iterator

from jetstream_exporter.audit.finding import Check, Seen, Severity
from jetstream_exporter.audit.observe import Observation, is_loopback, server_name
from jetstream_exporter.silent import address

DAY = 86400.0
SOON, URGENT = 30 * DAY, 7 * DAY


def unreachable(seen: Observation) -> Iterator[Seen]:
    silent = [asking.target for asking in seen.snapshot.askings if not asking.up]
    for target in silent:
        why = seen.errors.get(target, "it did not answer")
        yield Seen(f"target {target}", f"it did not tell everything ({why})")
    # A server that never said its name goes by its address.
    told = {address(target) for target in silent}
    for row in seen.snapshot.servers:
        if not row.up and row.name not in told:
            yield Seen(server_name(row), "its cluster names it, and no target answers for it")


def unhealthy(seen: Observation) -> Iterator[Seen]:
    for row in seen.snapshot.servers:
        if row.up and row.healthy is False:
            yield Seen(server_name(row), f"its health check ({row.check}) fails")


def without_jetstream(seen: Observation) -> Iterator[Seen]:
    for row in seen.snapshot.servers:
        if row.jetstream is not None and not row.jetstream.enabled:
            yield Seen(server_name(row), "JetStream is not enabled, or shut itself off")


def without_leader(seen: Observation) -> Iterator[Seen]:
    for row in seen.snapshot.metas:
        if not row.has_leader:
            yield Seen(f"cluster {row.cluster}", "its meta group has no leader")
        elif row.has_quorum is False:
            yield Seen(f"cluster {row.cluster}", "its meta group has lost its majority")


def even(seen: Observation) -> Iterator[Seen]:
    for row in seen.snapshot.metas:
        if row.peers % 2 == 0:
            spare = row.peers - row.quorum_needed
            yield Seen(
                f"cluster {row.cluster}",
                f"{row.peers} servers have JetStream and {row.quorum_needed} are its majority: "
                f"it bears the loss of {spare}, as {row.peers - 1} would",
            )


def mixed_versions(seen: Observation) -> Iterator[Seen]:
    versions: dict[str, dict[str, list[str]]] = {}
    for row in seen.snapshot.servers:
        if row.process is not None:
            by_version = versions.setdefault(row.cluster, {})
            by_version.setdefault(row.process.version, []).append(row.name)
    for cluster, found in versions.items():
        if len(found) > 1:
            words = "; ".join(f"{v}: {', '.join(names)}" for v, names in sorted(found.items()))
            yield Seen(f"cluster {cluster}", words)


def overcommitted(seen: Observation) -> Iterator[Seen]:
    for row in seen.snapshot.servers:
        if row.jetstream is None:
            continue
        for kind, store in (("file", row.jetstream.file), ("memory", row.jetstream.memory)):
            if store.reserved is not None and store.limit and store.reserved > store.limit:
                yield Seen(
                    server_name(row),
                    f"streams reserve {store.reserved} bytes of a {kind} store of {store.limit}",
                )


def unauthenticated(seen: Observation) -> Iterator[Seen]:
    for target in seen.open_targets:
        if not is_loopback(target):
            yield Seen(f"target {target}", "it answers whoever reaches it")


def expiring(seen: Observation) -> Iterator[Seen]:
    for row in seen.snapshot.servers:
        for listener, end in sorted(row.process.certificates.items() if row.process else ()):
            left = end - seen.now
            if left < SOON:
                when = "has expired" if left < 0 else f"expires in {left / DAY:.1f} days"
                severity = Severity.ERROR if left < URGENT else Severity.WARNING
                yield Seen(server_name(row), f"the certificate of {listener} {when}", severity)


CHECKS: tuple[Check[Observation], ...] = (
    Check(
        "server-unreachable",
        Severity.ERROR,
        "every server of the cluster answers",
        "What only this server holds is neither judged here nor watched by the exporter.",
        "Name every server's monitoring port as a target, best by a headless Service; if it is "
        "down, start it.",
        unreachable,
    ),
    Check(
        "server-unhealthy",
        Severity.ERROR,
        "every server is healthy",
        "Its streams may be unavailable or behind, and a rolling update stops here.",
        "Read its log; /healthz?details=true names what it misses.",
        unhealthy,
    ),
    Check(
        "jetstream-disabled",
        Severity.WARNING,
        "every server has JetStream",
        "It holds no replicas; if it shut JetStream off, it ran out of disk or was removed.",
        "Look for the reason in its log; a server that is meant to have none needs no answer.",
        without_jetstream,
    ),
    Check(
        "meta-without-quorum",
        Severity.ERROR,
        "the meta group has a leader",
        "No stream or consumer can be made, changed or placed.",
        "Start the missing servers; a cluster of servers that never were started has no majority.",
        without_leader,
    ),
    Check(
        "even-number-of-servers",
        Severity.WARNING,
        "an odd number of servers has JetStream",
        "The last one adds a server that can fail and no failure that is survived.",
        "Run three or five servers with JetStream.",
        even,
    ),
    Check(
        "mixed-versions",
        Severity.WARNING,
        "all servers run one version",
        "An update was left half done; features of the newer one can take streams offline on the "
        "older one.",
        "Finish the update.",
        mixed_versions,
    ),
    Check(
        "store-overcommitted",
        Severity.WARNING,
        "streams reserve no more than the servers' stores",
        "Not all streams can grow to their max_bytes: the store is full before they are, and then "
        "every stream of the server refuses messages.",
        "Lower max_bytes, or enlarge the volume and max_file_store.",
        overcommitted,
    ),
    Check(
        "monitoring-unauthenticated",
        Severity.INFO,
        "the monitoring port is for those who need it",
        "The port knows no passwords and names accounts, streams, subjects and clients.",
        "Let only the exporter in: a NetworkPolicy, a firewall, or a proxy with a password.",
        unauthenticated,
    ),
    Check(
        "certificate-expiring",
        Severity.WARNING,
        "certificates live for another 30 days",
        "From its last day on no client or server connects any more.",
        "Renew it and reload the server, which reads certificates only then.",
        expiring,
    ),
)
