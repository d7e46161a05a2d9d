"""What publishers get when servers have reached their own limit of a store, as the runbooks say it."""

import nats
import pytest
from scripts.versions import EXTREMES
from tests.support.api import NO_RESPONDERS, api, publish
from tests.support.exporter import eventually
from tests.support.tools import nats_server

from jetstream_exporter.demo.cluster import Cluster

LIMIT = 2 << 20
LARGE = b"x" * 200_000
REFUSED = "insufficient resources (10023)"


@pytest.mark.parametrize("version", EXTREMES)
@pytest.mark.parametrize("size", [1, 3])
@pytest.mark.parametrize("store", ["file", "memory"])
async def test_messages_are_refused_and_jetstream_stays_on(
    version: str, size: int, store: str
) -> None:
    """Where replicas have no room either, the stream then has no leader for whom publishers could wait."""
    limits = {"max_file_store": LIMIT, "max_memory_store": LIMIT}
    async with (
        Cluster(size, binary=nats_server(version), **limits) as cluster,
        await nats.connect(cluster.urls) as nc,
    ):
        config = {"name": "S", "subjects": ["s"], "num_replicas": size, "storage": store}
        await api(nc, "STREAM.CREATE.S", config)
        answers: list[str] = []

        async def refused() -> bool:
            answers.append(await publish(nc, "s", LARGE))
            return answers[-1] == (REFUSED if size == 1 else NO_RESPONDERS)

        await eventually("a refusal", refused)
        assert REFUSED in answers
        for server in cluster:
            assert not (await server.ask("/jsz")).get("disabled")
