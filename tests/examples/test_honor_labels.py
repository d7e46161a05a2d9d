"""A target's labels and the exporter's: as shipped two accounts stay apart, without honor_labels they are one."""

from pathlib import Path
from typing import Any

import pytest
import yaml
from aiohttp import web
from tests.support import chart
from tests.support.exporter import eventually
from tests.support.prometheus import Prometheus, prometheus

from jetstream_exporter.demo.ports import Port

EXAMPLES = chart.ROOT / "examples"
FILES = sorted([*EXAMPLES.glob("prometheus/*.yml"), EXAMPLES / "compose/prometheus.yml"])
FIGURES = """\
# TYPE jetstream_stream_messages gauge
jetstream_stream_messages{nats_cluster="c",account="A",stream="ORDERS"} 3
jetstream_stream_messages{nats_cluster="c",account="B",stream="ORDERS"} 900
"""
# As a team's relabelling may give them.
THEIRS = {"account": "aws-4711", "stream": "prod", "server": "rack-7", "nats_cluster": "eu"}


@pytest.mark.parametrize("file", FILES, ids=lambda file: f"{file.parent.name}-{file.stem}")
def test_every_example_honours_the_labels_of_the_exporter(file: Path) -> None:
    for scrape in yaml.safe_load(file.read_text())["scrape_configs"]:
        assert scrape["honor_labels"] is True, scrape["job_name"]


def test_so_does_the_readme() -> None:
    snippet = (chart.ROOT / "README.md").read_text().partition("# prometheus.yml\n")[2]

    assert "honor_labels: true" in snippet.partition("\n\n")[0]


async def exposition(_: web.Request) -> web.Response:
    return web.Response(text=FIGURES)


async def accounts(folder: Path, scrape: dict[str, Any]) -> dict[str, float]:
    """What a rule that looks by account sees of the two, scraped by a real Prometheus."""
    application = web.Application()
    application.router.add_get("/metrics", exposition)
    runner = web.AppRunner(application)
    await runner.setup()
    port = Port()
    try:
        await web.TCPSite(runner, "127.0.0.1", port.number, reuse_port=True).start()
        target = {"targets": [f"127.0.0.1:{port.number}"], "labels": THEIRS}
        config = {**scrape, "static_configs": [target]}
        async with prometheus(folder, str(port), scrape=config) as running:
            return await seen(running)
    finally:
        await runner.cleanup()
        port.release()


async def seen(running: Prometheus) -> dict[str, float]:
    by_account = "max by (nats_cluster, account, stream) (jetstream_stream_messages)"

    async def is_scraped() -> bool:
        return bool(await running.query(by_account))

    await eventually("a scrape", is_scraped)
    found = await running.query(by_account)
    return {each["metric"]["account"]: float(each["value"][1]) for each in found}


def shipped() -> dict[str, Any]:
    (scrape,) = yaml.safe_load((EXAMPLES / "prometheus/static.yml").read_text())["scrape_configs"]
    return {**scrape, "scrape_timeout": "1s"}


async def test_by_the_shipped_configuration_two_accounts_stay_apart(tmp_path: Path) -> None:
    assert await accounts(tmp_path, shipped()) == {"A": 3, "B": 900}


async def test_without_honor_labels_they_are_one_and_only_the_larger_is_seen(
    tmp_path: Path,
) -> None:
    scrape = {**shipped(), "honor_labels": False}

    assert await accounts(tmp_path, scrape) == {"aws-4711": 900}
