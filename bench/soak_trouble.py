"""What a soak does to the exporter and its servers, all at the same time."""

from __future__ import annotations

import asyncio
import random
import socket
from collections.abc import Coroutine, Sequence
from contextlib import suppress
from typing import Any

import nats
import nats.errors
from nats.aio.client import Client
from nats.js.api import AckPolicy, ConsumerConfig
from nats.js.errors import Error as JetStreamError

from jetstream_exporter.demo.child import DemoError
from jetstream_exporter.demo.cluster import Cluster
from jetstream_exporter.demo.create import create_stream

LOST = (nats.errors.Error, JetStreamError, TimeoutError, OSError)
FAULT_EVERY = 25.0
DOWN, FROZEN = 5.0, 6.0
SUBJECTS = ("MAX_DELIVERIES", "MSG_NAKED", "MSG_TERMINATED")
DIGITS = b"9" * 400
BODIES = (
    b"[" * 20_000 + b"]" * 20_000,
    b'{"type":"io.nats.jetstream.advisory.v1.max_deliver","id":"a","timestamp":"2026-01-01T00:00:00Z",'
    b'"stream":"S","consumer":"c","stream_seq":' + DIGITS + b',"deliveries":' + DIGITS + b"}",
    b'{"id":"' + b"x" * 200_000 + b'"}',
    b"\xff\xfe not text",
    b"",
    b"null",
)
REQUESTS = (
    b"GET /metrics HTTP/1.1\r\nHost: a\r\nX-",
    b"GET /metrics HTTP/1.1\r\nHost: a\r\nX-Prometheus-Scrape-Timeout-Seconds: 0.2\r\n\r\n",
    b"GET /metrics HTTP/1.1\r\nHost: a\r\nX-Prometheus-Scrape-Timeout-Seconds: 1e400\r\n\r\n",
    b"GET /probe?target=http://169.254.169.254/ HTTP/1.1\r\nHost: a\r\n\r\n",
    b"POST /-/reload HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nab",
    b"\x16\x03\x01\x02\x00\x01\x00",
    b"GET /" + b"a" * 20_000 + b" HTTP/1.1\r\n\r\n",
)
CAPTURED = "EVENTS"  # the stream that captures events
KEPT = 64 * 2**20  # bytes of them
FLOOD = 60_000  # events; the exporter remembers the ids of 50,000 of an account's
COUNTS = ("faults", "reloads", "churned", "events", "neighbours")


async def ignore(_: Exception) -> None:
    """Connections break on purpose."""


class Trouble:
    def __init__(self, cluster: Cluster, port: int) -> None:
        self.counts = dict.fromkeys(COUNTS, 0)
        self._cluster = cluster
        self._port = port
        self._random = random.Random(7)  # noqa: S311  the same soak every time

    def all(self) -> Sequence[Coroutine[Any, Any, None]]:
        return (self.faults(), self.churn(), self.events(), self.neighbours())

    @property
    def monitor_url(self) -> str:
        """One of the servers, another each time."""
        return self._random.choice(self._cluster.monitor_urls)

    async def capture(self) -> None:
        """Have a stream capture the account's events."""
        nc = await self._connect()
        await create_stream(
            nc.jetstream(timeout=5),
            name=CAPTURED,
            subjects=["$JS.EVENT.>"],
            num_replicas=3,
            max_bytes=KEPT,
        )
        await nc.close()

    async def flood(self) -> None:
        """So many events that what the exporter remembers of an account's is full from the start, as after a day."""
        nc = await self._connect()
        for number in range(FLOOD):
            body = b'{"type":"io.nats.jetstream.advisory.v1.nak","id":"f%d","stream":"S","consumer":"c"}'
            await nc.publish("$JS.EVENT.ADVISORY.CONSUMER.MSG_NAKED.S.c", body % number)
            if number % 500 == 0:
                await nc.flush()
                await asyncio.sleep(0.02)  # a tenant, and no load test of its servers
        await nc.close()

    def mend(self) -> None:
        for server in self._cluster:
            with suppress(DemoError):
                server.resume()

    async def faults(self) -> None:
        """Kill, freeze and drain servers in turns, one at a time."""
        for number in range(10**6):
            await asyncio.sleep(FAULT_EVERY)
            server = self._cluster[number % self._cluster.size]
            self.counts["faults"] += 1
            if number % 3 == 1:
                server.pause()
                await asyncio.sleep(FROZEN)
                server.resume()
                continue
            if number % 3 == 2:
                server.lame_duck()
                await asyncio.sleep(DOWN)
            await server.kill()
            await asyncio.sleep(DOWN)
            with suppress(DemoError):
                await server.start(ready=False)

    async def churn(self) -> None:
        """Streams and consumers that live for seconds."""
        nc = await self._connect()
        js = nc.jetstream(timeout=5)
        for number in range(10**6):
            name = f"churn-{number % 40}"
            with suppress(*LOST):
                await js.add_stream(name=name, subjects=[name], storage="memory", num_replicas=1)
                for each in range(5):
                    config = ConsumerConfig(
                        durable_name=f"c-{number}-{each}", ack_policy=AckPolicy.EXPLICIT
                    )
                    await js.add_consumer(name, config)
                await js.publish(name, b"x")
            with suppress(*LOST):
                await js.delete_stream(f"churn-{(number + 20) % 40}")
            self.counts["churned"] += 6
            await asyncio.sleep(0.2)

    async def events(self) -> None:
        """A tenant who publishes where JetStream does."""
        nc = await self._connect()
        for number in range(10**9):
            subject = f"$JS.EVENT.ADVISORY.CONSUMER.{SUBJECTS[number % 3]}.S.c{number % 50}"
            with suppress(*LOST):
                await nc.publish(subject, BODIES[number % len(BODIES)])
            self.counts["events"] += 1
            await asyncio.sleep(0.05)

    async def neighbours(self) -> None:
        """Connections that read slowly, stop in the middle, or ask for what there is not; thirty at a time."""
        held: list[socket.socket] = []
        for number in range(10**9):
            plug = socket.socket()
            plug.setblocking(False)
            plug.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            with suppress(OSError):
                await asyncio.get_running_loop().sock_connect(plug, ("127.0.0.1", self._port))
                plug.send(REQUESTS[number % len(REQUESTS)])
            held.append(plug)
            if len(held) > 30:
                held.pop(self._random.randrange(len(held))).close()
            self.counts["neighbours"] += 1
            await asyncio.sleep(0.25)

    async def _connect(self) -> Client:
        return await nats.connect(
            self._cluster.urls_for("app"),
            max_reconnect_attempts=-1,
            reconnect_time_wait=0.5,
            error_cb=ignore,
        )
