"""A real Prometheus that scrapes one contestant, without rules, in a folder of its own; and what it says of itself."""

from __future__ import annotations

import json
import os
import re
import urllib.parse
import urllib.request
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any, NamedTuple

from bench.exporters import started
from bench.measure import MeasureError
from bench.scrape_count import Points

from jetstream_exporter.demo.child import Child
from jetstream_exporter.demo.ports import Port

JOB = "bench"
PATIENCE = 900  # seconds for the block of a large head


class Plan(NamedTuple):
    """Which Prometheus scrapes, for how long and how often; in seconds."""

    program: str
    duration: float
    interval: float
    timeout: float

    def __str__(self) -> str:
        times = f"{self.duration:g} s, every {self.interval:g} s"
        return f"{times}, timeout {self.timeout:g} s"


class Prometheus(NamedTuple):
    """One that runs; each target has an `instance` of its own."""

    url: str
    child: Child
    data: Path

    def points(self, name: str, seconds: float) -> Mapping[str, Points]:
        """What a series of each target was in this time until now; a target without samples is absent."""
        query = f'{name}{{job="{JOB}"}}[{seconds:.0f}s]'
        answer = self._ask(f"/api/v1/query?{urllib.parse.urlencode({'query': query})}")
        return {
            each["metric"]["instance"]: [(at, float(value)) for at, value in each["values"]]
            for each in json.loads(answer)["data"]["result"]
        }

    def own(self, name: str) -> float:
        """The sum of Prometheus' own series whose names match; 0 where its version has none."""
        return total(self._ask("/metrics").decode(), name)

    def block(self) -> Path:
        """Write all that is in memory as a block, as Prometheus does every two hours, and say where it is."""
        answer = self._ask("/api/v1/admin/tsdb/snapshot", post=True)
        name = str(json.loads(answer)["data"]["name"])
        (made,) = (self.data / "snapshots" / name).glob("*/meta.json")
        return made.parent

    def _ask(self, path: str, *, post: bool = False) -> bytes:
        try:
            return _get(self.url + path, post=post)
        except OSError as error:
            raise MeasureError(f"Prometheus does not answer: {error}") from None


def total(text: str, name: str) -> float:
    """The sum of all samples of a text whose names match, whatever their labels."""
    sample = re.compile(rf"^{name}(?:\{{.*\}})? (\S+)$", re.MULTILINE)
    return sum(float(found[1]) for found in sample.finditer(text))


def size(folder: Path) -> int:
    """Bytes of all files in a folder, without those that Prometheus deletes meanwhile."""
    found = 0
    for place, _, names in os.walk(folder):
        for name in names:
            with suppress(FileNotFoundError):
                found += (Path(place) / name).stat().st_size
    return found


def config(plan: Plan, urls: Sequence[str]) -> str:
    """Scrape these addresses; `shard` of each is a parameter of its target."""
    every = {
        "scrape_interval": _duration(plan.interval),
        "scrape_timeout": _duration(plan.timeout),
    }
    targets = [_target(url) for url in urls]
    job = {"job_name": JOB, "static_configs": targets}
    return json.dumps({"global": every, "scrape_configs": [job]})


def _target(url: str) -> dict[str, Any]:
    parts = urllib.parse.urlsplit(url)
    parameters = urllib.parse.parse_qs(parts.query)
    labels = {f"__param_{name}": values[0] for name, values in parameters.items()}
    labels |= {"__metrics_path__": parts.path, "instance": url}
    return {"targets": [parts.netloc], "labels": labels}


def _duration(seconds: float) -> str:
    return f"{seconds * 1000:.0f}ms"


@asynccontextmanager
async def prometheus(plan: Plan, urls: Sequence[str], folder: Path) -> AsyncIterator[Prometheus]:
    """It runs, is ready and scrapes."""
    port = Port()
    (folder / "prometheus.json").write_text(config(plan, urls))
    data = folder / "data"
    argv = [
        plan.program,
        f"--config.file={folder / 'prometheus.json'}",
        f"--storage.tsdb.path={data}",
        f"--web.listen-address={port}",
        "--web.enable-admin-api",  # for the block
        "--enable-feature=extra-scrape-metrics",  # for scrape_body_size_bytes
        "--log.level=warn",
    ]

    async def is_ready(_: Child) -> bool:
        try:
            _get(f"http://{port}/-/ready", patience=2)
        except OSError:
            return False
        return True

    try:
        async with started("prometheus", argv, folder, is_ready, deadline=60) as child:
            yield Prometheus(f"http://{port}", child, data)
    finally:
        port.release()


def _get(url: str, *, post: bool = False, patience: float = PATIENCE) -> bytes:
    request = urllib.request.Request(url, method="POST" if post else "GET")  # noqa: S310
    with urllib.request.urlopen(request, timeout=patience) as answer:  # noqa: S310
        return bytes(answer.read())
