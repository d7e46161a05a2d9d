"""Servers of an older version than their streams need: named, and never shown as empty."""

import asyncio
from pathlib import Path
from typing import Any

import nats
import pytest
from nats.aio.client import Client
from nats.js.api import ConsumerConfig
from scripts.versions import BETWEEN, NEWER
from tests.support import sources
from tests.support.api import api
from tests.support.exporter import Samples, exporter
from tests.support.tools import nats_server

from jetstream_exporter.demo.cluster import Cluster, account
from jetstream_exporter.demo.create import create_consumer
from jetstream_exporter.demo.publish import publish

OLD, NEW = {"account": "A", "stream": "OLD"}, {"account": "A", "stream": "NEW"}


async def add(nc: Client, name: str, replicas: int, **config: Any) -> None:
    """A stream with a message and a durable consumer; the library knows no settings this new."""
    body = {
        "name": name,
        "subjects": [name],
        "num_replicas": replicas,
        "retention": "limits",
        "storage": "file",
        **config,
    }
    await api(nc, f"STREAM.CREATE.{name}", body)
    js = nc.jetstream(timeout=20)
    await publish(js, name, b"x")
    await create_consumer(js, name, ConsumerConfig(durable_name="c", ack_policy="explicit"))


def is_settled(samples: Samples) -> bool:
    """A stream and its consumer are led by servers of their own choice, each in its own time."""
    families = ("jetstream_stream_messages", "jetstream_consumer_pending_messages")
    return all(samples.get(family, **OLD) == 1 for family in families)


@pytest.mark.parametrize("size", [1, 3])
async def test_what_an_older_version_does_not_serve_has_a_reason_and_no_figures(
    size: int, tmp_path: Path
) -> None:
    accounts = {"A": account("a")}
    async with Cluster(size=size, accounts=accounts, binary=nats_server(NEWER)) as cluster:
        async with await nats.connect(cluster.urls_for("a")) as nc:
            await add(nc, "OLD", size)
            await add(nc, "NEW", size, allow_batched=True)
        await asyncio.gather(*(server.stop() for server in cluster))
        for server in cluster:
            server.binary = nats_server(BETWEEN)
        # A lone server is not healthy with such a stream, for all its life.
        await asyncio.gather(*(server.start(ready=size > 1) for server in cluster))
        for way in sources.ALL:
            folder = tmp_path / way.__name__
            folder.mkdir()
            async with exporter(folder, config=way(cluster, folder)) as running:
                samples = await running.until(f"{way.__name__}: figures", is_settled)
                for family in ("messages", "stored_messages_total", "last_sequence", "leader"):
                    assert samples.get(f"jetstream_stream_{family}", **NEW) is None, family
                assert samples.all("jetstream_consumer_pending_messages", **NEW) == []
                if size == 1 or way in (sources.accounts, sources.together):
                    assert samples.get("jetstream_stream_has_leader", **NEW) == 0
                    (reason,) = samples.labels("jetstream_stream_unsupported_info", "reason", **NEW)
                    assert reason.startswith("unsupported - ")
