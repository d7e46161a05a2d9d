"""What every scenario has: a story, the alert that it is about, and three steps."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import suppress
from typing import Any, ClassVar, Literal, Self

import nats
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.errors import Error
from nats.js import JetStreamContext
from nats.js.api import ConsumerConfig
from nats.js.errors import APIError

from jetstream_exporter.demo.cluster import Cluster
from jetstream_exporter.demo.create import create_consumer, create_stream
from jetstream_exporter.runtime.cancel import cancel_and_wait

GRACE = 3.0  # seconds for a worker to finish what it took

Handler = Callable[[Msg], Awaitable[None]]


async def acknowledge(message: Msg) -> None:
    await message.ack()


async def keep(_: Msg) -> None:
    """Neither acknowledge nor refuse."""


class Scenario:
    """prepare() makes something healthy, break_it() breaks it, mend() makes it healthy again."""

    name: ClassVar[str]
    story: ClassVar[str]  # what happens, for the one who watches
    alert: ClassVar[str]  # the alert that it is about
    severity: ClassVar[Literal["critical", "warning"]]
    component: ClassVar[str]
    also: ClassVar[frozenset[str]] = frozenset()  # critical alerts that are right as well
    # Its warning comes first, and then worsen() makes it critical.
    is_forewarned: ClassVar[bool] = False
    # Commands that mend it, where others than starting a server do; {url} is that of a server that runs.
    by_hand: ClassVar[tuple[str, ...]] = ()

    def __init__(self, cluster: Cluster) -> None:
        self.cluster = cluster
        self.nc: Client
        self.js: JetStreamContext
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._ceasing: set[str] = set()
        self.streams: list[str] = []

    async def __aenter__(self) -> Self:
        self.nc = await self.connect()
        self.js = self.nc.jetstream(timeout=10)
        return self

    async def __aexit__(self, *_: object) -> None:
        for name in list(self._tasks):
            await self.cease(name)
        for stream in self.streams:
            with suppress(APIError, Error, TimeoutError, OSError):
                await self.js.delete_stream(stream)
        await self.nc.close()

    async def prepare(self) -> None:
        raise NotImplementedError

    async def break_it(self) -> None:
        raise NotImplementedError

    async def worsen(self) -> None:
        raise NotImplementedError

    async def mend(self) -> None:
        raise NotImplementedError

    async def connect(self, user: str | None = None) -> Client:
        urls = self.cluster.urls_for(user) if user else self.cluster.urls
        return await nats.connect(
            urls, max_reconnect_attempts=-1, reconnect_time_wait=0.5, error_cb=_ignore
        )

    def begin(self, name: str, work: Coroutine[Any, Any, None]) -> None:
        """Run something beside, under a name, until cease() or the end of the scenario."""
        self._tasks[name] = asyncio.create_task(work)

    async def cease(self, name: str) -> None:
        """Stop it: a worker finishes what it took, anything else is cancelled."""
        task = self._tasks.pop(name)
        self._ceasing.add(name)
        await asyncio.wait([task], timeout=GRACE if name.startswith("worker") else 0)
        self._ceasing.discard(name)
        await cancel_and_wait(task)
        if not task.cancelled():
            task.result()

    async def add_stream(self, name: str, subjects: list[str] | None = None, **more: Any) -> str:
        """A stream that goes with the scenario; the name of the server that leads it."""
        if name not in self.streams:
            self.streams.append(name)
        settings = {"num_replicas": 3, **more}
        info = await create_stream(self.js, name=name, subjects=subjects, **settings)
        return str(info.cluster.leader) if info.cluster else ""

    async def publish(self, subject: str, rate: float, payload: bytes = b"{}") -> None:
        """Publish until cancelled; retry while the cluster refuses."""
        while True:
            with suppress(Error, TimeoutError):
                await self.js.publish(subject, payload, timeout=2)
            await asyncio.sleep(1 / rate)

    async def add_consumer(self, stream: str, config: ConsumerConfig) -> None:
        await create_consumer(self.js, stream, config)

    def begin_worker(
        self, stream: str, consumer: str, handle: Handler, batch: int = 10, name: str = "worker"
    ) -> None:
        self.begin(name, self._work(name, stream, consumer, handle, batch))

    async def _work(
        self, name: str, stream: str, consumer: str, handle: Handler, batch: int
    ) -> None:
        """Fetch and handle until the worker ceases."""
        subscription = await self.js.pull_subscribe_bind(consumer, stream)
        while name not in self._ceasing:
            with suppress(Error, TimeoutError):
                for message in await subscription.fetch(batch, timeout=1):
                    await handle(message)


async def _ignore(_: Exception) -> None:
    """Connections break on purpose here, so their errors are not reported."""
