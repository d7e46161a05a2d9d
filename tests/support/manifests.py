"""The plain NATS manifests, and three real servers started from their ConfigMap on loopback."""

import asyncio
import json
import signal
import subprocess
from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import yaml
from scripts.versions import NEWEST
from tests.support import fast_yaml
from tests.support.chart import ROOT
from tests.support.ports import free_ports
from tests.support.tools import nats_server

FOLDER = ROOT / "examples/kubernetes/nats"
PASSWORDS = {"SYS_PASSWORD": "sys-secret", "APP_PASSWORD": "app-secret"}
Object = dict[str, Any]


def objects() -> list[Object]:
    files = [file for file in sorted(FOLDER.glob("*.yaml")) if file.stem != "kustomization"]
    return [found for file in files for found in yaml.load_all(file.read_text(), fast_yaml.LOADER)]


def the(kind: str, name: str) -> Object:
    (found,) = [o for o in objects() if (o["kind"], o["metadata"]["name"]) == (kind, name)]
    return found


def nats_conf() -> str:
    text: str = the("ConfigMap", "nats-config")["data"]["nats.conf"]
    return text


def orders() -> Object:
    found: Object = json.loads(the("ConfigMap", "orders-stream")["data"]["orders.json"])
    return found


@dataclass(frozen=True)
class Server:
    name: str
    client: int
    monitor: int
    process: subprocess.Popen[bytes]
    log: Path

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.monitor}"


def localized(folder: Path, clients: int, monitor: int, routes: list[int], own: int) -> str:
    """The ConfigMap's nats.conf with loopback for the network and a folder for the volumes."""
    swaps = {
        '"0.0.0.0:4222"': f'"127.0.0.1:{clients}"',
        '"0.0.0.0:8222"': f'"127.0.0.1:{monitor}"',
        '"0.0.0.0:6222"': f'"127.0.0.1:{own}"',
        '"/data"': f'"{folder}/data"',
        '"/var/run/nats/nats.pid"': f'"{folder}/nats.pid"',
        # Only so that a test need not wait ten seconds for nobody.
        "lame_duck_grace_period: 10s": "lame_duck_grace_period: 1s",
        **{f"nats-{i}.nats-headless:6222": f"127.0.0.1:{port}" for i, port in enumerate(routes)},
    }
    text = nats_conf()
    for shipped, here in swaps.items():
        assert text.count(shipped) == 1, f"{shipped} is not in nats.conf once"
        text = text.replace(shipped, here)
    return text


@asynccontextmanager
async def cluster(
    folder: Path, versions: tuple[str, str, str] = (NEWEST, NEWEST, NEWEST)
) -> AsyncIterator[list[Server]]:
    ports = free_ports(9)
    clients, monitors, routes = ports[:3], ports[3:6], ports[6:]
    folders = [folder / f"nats-{i}" for i in range(3)]
    with ExitStack() as stack:

        def launch(i: int) -> Server:
            own = folders[i]
            process = start(own, own.name, versions[i])
            stack.callback(end, process)
            return Server(own.name, clients[i], monitors[i], process, own / "log")

        for i, own in enumerate(folders):
            own.mkdir()
            (own / "nats.conf").write_text(
                localized(own, clients[i], monitors[i], routes, routes[i])
            )
        servers = [launch(i) for i in range(3)]
        try:
            await healthy(servers, 15)
        except TimeoutError:
            # Servers that start in the same instant may never find a leader; a startup probe would restart them too.
            for i, server in enumerate(servers):
                end(server.process)
                servers[i] = launch(i)
            await healthy(servers)
        yield servers


def start(folder: Path, name: str, version: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [nats_server(version), "--config", folder / "nats.conf", "--log", folder / "log"],
        env={"POD_NAME": name, **PASSWORDS},
        cwd=folder,
    )


def end(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        process.send_signal(signal.SIGKILL)
        process.wait()


async def healthy(servers: list[Server], seconds: float = 30, path: str = "/healthz") -> None:
    async with asyncio.timeout(seconds), aiohttp.ClientSession() as session:
        for server in servers:
            while await status(session, server.url + path) != 200:
                assert server.process.poll() is None, server.log.read_text()
                await asyncio.sleep(0.1)


async def status(session: aiohttp.ClientSession, url: str) -> int:
    try:
        async with session.get(url) as answer:
            return answer.status
    except aiohttp.ClientError:
        return 0
