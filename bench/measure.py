"""One measured GET, and the medians of several."""

from __future__ import annotations

import statistics
import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from bench.proc import Process

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable

Measured = TypeVar("Measured")
# Garbage is collected and buffers are freed after the answer; that work belongs to the scrape.
AFTERMATH = 0.3
PATIENCE = 120
AT_REST = 0.05  # of one core
WARM_UPS = 10


class MeasureError(Exception):
    """Somebody cannot be measured; the text says who and why."""


@dataclass(frozen=True, slots=True)
class Compared:
    """Something that answers a GET; without a pid it is the nats-server itself.

    `slow_cadence`: once in some minutes a scrape of it asks the server for more than the others do.
    """

    name: str
    version: str
    url: str
    pid: int | None = None
    slow_cadence: bool = False


@dataclass(frozen=True, slots=True)
class Scrape:
    wall: float
    size: int  # bytes on the wire
    cpu: float | None  # None: nobody but the nats-server worked
    server_cpu: float


@dataclass(slots=True)
class Series:
    """The scrapes of one compared at one size of load; memory only of who has a process."""

    compared: Compared
    # Of the scrape that no other preceded, where it was whole: seconds, and bytes at most until then.
    first: float | None = None
    first_peak: int | None = None
    samples: int | None = None
    plain: list[Scrape] = field(default_factory=list)
    gzip: list[Scrape] = field(default_factory=list)
    peak: int | None = None  # bytes, of all measured scrapes

    def is_whole(self) -> bool:
        """Whether all answers of a kind were of one length. A part of the truth is quickly given."""
        return all(
            same_size(one.size, scrapes[0].size)
            for scrapes in (self.plain, self.gzip)
            for one in scrapes
        )


def curl(url: str, *, gzip: bool = False, keep: Path = Path("/dev/null")) -> tuple[float, int]:
    """GET as Prometheus does; seconds until the last byte, and bytes on the wire."""
    headers = [f"X-Prometheus-Scrape-Timeout-Seconds: {PATIENCE}"]
    headers.append("Accept: text/plain;version=0.0.4")
    if gzip:
        headers.append("Accept-Encoding: gzip")
    argv = ["curl", "--silent", "--show-error", "--fail", "--max-time", str(PATIENCE)]
    argv += ["--output", str(keep)]
    argv += [word for header in headers for word in ("-H", header)]
    said = subprocess.run(
        [*argv, "-w", "%{time_total} %{size_download}", url],
        capture_output=True,
        text=True,
        check=False,
    )
    if said.returncode != 0:
        raise MeasureError(f"{url}: {said.stderr.strip()}")
    seconds, size = said.stdout.split()
    return float(seconds), int(size)


def scrape(compared: Compared, server_pid: int, *, gzip: bool) -> Scrape:
    server = Process(server_pid)
    own = Process(compared.pid) if compared.pid is not None else None
    server_before = server.cpu_seconds()
    own_before = own.cpu_seconds() if own else 0.0
    wall, size = curl(compared.url, gzip=gzip)
    time.sleep(AFTERMATH)
    cpu = own.cpu_seconds() - own_before if own else None
    return Scrape(wall, size, cpu, server.cpu_seconds() - server_before)


def warm_up(compared: Compared, least: int, folder: Path) -> Series:
    """Scrape unmeasured until the answer is whole and as long as the one before: caches are filled.

    Whole has `least` samples. Right after the load was made a server can be so slow that an
    exporter gives up on it and says little.
    """
    body = folder / "body"
    series = Series(compared)
    series.first, first_size = curl(compared.url)
    if compared.pid is not None:
        series.first_peak = Process(compared.pid).peak_bytes()
    before = first_size
    for _ in range(WARM_UPS):
        _, size = curl(compared.url, keep=body)
        series.samples = samples_in(body) if compared.pid is not None else None
        if same_size(before, size) and (series.samples is None or series.samples >= least):
            break
        before = size
    else:
        raise MeasureError(f"{compared.name} is not whole after {WARM_UPS + 1} scrapes")
    if not same_size(first_size, size):
        series.first = series.first_peak = None
    if compared.pid is not None:
        Process(compared.pid).forget_peak()
    return series


def samples_in(body: Path) -> int:
    """Those of an answer that was kept."""
    with body.open("rb") as lines:
        return sum(1 for line in lines if line.strip() and not line.startswith(b"#"))


def same_size(one: int, other: int) -> bool:
    """Whether two answers can be equally whole; figures alone change a few digits."""
    return max(one, other) <= 1.1 * min(one, other)


def settle(pid: int) -> None:
    """Wait until the process rests; what it does after its work is nobody's scrape."""
    deadline = time.monotonic() + 30
    before = Process(pid).cpu_seconds()
    while time.monotonic() < deadline:
        time.sleep(AFTERMATH)
        now = Process(pid).cpu_seconds()
        if now - before < AFTERMATH * AT_REST:
            return
        before = now


async def alternate(
    exporters: list[Compared],
    server_pid: int,
    rounds: int,
    least: int,
    folder: Path,
    *,
    stir: Callable[[], Awaitable[None]],
    say: Callable[[str], None],
) -> list[Series]:
    """Measure everyone once a round, so that whatever else the machine does hits all alike.

    Nobody is always behind the same neighbour, whose garbage the server may collect in the next one's scrape.
    `stir` changes the figures before everyone's turn: who keeps text of the last scrape gains
    nothing that a working cluster would not give.
    """
    all_series = []
    for exporter in exporters:
        say(f"warming up: {exporter.name}")
        all_series.append(warm_up(exporter, least, folder))
    for number in range(1, rounds + 1):
        order = in_turn(all_series, number)
        await _next_turn(exporters, stir, server_pid)
        for series in order:
            series.plain.append(scrape(series.compared, server_pid, gzip=False))
            wall = series.plain[-1].wall
            say(f"round {number} of {rounds}: {series.compared.name} {wall:.2f} s")
        await _next_turn(exporters, stir, server_pid)
        for series in order:
            if series.compared.pid is not None:
                series.gzip.append(scrape(series.compared, server_pid, gzip=True))
    for series in all_series:
        if series.compared.pid is not None:
            series.peak = Process(series.compared.pid).peak_bytes()
    return all_series


def in_turn(everyone: list[Measured], number: int) -> list[Measured]:
    """The order of a round: each moves by one place, and every other round goes backwards."""
    first = number % len(everyone)
    order = everyone[first:] + everyone[:first]
    return order[::-1] if number % 2 else order


async def _next_turn(
    exporters: Iterable[Compared], stir: Callable[[], Awaitable[None]], server_pid: int
) -> None:
    """Change the figures. Making so many consumers work can take minutes, in which Prometheus would scrape.

    So what an exporter asks seldom falls due in an unmeasured scrape before it, not in every measured one.
    """
    for exporter in exporters:
        if exporter.slow_cadence:
            curl(exporter.url)
    await stir()
    settle(server_pid)


def median(scrapes: list[Scrape], read: Callable[[Scrape], float | None]) -> float | None:
    values = [value for one in scrapes if (value := read(one)) is not None]
    return statistics.median(values) if values else None
