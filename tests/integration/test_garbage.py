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

    The library's error about a connection holds its own traceback, in which the address is.
    """
    coroutines = [one.get_coro() if isinstance(one, asyncio.Task) else one for one in found]
    files = [getattr(getattr(one, "cr_code", None), "co_filename", "") for one in coroutines]
    return [
        repr(one)[:200]
        for one, file in zip(found, files, strict=True)
        if not isinstance(one, Endpoint)
        and (type(one).__module__.startswith(PACKAGE) or f"/{PACKAGE}/" in file)
    ]


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
                return sum(line.endswith(" 1") for line in up) >= len(ways)

            await eventually("all sources", is_up)
            with found_by_the_collector() as found:
                for _ in range(3):
                    for path in PATHS:
                        await site.text(path.format(target=cluster.monitor_urls[0]))
            assert ours(found) == []
