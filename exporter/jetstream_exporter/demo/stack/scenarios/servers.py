"""What goes wrong with servers and their groups."""

import asyncio
import json
from contextlib import suppress

from nats.aio.client import Client
from nats.errors import Error
from nats.js.errors import APIError

from jetstream_exporter.demo.child import until
from jetstream_exporter.demo.cluster import SYSTEM_USER
from jetstream_exporter.demo.server import Server
from jetstream_exporter.demo.stack.scenarios.scenario import Scenario

STEP_DOWN = "$JS.API.META.LEADER.STEPDOWN"


async def meta_leader(server: Server) -> str:
    """The meta leader that this server names; empty where it names none."""
    found = await server.ask("/jsz")
    return str(found.get("meta_cluster", {}).get("leader", ""))


async def step_down(system: Client) -> None:
    """Make the meta leader, if there is one, step down."""
    with suppress(Error, TimeoutError):
        await system.request(STEP_DOWN, json.dumps({}).encode(), timeout=2)


class ServerKilled(Scenario):
    name = "server-killed"
    story = "one of the servers is killed"
    alert = "NatsServerDown"
    severity = "critical"
    component = "nats-2"

    async def prepare(self) -> None:
        await self.add_stream("SURVIVOR", ["survivor"])
        self.begin("publisher", self.publish("survivor", 5))

    async def break_it(self) -> None:
        await self.cluster[self.component].kill()

    async def mend(self) -> None:
        await self.cluster[self.component].start()


class QuorumLost(Scenario):
    name = "quorum-lost"
    story = "all servers except one are killed, so that no group has a quorum"
    alert = "JetStreamMetaNoLeader"
    severity = "critical"
    component = "demo"

    async def prepare(self) -> None:
        await self.add_stream("MAJORITY", ["majority"])

    async def break_it(self) -> None:
        await asyncio.gather(*(server.kill() for server in list(self.cluster)[1:]))

    async def mend(self) -> None:
        await asyncio.gather(*(server.start(ready=False) for server in list(self.cluster)[1:]))
        await self.cluster.until_ready()


class LonelyServerLost(Scenario):
    name = "r1-server-lost"
    story = "the server that holds the only replica of a stream is killed"
    alert = "JetStreamStreamUnavailable"
    severity = "critical"
    component = "LONELY"
    also = frozenset({"NatsServerDown"})

    async def prepare(self) -> None:
        """Place it off the meta leader, so that nothing else has to be elected."""
        leader = await meta_leader(self.cluster[0])
        for _ in range(50):
            self.holder = await self.add_stream("LONELY", ["lonely"], num_replicas=1)
            if self.holder != leader:
                return
            await self.js.delete_stream("LONELY")

    async def break_it(self) -> None:
        await self.cluster[self.holder].kill()

    async def mend(self) -> None:
        await self.cluster[self.holder].start()

        async def is_back() -> bool:
            with suppress(APIError, Error, TimeoutError):
                return (await self.js.stream_info("LONELY")).cluster is not None
            return False

        await until("the return of the stream", is_back, 60)


class LeaderFlapping(Scenario):
    name = "leader-flapping"
    story = "the meta leader steps down every few seconds"
    alert = "JetStreamMetaLeaderFlapping"
    severity = "warning"
    component = "demo"

    async def prepare(self) -> None:
        """Without failures the meta leader changes only at the start."""

    async def break_it(self) -> None:
        self.begin("flapping", self._flap())

    async def _flap(self) -> None:
        system = await self.connect(SYSTEM_USER)
        try:
            while True:
                await step_down(system)
                await asyncio.sleep(1.5)
        finally:
            await system.close()

    async def mend(self) -> None:
        await self.cease("flapping")
