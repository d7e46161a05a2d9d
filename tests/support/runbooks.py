"""The commands of the runbooks, and a cluster with their objects to try them on."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nats
from scripts.versions import NEWEST
from tests.support.api import api
from tests.support.clients import persistent
from tests.support.commands import Command, assigned, commands, fences
from tests.support.exporter import eventually, exporter
from tests.support.nats_cli import program
from tests.support.ports import free_ports
from tests.support.prometheus import CONFIG
from tests.support.rules import NAMES, RUNBOOKS
from tests.support.terminal import paste
from tests.support.tools import TOOLS, nats_server, tool

from jetstream_exporter.demo.child import Child
from jetstream_exporter.demo.cluster import Cluster

CLI = program()
KUBECTL = next(map(str, (TOOLS / "bin").glob("kubectl")), None) or shutil.which("kubectl")
STREAM, CONSUMER = "ORDERS", "billing"
# Stand in for what no test machine has.
STUBS = {"systemctl": "jetstream-exporter.service - active", "journalctl": "msg=listening"}


@dataclass(frozen=True, slots=True)
class Fence:
    names: tuple[str, ...]  # the runbooks that it stands in
    script: str
    may_be_silent: bool  # the sentence before it says that no line is an answer too

    @property
    def commands(self) -> list[Command]:
        return commands(self.script)

    @property
    def programs(self) -> set[str]:
        return {command.program for command in self.commands}

    @property
    def variables(self) -> set[str]:
        return {variable for command in self.commands for variable in command.guards}

    @property
    def change(self) -> Command | None:
        return next((command for command in self.commands if command.changes), None)


def all_fences() -> list[Fence]:
    found: dict[str, Fence] = {}
    for name in NAMES:
        text = (RUNBOOKS / f"{name}.md").read_text()
        for script in fences(text, "sh"):
            if assigned(script):
                continue
            said = text.split(script)[0].rsplit("\n\n", 2)[-2]
            before = found.get(script, Fence((), script, False))
            silent = before.may_be_silent or "o line" in said or "prints nothing" in said
            found[script] = Fence((*before.names, name), script, silent)
    return list(found.values())


FENCES = all_fences()


def queries() -> dict[str, list[str]]:
    """Each query with the runbooks that it stands in."""
    found: dict[str, list[str]] = {}
    for name in NAMES:
        for query in fences((RUNBOOKS / f"{name}.md").read_text(), "promql"):
            found.setdefault(query.strip(), []).append(name)
    return found


def value_of(variable: str, known: Mapping[str, str]) -> str:
    """What a reader would set: by name, or by the last word of the name (FORGOTTEN_CONSUMER)."""
    if variable in known:
        return known[variable]
    last = variable.rsplit("_", 1)[-1]
    assert last in known, f"{variable}: no value is known; add it to the variables of this test"
    return known[last]


def environment(folder: Path, known: Mapping[str, str], variables: set[str]) -> dict[str, str]:
    """PATH with our programs, the logins, and the fence's variables."""
    programs = folder / "programs"
    programs.mkdir(exist_ok=True)
    for name, said in STUBS.items():
        _executable(programs / name, f"#!/bin/sh\necho {said!r}\n")
    real = {"nats": CLI, "kubectl": KUBECTL, "promtool": tool("promtool"), "amtool": tool("amtool")}
    for name, path in real.items():
        if path and not (programs / name).exists():
            (programs / name).symlink_to(path)
    return {
        "PATH": f"{programs}:{os.defpath}",
        "HOME": str(folder),
        "TERM": "dumb",
        "XDG_CONFIG_HOME": str(folder / "config"),
        "KUBECONFIG": str(folder / "kubeconfig"),
        **{variable: value_of(variable, known) for variable in variables},
    }


def _executable(path: Path, text: str) -> None:
    path.write_text(text)
    path.chmod(0o755)


def logins(folder: Path, cluster: Cluster) -> None:
    """The contexts APP and SYS, as `nats context add` writes them."""
    contexts = folder / "config" / "nats" / "context"
    contexts.mkdir(parents=True)
    for name in ("APP", "SYS"):
        url = ",".join(cluster.urls_for(name.lower()))
        (contexts / f"{name}.json").write_text(json.dumps({"url": url}))


