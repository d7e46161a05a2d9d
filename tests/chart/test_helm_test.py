"""What `helm test` runs: real programs against real answers."""

import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from tests.support import chart

SCRIPT: str = chart.of_kind("Pod")[0]["spec"]["containers"][0]["args"][0]
SHARD = (
    'jetstream_exporter_shard_info{shard="1",total="2"} 1\n'
    'jetstream_exporter_source_up{source="monitoring",target="http://n1:8222"} %d\n'
)
UP = 'nats_server_up{nats_cluster="c",server="n1"} %d\n'


@contextmanager
def exporter(status: int, metrics: str) -> Iterator[str]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            code = 200 if self.path == "/-/ready" else status
            self.send_response(code)
            self.end_headers()
            self.wfile.write(metrics.encode())

        def log_message(self, format: str, *args: object) -> None:
            """Quiet."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


@pytest.mark.parametrize(
    ("status", "metrics", "code", "said"),
    [
        (200, UP % 1, 0, "It is ready."),
        (200, UP % 0 + UP % 1, 0, "nats_server_up"),
        (200, UP % 0, 1, "No NATS server answers it"),
        (200, "", 1, "No NATS server answers it"),
        (200, SHARD % 1, 0, "jetstream_exporter_source_up"),
        (200, SHARD % 0, 1, "No NATS server answers it"),
        (401, "", 0, "want a password"),
        (500, "", 1, "HTTP Error 500"),
    ],
)
def test_helm_test_tells_what_it_found(status: int, metrics: str, code: int, said: str) -> None:
    with exporter(status, metrics) as url:
        done = subprocess.run(
            [sys.executable, "-c", SCRIPT],
            env={"EXPORTER_URL": url},
            capture_output=True,
            text=True,
            check=False,
        )

    assert done.returncode == code
    assert said in done.stdout + done.stderr


def test_the_doctor_sees_what_the_exporter_sees() -> None:
    values = {"credsSecret": {"name": "nats-creds"}, "env": [{"name": "PASSWORD", "value": "x"}]}
    (pod,) = chart.of_kind("Pod", values)
    (deployment,) = chart.of_kind("Deployment", values)
    exporter = deployment["spec"]["template"]["spec"]
    doctor = pod["spec"]["containers"][1]

    assert doctor["args"][0] == "doctor"
    assert doctor["args"][1] in exporter["containers"][0]["args"]
    assert doctor["volumeMounts"] == exporter["containers"][0]["volumeMounts"]
    assert doctor["env"] == exporter["containers"][0]["env"]
    assert pod["spec"]["volumes"] == exporter["volumes"]


def test_the_doctor_can_be_left_out() -> None:
    (pod,) = chart.of_kind("Pod", {"tests": {"doctor": False}})

    assert [each["name"] for each in pod["spec"]["containers"]] == ["scrape"]
    assert "volumes" not in pod["spec"]
