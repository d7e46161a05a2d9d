"""Checks of how pods that run nats-server are reached: by each other, by the exporter, by anybody."""

from __future__ import annotations

from collections.abc import Iterator

from jetstream_exporter.audit.finding import Check, Seen, Severity
from jetstream_exporter.audit.manifests import (
    Object,
    Workload,
    Workloads,
    each,
    mappings,
    seen,
    string_list,
    text,
)

MONITORING = 8222


def headless(workload: Workload) -> Iterator[Seen]:
    named = text(workload.manifest.spec.get("serviceName"))
    services = {s.name: s for s in workload.services() if s.spec.get("clusterIP") == "None"}
    if not services:
        yield _no_headless(workload)
        return
    if workload.is_stateful and named not in services:
        (first, *_) = services
        yield seen(
            f"serviceName is {named!r}, but the headless Service is {', '.join(services)}",
            "Pods have DNS names only under the Service in serviceName. Routes and targets "
            "with any other name do not resolve.",
            f"Set serviceName to {first}. The StatefulSet has to be created again for this.",
        )
        return
    service = services.get(named) or next(iter(services.values()))
    if not service.spec.get("publishNotReadyAddresses") and workload.replicas > 1:
        yield seen(
            f"Service {service.name} does not resolve to servers that are not ready "
            "(publishNotReadyAddresses)",
            "Servers that start together are not ready until they are connected to each "
            "other, and the exporter cannot reach a server exactly when its readiness probe "
            "fails.",
            f"Set publishNotReadyAddresses: true on Service {service.name}.",
            Severity.WARNING,
        )


def _no_headless(workload: Workload) -> Seen:
    what = "no headless Service selects its pods"
    make = "Create a Service with clusterIP: None and publishNotReadyAddresses: true"
    named = ", and set serviceName to its name." if workload.is_stateful else "."
    if workload.replicas == 1:
        return seen(
            what,
            "The pod of a StatefulSet gets its DNS name from a headless Service. With one "
            "server, the exporter can use a client Service instead."
            if workload.is_stateful
            else "With one server, the exporter can use a client Service. With more servers, it "
            "needs a DNS name that resolves to all of them.",
            make + named,
            Severity.WARNING,
        )
    return seen(what, "", make + named)


def monitoring(workload: Workload) -> Iterator[Seen]:
    for service in workload.services():
        kind = service.spec.get("type", "ClusterIP")
        if kind in ("LoadBalancer", "NodePort") and _offers_monitoring(workload, service.spec):
            where = "load balancer" if kind == "LoadBalancer" else "nodes"
            yield seen(
                f"Service {service.name} ({kind}) exposes the monitoring port outside of the "
                "Kubernetes cluster",
                f"Anybody who can reach the {where} can read the names of accounts, streams, "
                "subjects and clients without a password.",
                f"Remove port {MONITORING} from Service {service.name}. The exporter can use "
                "a headless Service inside the Kubernetes cluster.",
                Severity.ERROR,
            )
    policies = workload.of_kind("NetworkPolicy", "spec", "podSelector")
    if not any("Ingress" in (string_list(p.spec, "policyTypes") or ["Ingress"]) for p in policies):
        yield seen(
            "no NetworkPolicy restricts access to the monitoring port",
            "The port requires no password, so every pod of the Kubernetes cluster can read "
            "the names of accounts, streams, subjects and clients.",
            f"Add a NetworkPolicy that allows only the exporter to connect to port {MONITORING}.",
        )


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


HEADLESS_MISSING: Check[Workloads] = Check(
    "headless-service-missing",
    Severity.ERROR,
    "a headless Service resolves to every server",
    "Servers need each other's DNS names to form a cluster, before they are ready, and "
    "the exporter has to reach all of them.",
    "Create a Service with clusterIP: None and publishNotReadyAddresses: true, and set "
    "serviceName to its name.",
    each(headless),
)

MONITORING_OPEN: Check[Workloads] = Check(
    "monitoring-open",
    Severity.WARNING,
    "access to the monitoring port is restricted",
    "The port requires no password and shows names of accounts, streams, subjects and clients.",
    "Do not add the port to client Services, and allow only the exporter to connect with "
    "a NetworkPolicy.",
    each(monitoring),
)
