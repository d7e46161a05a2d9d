"""Expected objects on real servers: a consumer deleted by hand, and a server that goes down."""

from pathlib import Path

import nats
import pytest
from nats.js.api import ConsumerConfig
from scripts.versions import EXTREMES
from tests.support.exporter import Samples, exporter
from tests.support.tools import nats_server

from jetstream_exporter.demo.cluster import Cluster
from jetstream_exporter.demo.create import create_consumer, create_stream

PRESENT = "jetstream_expected_present"
CONFIG = """
clusters: [{{targets: [{targets}]}}]
expect:
  - servers: [{servers}]
    accounts:
      - account: APP
        streams: [LONE, ORDERS]
        consumers: [LONE/c, ORDERS/worker]
"""


@pytest.mark.parametrize("version", EXTREMES)
async def test_a_deleted_consumer_is_missing_and_what_a_stopped_server_holds_is_not(
    version: str, tmp_path: Path
) -> None:
    async with (
        Cluster(3, binary=nats_server(version)) as cluster,
        await nats.connect(cluster.urls) as nc,
    ):
        js = nc.jetstream(timeout=20)
        for name, replicas in (("LONE", 1), ("ORDERS", 3)):
            await create_stream(js, name=name, subjects=[name], num_replicas=replicas)
        durables = {"LONE": "c", "ORDERS": "worker"}
        for name, durable in durables.items():
            await create_consumer(
                js, name, ConsumerConfig(durable_name=durable, ack_policy="explicit")
            )
        info = await js.stream_info("LONE")
        assert info.cluster is not None
        holder = next(server for server in cluster if server.name == info.cluster.leader)
        config = CONFIG.format(
            targets=", ".join(cluster.monitor_urls), servers=", ".join(s.name for s in cluster)
        )

        def missing(samples: Samples) -> set[str]:
            return {
                name
                for name in samples.labels(PRESENT, "name")
                if samples.get(PRESENT, name=name) == 0
            }

        async with exporter(tmp_path, config=config) as on:
            await on.until("all of them", lambda s: s.all(PRESENT) == [1] * 7)

            await js.delete_consumer("ORDERS", "worker")
            await on.until("the deleted consumer", lambda s: missing(s) == {"ORDERS/worker"})

            await holder.stop()
            samples = await on.until(
                "that the server is down",
                lambda s: s.get("nats_server_up", server=holder.name) == 0,
            )
            assert missing(samples) == set()
            assert samples.all(PRESENT, name="LONE") == []
            assert samples.get(PRESENT, name="ORDERS") == 1

            seen: list[set[str]] = []

            def is_back(samples: Samples) -> bool:
                seen.append(missing(samples))
                return samples.get(PRESENT, name="LONE/c") == 1

            await holder.start()
            await on.until("what it holds", is_back, 60)
            assert all(names <= {"ORDERS/worker"} for names in seen), seen
