"""How long /-/healthy takes while a scrape runs."""

from __future__ import annotations

import http.client
import statistics
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from bench.measure import curl

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from bench.measure import Compared

EVERY = 0.010


@dataclass(frozen=True, slots=True)
class Latency:
    median: float
    worst: float
    asked: int


async def latency_during_scrapes(
    compared: Compared, scrapes: int, stir: Callable[[], Awaitable[None]]
) -> Latency:
    """Ask at once and every 10 ms, over one kept connection, for as long as each scrape lasts."""
    taken: list[float] = []
    for _ in range(scrapes):
        await stir()
        over = threading.Event()
        asking = threading.Thread(target=_ask, args=(compared.url, taken, over))
        asking.start()
        try:
            curl(compared.url, gzip=True)
        finally:
            over.set()
            asking.join()
    return Latency(statistics.median(taken), max(taken), len(taken))


def _ask(url: str, taken: list[float], over: threading.Event) -> None:
    at = urlsplit(url)
    connection = http.client.HTTPConnection(str(at.hostname), at.port, timeout=30)
    while True:  # once at least: a small cluster's scrape may be over within the first pause
        before = time.perf_counter()
        connection.request("GET", "/-/healthy")
        connection.getresponse().read()
        taken.append(time.perf_counter() - before)
        if over.wait(EVERY):
            break
    connection.close()
