"""Checks of the pods that run nats-server: image, termination, resources."""

from __future__ import annotations

import re
from collections.abc import Iterator

from jetstream_exporter.audit.finding import Check, Seen, Severity
from jetstream_exporter.audit.manifests import (
    Workload,
    Workloads,
    each,
    mapping,
    number,
    seen,
    split_image,
    string_list,
    text,
)

# nats-server's own (server/const.go): 10 s of grace, then 2 minutes for the clients.
LAME_DUCK_GRACE, LAME_DUCK = 10.0, 120.0
DEFAULT_GRACE = 30
LEAST_GRACE = 60
PID_FILE = "/var/run/nats/nats.pid"


def image(workload: Workload) -> Iterator[Seen]:
    whole = text(workload.container.get("image"))
    _, tag = split_image(whole)
    if tag.startswith("@sha256:") or re.match(r"v?\d+\.\d+", tag):
        return
    if not whole:
        advice = "Name an image with a minor version, such as nats:2.15-alpine."
        yield seen("its container has no image", "", advice)
    elif re.match(r"v?\d", tag):
        why = (
            "Each pull may install another minor version, and the previous version may not be "
            "able to read its data."
        )
        yield seen(f"image {whole} does not name a minor version", why)
    else:
        yield seen(f"image {whole} does not name a minor version")


def grace(workload: Workload) -> Iterator[Seen]:
    seconds = number(workload.pod.get("terminationGracePeriodSeconds", DEFAULT_GRACE))
    is_duck = _leaves_as_lame_duck(workload)
    needed: float = LEAST_GRACE
    if workload.conf is not None and is_duck:
        duck = workload.conf.duration("lame_duck_duration") or LAME_DUCK
        needed = max(
            needed, duck + (workload.conf.duration("lame_duck_grace_period") or LAME_DUCK_GRACE)
        )
    if seconds is None or seconds >= needed:
        return
    what = f"terminationGracePeriodSeconds is {seconds}, but a stop may take {needed:g} s"
    if is_duck:
        why = (
            "Kubernetes kills the server before its clients and leaders have moved, and the "
            "server has to recover its store at the next start."
        )
        also = " The preStop hook takes lame_duck_grace_period and lame_duck_duration together."
    else:
        why = (
            "On SIGTERM the server stops JetStream and writes its state. If Kubernetes kills "
            "it earlier, it has to recover its store at the next start."
        )
        also = ""
    yield seen(what, why, f"Set terminationGracePeriodSeconds to at least {needed:g}.{also}")


def _leaves_as_lame_duck(workload: Workload) -> bool:
    command = string_list(mapping(workload.container, "lifecycle", "preStop", "exec"), "command")
    return "ldm" in " ".join(command)


def lame_duck(workload: Workload) -> Iterator[Seen]:
    if _leaves_as_lame_duck(workload):
        return
    known = workload.conf.value("pid_file") if workload.conf is not None else None
    advice = f"Add a preStop hook: nats-server -sl=ldm={known or PID_FILE}."
    if known is None:
        advice += (
            " The command finds the server by its pid_file, so set pid_file in nats.conf (or "
            "--pid) as well."
        )
    if workload.replicas == 1:
        why = (
            "On SIGTERM the server closes all client connections at the same time. In lame "
            "duck mode it informs the clients and closes the connections one by one."
        )
    else:
        why = (
            "On SIGTERM the server closes all client connections at the same time, and all "
            "clients reconnect to the other servers at that moment."
        )
    yield seen(
        "no preStop hook sends the lame duck signal (nats-server -sl=ldm=<pid file>)", why, advice
    )


def resources(workload: Workload) -> Iterator[Seen]:
    given = {
        kind: mapping(workload.container, "resources", kind) for kind in ("requests", "limits")
    }
    missing = [name for name in ("cpu", "memory") if name not in given["requests"]]
    if missing:
        names = " and ".join(missing)
        yield seen(
            f"its container has no resource requests for {names}",
            _without_requests([name for name in missing if name not in given["limits"]]),
            f"Set requests for {names} to the usage on a busy day.",
        )
    if "memory" not in given["limits"]:
        yield seen(
            "its container has no memory limit",
            "The server can use all memory of the node, and the Go runtime does not know when "
            "to collect garbage. The kernel then decides which process it kills.",
            "Set a memory limit, and set GOMEMLIMIT to 80% to 90% of it.",
        )


def _without_requests(unbounded: list[str]) -> str:
    """Why requests matter where these have no limit either."""
    if not unbounded:
        return (
            "Kubernetes uses the limits as requests. The pod then reserves the maximum that "
            "it may ever use, and may not find a node that would be large enough."
        )
    first = ", and a node that is short of memory kills it first" if "memory" in unbounded else ""
    return (
        "Kubernetes may place the pod on a node without enough resources, where other pods slow "
        f"it down{first}."
    )


CHECKS: tuple[Check[Workloads], ...] = (
    Check(
        "image-unpinned",
        Severity.WARNING,
        "the image names a minor version",
        "A pod that moves to another node may start another version, and a downgrade may not "
        "be possible.",
        "Use an image with a minor version, such as nats:2.15-alpine, or a digest.",
        each(image),
    ),
    Check(
        "grace-period-short",
        Severity.WARNING,
        "the grace period is long enough",
        "Kubernetes kills the server before its leaders and clients have moved, and the "
        "server has to recover its store at the next start.",
        "Set terminationGracePeriodSeconds to at least 60, and above the sum of "
        "lame_duck_grace_period and lame_duck_duration.",
        each(grace),
    ),
    Check(
        "lame-duck-missing",
        Severity.WARNING,
        "the server shuts down in lame duck mode",
        "On SIGTERM the server closes all client connections at the same time, and all "
        "clients reconnect to the other servers at that moment.",
        "Add a preStop hook: nats-server -sl=ldm=/var/run/nats/nats.pid.",
        each(lame_duck),
    ),
    Check(
        "resources-missing",
        Severity.WARNING,
        "servers have requests and a memory limit",
        "A node that is short of memory kills such pods first, and other pods can slow them down.",
        "Set requests for cpu and memory, a memory limit, and GOMEMLIMIT below that limit.",
        each(resources),
    ),
)
