"""Checks of manifests: what runs nats-server, and what stands around it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from jetstream_exporter.audit.finding import Check, Seen, Severity
from jetstream_exporter.audit.manifests import Object, Workload, mapping, sequence, split_image
from jetstream_exporter.audit.natsconf import quantity

Facts = Sequence[Workload]
MONITORING = 8222
# nats-server's own (server/const.go): 10 s of grace, then 2 minutes for the clients.
LAME_DUCK_GRACE, LAME_DUCK = 10.0, 120.0
DEFAULT_GRACE = 30
LEAST_GRACE = 60


def each(
    find: Callable[[Workload], Iterator[str | tuple[str, Severity]]],
) -> Callable[[Facts], Iterator[Seen]]:
    """A check of one workload, for all of them."""

    def find_all(facts: Facts) -> Iterator[Seen]:
        for workload in facts:
            for found in find(workload):
                what, severity = found if isinstance(found, tuple) else (found, None)
                yield Seen(workload.label, what, severity, workload.manifest.file)

    return find_all


def image(workload: Workload) -> Iterator[str]:
    whole = str(workload.container.get("image", ""))
    _, tag = split_image(whole)
    if not tag.startswith("@sha256:") and not re.match(r"v?\d+\.\d+", tag):
        yield f"image {whole} names no minor version"


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


def grace(workload: Workload) -> Iterator[str]:
    seconds = workload.pod.get("terminationGracePeriodSeconds", DEFAULT_GRACE)
    needed: float = LEAST_GRACE
    if workload.conf is not None and _leaves_as_lame_duck(workload):
        duck = workload.conf.duration("lame_duck_duration") or LAME_DUCK
        needed = max(
            needed, duck + (workload.conf.duration("lame_duck_grace_period") or LAME_DUCK_GRACE)
        )
    if isinstance(seconds, int) and seconds < needed:
        yield f"terminationGracePeriodSeconds is {seconds}; its stop may take {needed:g} s"


def _leaves_as_lame_duck(workload: Workload) -> bool:
    command = sequence(mapping(workload.container, "lifecycle", "preStop", "exec"), "command")
    return "ldm" in " ".join(str(word) for word in command)


def lame_duck(workload: Workload) -> Iterator[str]:
    if not _leaves_as_lame_duck(workload):
        yield "no preStop hook sends the lame duck signal (nats-server -sl=ldm=<pid file>)"


def resources(workload: Workload) -> Iterator[str]:
    for kind, wanted in (("requests", ("cpu", "memory")), ("limits", ("memory",))):
        given = mapping(workload.container, "resources", kind)
        missing = [name for name in wanted if name not in given]
        if missing:
            yield f"its container has no {kind} of {' and '.join(missing)}"


def startup(workload: Workload) -> Iterator[str]:
    if not _path(workload, "startupProbe"):
        yield "no startupProbe asks /healthz"


def liveness(workload: Workload) -> Iterator[str | tuple[str, Severity]]:
    path = _path(workload, "livenessProbe")
    if not path:
        yield "no livenessProbe asks /healthz?js-server-only=true", Severity.WARNING
    elif re.search(r"js-enabled(-only)?=", path):
        what = f"livenessProbe asks {path}: a server whose JetStream shut itself off is restarted again and again"
        yield what, Severity.INFO
    elif "js-server-only=" not in path:
        yield f"livenessProbe asks {path}: a server that waits for its peers is restarted"


def readiness(workload: Workload) -> Iterator[str | tuple[str, Severity]]:
    path = _path(workload, "readinessProbe")
    if not path:
        yield "no readinessProbe"
    elif "js-enabled=" in path:
        what = f"readinessProbe asks {path}: the old spelling, for which the server logs a warning each time"
        yield what, Severity.INFO
    elif "js-server-only=" in path:
        what = f"readinessProbe asks {path}: a server whose JetStream shut itself off stays ready"
        yield what, Severity.INFO


def _path(workload: Workload, probe: str) -> str:
    return str(mapping(workload.container, probe, "httpGet").get("path", ""))


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
    for each in budgets:
        allowed = _allowed(each.spec, replicas)
        if (
            isinstance(replicas, int)
            and allowed is not None
            and replicas - allowed < replicas // 2 + 1
        ):
            yield f"PodDisruptionBudget {each.name} lets {allowed} of {replicas} be drained at once"


def _allowed(spec: Object, replicas: Any) -> int | None:
    unavailable, available = spec.get("maxUnavailable"), spec.get("minAvailable")
    if isinstance(unavailable, int):
        return unavailable
    return (
        replicas - available if isinstance(available, int) and isinstance(replicas, int) else None
    )


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


CHECKS: tuple[Check[Facts], ...] = (
    Check(
        "image-unpinned",
        Severity.WARNING,
        "the image names a minor version",
        "A pod that moves to another node may come back as another version, which may not be able to "
        "go back.",
        "Name a minor version, such as nats:2.15-alpine, or a digest.",
        each(image),
    ),
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
        "grace-period-short",
        Severity.WARNING,
        "a server has time to leave",
        "It is killed before its leaders and clients have moved, and comes back to recover its store.",
        "Set terminationGracePeriodSeconds above lame_duck_grace_period and lame_duck_duration "
        "together, and to 60 at least.",
        each(grace),
    ),
    Check(
        "lame-duck-missing",
        Severity.WARNING,
        "a server leaves as a lame duck",
        "SIGTERM alone closes all clients at once, and they come to the others at the same moment.",
        "Add a preStop hook: nats-server -sl=ldm=/var/run/nats/nats.pid.",
        each(lame_duck),
    ),
    Check(
        "resources-missing",
        Severity.WARNING,
        "servers have requests and a memory limit",
        "A node under pressure ends such pods first, and a neighbour can starve them.",
        "Set requests of cpu and memory, and a limit of memory, with GOMEMLIMIT below it.",
        each(resources),
    ),
    Check(
        "startup-probe-missing",
        Severity.WARNING,
        "a start is waited for",
        "A rolling update goes on before the server has caught up, and takes the majority.",
        "Add a startupProbe on /healthz that waits long enough for your store, such as 90 times 10 s.",
        each(startup),
    ),
    Check(
        "liveness-probe-wrong",
        Severity.ERROR,
        "liveness asks for the process alone",
        "When the majority is lost, restarts add to it: each one recovers its store from the "
        "beginning.",
        "Ask /healthz?js-server-only=true (2.11 and newer).",
        each(liveness),
    ),
    Check(
        "readiness-probe-wrong",
        Severity.WARNING,
        "readiness asks for JetStream",
        "Clients are sent to servers that cannot serve them.",
        "Ask /healthz?js-enabled-only=true.",
        each(readiness),
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
