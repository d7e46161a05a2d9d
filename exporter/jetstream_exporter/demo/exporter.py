"""The exporter beside the demo's cluster, as a program of its own: what its users run."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp

from .child import Child, DemoError, until
from .ports import LOOPBACK

START_DEADLINE = 30.0
# A server that is frozen is shown as down within three seconds.
SOON = {"X-Prometheus-Scrape-Timeout-Seconds": "2"}
# A consumer shows once its configuration is read; that is seldom by default, and cheap on so small a
# cluster, where consumers come and go while someone watches.
CONFIGURATION = """\
clusters:
  - targets: {targets}
    advisories: {advisories}
collect:
  config_interval: 2s
"""
EVERY_ADDRESS = {"": LOOPBACK, "0.0.0.0": LOOPBACK, "[::]": "[::1]"}  # noqa: S104


def reachable(address: str) -> str:
    """The HOST:PORT at which something answers that listens on `address`, such as :18222."""
    host, _, port = address.rpartition(":")
    return f"{EVERY_ADDRESS.get(host, host)}:{port}"


class Exporter(Child):
    def __init__(
        self, address: str, targets: Sequence[str], folder: Path, urls: Sequence[str] = ()
    ) -> None:
        """`address` is what --web.listen-address takes; configuration and log go to the folder.

        `targets` are asked for figures; on `urls` the workload's account is heard.
        """
        config = folder / "exporter.yaml"
        advisories = [{"urls": list(urls), "hot": ["naks", "acks"]}] if urls else []
        text = CONFIGURATION.format(
            targets=json.dumps(list(targets)), advisories=json.dumps(advisories)
        )
        config.write_text(text)
        command = [sys.executable, "-m", "jetstream_exporter", f"--config.file={config}"]
        super().__init__(
            "the exporter",
            [*command, f"--web.listen-address={address}"],
            folder / "exporter.log",
        )
        self._address = reachable(address)
        self.url = f"http://{self._address}"

    async def start(self) -> None:
        """Start, and wait until its first collection was tried."""
        is_taken = await _is_taken(self._address)
        self.spawn()
        async with self._session() as http:

            async def is_ready() -> bool:
                if not self.alive:
                    raise DemoError(self.ended_text())
                if is_taken:  # another one answers there, and this one is about to say so and end
                    return False
                try:
                    async with http.get("/-/ready") as answer:
                        return answer.status == 200
                except (aiohttp.ClientError, TimeoutError):
                    return False

            try:
                await until("200 of the exporter's /-/ready", is_ready, START_DEADLINE)
            except TimeoutError as error:
                raise DemoError(f"{error}; its log ends with:\n{self.tail()}") from error

    async def metrics(self) -> str | None:
        return await metrics_of(self.url)

    def ended_text(self) -> str:
        return f"the exporter exited with code {self.returncode}; its log ends with:\n{self.tail()}"

    def _session(self) -> aiohttp.ClientSession:
        return aiohttp.ClientSession(self.url, timeout=aiohttp.ClientTimeout(total=12))


async def _is_taken(address: str) -> bool:
    host, _, port = address.rpartition(":")
    try:
        async with asyncio.timeout(1):
            _, writer = await asyncio.open_connection(host.strip("[]"), int(port))
    except (OSError, TimeoutError):
        return False
    writer.close()
    return True


async def metrics_of(url: str) -> str | None:
    """The exposition of the exporter at this URL; None where it does not give one just now."""
    async with aiohttp.ClientSession(url, timeout=aiohttp.ClientTimeout(total=12)) as http:
        try:
            async with http.get("/metrics", headers=SOON, raise_for_status=True) as answer:
                return await answer.text()
        except (aiohttp.ClientError, TimeoutError):
            return None


@asynccontextmanager
async def running_exporter(
    address: str, targets: Sequence[str], folder: Path, urls: Sequence[str] = ()
) -> AsyncIterator[Exporter]:
    exporter = Exporter(address, targets, folder, urls)
    try:
        await exporter.start()
        yield exporter
        await exporter.stop(10)
    except asyncio.CancelledError:
        await exporter.stop(10)
        raise
    finally:
        exporter.kill_now()
