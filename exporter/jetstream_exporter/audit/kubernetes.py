"""Checks of what stands around the pods that run nats-server: names, volumes, nodes, who gets in."""

from __future__ import annotations

from collections.abc import Iterator

from jetstream_exporter.audit import pods
from jetstream_exporter.audit.finding import Check, Severity
from jetstream_exporter.audit.manifests import (
    Object,
    Workload,
    Workloads,
    each,
    mapping,
    sequence,
)
from jetstream_exporter.audit.natsconf import quantity

MONITORING = 8222


def stateful(workload: Workload) -> Iterator[str]:
    if workload.manifest.kind != "StatefulSet":
        yield f"a {workload.manifest.kind} gives its pods neither names nor volumes that stay"


def size(workload: Workload) -> Iterator[str]:
    replicas = workload.manifest.spec.get("replicas", 1)
    if (
        isinstance(replicas, int)
        and workload.manifest.kind != "DaemonSet"
        and (replicas < 3 or replicas % 2 == 0)
    ):
        yield f"{replicas} servers"


def headless(workload: Workload) -> Iterator[str | tuple[str, Severity]]:
    named = workload.manifest.spec.get("serviceName")
    services = {s.name: s for s in workload.services() if s.spec.get("clusterIP") == "None"}
    if not services:
        yield "no headless Service selects its pods"
    elif named not in services:
        yield f"serviceName is {named!r}, and the headless Service is {', '.join(services)}"
    elif not services[str(named)].spec.get("publishNotReadyAddresses"):
        yield (
            f"Service {named} hides servers that are not ready (publishNotReadyAddresses)",
            Severity.WARNING,
        )


def volume(workload: Workload) -> Iterator[str | tuple[str, Severity]]:
    claims = _claims(workload)
    if not claims:
        yield "it has no volumeClaimTemplates: messages die with the pod", Severity.ERROR
        return
    if workload.conf is None or not workload.conf.has("jetstream"):
        yield (
            "no ConfigMap with a jetstream block was found, so max_file_store is not judged",
            Severity.INFO,
        )
        return
    store = workload.conf.size("max_file_store", "max_file")
    largest = max(claims)
    if store is None:
        yield (
            "max_file_store is not set: the server takes three quarters of what is free at its first start",
            Severity.WARNING,
        )
    elif store >= largest:
        yield f"max_file_store is {store} bytes, on a volume of {largest}"


def _claims(workload: Workload) -> list[int]:
    templates = sequence(workload.manifest.spec, "volumeClaimTemplates")
    sizes = (
        quantity(str(mapping(claim, "spec", "resources", "requests").get("storage", "")))
        for claim in templates
    )
    return [size for size in sizes if size is not None]


def names(workload: Workload) -> Iterator[str]:
    if workload.conf is None:
        return
    name = workload.conf.value("server_name")
    if name is None or not name.startswith("$"):
        yield f"server_name is {name or 'not set'}: it does not come from the pod"


def spread(workload: Workload) -> Iterator[str]:
    affinity = mapping(workload.pod, "affinity", "podAntiAffinity")
    hard = sequence(affinity, "requiredDuringSchedulingIgnoredDuringExecution")
    constraints = [
        rule
        for rule in sequence(workload.pod, "topologySpreadConstraints")
        if mapping({"rule": rule}, "rule").get("whenUnsatisfiable", "DoNotSchedule")
        == "DoNotSchedule"
    ]
    if not hard and not constraints:
        yield "nothing keeps two of its pods off one node"


def budget(workload: Workload) -> Iterator[str]:
    budgets = list(workload.of_kind("PodDisruptionBudget", "spec", "selector"))
    if not budgets:
        yield "no PodDisruptionBudget selects its pods"
    replicas = workload.manifest.spec.get("replicas", 1)
    if not isinstance(replicas, int) or replicas < 3:  # there is no majority to protect
        return
    for found in budgets:
        allowed = _allowed(found.spec, replicas)
        if allowed is not None and replicas - allowed < replicas // 2 + 1:
            yield f"PodDisruptionBudget {found.name} lets {allowed} of {replicas} be drained at once"


