"""Let a real Prometheus scrape a contestant for a while, and read what that cost."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from bench.measure import MeasureError, curl
from bench.paid import Paid, Stored, Used
from bench.proc import Process
from bench.prometheus import Plan, Prometheus, prometheus, size
from bench.replay_scrapes import Scraped
from bench.run import say
from bench.scrape_count import Points, count, in_all, is_over

from jetstream_exporter.demo.child import Child, until

MINUTE = 60.0
LATE = 5.0  # seconds that a scrape may take beyond its timeout, until its samples are written


async def pay(plan: Plan, scraped: Scraped, replay: Child, folder: Path) -> Paid:
    """One contestant's turn; MeasureError if somebody ends before."""
    meter = Meter(scraped, replay)
    async with prometheus(plan, scraped.urls, folder) as server:
        began = await _first_scrapes(plan, scraped, server)
        end = began + plan.duration
        await _pass_time(scraped, server, end)
        used = meter.read(server)
        await _last_scrapes(plan, scraped, server, end)
        found = _Series(server, meter.seconds)
        stored = await asyncio.to_thread(_stored, server, scraped.name)
    return Paid(
        name=scraped.name,
        clusters=len(scraped.clusters),
        plan=plan,
        targets=len(scraped.urls),
        scrapes=in_all(
            count(found.ups.get(url, ()), began, end, plan.interval) for url in scraped.urls
        ),
        longest=max(_values(found.durations.values()), default=0.0),
        samples=_sum(found.samples, max),
        fewest=_sum(found.samples, min),
        body=_sum(found.bodies, max),
        gzip=await asyncio.to_thread(_sent, scraped),
        used=used,
        stored=stored,
    )


class Meter:
    """What everybody uses from its making on; Prometheus' process is new."""

    def __init__(self, scraped: Scraped, replay: Child) -> None:
        self._scraped, self._replay = scraped, Process(replay.pid)
        scraped.forget_peaks()
        self._began = time.time()
        self._own, self._servers = scraped.cpu_seconds(), self._replay.cpu_seconds()

    @property
    def seconds(self) -> float:
        """Since its making."""
        return time.time() - self._began

    def read(self, server: Prometheus) -> Used:
        process = Process(server.child.pid)
        return Used(
            seconds=self.seconds,
            cpu=process.cpu_seconds(),
            peak=process.peak_bytes(),
            own_cpu=self._scraped.cpu_seconds() - self._own,
            own_peaks=self._scraped.peaks(),
            replay_cpu=self._replay.cpu_seconds() - self._servers,
        )


class _Series:
    """What Prometheus wrote about the scrapes of each target."""

    def __init__(self, server: Prometheus, seconds: float) -> None:
        self.ups = server.points("up", seconds)
        self.durations = server.points("scrape_duration_seconds", seconds)
        self.samples = server.points("scrape_samples_scraped", seconds)
        self.bodies = server.points("scrape_body_size_bytes", seconds)


async def _first_scrapes(plan: Plan, scraped: Scraped, server: Prometheus) -> float:
    """The time when Prometheus has scraped each target once. It learns its targets after five seconds."""

    async def have_been() -> bool:
        ups = await asyncio.to_thread(server.points, "up", MINUTE + plan.interval)
        return len(ups) == len(scraped.urls)

    say(f"Prometheus begins to scrape {scraped.name}")
    deadline = MINUTE + plan.interval
    await until(f"a scrape of each target of {scraped.name}", have_been, deadline, pause=0.5)
    return time.time()


async def _pass_time(scraped: Scraped, server: Prometheus, end: float) -> None:
    """Until the end, with a line a minute, or until somebody has ended."""
    while (left := end - time.time()) > 0:
        say(f"Prometheus scrapes {scraped.name} for another {left:.0f} s")
        await asyncio.sleep(min(left, MINUTE))
        for child in (server.child, *scraped.children):
            if not child.alive:
                what = f"{child.name} ended while Prometheus scraped {scraped.name}"
                raise MeasureError(f"{what}: {child.tail()}")


async def _last_scrapes(plan: Plan, scraped: Scraped, server: Prometheus, end: float) -> None:
    """Wait for scrapes that began before the end. One that never ends is a missed one."""

    async def are_over() -> bool:
        ups = await asyncio.to_thread(server.points, "up", 3 * plan.interval)
        return all(is_over(ups.get(url, ()), end, plan.interval) for url in scraped.urls)

    try:
        await until("the last scrape", are_over, deadline=plan.timeout + LATE, pause=0.5)
    except TimeoutError:
        say(f"a scrape of {scraped.name} did not end")


def _stored(server: Prometheus, name: str) -> Stored:
    series = int(server.own("prometheus_tsdb_head_series"))
    samples = int(server.own("prometheus_tsdb_head_samples_appended_total"))
    refused = server.own("prometheus_target_scrapes_(?:sample_.+|exceeded_.+)_total")
    wal = size(server.data)
    say(f"Prometheus writes {samples:,} samples of {name} as a block")
    try:
        a_sample = size(server.block() / "chunks") / samples
    except (MeasureError, ValueError, ZeroDivisionError) as error:
        say(f"Prometheus wrote no block: {error}")
        a_sample = None
    return Stored(series, samples, int(refused), wal, a_sample)


def _sent(scraped: Scraped) -> int:
    return sum(curl(url, gzip=True)[1] for url in scraped.urls)


def _values(all_points: Iterable[Points]) -> Iterable[float]:
    return (value for points in all_points for _, value in points)


def _sum(series: Mapping[str, Points], choose: Callable[[list[float]], float]) -> int:
    """The sum over all targets of one scrape of each; failed ones, which have nothing, are counted elsewhere."""
    chosen = ([value for _, value in points if value] for points in series.values())
    return int(sum(choose(values) for values in chosen if values))
