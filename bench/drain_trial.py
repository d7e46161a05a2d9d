"""One trial of the drain prediction: random streams on a real cluster, a prediction, a server that is stopped."""

from __future__ import annotations

import asyncio
import contextlib
import random
import time
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field

import aiohttp
import nats
import nats.errors
from nats.aio.client import Client
from nats.js import JetStreamContext
from nats.js.api import ConsumerConfig, StreamConfig
from nats.js.errors import APIError, NoStreamResponseError

from jetstream_exporter.app import App
from jetstream_exporter.demo.child import until
from jetstream_exporter.demo.cluster import Cluster
from jetstream_exporter.demo.server import Server
from jetstream_exporter.snapshot import Snapshot
from jetstream_exporter.snapshot.drain import (
    MAJORITY,
    NEW_LEADER,
    NO_LEADER,
    NO_MAJORITY,
    SINGLE_REPLICA,
    blockers,
    is_judged,
)
from jetstream_exporter.sources.purpose import Purpose

Thing = tuple[
    str, str
]  # stream and consumer; no consumer is the stream itself, neither is the meta group
META: Thing = ("", "")
SETTLED = 14.0  # seconds after which elections are over
LATE = 40.0
TROUBLES = ("none", "none", "none", "stopped", "killed", "frozen")
LOSING = (MAJORITY, SINGLE_REPLICA, NO_MAJORITY)
REFUSALS = (APIError, NoStreamResponseError, nats.errors.Error, TimeoutError)


@dataclass(slots=True)
class Trial:
    """What was predicted of one server, and what happened when it was stopped."""

    trouble: str
    server: str = ""
    drainable: bool | None = None
    reasons: dict[Thing, str] = field(default_factory=dict)
    broken: set[Thing] = field(
        default_factory=set
    )  # said to have no leader or no majority, whoever is stopped
    before: set[Thing] = field(default_factory=set)
    after: set[Thing] = field(default_factory=set)
    things: set[Thing] = field(default_factory=set)
    groups: dict[Thing, str] = field(
        default_factory=dict
    )  # what was known of each, for who looks for an error

    @property
    def lost(self) -> set[Thing]:
        """What was said to stand still or go dark."""
        return {thing for thing, reason in self.reasons.items() if reason in LOSING}

    @property
    def kept(self) -> set[Thing]:
        """What was there before, and what nothing was said against. A leader without a majority stays for a while."""
        return self.before - self.reasons.keys() - self.broken

    def errors(self) -> list[str]:
        wrong = [
            f"{self._name(each)} was said to stay, and is gone" for each in self.kept - self.after
        ]
        wrong += [
            f"{self._name(each)} was said to be lost ({self.reasons[each]}), and is there"
            for each in self.lost & self.after
        ]
        return sorted(wrong)

    def _name(self, thing: Thing) -> str:
        name = "/".join(filter(None, thing)) or "the meta group"
        return f"{name} ({self.groups.get(thing, 'unknown')})"


async def random_streams(js: JetStreamContext, size: int, dice: random.Random) -> set[Thing]:
    """A few streams with consumers, each with any number of replicas, under names that were never used."""
    things, least = {META}, dice.choice((1, 1, 3))
    for _ in range(dice.randint(2, 5)):
        stream, replicas = f"S{dice.getrandbits(60)}", dice.randint(least, size)
        config = StreamConfig(name=stream, subjects=[f"{stream}.>"], num_replicas=replicas)
        await placed(js.add_stream, config)
        things.add((stream, ""))
        await placed(js.publish, f"{stream}.first", b"x" * 100)
        for index in range(dice.randint(0, 3)):
            wanted = ConsumerConfig(
                durable_name=f"C{index}", num_replicas=dice.randint(0, replicas)
            )
            await placed(js.add_consumer, stream, wanted)
            things.add((stream, f"C{index}"))
    return things


async def placed(add: Callable[..., Awaitable[object]], *what: object) -> None:
    """Servers that are back since a moment are not known yet to have room."""

    async def is_placed() -> bool:
        try:
            await add(*what)
        except REFUSALS:
            return False
        return True

    await until("a placement", is_placed, LATE, pause=0.3)


async def clear(js: JetStreamContext) -> None:
    for info in await js.streams_info():
        with contextlib.suppress(*REFUSALS):
            await js.delete_stream(info.config.name or "")


async def snapshot_of(cluster: Cluster) -> Snapshot:
    """What an audit sees, which starts knowing nothing."""
    service = App("", cluster.monitor_urls, purpose=Purpose.FIGURES)
    try:
        return await service.scraper.snapshot(3.0)
    finally:
        await service.close()


def predicted(snapshot: Snapshot, server: str) -> dict[Thing, str]:
    return {
        thing: each.reason
        for each in blockers(snapshot)
        if each.server == server
        for thing in _things(each.objects)
    }


