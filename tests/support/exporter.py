"""The exporter as a process of its own, and its /metrics as a mapping."""

import asyncio
import re
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
from prometheus_client.parser import text_string_to_metric_families

from jetstream_exporter.demo.child import Child

TIMEOUT_HEADER = "X-Prometheus-Scrape-Timeout-Seconds"


class Samples:
    """One exposition: read by family and labels. A series that stands twice fails at once."""

    def __init__(self, text: str) -> None:
        self.families: dict[str, dict[frozenset[tuple[str, str]], float]] = {}
        for family in text_string_to_metric_families(text):
            for sample in family.samples:
                rows = self.families.setdefault(sample.name, {})
                key = frozenset(sample.labels.items())
                assert key not in rows, f"{sample.name}{sample.labels} stands twice"
                rows[key] = sample.value

    def get(self, family: str, **labels: str) -> float | None:
        """The value of the one series with at least these labels; None where there is none."""
        found = self.all(family, **labels)
        assert len(found) <= 1, f"{family}{labels} is not one series: {found}"
        return found[0] if found else None

    def all(self, family: str, **labels: str) -> list[float]:
        wanted = set(labels.items())
        return [v for key, v in self.families.get(family, {}).items() if wanted <= key]

    def labels(self, family: str, label: str, **labels: str) -> set[str]:
        wanted = set(labels.items())
        return {dict(key)[label] for key in self.families.get(family, {}) if wanted <= key}


class Exporter:
    """A running exporter."""

    def __init__(self, child: Child, url: str, session: aiohttp.ClientSession) -> None:
        self.child = child
        self.url = url
        self._session = session

    async def text(self, path: str = "/metrics", headers: Mapping[str, str] | None = None) -> str:
        async with self._session.get(self.url + path, headers=headers) as response:
            response.raise_for_status()
            return await response.text()

    async def scrape(self, timeout: float | None = None) -> Samples:
        headers = {} if timeout is None else {TIMEOUT_HEADER: str(timeout)}
        return Samples(await self.text(headers=headers))

    async def until(
        self, what: str, condition: Callable[[Samples], bool], deadline: float = 30
    ) -> Samples:
        """Scrape until the condition holds; the last samples are given back."""
        end = time.monotonic() + deadline
        while True:
            samples = await self.scrape()
            if condition(samples):
                return samples
            if time.monotonic() > end:
                said = await self.text("/debug/sources")
                raise AssertionError(
                    f"{what} was not seen within {deadline:g} s\n{said}\n{self.child.tail()}"
                )
            await asyncio.sleep(0.2)

    def log(self) -> str:
        return self.child.log.read_text()


@asynccontextmanager
async def exporter(
    folder: Path, targets: Iterable[str] = (), config: str = ""
) -> AsyncIterator[Exporter]:
    """Start the exporter on a free port, with targets or with a configuration's text."""
    argv = [sys.executable, "-m", "jetstream_exporter", "--web.listen-address", "127.0.0.1:0"]
    for target in targets:
        argv += ["--target", target]
    if config:
        file = folder / "exporter.yaml"
        file.write_text(config)
        argv += ["--config.file", str(file)]
    child = Child("exporter", argv, folder / "exporter.log")
    child.log.write_text("")
    child.spawn()
    try:
        url = await _address(child)
        async with aiohttp.ClientSession() as session:
            yield Exporter(child, url, session)
    finally:
        child.kill_now()


async def _address(child: Child) -> str:
    end = time.monotonic() + 20
    while True:
        found = re.search(r"msg=listening address=(\S+)", child.log.read_text())
        if found:
            return found[1]
        assert child.alive, child.tail()
        assert time.monotonic() < end, "the exporter does not listen"
        await asyncio.sleep(0.02)


async def eventually(
    what: str, condition: Callable[[], Awaitable[bool]], deadline: float = 30
) -> None:
    end = time.monotonic() + deadline
    while not await condition():
        assert time.monotonic() < end, f"{what} did not happen within {deadline:g} s"
        await asyncio.sleep(0.1)
