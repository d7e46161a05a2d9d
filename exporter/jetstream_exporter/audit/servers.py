"""Checks of servers and their cluster."""

from __future__ import annotations

import re
from collections.abc import Iterator

from jetstream_exporter.audit.finding import Check, Seen, Severity
from jetstream_exporter.audit.observe import Observation, is_loopback, server_name
from jetstream_exporter.state.unreachable import address

NATS = ("nats://", "tls://", "ws://", "wss://")
CONNECTION = "What this connection would report is not checked here."
DAY = 86400.0
SOON, URGENT = 30 * DAY, 7 * DAY


def unreachable(seen: Observation) -> Iterator[Seen]:
    unreachable = [result.target for result in seen.snapshot.target_results if not result.up]
    for target in unreachable:
        reason = seen.errors.get(target, "it did not answer")
        yield Seen(
            f"target {target}",
            f"it did not return everything that was requested ({reason})",
            why=CONNECTION if target.startswith(NATS) else "",
            advice=_way_to(target, reason),
        )
    # A server that never said its name goes by its address.
    reported = {address(target) for target in unreachable}
    for row in seen.snapshot.servers:
        if not row.up and row.name not in reported:
            yield Seen(
                server_name(row),
                "other servers of the cluster report this server, but no target answers for it",
                advice="If the server is down, start it. Otherwise add its monitoring port as a "
                "target, or use a DNS name of a headless Service that resolves to all "
                "servers.",
            )


def _way_to(target: str, reason: str) -> str:
    if target.startswith(NATS):
        return (
            "Check whether the server runs, and the login and the permissions of this connection: "
            "jetstream-exporter doctor says which of these is wrong."
        )
    if re.search(r"\b(401|403)\b", reason):
        return (
            "The monitoring port requires a login. Set http.username and http.password_file "
            "in the exporter's configuration."
        )
    if re.search(r"certificate|TLS|SSL", reason):
        return "Set http.tls.ca_file to the CA that signed the server's certificate."
    return (
        "Check whether the server runs. If it does, check the address, the NetworkPolicy and "
        f"proxies between the exporter and the server{_try_it(target)}."
    )


def _try_it(target: str) -> str:
    """How to try a monitoring port; servers of the system account have none here."""
    is_port = target.startswith(("http://", "https://"))
    return f" (run curl {target}/healthz from the exporter's host)" if is_port else ""


def unhealthy(seen: Observation) -> Iterator[Seen]:
    for row in seen.snapshot.servers:
        if row.up and row.healthy is False:
            yield Seen(server_name(row), f"its health check ({row.check}) fails")


def without_jetstream(seen: Observation) -> Iterator[Seen]:
    for row in seen.snapshot.servers:
        if row.jetstream is not None and not row.jetstream.enabled:
            yield Seen(server_name(row), "JetStream is not enabled, or the server has disabled it")


def without_leader(seen: Observation) -> Iterator[Seen]:
    for row in seen.snapshot.metas:
        if row.has_leader is False:
            yield Seen(
                f"cluster {row.cluster}",
                "the meta group has no leader",
                advice="An election takes up to 10 s, so repeat the audit. If there is still no "
                "leader, start the missing servers. A cluster in which most servers have "
                "never been started has no majority.",
            )
        elif row.has_quorum is False:
            yield Seen(
                f"cluster {row.cluster}",
                "the meta group has lost its majority",
                why="The present leader steps down within seconds. Streams and consumers can then "
                "no longer be created, changed or deleted.",
                advice="Start the missing servers.",
            )


def even(seen: Observation) -> Iterator[Seen]:
    for row in seen.snapshot.metas:
        if row.peers % 2 == 0:
            spare = row.peers - row.quorum_needed
            yield Seen(
                f"cluster {row.cluster}",
                f"{row.peers} servers have JetStream and the majority is {row.quorum_needed}, "
                f"so the cluster tolerates the failure of {spare}, as {row.peers - 1} servers "
                "would",
                why="If either of the two servers is down, JetStream is unavailable. This is "
                "twice as likely as with one server."
                if row.peers == 2
                else "",
                advice=f"Run {row.peers + 1} servers with JetStream"
                + ("." if row.peers == 2 else f", or {row.peers - 1}."),
            )


def mixed_versions(seen: Observation) -> Iterator[Seen]:
    versions: dict[str, dict[str, list[str]]] = {}
    for row in seen.snapshot.servers:
        if row.process is not None:
            by_version = versions.setdefault(row.cluster, {})
            by_version.setdefault(row.process.version, []).append(row.name)
    for cluster, found in versions.items():
        if len(found) > 1:
            listed = "; ".join(f"{v}: {', '.join(names)}" for v, names in sorted(found.items()))
            yield Seen(f"cluster {cluster}", listed)