@dataclass(slots=True)
class Scene:
    folder: Path
    cluster: Cluster
    nc: nats.NATS
    known: dict[str, str]

    async def paste(self, fence: Fence, seconds: float = 60, **more: str) -> tuple[int | None, str]:
        where = environment(self.folder, self.known | more, fence.variables)
        done = await asyncio.to_thread(paste, f"cd {self.folder}\n{fence.script}", where, seconds)
        return done.code, done.said

    async def stream(self, name: str) -> dict[str, Any]:
        return await api(self.nc, f"STREAM.INFO.{name}", {})

    async def prepare(self, name: str, **config: Any) -> None:
        """A stream of 20 messages, and its consumer `billing`."""
        subject = f"{name.lower()}.new"
        await api(
            self.nc,
            f"STREAM.CREATE.{name}",
            {
                "name": name,
                "subjects": [f"{name.lower()}.>"],
                "num_replicas": 3,
                "storage": "file",
                "max_bytes": 1_000_000,
                "max_msgs": 1_000,
                "max_age": 3600 * 10**9,
            }
            | config,
        )
        wanted = {"durable_name": CONSUMER, "ack_policy": "explicit", "max_deliver": 3}
        await api(
            self.nc,
            f"CONSUMER.DURABLE.CREATE.{name}.{CONSUMER}",
            {"stream_name": name, "config": wanted},
        )
        for number in range(20):
            await self.nc.jetstream().publish(subject, f"order {number}".encode())


@asynccontextmanager
async def scene(folder: Path, size: int = 3, version: str = NEWEST) -> AsyncIterator[Scene]:
    async with AsyncExitStack() as stack:
        servers = Cluster(size=size, name="shop", binary=nats_server(version))
        cluster = await stack.enter_async_context(servers)
        logins(folder, cluster)
        nc = await stack.enter_async_context(await persistent(cluster.urls))
        known = {
            **{"CLUSTER": "shop", "ACCOUNT": "APP", "STREAM": STREAM, "CONSUMER": CONSUMER},
            **{"SERVER": "nats-1", "APP": "APP", "SYS": "SYS", "SEQUENCE": "3", "JOB": "exporter"},
            **{"FILTER": "orders.>", "CODE": "10077", "MONITOR": cluster.monitor_urls[0]},
            **{"NAMESPACE": "nats", "SERVICE": "jetstream-exporter", "POD": "nats-1"},
        }
        here = Scene(folder, cluster, nc, known)
        await here.prepare(STREAM, subjects=["orders.>"])
        yield here


@asynccontextmanager
async def running(folder: Path, name: str, argv: list[Any], ready: str) -> AsyncIterator[None]:
    """A server that answers on `ready` before the block begins."""
    child = Child(name, argv, folder / f"{name}.log")
    child.spawn()
    try:

        async def answers() -> bool:
            assert child.alive, child.tail()
            asked = await asyncio.create_subprocess_exec(
                "curl", "-sf", "-o", "/dev/null", ready, stdout=asyncio.subprocess.DEVNULL
            )
            return await asked.wait() == 0

        await eventually(name, answers)
        yield
    finally:
        child.kill_now()


@asynccontextmanager
async def watched(folder: Path) -> AsyncIterator[Scene]:
    """The scene, with the exporter, Prometheus (one of its targets is down) and Alertmanager."""
    async with AsyncExitStack() as stack:
        enter = stack.enter_async_context
        here = await enter(scene(folder))
        own = folder / "exporter"
        own.mkdir()
        seen = await enter(exporter(own, here.cluster.monitor_urls))
        down, port, alerts, gossip = free_ports(4)
        address = seen.url.removeprefix("http://")
        text = CONFIG.format(interval="1s", target=address)
        text += f"\n  - job_name: jetstream-exporter-lost\n    static_configs: [{{targets: ['127.0.0.1:{down}']}}]\n"
        (folder / "prometheus.yml").write_text(text)
        (folder / "alertmanager.yml").write_text(
            "route: {receiver: none}\nreceivers: [{name: none}]\n"
        )
        here.known |= {
            "EXPORTER": seen.url,
            "PROMETHEUS": f"http://127.0.0.1:{port}",
            "ALERTMANAGER": f"http://127.0.0.1:{alerts}",
            "JOB": "jetstream-exporter",
        }
        prometheus = [
            tool("prometheus"),
            f"--config.file={folder / 'prometheus.yml'}",
            f"--storage.tsdb.path={folder / 'tsdb'}",
            f"--web.listen-address=127.0.0.1:{port}",
        ]
        alertmanager = [
            tool("alertmanager"),
            f"--config.file={folder / 'alertmanager.yml'}",
            f"--storage.path={folder / 'alerts'}",
            f"--web.listen-address=127.0.0.1:{alerts}",
            f"--cluster.listen-address=127.0.0.1:{gossip}",
        ]
        await enter(
            running(folder, "prometheus", prometheus, f"{here.known['PROMETHEUS']}/-/ready")
        )
        await enter(
            running(folder, "alertmanager", alertmanager, f"{here.known['ALERTMANAGER']}/-/ready")
        )
        yield here
