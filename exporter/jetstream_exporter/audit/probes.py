"""Checks of the probes of the pods that run nats-server.

examples/kubernetes/README.md has what each option of /healthz answers, asked of real servers.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from jetstream_exporter.audit.finding import Check, Seen, Severity
from jetstream_exporter.audit.manifests import (
    Object,
    Workload,
    Workloads,
    each,
    mapping,
    seen,
    string_list,
    text,
)

LIVENESS = "/healthz?js-server-only=true"
READINESS = "/healthz?js-enabled-only=true"


def startup(workload: Workload) -> Iterator[Seen]:
    probe = mapping(workload.container, "startupProbe")
    if _path(probe) or not workload.has_jetstream:
        return
    wait = (
        "Add a startupProbe on /healthz that allows enough time for your store, for example 90 "
        "attempts with 10 s between them."
    )
    if probe:
        yield seen(
            f"no startupProbe checks /healthz: it {_asks(probe)}",
            "This probe succeeds as soon as the port is open, while the server still recovers "
            "its store and catches up.",
            "Check /healthz in the startupProbe, and allow enough time for your store, for "
            "example 90 attempts with 10 s between them.",
        )
    elif workload.replicas == 1:
        yield seen(
            "no startupProbe checks /healthz",
            "No probe waits until the server has recovered its store, and a livenessProbe may "
            "restart it before that.",
            wait,
        )
    elif _path(mapping(workload.container, "readinessProbe")) == "/healthz":
        yield seen(
            "no startupProbe checks /healthz",
            "The readinessProbe on /healthz makes an update wait, but it also stops clients "
            "from reaching a running server when one of its streams is not current.",
            "Check /healthz in a startupProbe, for example 90 attempts with 10 s between "
            f"them, and {READINESS} in the readinessProbe.",
        )
    else:
        yield seen("no startupProbe checks /healthz", "", wait)


def liveness(workload: Workload) -> Iterator[Seen]:
    probe = mapping(workload.container, "livenessProbe")
    path = _path(probe)
    if not probe:
        yield seen(
            f"no livenessProbe checks {LIVENESS}",
            "A server that hangs is not restarted.",
            f"Add a livenessProbe on {LIVENESS} (2.11 and newer).",
            Severity.WARNING,
        )
    elif not path:
        yield seen(
            f"no livenessProbe checks {LIVENESS}: it {_asks(probe)}",
            "This probe checks that a port is open, and not that the server can serve clients.",
            f"Check {LIVENESS} (2.11 and newer). It does not restart a server because of "
            "JetStream.",
            Severity.INFO,
        )
    elif "js-server-only=" in path or not workload.has_jetstream:
        return
    elif re.search(r"js-enabled(-only)?=", path):
        yield seen(
            f"livenessProbe checks {path}: a server that has disabled JetStream is restarted "
            "again and again",
            "The server disabled JetStream for a reason, usually a full disk, which a restart "
            "does not solve. Each restart disconnects clients that do not use JetStream.",
            f"Check {LIVENESS} (2.11 and newer) in the livenessProbe, and {READINESS} in the "
            "readinessProbe.",
            Severity.INFO,
        )
    else:
        yield _asks_too_much(workload, path)


def _asks_too_much(workload: Workload, path: str) -> Seen:
    advice = f"Check {LIVENESS} (2.11 and newer)."
    if workload.replicas == 1:
        return seen(
            f"livenessProbe checks {path}: a server that still recovers its store is restarted",
            "This path also checks every stream and consumer. If one of them cannot be "
            "recovered, the server is restarted for ever, and each restart recovers the store "
            "from the beginning.",
            advice,
        )
    return seen(
        f"livenessProbe checks {path}: a server that waits for its peers is restarted", "", advice
    )


def readiness(workload: Workload) -> Iterator[Seen]:
    probe = mapping(workload.container, "readinessProbe")
    path = _path(probe)
    if not probe:
        yield seen(
            "no readinessProbe checks /healthz",
            "Kubernetes treats the server as ready when it starts, and clients are sent to it "
            "before it can serve them.",
            f"Add a readinessProbe on {READINESS}.",
        )
    elif not path:
        yield seen(
            f"no readinessProbe checks /healthz: it {_asks(probe)}",
            "This probe succeeds while the server recovers and after the server has disabled "
            "JetStream, so clients are still sent to it.",
            f"Check {READINESS}.",
        )
    elif "js-enabled=" in path:
        yield seen(
            f"readinessProbe checks {path}: this is a deprecated option, for which the server "
            "logs a warning each time",
            "The result is the same, but the warnings hide other log messages.",
            f"Check {READINESS} (2.11 and newer).",
            Severity.INFO,
        )
    elif "js-server-only=" in path:
        yield seen(
            f"readinessProbe checks {path}: a server that has disabled JetStream stays ready",
            "Clients stay connected to it, and it forwards their JetStream requests or "
            "rejects them.",
            f"Check {READINESS}.",
            Severity.INFO,
        )


def _path(probe: Object) -> str:
    """What a probe asks /healthz for, itself or by a command; nothing where it does not."""
    command = " ".join(string_list(mapping(probe, "exec"), "command"))
    asked = re.search(r"/healthz[^\s\"']*", command)
    path = asked[0] if asked else text(mapping(probe, "httpGet").get("path"))
    return path if path.startswith("/healthz") else ""


def _asks(probe: Object) -> str:
    """What a probe does instead, as a verb with its object."""
    if "httpGet" in probe:
        return f"requests {text(mapping(probe, 'httpGet').get('path')) or '/'}"
    return (
        "opens a port"
        if "tcpSocket" in probe
        else "runs a command"
        if "exec" in probe
        else "uses another method"
    )


CHECKS: tuple[Check[Workloads], ...] = (
    Check(
        "startup-probe-missing",
        Severity.WARNING,
        "a startup probe waits for the server",
        "A rolling update continues before the server has caught up, and the cluster can lose "
        "its majority.",
        "Add a startupProbe on /healthz that allows enough time for your store, for example "
        "90 attempts with 10 s between them.",
        each(startup),
    ),
    Check(
        "liveness-probe-wrong",
        Severity.ERROR,
        "the liveness probe checks only the server process",
        "When the cluster has lost its majority, restarts make it worse: each restart "
        "recovers the store from the beginning.",
        "Check /healthz?js-server-only=true (2.11 and newer).",
        each(liveness),
    ),
    Check(
        "readiness-probe-wrong",
        Severity.WARNING,
        "the readiness probe checks JetStream",
        "Clients are sent to servers that cannot serve them.",
        "Check /healthz?js-enabled-only=true.",
        each(readiness),
    ),
)