def _things(objects: Collection[object]) -> Iterable[Thing]:
    if not objects:
        yield META
    for row in objects:
        stream = getattr(row, "stream", None)
        yield (getattr(row, "name"), "") if stream is None else (stream, getattr(row, "name"))  # noqa: B009


async def trial(cluster: Cluster, dice: random.Random, trouble: str | None = None) -> Trial:
    """One trial, after which servers are missing: `mend` starts them."""
    one = Trial(dice.choice(TROUBLES) if trouble is None else trouble)
    async with contextlib.AsyncExitStack() as stack:
        client = await stack.enter_async_context(await connected(cluster.servers))
        js = client.jetstream(timeout=5)
        await clear(js)
        one.things = await random_streams(js, cluster.size, dice)
    away = await make_trouble(cluster, one.trouble, dice)
    snapshot = await snapshot_of(cluster)
    servers = [row.name for row in snapshot.servers if is_judged(row)]
    one.server = dice.choice(servers)
    one.reasons = predicted(snapshot, one.server)
    one.broken = {
        thing
        for each in blockers(snapshot)
        if each.reason in (NEW_LEADER, NO_LEADER, NO_MAJORITY)
        for thing in _things(each.objects)
    }
    row = next(row for row in snapshot.servers if row.name == one.server)
    one.drainable = row.is_drainable
    one.groups = {(each.name, ""): str(each.raft) for each in snapshot.streams}
    one.groups |= {(each.stream, each.name): str(each.raft) for each in snapshot.consumers}
    one.groups[META] = str((snapshot.metas, [row.name for row in snapshot.servers if not row.up]))
    one.before = await available(cluster, away, one.things)
    await cluster[one.server].stop()
    await watch(cluster, {*away, one.server}, one)
    return one


async def connected(servers: Iterable[Server]) -> Client:
    return await nats.connect(
        [server.url for server in servers], connect_timeout=2, max_reconnect_attempts=-1
    )


async def make_trouble(cluster: Cluster, trouble: str, dice: random.Random) -> set[str]:
    """Let something happen to one server, and wait for a while or not at all."""
    if trouble == "none":
        return set()
    server = dice.choice(cluster.servers)
    if trouble == "stopped":
        await server.stop()
    elif trouble == "killed":
        await server.kill()
    else:
        server.pause()
    await asyncio.sleep(dice.choice((0, 1, 5, SETTLED)))
    return {server.name}


async def mend(cluster: Cluster) -> None:
    for server in cluster:
        if server.alive:
            server.resume()
        else:
            await server.start(ready=False)
    await cluster.until_ready()


async def watch(cluster: Cluster, away: set[str], one: Trial) -> None:
    """Until what was predicted has come, and elections are over; what is there then is the truth."""
    stopped = time.monotonic()

    async def is_as_predicted() -> bool:
        one.after = await available(cluster, away, one.things)
        is_over = not one.reasons or time.monotonic() - stopped > SETTLED
        return is_over and not one.errors()

    with contextlib.suppress(TimeoutError):
        await until("what was predicted", is_as_predicted, LATE, pause=0.5)


async def available(cluster: Cluster, away: Collection[str], things: Iterable[Thing]) -> set[Thing]:
    """The streams that accept a message, the consumers that have a leader, and the meta group if it answers."""
    living = [server for server in cluster if server.name not in away]
    claims = await asyncio.gather(*(led_by(server) for server in living))
    consumers = {thing for led in claims for thing in led}
    wanted = list(things)
    client = await connected(living)
    try:
        js = client.jetstream(timeout=1.5)
        streams = await asyncio.gather(*(accepts(js, name) for name, other in wanted if not other))
    finally:
        await client.close()
    return (consumers & set(wanted)) | {thing for thing in streams if thing is not None}


async def led_by(server: Server) -> set[Thing]:
    """The consumers that the server says that it leads."""
    try:
        said = await server.ask("/jsz?consumers=1")
    except (aiohttp.ClientError, TimeoutError):
        return set()
    return {
        (stream["name"], consumer["name"])
        for account in said.get("account_details", ())
        for stream in account.get("stream_detail", ())
        for consumer in stream.get("consumer_detail", ())
        if _leader(consumer) == server.name
    }


def _leader(detail: Mapping[str, Mapping[str, str]]) -> str:
    return detail.get("cluster", {}).get("leader", "")


async def accepts(js: JetStreamContext, stream: str) -> Thing | None:
    """The stream, if it stores a message; of no name, the meta group, if it lists the account's streams."""
    try:
        if stream:
            await js.publish(f"{stream}.more", b"x" * 100)
        else:
            await js.account_info()
    except REFUSALS:
        return None
    return (stream, "")
