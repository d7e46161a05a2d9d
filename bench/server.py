"""One nats-server of its own for the load: free ports, and accounts of the system and the load."""

from __future__ import annotations

import json
import subprocess
import time
import urllib.request
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

CONFIG = """
server_name: bench
listen: 127.0.0.1:-1
http: 127.0.0.1:-1
ports_file_dir: {folder}
jetstream {{ store_dir: {folder}/store, max_mem: 8GB, max_file: 64GB }}
accounts {{
  SYS {{ users: [{{ user: system, password: system }}] }}
  LOAD {{ jetstream: enabled, users: [{{ user: load, password: load }}] }}
}}
system_account: SYS
"""


@dataclass(frozen=True, slots=True)
class Server:
    pid: int
    address: str  # host and port for clients
    monitoring_url: str

    @property
    def load_url(self) -> str:
        return f"nats://load:load@{self.address}"

    def version(self) -> str:
        varz = f"{self.monitoring_url}/varz"
        with urllib.request.urlopen(varz, timeout=10) as answer:  # noqa: S310 our own server
            return str(json.load(answer)["version"])


@contextmanager
def running_server(binary: Path, folder: Path) -> Iterator[Server]:
    config = folder / "server.conf"
    config.write_text(CONFIG.format(folder=folder))
    with (
        (folder / "server.log").open("w") as log,
        subprocess.Popen([binary, "-c", config], stdout=log, stderr=log) as process,
    ):
        try:
            ports = _await_ports(process, folder)
            address = ports["nats"][0].removeprefix("nats://")
            yield Server(process.pid, address, ports["monitoring"][0])
        finally:
            # What it stored dies with the folder, so it need not shut down in order.
            process.kill()


def _await_ports(process: subprocess.Popen[bytes], folder: Path) -> dict[str, list[str]]:
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline and process.poll() is None:
        for file in folder.glob(f"*_{process.pid}.ports"):
            if text := file.read_text():
                ports: dict[str, list[str]] = json.loads(text)
                return ports
        time.sleep(0.05)
    raise RuntimeError(f"nats-server did not start: {(folder / 'server.log').read_text()[-500:]}")
