"""A real Prometheus that scrapes one target into a folder."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

import aiohttp
import yaml
from tests.support.tools import tool

from jetstream_exporter.demo.child import Child
from jetstream_exporter.demo.ports import Port

CONFIG = """
global: {{scrape_interval: {interval}, scrape_timeout: {interval}}}
scrape_configs:
  - job_name: jetstream-exporter
    static_configs: [{{targets: ['{target}']}}]
"""


def spawned(folder: Path, config: Path, port: int) -> Child:
    """A Prometheus that listens on the port; data (`tsdb`) and log stay in the folder."""
    argv = [
        tool("prometheus"),
        f"--config.file={config}",
        f"--storage.tsdb.path={folder / 'tsdb'}",
        f"--web.listen-address=127.0.0.1:{port}",
    ]
    child = Child("prometheus", argv, folder / "prometheus.log")
    child.spawn()
    return child


class Prometheus:
    """Asks the HTTP API."""

    def __init__(self, url: str, session: aiohttp.ClientSession) -> None:
        self.url = url
        self._session = session

    async def query(self, promql: str) -> list[dict[str, Any]]:
        async with self._session.get(
            f"{self.url}/api/v1/query", params={"query": promql}
        ) as response:
            answer = await response.json()
            assert answer["status"] == "success", answer
            result: list[dict[str, Any]] = answer["data"]["result"]
            return result

    async def evaluated(self) -> float:
        """Since when, in Unix seconds, each group of rules was evaluated again; long ago if one never was."""
        async with self._session.get(f"{self.url}/api/v1/rules") as response:
            groups = (await response.json())["data"]["groups"]
        return min(datetime.fromisoformat(each["lastEvaluation"]).timestamp() for each in groups)

    async def samples(self, selector: str, window: str = "10m") -> list[list[float]]:
        """The values of each series over the window, without those of stale markers."""
        found = await self.query(f"{selector}[{window}]")
        return [[float(value) for _, value in series["values"]] for series in found]


@asynccontextmanager
async def prometheus(
    folder: Path,
    target: str,
    interval: str = "1s",
    scrape: dict[str, Any] | list[dict[str, Any]] | None = None,
    rules: Iterable[Path] = (),
) -> AsyncIterator[Prometheus]:
    """`scrape` stands in place of the plain scrape configuration of the target; `rules` are rule files."""
    port = Port()
    file = folder / "prometheus.yml"
    config = yaml.safe_load(CONFIG.format(interval=interval, target=target))
    if scrape is not None:
        config["scrape_configs"] = scrape if isinstance(scrape, list) else [scrape]
    config["rule_files"] = [str(path) for path in rules]
    file.write_text(yaml.safe_dump(config))
    child = spawned(folder, file, port.number)
    url = f"http://127.0.0.1:{port.number}"
    try:
        async with aiohttp.ClientSession() as session:
            await _ready(session, url, child)
            yield Prometheus(url, session)
    finally:
        child.kill_now()
        port.release()


async def _ready(session: aiohttp.ClientSession, url: str, child: Child) -> None:
    end = time.monotonic() + 30
    while True:
        try:
            async with session.get(f"{url}/-/ready") as response:
                if response.status == 200:
                    return
        except aiohttp.ClientError:
            pass
        assert child.alive, child.tail()
        assert time.monotonic() < end, child.tail()
        await asyncio.sleep(0.1)
