"""Who is measured, and how each is started."""

from __future__ import annotations

import re
import shutil
import socket
import subprocess
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bench.measure import Compared, MeasureError

from jetstream_exporter.demo.child import Child, until

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
    from pathlib import Path

    from jetstream_exporter.demo.server import Server

# The default budget of objects is smaller than the largest load.
CONFIG = """
limits:
  consumers: 1000000
  streams: 1000000
"""
UNKNOWN = "not recorded"
VERSION = re.compile(r"v?\d+\.\d+")


def bare_requests(server: Server) -> list[Compared]:
    """What the server alone needs: the least that any exporter must wait for."""
    version = _said(str(server.binary), "--version")
    jsz = f"{server.monitor_url}/jsz?consumers=true"
    return [
        Compared("bare curl of the light request", version, jsz),
        Compared("bare curl with config and raft", version, f"{jsz}&config=true&raft=true"),
    ]


@dataclass(frozen=True, slots=True)
class Exporter:
    name: str
    program: str
    arguments: Callable[[Server, int, Path], list[str]]
    version: Callable[[str], str]
    slow_cadence: bool = False


def _ours(server: Server, port: int, folder: Path) -> list[str]:
    config = folder / "exporter.yaml"
    config.write_text(CONFIG)
    listen = f"--web.listen-address=127.0.0.1:{port}"
    return ["--target", server.monitor_url, listen, f"--config.file={config}"]


def _prometheus_nats_exporter(server: Server, port: int, _: Path) -> list[str]:
    """The flags that the NATS Helm chart gives it."""
    return ["-connz", "-routez", "-subz", *for_jetstream(server.monitor_url, port)]


def for_jetstream(target: str, port: int) -> list[str]:
    """What prometheus-nats-exporter is given of these where servers answer no other requests."""
    listen = ["-addr=127.0.0.1", f"-port={port}"]
    asked = ["-varz", "-prefix=nats", "-use_internal_server_id", "-jsz=all"]
    return [*listen, *asked, f"{target}/"]


def _nats_surveyor(server: Server, port: int, _: Path) -> list[str]:
    listen = ["--addr=127.0.0.1", f"--port={port}"]
    login = [f"--servers={server.url}", "--user=sys", "--password=sys"]
    # Its own default of 3 s is shorter than what it needs for the larger sizes.
    return [*listen, *login, "--count=1", "--jsz=all", "--timeout=60s"]


def _said(*argv: str) -> str:
    done = subprocess.run(argv, capture_output=True, text=True, timeout=30, check=False)
    words = (done.stdout + done.stderr).split()
    return next((word.strip("v,") for word in words if VERSION.match(word)), UNKNOWN)


def _go_module_version(program: str) -> str:
    """Builds by `go install` carry their tag only in the build information."""
    if shutil.which("go") is None:
        return _said(program, "--version")
    done = subprocess.run(
        ["go", "version", "-m", program], capture_output=True, text=True, timeout=30, check=False
    )
    for line in done.stdout.splitlines():
        if line.split()[:1] == ["mod"]:
            version = line.split()[2]
            return UNKNOWN if version == "(devel)" else version
    return UNKNOWN


EXPORTERS = (
    Exporter(
        "jetstream-exporter",
        "jetstream-exporter",
        _ours,
        lambda program: _said(program, "--version"),
        slow_cadence=True,  # configurations, every five minutes
    ),
    Exporter(
        "prometheus-nats-exporter",
        "prometheus-nats-exporter",
        _prometheus_nats_exporter,
        _go_module_version,
    ),
    Exporter("nats-surveyor", "nats-surveyor", _nats_surveyor, _go_module_version),
)


@asynccontextmanager
async def running(
    exporter: Exporter, program: str, server: Server, folder: Path
) -> AsyncIterator[Compared]:
    """It listens and was not asked yet: its first answer is measured."""
    port = free_port()
    argv = [program, *exporter.arguments(server, port, folder)]

    async def is_listening(_: Child) -> bool:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            return False
        return True

    async with started(exporter.name, argv, folder, is_listening) as child:
        url = f"http://127.0.0.1:{port}/metrics"
        version = exporter.version(program)
        yield Compared(exporter.name, version, url, child.pid, exporter.slow_cadence)


@asynccontextmanager
async def started(
    name: str,
    argv: Sequence[str],
    folder: Path,
    is_ready: Callable[[Child], Awaitable[bool]],
    deadline: float = 30,
) -> AsyncIterator[Child]:
    """A process that is ready, with its log in the folder; MeasureError with its last lines if it ends before."""
    child = Child(name, list(argv), folder / f"{name}.log")

    async def is_alive_and_ready() -> bool:
        if not child.alive:
            raise MeasureError(f"{name} does not run: {child.tail()}")
        return await is_ready(child)

    child.spawn()
    try:
        await until(f"the start of {name}", is_alive_and_ready, deadline=deadline)
        yield child
    finally:
        child.kill_now()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
