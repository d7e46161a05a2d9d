"""Checks of the pods that run nats-server: image, termination, resources, probes."""

from __future__ import annotations

import re
from collections.abc import Iterator

from jetstream_exporter.audit.finding import Check, Severity
from jetstream_exporter.audit.manifests import (
    Workload,
    Workloads,
    each,
    mapping,
    number,
    split_image,
    text,
    words,
)

# nats-server's own (server/const.go): 10 s of grace, then 2 minutes for the clients.
LAME_DUCK_GRACE, LAME_DUCK = 10.0, 120.0
DEFAULT_GRACE = 30
LEAST_GRACE = 60


def image(workload: Workload) -> Iterator[str]:
    whole = text(workload.container.get("image"))
    _, tag = split_image(whole)
    if not tag.startswith("@sha256:") and not re.match(r"v?\d+\.\d+", tag):
        yield f"image {whole} names no minor version"


def grace(workload: Workload) -> Iterator[str]:
    seconds = number(workload.pod.get("terminationGracePeriodSeconds", DEFAULT_GRACE))
    needed: float = LEAST_GRACE
    if workload.conf is not None and _leaves_as_lame_duck(workload):
        duck = workload.conf.duration("lame_duck_duration") or LAME_DUCK
        needed = max(
            needed, duck + (workload.conf.duration("lame_duck_grace_period") or LAME_DUCK_GRACE)
        )
    if seconds is not None and seconds < needed:
        yield f"terminationGracePeriodSeconds is {seconds}; its stop may take {needed:g} s"


def _leaves_as_lame_duck(workload: Workload) -> bool:
    command = words(mapping(workload.container, "lifecycle", "preStop", "exec"), "command")
    return "ldm" in " ".join(command)


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
        yield "no readinessProbe asks /healthz"
    elif "js-enabled=" in path:
        what = f"readinessProbe asks {path}: the old spelling, for which the server logs a warning each time"
        yield what, Severity.INFO
    elif "js-server-only=" in path:
        what = f"readinessProbe asks {path}: a server whose JetStream shut itself off stays ready"
        yield what, Severity.INFO


def _path(workload: Workload, probe: str) -> str:
    """What a probe asks for; nothing where there is none, or where it asks no health endpoint."""
    path = text(mapping(workload.container, probe, "httpGet").get("path"))
    return path if path.startswith("/healthz") else ""


CHECKS: tuple[Check[Workloads], ...] = (
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
)
