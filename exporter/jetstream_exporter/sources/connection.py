"""One connection to NATS, which reconnects for ever. Nobody waits for it longer than a scrape's deadline."""

import asyncio
import random
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, TypeVar

import nats.errors
from nats.aio.client import Client
from yarl import URL

from jetstream_exporter.cancel import cancelled
from jetstream_exporter.config import ConfigError
from jetstream_exporter.config.login import Login, read_login
from jetstream_exporter.config.nats import Nats
from jetstream_exporter.sources.client import SecureClient, end, words
from jetstream_exporter.sources.http import SourceError, SourceTimeoutError
from jetstream_exporter.sources.permissions import Permissions

PORT = 4222
CONNECT = 3  # seconds for one server
ALIVE = 3.0  # seconds for the answer to a ping
PAUSE, LONGEST_PAUSE = 0.25, 30.0  # seconds between rounds through the servers, doubled each time
OPTIONS: dict[str, Any] = {
    "name": "jetstream-exporter",
    "connect_timeout": CONNECT,
    # A lost connection ends this client; Connection makes the next one.
    "allow_reconnect": False,
    "max_reconnect_attempts": 1,
    "reconnect_time_wait": 0,
    "ping_interval": 10,  # seconds
    "max_outstanding_pings": 2,
}

Got = TypeVar("Got")


class RefusedError(SourceError):
    """The user is not permitted to ask this."""


Opened = Callable[[Client], Awaitable[None]]