def overcommitted(seen: Observation) -> Iterator[Seen]:
    for row in seen.snapshot.servers:
        if row.jetstream is None:
            continue
        for kind, store in (("file", row.jetstream.file), ("memory", row.jetstream.memory)):
            if store.reserved is not None and store.limit and store.reserved > store.limit:
                yield Seen(
                    server_name(row),
                    f"streams reserve {store.reserved} bytes, and the limit of the {kind} "
                    f"store is {store.limit} bytes",
                    advice="Lower max_bytes, or enlarge the volume and max_file_store."
                    if kind == "file"
                    else (
                        "Lower max_bytes, or raise max_memory_store and the memory limit of the "
                        "server."
                    ),
                )


def unauthenticated(seen: Observation) -> Iterator[Seen]:
    for target in seen.open_targets:
        if not is_loopback(target):
            yield Seen(f"target {target}", "it answers requests without a password")


def expiring(seen: Observation) -> Iterator[Seen]:
    for row in seen.snapshot.servers:
        for listener, end in sorted(row.process.certificates.items() if row.process else ()):
            left = end - seen.now
            if left < SOON:
                when = "has expired" if left < 0 else f"expires in {left / DAY:.1f} days"
                severity = Severity.ERROR if left < URGENT else Severity.WARNING
                yield Seen(
                    server_name(row),
                    f"the certificate of {listener} {when}",
                    severity,
                    why="Clients and servers that check the certificate reject it: new "
                    "connections fail, and open connections work until they are closed."
                    if left < 0
                    else "",
                )


CHECKS: tuple[Check[Observation], ...] = (
    Check(
        "server-unreachable",
        Severity.ERROR,
        "every server of the cluster answers",
        "Streams and consumers that only this server holds are neither checked here nor "
        "monitored by the exporter.",
        "Add the monitoring port of every server as a target, or a DNS name of a headless "
        "Service. If the server is down, start it.",
        unreachable,
    ),
    Check(
        "server-unhealthy",
        Severity.ERROR,
        "every server is healthy",
        "The streams of this server may be unavailable or not current, and a rolling update "
        "waits for it.",
        "Read the log of the server. /healthz?details=true lists the reasons.",
        unhealthy,
    ),
    Check(
        "jetstream-disabled",
        Severity.WARNING,
        "JetStream is enabled on every server",
        "The server holds no replicas. If it disabled JetStream itself, its disk was full or "
        "it was removed from the cluster.",
        "Look for the reason in the log of the server. If the server is meant to run without "
        "JetStream, no action is needed.",
        without_jetstream,
    ),
    Check(
        "meta-without-quorum",
        Severity.ERROR,
        "the meta group has a leader",
        "Streams and consumers cannot be created, changed or deleted.",
        "Start the missing servers. A cluster in which most servers have never been started "
        "has no majority.",
        without_leader,
    ),
    Check(
        "even-number-of-servers",
        Severity.WARNING,
        "an odd number of servers has JetStream",
        "With an even number, the last server can fail like the others, but the cluster "
        "tolerates no additional failure.",
        "Run three or five servers with JetStream.",
        even,
    ),
    Check(
        "mixed-versions",
        Severity.WARNING,
        "all servers run one version",
        "An update is not finished. Streams that use features of the newer version can go "
        "offline on the older one.",
        "Update all servers to the same version.",
        mixed_versions,
    ),
    Check(
        "store-overcommitted",
        Severity.WARNING,
        "streams reserve no more than the servers' stores",
        "The streams cannot all grow to their max_bytes. When the store is full, every stream "
        "of the server rejects new messages.",
        "Lower max_bytes, or enlarge the volume and max_file_store.",
        overcommitted,
    ),
    Check(
        "monitoring-unauthenticated",
        Severity.INFO,
        "access to the monitoring port is restricted",
        "The port requires no password and shows names of accounts, streams, subjects and clients.",
        "Allow only the exporter to connect: use a NetworkPolicy, a firewall, or a proxy with "
        "a password.",
        unauthenticated,
    ),
    Check(
        "certificate-expiring",
        Severity.WARNING,
        "certificates are valid for at least 30 days",
        "After the certificate has expired, no client or server can connect.",
        "Renew the certificate and reload the server. The server reads certificates only when "
        "it is reloaded.",
        expiring,
    ),
)
