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
        host, _, port = address.rpartition(":")
        self.url = f"http://{EVERY_ADDRESS.get(host, host)}:{port}"

    async def start(self) -> None:
        """Start, and wait until its first collection was tried."""
        self.spawn()
        async with self._session() as http:

            async def is_ready() -> bool:
                if not self.alive:
                    raise DemoError(self.ended_text())
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
        """Its exposition; None where it does not give one just now."""
        async with self._session() as http:
            try:
                async with http.get("/metrics", raise_for_status=True) as answer:
                    return await answer.text()
            except (aiohttp.ClientError, TimeoutError):
                return None

    def ended_text(self) -> str:
        return (
            f"the exporter ended with exit code {self.returncode}; its log ends with:\n"
            f"{self.tail()}"
        )

    def _session(self) -> aiohttp.ClientSession:
        return aiohttp.ClientSession(self.url, timeout=aiohttp.ClientTimeout(total=12))


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