class Connection:
    """Connects, and reconnects with exponential backoff and jitter when the connection is lost.

    `opened` is awaited with every new client, before anybody else gets it.
    """

    def __init__(self, settings: Nats, place: str, opened: Opened | None = None) -> None:
        self._settings = settings
        self._place = place
        self._opened = opened
        self._task: asyncio.Task[None] | None = None
        self._probing: asyncio.Task[bool] | None = None
        self._client: Client | None = None
        self._news = asyncio.Event()
        self._error: str | None = None  # None until every server was tried in vain
        self._last_error = ""
        self._refusals: dict[str, asyncio.Event] = {}
        self.target = target_of(settings)
        self.permissions = Permissions(self.target)
        self.login = Login([], {})
        self._deaf = False
        self.dropped = 0  # messages that came faster than they were read

    def start(self) -> None:
        if self._task is None:
            self._task = asyncio.create_task(self._stay_connected())

    async def close(self) -> None:
        await cancelled(*(task for task in (self._probing, self._task) if task is not None))
        self._probing = self._task = None

    def probe(self) -> None:
        """Check in the background whether the server still answers, so that a lost one is left within seconds."""
        if self.client is not None and (self._probing is None or self._probing.done()):
            self._probing = asyncio.create_task(self._is_alive(self.client))

    @property
    def client(self) -> Client | None:
        """The client, if it is connected now."""
        return self._client if self._client is not None and self._client.is_connected else None

    @property
    def error(self) -> str:
        return self._error or self._last_error or "not connected yet"

    async def ready(self, deadline: float) -> Client:
        """Return a client whose server answers now; SourceError if there is none by the deadline."""
        self.start()
        try:
            async with asyncio.timeout_at(deadline):
                while True:
                    client = await self._any()
                    if await self._is_alive(client):
                        return client
        except TimeoutError:
            raise SourceTimeoutError(f"not connected: {self.error}") from None

    async def _any(self) -> Client:
        while (client := self.client) is None:
            if self._error is not None:
                raise SourceError(f"not connected: {self._error}")
            self._news.clear()
            await self._news.wait()
        return client

    async def _is_alive(self, client: Client) -> bool:
        """Whether the server answers a ping; if not, the client is closed. A frozen server keeps its sockets open.

        A client whose inbox was refused hears no answers even when it is permitted later, so it is closed too.
        """
        if self._deaf:
            self._deaf = False
            await end(client)
            return False
        try:
            async with asyncio.timeout(ALIVE):
                await client.flush()
        except (nats.errors.Error, OSError, TimeoutError):
            self._last_error = "the server does not answer"
            await end(client)
            return False
        return True

    async def within(self, answer: Coroutine[Any, Any, Got], subject: str, deadline: float) -> Got:
        """Await an answer to what was published on `subject`; SourceError if it is late or not permitted.

        A server reports a refusal as an error of the connection, not as an answer, so both are waited for.
        """
        refused = self._refusals.setdefault(subject.lower(), asyncio.Event())
        refused.clear()
        task, refusal = asyncio.create_task(answer), asyncio.create_task(refused.wait())
        try:
            async with asyncio.timeout_at(deadline):
                await asyncio.wait({task, refusal}, return_when=asyncio.FIRST_COMPLETED)
            if not task.done():
                raise RefusedError(f"the user may not publish to {subject}")
            return task.result()
        except TimeoutError:
            raise SourceTimeoutError(self.permissions.late()) from None
        except (nats.errors.Error, OSError, ValueError) as error:
            raise SourceError(words(error)) from None
        finally:
            self._refusals.pop(subject.lower(), None)
            await cancelled(task, refusal)

    async def _stay_connected(self) -> None:
        pause = PAUSE
        while True:
            closed = asyncio.Event()
            try:
                self._client = await self._connect(closed)
            except (SourceError, ConfigError) as error:
                self._error = self._last_error = str(error)
                self._news.set()
                await asyncio.sleep(pause * random.uniform(0.5, 1.5))  # noqa: S311
                pause = min(2 * pause, LONGEST_PAUSE)
                continue
            pause, self._error = PAUSE, None
            self._news.set()
            try:
                await closed.wait()
            finally:
                await end(self._client)
                self._client = None
            await asyncio.sleep(random.uniform(0, PAUSE))  # noqa: S311

    async def _connect(self, closed: asyncio.Event) -> Client:
        """Try each server once, in random order; SourceError with the last one's reason."""
        self.login = await asyncio.to_thread(read_login, self._settings, self._place)
        error = SourceError("no server")
        for url in random.sample(self.login.urls, len(self.login.urls)):
            try:
                return await self._connect_to(url, closed)
            except SourceError as failure:
                error = failure
        raise error

    async def _connect_to(self, url: str, closed: asyncio.Event) -> Client:
        client = SecureClient(secure=self.login.secure)
        failures: list[Exception] = []

        async def on_error(error: Exception) -> None:
            failures[:] = [error]
            self._note(error)

        async def on_close() -> None:
            self._last_error = words(failures[0]) if failures else "the connection was lost"
            closed.set()

        self.permissions.begin()
        try:
            async with asyncio.timeout(CONNECT):
                await client.connect(
                    servers=[url],
                    error_cb=on_error,
                    closed_cb=on_close,
                    **OPTIONS,
                    **self.login.options,
                )
                if self._opened is not None:
                    await self._opened(client)
        except (nats.errors.Error, OSError, ValueError, TimeoutError, SourceError) as error:
            await end(client)
            is_vague = isinstance(error, nats.errors.NoServersError) and failures
            reason = words(failures[-1] if is_vague else error)
            raise SourceError(self.permissions.needed() or reason) from None
        except asyncio.CancelledError:
            await end(client)
            raise
        closed.clear()
        return client

    def _is_inbox(self, subject: str) -> bool:
        prefix = self.login.options.get("inbox_prefix", "_INBOX")
        return subject.startswith(f"{prefix}.".lower())

    def _note(self, error: Exception) -> None:
        refusal = self.permissions.note(error)
        if refusal is not None:
            what, subject = refusal
            self._deaf |= what == "subscription" and self._is_inbox(subject)
            if subject in self._refusals:
                self._refusals[subject].set()
        elif isinstance(error, nats.errors.SlowConsumerError):
            self.dropped += 1


def target_of(settings: Nats) -> str:
    """The name of a connection in labels and logs: its first server, or its context."""
    if not settings.urls:
        return f"context {settings.context}"
    first = settings.urls[0]
    try:
        url = URL(first if "://" in first else f"nats://{first}")
        return f"{url.scheme}://{url.host}:{url.explicit_port or PORT}"
    except ValueError:
        return "nats"
