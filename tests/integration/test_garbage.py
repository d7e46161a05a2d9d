"""What a scrape collected is freed with its answer, and does not wait for the garbage collector.

That runs every few minutes, and a large cluster is many megabytes in each scrape.
"""

import asyncio
import gc
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from tests.integration.test_nats_failures import fill
from tests.support import sources
from tests.support.exporter import eventually
from tests.support.web import web

from jetstream_exporter.demo.cluster import Cluster, account
from jetstream_exporter.sources.http.client import Endpoint

UP = "jetstream_exporter_source_up"
PACKAGE = "jetstream_exporter"
PATHS = ("/metrics", "/", "/api/v1/status", "/debug/sources", "/probe?target={target}")


@contextmanager
def found_by_the_collector() -> Iterator[list[Any]]:
    """What only the collector finds of what is made within."""
    gc.collect()
    gc.disable()
    found: list[Any] = []
    try:
        yield found
        gc.set_debug(gc.DEBUG_SAVEALL)
        gc.collect()
        found += gc.garbage
    finally:
        gc.set_debug(0)
        gc.garbage.clear()
        gc.enable()


def ours(found: list[Any]) -> list[str]:
    """Our objects among them, and tasks of ours.

    The library leaves an error of a failed connection that holds its traceback, in which the address is.
    """
    return [
        repr(one)[:200]
        for one in found
        if not isinstance(one, Endpoint)
        and (type(one).__module__.startswith(PACKAGE) or f"/{PACKAGE}/" in file_of(one))
    ]


def file_of(one: Any) -> str:
    """Where the code of a function, a coroutine, a generator or a task stands."""
    running = one.get_coro() if isinstance(one, asyncio.Task) else one
    code = [getattr(running, f"{kind}_code", None) for kind in ("cr", "gi", "ag")]
    found = next(filter(None, [*code, getattr(running, "__code__", None)]), None)
    return getattr(found, "co_filename", "")


DEAD = "http://127.0.0.1:1"
CASES: dict[str, tuple[list[str], dict[str, Any]]] = {
    "every source": ([], {}),
    "configurations each time": ([], {"collect": {"config_interval": "0s"}}),
    "a server is down": ([DEAD], {}),
    "a shard": ([], {"shard": {"ordinal": 0, "total": 2}}),
}


@pytest.mark.parametrize(("further", "settings"), CASES.values(), ids=CASES)
async def test_nothing_of_a_scrape_waits_for_the_garbage_collector(
    tmp_path: Path, further: list[str], settings: dict[str, Any]
) -> None:
    async with Cluster(size=1, accounts={"A": account("a")}) as cluster:
        await fill(cluster)
        login = {user: sources.login(cluster, tmp_path, user) for user in ("sys", "a")}
        ways: dict[str, Any] = {"targets": cluster.monitor_urls + further, "system": login["sys"]}
        if "shard" not in settings:
            ways |= {"accounts": [login["a"]], "advisories": [login["a"]]}
        file = tmp_path / "exporter.yaml"
        file.write_text(json.dumps({"clusters": [ways], **settings}))
        async with web(file=file) as site:

            async def is_up() -> bool:
                text = await site.text("/metrics")
                up = [line for line in text.splitlines() if line.startswith(UP)]
                alive = [line for line in up if DEAD not in line]
                return len(alive) > len(ways) and all(line.endswith(" 1") for line in alive)

            await eventually("all sources", is_up)
            with found_by_the_collector() as found:
                for _ in range(3):
                    for path in PATHS:
                        await site.text(path.format(target=cluster.monitor_urls[0]))
            assert ours(found) == []
