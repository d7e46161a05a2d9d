"""Pauses, pinned clients, backoffs and inactivity of consumers on a real server."""

import json
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import nats
from scripts.versions import NEWEST
from tests.support.exporter import Samples, exporter
from tests.support.scenario import add_consumer
from tests.support.tools import nats_server

from jetstream_exporter.demo.cluster import Cluster
from jetstream_exporter.demo.create import create_stream

SECOND = 10**9
INFO, SINCE = (
    "jetstream_consumer_pinned_client_info",
    "jetstream_consumer_pinned_since_timestamp_seconds",
)
REMAINING = "jetstream_consumer_pause_remaining_seconds"


async def test_a_consumer_s_pause_pinned_client_and_configuration_are_exported(
    tmp_path: Path,
) -> None:
    async with (
        Cluster(1, binary=nats_server(NEWEST)) as cluster,
        await nats.connect(cluster.urls) as nc,
    ):
        await create_stream(nc.jetstream(), name="S", subjects=["s"])
        until = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
        await add_consumer(nc, "S", "paused", pause_until=until)
        settings = {"backoff": [SECOND, 2 * SECOND], "max_deliver": 3}
        await add_consumer(nc, "S", "plain", inactive_threshold=600 * SECOND, **settings)
        groups = {"priority_groups": ["g"], "priority_policy": "pinned_client"}
        await add_consumer(nc, "S", "pinned", **groups)
        async with exporter(tmp_path, cluster.monitor_urls) as on:
            samples = await on.until(
                "the consumers", lambda s: len(s.all("jetstream_consumer_info")) == 3
            )
            assert 3500 < (samples.get(REMAINING, consumer="paused") or 0) <= 3600
            assert len(samples.all(REMAINING)) == 1
            assert samples.get("jetstream_consumer_backoff_steps", consumer="plain") == 2
            threshold = "jetstream_consumer_inactive_threshold_seconds"
            assert samples.get(threshold, consumer="plain") == 600
            assert samples.all(INFO) == []

            inbox = nc.new_inbox()
            await nc.subscribe(inbox)
            request = json.dumps({"batch": 1, "expires": 60 * SECOND, "group": "g"}).encode()
            await nc.publish("$JS.API.CONSUMER.MSG.NEXT.S.pinned", request, reply=inbox)
            await nc.jetstream().publish("s", b"")

            def is_pinned(samples: Samples) -> bool:
                return samples.get(INFO, consumer="pinned", group="g") == 1

            samples = await on.until("the pinned client", is_pinned)
            since = samples.get(SINCE, consumer="pinned", group="g")
            assert since is not None
            assert abs(time.time() - since) < 60
