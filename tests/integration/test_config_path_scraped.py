"""A real Prometheus scrapes both paths as docs/scale.md says, and compares what one has with what the other has."""

import re
from pathlib import Path
from typing import Any

import nats
import pytest
import yaml
from nats.js.api import ConsumerConfig
from tests.support.exporter import eventually, exporter
from tests.support.prometheus import prometheus

from jetstream_exporter.demo.cluster import Cluster
from jetstream_exporter.demo.create import create_consumer, create_stream
from jetstream_exporter.demo.publish import publish

DOCS = Path(__file__).resolve().parents[2] / "docs" / "scale.md"
CONFIG = "clusters: [{{name: p, targets: ['{url}']}}]\nfamilies: {{config_path: true, profile: {profile}}}\n"
USED = "jetstream_consumer_ack_pending_messages / jetstream_consumer_max_ack_pending"


def scrape_configs(address: str) -> list[dict[str, Any]]:
    """The example of the page, with this exporter and more haste."""
    blocks = re.findall(r"```yaml\n(.*?)```", DOCS.read_text(), re.S)
    (text,) = (block for block in blocks if "metrics_path: /metrics/config" in block)
    found: list[dict[str, Any]] = yaml.safe_load(text)["scrape_configs"]
    for each in found:
        each.pop("scrape_interval", None)
        each["static_configs"] = [{"targets": [address]}]
    return found


@pytest.mark.parametrize("profile", ["full", "lean"])
async def test_figures_and_configurations_of_two_paths_have_the_same_labels(
    tmp_path: Path, profile: str
) -> None:
    async with Cluster(1, name="p") as cluster:
        async with await nats.connect(cluster.urls) as nc:
            js = nc.jetstream(timeout=20)
            await create_stream(js, name="S", subjects=["s"])
            settings = ConsumerConfig(durable_name="c", ack_policy="explicit", max_ack_pending=2)
            await create_consumer(js, "S", settings)
            for _ in range(2):
                await publish(js, "s", b"")
            fetching = await js.pull_subscribe_bind("c", stream="S")
            assert len(await fetching.fetch(2, timeout=20)) == 2
        (url,) = cluster.monitor_urls
        config = CONFIG.format(url=url, profile=profile)
        async with exporter(tmp_path, config=config) as running:
            scrape = scrape_configs(running.url.removeprefix("http://"))
            async with prometheus(tmp_path, "", scrape=scrape) as prom:

                async def is_there() -> bool:
                    return bool(await prom.query(f"{USED} == 1"))

                await eventually("the share of max_ack_pending", is_there)
                paths = await prom.query('count by (metrics_path) (up{job="jetstream-exporter"})')
                assert len(paths) == 2
                assert await prom.query('{metrics_path!="",__name__=~"jetstream_.+"}') == []
