"""As much of a Kubernetes API server as Helm asks while it renders a release: the kinds, and the PrometheusRules."""

import json
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Json = dict[str, Any]
GROUP = "monitoring.coreos.com"
RULES = f"/apis/{GROUP}/v1/prometheusrules"


def _answers(rules: Sequence[Json]) -> dict[str, Json]:
    version = {"groupVersion": f"{GROUP}/v1", "version": "v1"}
    verbs = ["create", "get", "list"]
    kinds = [{"name": "prometheusrules", "namespaced": True, "kind": "PrometheusRule"}]
    return {
        "/version": {"major": "1", "minor": "34", "gitVersion": "v1.34.0"},
        "/api": {"kind": "APIVersions", "versions": ["v1"]},
        "/api/v1": {"kind": "APIResourceList", "groupVersion": "v1", "resources": []},
        "/apis": {
            "kind": "APIGroupList",
            "groups": [{"name": GROUP, "versions": [version], "preferredVersion": version}],
        },
        f"/apis/{GROUP}/v1": {
            "kind": "APIResourceList",
            "groupVersion": f"{GROUP}/v1",
            "resources": [{**kind, "verbs": verbs, "singularName": ""} for kind in kinds],
        },
        RULES: {"apiVersion": f"{GROUP}/v1", "kind": "PrometheusRuleList", "items": list(rules)},
    }


@contextmanager
def api_server(rules: Sequence[Json]) -> Iterator[str]:
    """Its kubeconfig. `rules` are the PrometheusRules of the cluster."""
    answers = _answers(rules)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            found = answers.get(self.path.partition("?")[0])
            missing = {"kind": "Status", "status": "Failure", "reason": "NotFound", "code": 404}
            body = json.dumps(missing if found is None else found).encode()
            self.send_response(404 if found is None else 200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            """Quiet."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield _kubeconfig(f"http://127.0.0.1:{server.server_port}")
        finally:
            server.shutdown()
            thread.join()


def _kubeconfig(url: str) -> str:
    return json.dumps(
        {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "c", "cluster": {"server": url}}],
            "contexts": [{"name": "c", "context": {"cluster": "c", "user": ""}}],
            "current-context": "c",
        }
    )
