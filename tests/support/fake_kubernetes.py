"""A Kubernetes API of a few objects: enough for kubectl to parse a command, ask, and print."""

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

Json = dict[str, Any]
CORE = [
    ("pods", "Pod", "po"),
    ("services", "Service", "svc"),
    ("persistentvolumeclaims", "PersistentVolumeClaim", "pvc"),
    ("events", "Event", "ev"),
    ("namespaces", "Namespace", "ns"),
    ("configmaps", "ConfigMap", "cm"),
    ("secrets", "Secret", ""),
]
APPS = [("deployments", "Deployment", "deploy"), ("statefulsets", "StatefulSet", "sts")]
METRICS = [("pods", "PodMetrics", "")]
GROUPS = {
    "apps": ("v1", APPS),
    "batch": ("v1", [("jobs", "Job", "")]),
    "metrics.k8s.io": ("v1beta1", METRICS),
    "networking.k8s.io": ("v1", [("networkpolicies", "NetworkPolicy", "netpol")]),
    "policy": ("v1", [("poddisruptionbudgets", "PodDisruptionBudget", "pdb")]),
}
READY = ("replicas", "updatedReplicas", "availableReplicas", "readyReplicas", "observedGeneration")
POD_METRICS = {"timestamp": "2026-01-01T00:00:00Z", "window": "15s"}
# Streams of bytes over an upgraded connection: asked for, and answered with an error.
UPGRADED = re.compile(r"/(exec|attach|portforward)$")


@dataclass(slots=True)
class FakeKubernetes:
    url: str
    config: Path  # for KUBECONFIG
    requests: list[str] = field(default_factory=list)  # "GET /api/v1/…?…"
    deleted: set[str] = field(default_factory=set)  # kubectl waits until they are in no list


def resources(version: str, kinds: list[tuple[str, str, str]]) -> Json:
    return {
        "kind": "APIResourceList",
        "apiVersion": "v1",
        "groupVersion": version,
        "resources": [
            {
                "name": name,
                "singularName": kind.lower(),
                "namespaced": name != "namespaces",
                "kind": kind,
                "shortNames": [short] if short else [],
                "verbs": ["create", "delete", "get", "list", "patch", "watch"],
            }
            for name, kind, short in kinds
        ],
    }


def item(kind: str, version: str, namespace: str, name: str) -> Json:
    labels = {"app.kubernetes.io/name": "nats"}
    container = {"name": "nats", "image": "nats"}
    template = {"metadata": {"labels": labels}, "spec": {"containers": [container]}}
    made: Json = {
        "kind": kind,
        "apiVersion": version,
        "metadata": {
            "name": name,
            "namespace": namespace,
            "labels": labels,
            "uid": f"{kind}-{name}",
        },
        "spec": {"containers": [container]} if kind == "Pod" else {},
        "status": {"phase": "Running"} if kind == "Pod" else {},
    }
    if kind in {"Deployment", "StatefulSet"}:
        made["spec"] = {"replicas": 1, "selector": {"matchLabels": labels}, "template": template}
        made["status"] = dict.fromkeys(READY, 1)
    if kind == "Service":
        made["spec"] = {"selector": labels, "ports": [{"port": 18222, "targetPort": 18222}]}
    if kind == "PodMetrics":
        usage = {"cpu": "10m", "memory": "10Mi"}
        made |= {**POD_METRICS, "containers": [{"name": "nats", "usage": usage}]}
    return made


def answer(path: str) -> Json | str | None:
    """What the API says to a GET; None for what it does not have."""
    found: Json | None = DISCOVERY.get(path)
    return found if found is not None else _objects(path)


def _group(name: str) -> Json:
    version = {"groupVersion": f"{name}/{GROUPS[name][0]}", "version": GROUPS[name][0]}
    return {"name": name, "versions": [version], "preferredVersion": version}


DISCOVERY: dict[str, Json] = {
    "/version": {"major": "1", "minor": "32", "gitVersion": "v1.32.0"},
    "/api": {"kind": "APIVersions", "versions": ["v1"]},
    "/apis": {
        "kind": "APIGroupList",
        "apiVersion": "v1",
        "groups": [_group(name) for name in GROUPS],
    },
    "/api/v1": resources("v1", CORE),
    **{
        f"/apis/{name}/{version}": resources(f"{name}/{version}", kinds)
        for name, (version, kinds) in GROUPS.items()
    },
}


def _objects(path: str) -> Json | str | None:
    if re.search(r"/pods/[^/]+/log$", path):
        return "msg=listening\n"
    found = re.fullmatch(
        r"/(?:api/(v1)|apis/([^/]+/[^/]+))(?:/namespaces/([^/]+))?/(\w+)(?:/([^/]+))?", path
    )
    if not found:
        return None
    version, namespace = found[1] or found[2], found[3] or "nats"
    kinds = CORE if found[1] else next((k for g, (_, k) in GROUPS.items() if g in version), [])
    kind = next((kind for name, kind, _ in kinds if name == found[4]), None)
    if kind is None:
        return None
    if found[5]:
        return item(kind, version, namespace, found[5])
    items = [] if kind == "Event" else [item(kind, version, namespace, "nats-0")]
    return {"kind": f"{kind}List", "apiVersion": version, "metadata": {}, "items": items}


@contextmanager
def fake_kubernetes(folder: Path) -> Iterator[FakeKubernetes]:
    """Serve until the end of the block; kubectl finds it with KUBECONFIG."""
    here = FakeKubernetes("", folder / "kubeconfig")

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, format: str, *_: Any) -> None:
            pass

        def do_GET(self) -> None:
            here.requests.append(f"{self.command} {self.path}")
            path = self.path.split("?")[0]
            body = None if UPGRADED.search(path) else answer(path)
            if isinstance(body, dict) and "items" in body:
                body["items"] = [
                    i for i in body["items"] if i["metadata"]["name"] not in here.deleted
                ]
            self._send(404 if body is None else 200, body if body is not None else NOT_FOUND)

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length") or 0))
            self.do_GET()

        do_PATCH = do_POST  # noqa: N815

        def do_DELETE(self) -> None:
            here.deleted.add(self.path.split("?")[0].rsplit("/", 1)[-1])
            self.do_POST()

        def _send(self, code: int, body: Json | str) -> None:
            text = body if isinstance(body, str) else json.dumps(body)
            self.send_response(code)
            kind = "text/plain" if isinstance(body, str) else "application/json"
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(text.encode())))
            self.end_headers()
            self.wfile.write(text.encode())

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    here.url = f"http://127.0.0.1:{server.server_address[1]}"
    here.config.write_text(json.dumps(_kubeconfig(here.url)))
    try:
        yield here
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


NOT_FOUND = {
    "kind": "Status",
    "apiVersion": "v1",
    "status": "Failure",
    "reason": "NotFound",
    "code": 404,
}


def _kubeconfig(url: str) -> Json:
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "fake",
        "clusters": [{"name": "fake", "cluster": {"server": url}}],
        "users": [{"name": "fake", "user": {}}],
        "contexts": [{"name": "fake", "context": {"cluster": "fake", "user": "fake"}}],
    }
