"""Checks of what surrounds the pods that run nats-server: names, nodes, drains; and all checks of manifests."""

from __future__ import annotations

from collections.abc import Iterator

from jetstream_exporter.audit import network, pods, probes, storage
from jetstream_exporter.audit.finding import Check, Seen, Severity
from jetstream_exporter.audit.manifests import (
    Object,
    Workload,
    Workloads,
    each,
    mapping,
    mappings,
    number,
    seen,
)


def stateful(workload: Workload) -> Iterator[Seen]:
    if workload.is_stateful or not workload.has_jetstream:
        return
    kind = workload.manifest.kind
    what = f"a {kind} gives its pods neither stable names nor persistent volumes of their own"
    if kind == "Deployment" and workload.replicas == 1:
        yield seen(
            what,
            "A new pod has another name, and a rolling update starts it while the old pod "
            "still uses the store.",
            "Use a StatefulSet with one replica and volumeClaimTemplates, and move the store "
            "to its volume.",
        )
    else:
        yield seen(what)


def members(workload: Workload) -> Iterator[Seen]:
    replicas = workload.replicas
    if workload.manifest.kind == "DaemonSet" or not workload.has_jetstream:
        return
    if replicas == 0:
        yield seen(
            "0 servers",
            "No server runs.",
            "Set replicas to 3, or leave this workload out of the manifests.",
        )
    elif replicas == 1:
        yield seen(
            "1 server",
            "While the server is down, which includes each update, JetStream is unavailable, "
            "and its disk holds the only copy of each stream.",
            "If that is not enough, set replicas to 3 with a cluster block, and configure "
            "streams with three replicas.",
        )
    elif replicas == 2:
        yield seen(
            "2 servers",
            "The majority of two servers is two. If either of them is down, JetStream is "
            "unavailable, which is twice as likely as with one server.",
            "Set replicas to 3.",
        )
    elif replicas % 2 == 0:
        spare = (replicas - 1) // 2
        yield seen(
            f"{replicas} servers",
            f"{replicas} servers tolerate the failure of {spare}, as {replicas - 1} do. The "
            "last server can fail too, but adds no fault tolerance.",
            f"Set replicas to {replicas - 1} or {replicas + 1}.",
        )


def names(workload: Workload) -> Iterator[Seen]:
    if workload.conf is None:
        return
    name = workload.conf.value("server_name")
    if name is not None and name.startswith("$"):
        return
    what = f"server_name is {name or 'not set'}: it is not taken from the pod"
    if name is None:
        yield seen(
            what,
            "The server creates a random name at every start, so that every start is a new "
            "member of the cluster and a new series.",
        )
    elif workload.replicas > 1:
        yield seen(
            what,
            f"All {workload.replicas} servers have the name {name}. They reject each other's "
            "routes, or replace each other in the meta group.",
        )


def spread(workload: Workload) -> Iterator[Seen]:
    if workload.replicas < 2 or workload.manifest.kind == "DaemonSet":  # one a node
        return
    affinity = mapping(workload.pod, "affinity", "podAntiAffinity")
    constraints = mappings(workload.pod, "topologySpreadConstraints")
    hard = [
        r for r in constraints if r.get("whenUnsatisfiable", "DoNotSchedule") == "DoNotSchedule"
    ]
    if mappings(affinity, "requiredDuringSchedulingIgnoredDuringExecution") or hard:
        return
    what = "two of its pods can run on one node"
    advice = "Require podAntiAffinity by kubernetes.io/hostname, and spread the pods over zones."
    if mappings(affinity, "preferredDuringSchedulingIgnoredDuringExecution") or constraints:
        why = (
            "Different nodes are only preferred. While a node is drained or full, two pods can "
            "share a node, and they stay there."
        )
        yield seen(what, why, advice)
    else:
        yield seen(what, _together(workload.replicas), advice)


def _together(replicas: int) -> str:
    if replicas == 2:
        return "If a node fails, both servers can fail with it."
    return "If a node fails, two servers can fail with it" + (
        ", and the cluster loses its majority." if replicas == 3 else "."
    )


def budget(workload: Workload) -> Iterator[Seen]:
    replicas = workload.replicas
    if replicas < 2 or workload.manifest.kind == "DaemonSet":  # a drain passes these by
        return
    budgets = list(workload.of_kind("PodDisruptionBudget", "spec", "selector"))
    if not budgets:
        yield seen("no PodDisruptionBudget selects its pods")
    if replicas < 3:  # there is no majority to protect
        return
    for found in budgets:
        allowed = _allowed(found.spec, replicas)
        if allowed is not None and replicas - allowed < replicas // 2 + 1:
            yield seen(
                f"PodDisruptionBudget {found.name} allows {allowed} of {replicas} pods to be "
                "evicted at a time",
                f"The majority of {replicas} servers is {replicas // 2 + 1}, and fewer can be "
                "left during a drain.",
                f"Set maxUnavailable: 1 in PodDisruptionBudget {found.name}, without minAvailable.",
            )


def _allowed(spec: Object, replicas: int) -> int | None:
    unavailable, available = number(spec.get("maxUnavailable")), number(spec.get("minAvailable"))
    if unavailable is not None:
        return unavailable
    return replicas - available if available is not None else None


CHECKS: tuple[Check[Workloads], ...] = (
    *pods.CHECKS,
    *probes.CHECKS,
    *storage.CHECKS,
    Check(
        "not-a-statefulset",
        Severity.ERROR,
        "servers run as a StatefulSet",
        "A server is a member of Raft groups under its name and holds their log. A server "
        "with a new name and an empty disk is a new member, and the cluster keeps waiting for "
        "the old one.",
        "Use a StatefulSet with volumeClaimTemplates.",
        each(stateful),
    ),
    Check(
        "too-few-servers",
        Severity.WARNING,
        "the number of servers is three or five",
        "Two servers tolerate no failure, and four tolerate no more failures than three.",
        "Set replicas to 3 or 5.",
        each(members),
    ),
    network.HEADLESS_MISSING,
    Check(
        "server-name-fixed",
        Severity.ERROR,
        "the server name is the pod name",
        "A server whose name changes is a new member at every restart. Servers with the same "
        "name cannot form a cluster.",
        "Set server_name: $POD_NAME, and set the variable POD_NAME from metadata.name.",
        each(names),
    ),
    Check(
        "no-anti-affinity",
        Severity.WARNING,
        "servers run on different nodes",
        "If a node fails, two servers can fail with it, and the cluster loses its majority.",
        "Require podAntiAffinity by kubernetes.io/hostname, and spread the pods over zones.",
        each(spread),
    ),
    Check(
        "disruption-budget-missing",
        Severity.WARNING,
        "a drain stops one server at a time",
        "An update of the nodes may stop two servers at the same time.",
        "Create a PodDisruptionBudget with maxUnavailable: 1.",
        each(budget),
    ),
    network.MONITORING_OPEN,
)
