"""Checks of what surrounds the pods that run nats-server: names, volumes, nodes, network access."""

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
    mappings,
    number,
    text,
    words,
)
from jetstream_exporter.audit.natsconf import NatsConf, quantity, size

MONITORING = 8222


def stateful(workload: Workload) -> Iterator[str]:
    if workload.manifest.kind != "StatefulSet":
        yield f"a {workload.manifest.kind} gives its pods neither names nor volumes that stay"


def members(workload: Workload) -> Iterator[str]:
    replicas = _replicas(workload)
    if workload.manifest.kind != "DaemonSet" and (replicas < 3 or replicas % 2 == 0):
        yield f"{replicas} server{'' if replicas == 1 else 's'}"


def _replicas(workload: Workload) -> int:
    replicas = number(workload.manifest.spec.get("replicas"))
    return 1 if replicas is None else replicas


def headless(workload: Workload) -> Iterator[str | tuple[str, Severity]]:
    named = text(workload.manifest.spec.get("serviceName"))
    services = {s.name: s for s in workload.services() if s.spec.get("clusterIP") == "None"}
    if not services:
        yield "no headless Service selects its pods"
    elif named not in services:
        yield f"serviceName is {named!r}, and the headless Service is {', '.join(services)}"
    elif not services[named].spec.get("publishNotReadyAddresses"):
        yield (
            f"Service {named} hides servers that are not ready (publishNotReadyAddresses)",
            Severity.WARNING,
        )


def volume(workload: Workload) -> Iterator[str | tuple[str, Severity]]:
    claims = _claims(workload)
    conf = workload.conf
    if conf is not None and not conf.has("jetstream"):
        yield f"its {conf.file} has no jetstream block, so its store is not judged", Severity.INFO
    elif not claims:
        yield "it has no volumeClaimTemplates: messages die with the pod"
    elif conf is None:
        yield (
            "no ConfigMap with its nats.conf was found, so max_file_store is not judged",
            Severity.INFO,
        )
    else:
        yield from _store(conf, max(claims))


def _store(conf: NatsConf, largest: int) -> Iterator[str | tuple[str, Severity]]:
    told = conf.value("max_file_store") or conf.value("max_file")
    if told is None:
        yield (
            "max_file_store is not set: the server takes three quarters of what is free at its first start",
            Severity.WARNING,
        )
    elif (store := size(told)) is None:
        yield (
            f"max_file_store is {told}, which says no size here, so it is not judged",
            Severity.INFO,
        )
    elif store >= largest:
        yield f"max_file_store is {store} bytes, on a volume of {largest}"


def _claims(workload: Workload) -> list[int]:
    templates = mappings(workload.manifest.spec, "volumeClaimTemplates")
    wanted = [mapping(claim, "spec", "resources", "requests").get("storage") for claim in templates]
    sizes = [quantity(text(each)) if isinstance(each, str) else number(each) for each in wanted]
    return [each for each in sizes if each is not None]


def names(workload: Workload) -> Iterator[str]:
    if workload.conf is None:
        return
    name = workload.conf.value("server_name")
    if name is None or not name.startswith("$"):
        yield f"server_name is {name or 'not set'}: it does not come from the pod"


def spread(workload: Workload) -> Iterator[str]:
    affinity = mapping(workload.pod, "affinity", "podAntiAffinity")
    hard = mappings(affinity, "requiredDuringSchedulingIgnoredDuringExecution")
    constraints = [
        rule
        for rule in mappings(workload.pod, "topologySpreadConstraints")
        if rule.get("whenUnsatisfiable", "DoNotSchedule") == "DoNotSchedule"
    ]
    if not hard and not constraints:
        yield "nothing keeps two of its pods off one node"


def budget(workload: Workload) -> Iterator[str]:
    budgets = list(workload.of_kind("PodDisruptionBudget", "spec", "selector"))
    if not budgets:
        yield "no PodDisruptionBudget selects its pods"
    replicas = _replicas(workload)
    if replicas < 3:  # there is no majority to protect
        return
    for found in budgets:
        allowed = _allowed(found.spec, replicas)
        if allowed is not None and replicas - allowed < replicas // 2 + 1:
            yield f"PodDisruptionBudget {found.name} lets {allowed} of {replicas} be drained at once"


def _allowed(spec: Object, replicas: int) -> int | None:
    unavailable, available = number(spec.get("maxUnavailable")), number(spec.get("minAvailable"))
    if unavailable is not None:
        return unavailable
    return replicas - available if available is not None else None


def monitoring(workload: Workload) -> Iterator[str | tuple[str, Severity]]:
    for service in workload.services():
        kind = service.spec.get("type", "ClusterIP")
        if kind in ("LoadBalancer", "NodePort") and _offers_monitoring(workload, service.spec):
            yield (
                f"Service {service.name} ({kind}) opens the monitoring port to the outside",
                Severity.ERROR,
            )
    policies = workload.of_kind("NetworkPolicy", "spec", "podSelector")
    if not any("Ingress" in (words(p.spec, "policyTypes") or ["Ingress"]) for p in policies):
        yield "no NetworkPolicy says who may reach the monitoring port"


def _offers_monitoring(workload: Workload, spec: Object) -> bool:
    named = [
        text(port.get("name"))
        for port in mappings(workload.container, "ports")
        if port.get("containerPort") == MONITORING
    ]
    wanted = [MONITORING, *filter(None, named)]
    return any(
        port.get("targetPort", port.get("port")) in wanted or port.get("port") == MONITORING
        for port in mappings(spec, "ports")
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
        each(members),
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