def _allowed(spec: Object, replicas: int) -> int | None:
    unavailable, available = spec.get("maxUnavailable"), spec.get("minAvailable")
    if isinstance(unavailable, int):
        return unavailable
    return replicas - available if isinstance(available, int) else None


def monitoring(workload: Workload) -> Iterator[str | tuple[str, Severity]]:
    for service in workload.services():
        kind = service.spec.get("type", "ClusterIP")
        if kind in ("LoadBalancer", "NodePort") and _offers_monitoring(workload, service.spec):
            yield (
                f"Service {service.name} ({kind}) opens the monitoring port to the outside",
                Severity.ERROR,
            )
    policies = workload.of_kind("NetworkPolicy", "spec", "podSelector")
    if not any("Ingress" in p.spec.get("policyTypes", ["Ingress"]) for p in policies):
        yield "no NetworkPolicy says who may reach the monitoring port"


def _offers_monitoring(workload: Workload, spec: Object) -> bool:
    container = {
        port.get("name")
        for port in sequence(workload.container, "ports")
        if port.get("containerPort") == MONITORING
    }
    wanted = {MONITORING, *container} - {None}
    return any(
        port.get("targetPort", port.get("port")) in wanted or port.get("port") == MONITORING
        for port in sequence(spec, "ports")
    )


CHECKS: tuple[Check[Workloads], ...] = (
    *pods.CHECKS,
    Check(
        "not-a-statefulset",
        Severity.ERROR,
        "servers are a StatefulSet",
        "A server is a member of Raft groups by its name, and holds their log: a new name on an empty "
        "disk is a new member, and the old one is missed for ever.",
        "Use a StatefulSet with volumeClaimTemplates.",
        each(stateful),
    ),
    Check(
        "too-few-servers",
        Severity.WARNING,
        "there are three servers or five",
        "Two bear the loss of none, and four no more than three.",
        "Set replicas to 3 or 5.",
        each(size),
    ),
    Check(
        "headless-service-missing",
        Severity.ERROR,
        "a headless Service names every server",
        "Servers need each other's names to form a cluster, also before they are ready, and the "
        "exporter has to ask all of them.",
        "Make a Service with clusterIP: None and publishNotReadyAddresses: true, and name it in "
        "serviceName.",
        each(headless),
    ),
    Check(
        "store-above-volume",
        Severity.ERROR,
        "max_file_store is below the volume",
        "The disk is full before the server's own limit is met: JetStream shuts itself off instead of "
        "refusing messages.",
        "Set max_file_store to some 80 % of the volume.",
        each(volume),
    ),
    Check(
        "server-name-fixed",
        Severity.ERROR,
        "a server has its pod's name",
        "A name that changes is a new member at every restart; one that all share is no cluster.",
        "Set server_name: $POD_NAME, and POD_NAME from metadata.name.",
        each(names),
    ),
    Check(
        "no-anti-affinity",
        Severity.WARNING,
        "servers stand on different nodes",
        "One node takes two servers with it, and the majority with them.",
        "Require podAntiAffinity by kubernetes.io/hostname, and spread over zones.",
        each(spread),
    ),
    Check(
        "disruption-budget-missing",
        Severity.WARNING,
        "drains take one server at a time",
        "An update of the nodes may end two servers at once.",
        "Make a PodDisruptionBudget with maxUnavailable: 1.",
        each(budget),
    ),
    Check(
        "monitoring-open",
        Severity.WARNING,
        "the monitoring port is for those who need it",
        "The port knows no passwords and names accounts, streams, subjects and clients.",
        "Keep it off client Services, and let only the exporter in by a NetworkPolicy.",
        each(monitoring),
    ),
)
