"""What looks takes nothing: an audit and a probe build no source that consumes, creates or changes anything."""

import asyncio
import json
from pathlib import Path
from typing import Any

import nats
import pytest
from nats.aio.client import Client
from nats.js import JetStreamContext
from nats.js.api import ConsumerConfig
from nats.js.errors import NotFoundError
from tests.support import sources
from tests.support.closing import closing

from jetstream_exporter.app import App
from jetstream_exporter.audit.command import main
from jetstream_exporter.config.load import parse
from jetstream_exporter.demo.cluster import Cluster, account
from jetstream_exporter.demo.create import create_consumer, create_stream
from jetstream_exporter.demo.publish import publish
from jetstream_exporter.report import LeaderAnswer, ScrapeRequest
from jetstream_exporter.sources.build import build_sources
from jetstream_exporter.sources.lookup import SystemLookup
from jetstream_exporter.sources.purpose import Purpose, unused_sources

DURABLE = "jetstream-exporter"
GIVEN_UP = "$JS.EVENT.ADVISORY.CONSUMER.MAX_DELIVERIES"
EVERY_KIND: dict[str, Any] = {
    "targets": ["http://127.0.0.1:1"],
    "system": {"urls": ["nats://127.0.0.1:1"]},
    "accounts": [{"urls": ["nats://127.0.0.1:1"]}],
    "advisories": [
        {"urls": ["nats://127.0.0.1:1"]},
        {"urls": ["nats://127.0.0.1:1"], "stream": "EVENTS"},
    ],
}


def kinds(purpose: Purpose) -> list[str]:
    config = parse(sources.settings(**EVERY_KIND), "exporter.yaml")
    (cluster,) = config.clusters
    built = build_sources(cluster, config.collect, purpose, SystemLookup())
    return [source.name for source in built]


async def test_sources_for_figures_hold_no_source_of_events() -> None:
    figures = ["monitoring", "system", "account"]
    assert kinds(Purpose.FIGURES) == figures
    assert kinds(Purpose.EVERYTHING) == [*figures, "advisories", "advisories"]


async def test_only_the_exporter_itself_looks_up_messages() -> None:
    one = {"urls": ["nats://127.0.0.1:1"], "exact_lag": {"budget": 5}}
    config = parse(sources.settings(accounts=[one]), "exporter.yaml")
    for purpose, looks_up in ((Purpose.FIGURES, False), (Purpose.EVERYTHING, True)):
        (source,) = build_sources(config.clusters[0], config.collect, purpose, SystemLookup())
        request = ScrapeRequest(asyncio.get_running_loop().time() + 0.5, with_config=False)
        async with closing(source):
            (outcome,) = await source.ask(request)
        assert isinstance(outcome.answer, LeaderAnswer)
        assert (outcome.answer.lookups is not None) is looks_up


def test_what_a_purpose_leaves_out_is_named() -> None:
    clusters = parse(sources.settings(name="prod", **EVERY_KIND), "exporter.yaml").clusters
    assert unused_sources(clusters, Purpose.EVERYTHING) == []
    left_out = ["prod: advisories[0]", "prod: advisories[1]"]
    assert unused_sources(clusters, Purpose.FIGURES) == left_out


async def fill(nc: Client, *, durable: bool) -> JetStreamContext:
    """A stream that captures events, seven in it, and the exporter's consumer if it ran before."""
    js = nc.jetstream(timeout=20)
    await create_stream(js, name="EVENTS", subjects=[f"{GIVEN_UP}.>"])
    if durable:
        config = ConsumerConfig(durable_name=DURABLE, ack_policy="explicit")
        await create_consumer(js, "EVENTS", config)
    for i in range(7):
        event = {"type": "io.nats.jetstream.advisory.v1.max_deliver", "id": str(i)}
        await publish(js, f"{GIVEN_UP}.S.c", json.dumps(event).encode())
    return js


async def audit(file: Path) -> int:
    return await asyncio.to_thread(main, ["--config.file", str(file), "--observe", "0.2"])


async def test_an_audit_and_a_probe_leave_the_exporters_consumer_as_it_is(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    async with (
        Cluster(size=1, accounts={"A": account("a")}) as cluster,
        await nats.connect(cluster.urls_for("a")) as nc,
    ):
        js = await fill(nc, durable=True)
        before = await js.consumer_info("EVENTS", DURABLE)
        login = sources.login(cluster, tmp_path, "a")
        file = tmp_path / "exporter.yaml"
        file.write_text(
            sources.settings(
                targets=cluster.monitor_urls,
                accounts=[login],
                advisories=[login | {"stream": "EVENTS"}, login],
            )
        )
        await audit(file)
        async with closing(App(str(file))) as service:
            await service.probe(cluster.monitor_urls[0]).snapshot(10)
        after = await js.consumer_info("EVENTS", DURABLE)
        told = capsys.readouterr().err
        assert (before.num_pending, after.num_pending) == (7, 7)
        assert (after.num_ack_pending, after.num_waiting) == (0, 0)
        assert after.delivered == before.delivered
        assert after.ack_floor == before.ack_floor
        assert f"asked account nats://{cluster[0].ports.client} A, monitoring http://" in told
        assert "did not use clusters: advisories[0], clusters: advisories[1]" in told


async def test_an_audit_creates_no_consumer(tmp_path: Path) -> None:
    async with (
        Cluster(size=1, accounts={"A": account("a")}) as cluster,
        await nats.connect(cluster.urls_for("a")) as nc,
    ):
        js = await fill(nc, durable=False)
        file = tmp_path / "exporter.yaml"
        reading = sources.login(cluster, tmp_path, "a") | {"stream": "EVENTS"}
        file.write_text(sources.settings(targets=cluster.monitor_urls, advisories=[reading]))
        await audit(file)
        with pytest.raises(NotFoundError):
            await js.consumer_info("EVENTS", DURABLE)
        assert (await js.stream_info("EVENTS")).state.consumer_count == 0
