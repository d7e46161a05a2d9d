"""One connection to NATS, which reconnects for ever. Nobody waits for it longer than a scrape's deadline."""

import asyncio
import contextlib
from collections.abc import Coroutine
from typing import Any, TypeVar

import nats.errors

from jetstream_exporter.config.errors import ConfigError
from jetstream_exporter.config.login import Login
from jetstream_exporter.config.nats import Nats
from jetstream_exporter.runtime.cancel import cancel_and_wait
from jetstream_exporter.runtime.tasks import keep_running, start
from jetstream_exporter.sources.errors import SourceError, SourceTimeoutError
from jetstream_exporter.sources.nats.client import MESSAGE, SecureClient, end
from jetstream_exporter.sources.nats.connector import Connector, Opened, target_of
from jetstream_exporter.sources.nats.dialling import Pauses
from jetstream_exporter.sources.nats.permissions import Permissions

ALIVE = 3.0  # seconds for the answer to a ping, where no other server can be asked
HEDGE = 0.7  # seconds for it where another one can
PING_AFTER = 1.0  # seconds without an answer after which the server is pinged
SHORT = 1.0  # seconds that a scrape waits for a connection that is known to be dead

Got = TypeVar("Got")


class RefusedError(SourceError):
    """The user is not permitted to ask this."""


class LostError(SourceError):
    """The connection ended before the answer came; another one may bring it."""


class Connection:
    """Connects, and reconnects with exponential backoff and jitter when the connection is lost.

    `opened` is awaited with every new client, before anybody else gets it. Files are read anew for every attempt.
    """

    def __init__(
        self, settings: Nats, place: str, opened: Opened | None = None, max_bytes: int = MESSAGE
    ) -> None:
        self._opened = opened
        self.max_bytes = max_bytes  # of one message
        self._task: asyncio.Task[None] | None = None
        self._probing: asyncio.Task[bool] | None = None
        self._client: SecureClient | None = None
        self._news, self._wanted = asyncio.Event(), asyncio.Event()
        self._error: str | None = None  # None until every server was tried in vain
        self._last_error = ""
        self._took = 0.0  # seconds, of the last ping
        self._refusals: dict[str, asyncio.Event] = {}
        self.target = target_of(settings)
        self.permissions = Permissions(self.target)
        self.connector = Connector(
            settings, place, self.permissions, max_bytes, note=self._note, opened=opened
        )
        self._deaf = False
        self.dropped = 0  # messages that came faster than they were read

    def start(self) -> None:
        if self._task is None:
            self._task = keep_running(f"stay connected to {self.target}", self._stay_connected)

    async def close(self) -> None:
        await cancel_and_wait(*(task for task in (self._probing, self._task) if task is not None))
        self._probing = self._task = None

    def probe(self) -> None:
        """Check in the background whether the server still answers, so that a lost one is left within seconds."""
        if self.client is not None and (self._probing is None or self._probing.done()):
            self._probing = start(f"ping {self.target}", self._is_alive(self.client))

    @property
    def login(self) -> Login:
        """The login of the last attempt to connect."""
        return self.connector.login

    @property
    def client(self) -> SecureClient | None:
        """The client, if it is connected now."""
        return self._client if self._client is not None and self._client.works else None

    @property
    def error(self) -> str:
        return self._error or self._last_error or "not connected yet"

    async def ready(self, deadline: float) -> SecureClient:
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

    async def is_lost(self, client: SecureClient) -> bool:
        """Whether requests failed since this client is of no use any more; `ready` gives another one then."""
        return not await self._is_alive(client)

    async def _any(self) -> SecureClient:
        """A client. Where all servers were tried in vain, they are tried at once again, and waited for briefly."""
        if self.client is None and self._error is not None:
            self._news.clear()
            self._wanted.set()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(SHORT):
                    await self._news.wait()
        while (client := self.client) is None:
            if self._error is not None:
                raise SourceError(f"not connected: {self._error}")
            self._news.clear()
            await self._news.wait()
        return client

    async def _is_alive(self, client: SecureClient) -> bool:
        """Whether the server answers a ping; if not, the client is given up. A frozen server keeps its sockets open.

        A client whose inbox was refused receives no answers even when it is permitted later, so it is given up too.
        """
        if self._deaf or not client.works:
            self._deaf = False
            client.ended.set()
            return False
        loop = asyncio.get_running_loop()
        started = loop.time()
        is_hedged = self.connector.has_alternatives and self._opened is None
        patience = min(max(HEDGE, 4 * self._took), ALIVE) if is_hedged else ALIVE
        try:
            async with asyncio.timeout(patience):
                await client.flush()
        except (nats.errors.Error, OSError, TimeoutError):
            client.reason = client.reason or "the server does not answer"
            client.ended.set()
            with contextlib.suppress(Exception):
                client.abort()
            return False
        self._took = loop.time() - started
        return True

    async def within(
        self,
        answer: Coroutine[Any, Any, Got],
        subject: str,
        deadline: float,
        client: SecureClient | None = None,
    ) -> Got:
        """Await an answer to what was published on `subject`; SourceError if it is late or not permitted.

        A server reports a refusal as an error of the connection, not as an answer, so both are waited for. LostError
        as soon as the client that asked is of no use any more; a server that is slow is pinged meanwhile.
        """
        refused = self._refusals.setdefault(subject.lower(), asyncio.Event())
        refused.clear()
        ended = client.ended if client is not None else asyncio.Event()
        task = asyncio.create_task(answer)
        others = [asyncio.create_task(event.wait()) for event in (refused, ended)]
        try:
            async with asyncio.timeout_at(deadline):
                while not await _any_of(task, *others):
                    self.probe()
            if task.done():
                return task.result()
            if refused.is_set():
                raise RefusedError(f"the user may not publish to {subject}")
            raise LostError(self._lost(client))
        except TimeoutError:
            raise SourceTimeoutError(self.permissions.late()) from None
        except nats.errors.ConnectionClosedError:
            raise LostError(self._lost(client)) from None
        except (nats.errors.Error, OSError, ValueError) as error:
            raise SourceError(self.connector.without_secrets(error)) from None
        finally:
            self._refusals.pop(subject.lower(), None)
            await cancel_and_wait(task, *others)

    def _lost(self, client: SecureClient | None) -> str:
        if self.permissions.refused():
            return self.permissions.late()
        reason = f": {client.reason}" if client is not None and client.reason else ""
        return f"the connection was lost{reason}"

    async def _stay_connected(self) -> None:
        pauses, loop = Pauses(), asyncio.get_running_loop()
        while True:
            try:
                client = await self.connector.connect()
            except Exception as error:  # whatever it is, it is reported, and tried again
                is_known = isinstance(error, SourceError | ConfigError)
                what = f"the connection failed ({type(error).__name__})"
                self._error = self._last_error = (
                    self.connector.without_secrets(error) if is_known else what
                )
                self._news.set()
                await self._rest(pauses.after_failure())
                continue
            self._error, self._client, connected = None, client, loop.time()
            self._news.set()
            try:
                await client.ended.wait()
            finally:
                self._client = None
                self.connector.avoid(client.url)
                await end(client)
            self._last_error = self.connector.without_secrets(
                SourceError(client.reason or "the connection was lost")
            )
            pause = pauses.after_connection(loop.time() - connected)
            if pauses.is_broken_again:
                self._error = self._last_error  # no scrape waits for it until its deadline
                self._news.set()
            await self._rest(pause, at_least=min(pause, SHORT))

    async def _rest(self, seconds: float, at_least: float = 0.0) -> None:
        """Pause between two rounds, until a scrape wants the connection."""
        self._wanted.clear()
        await asyncio.sleep(at_least)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._wanted.wait()

    def _is_inbox(self, subject: str) -> bool:
        prefix = self.connector.login.options.get("inbox_prefix", "_INBOX")
        return subject.startswith(f"{prefix}.".lower())

    def _note(self, error: Exception) -> bool:
        """Remember what the error says of this connection; whether it leaves the connection as it is."""
        refusal = self.permissions.note(error)
        if refusal is not None:
            what, subject = refusal
            self._deaf |= what == "subscription" and self._is_inbox(subject)
            if subject in self._refusals:
                self._refusals[subject].set()
        elif isinstance(error, nats.errors.SlowConsumerError):
            self.dropped += 1
        return refusal is not None or isinstance(error, nats.errors.SlowConsumerError)


async def _any_of(*tasks: "asyncio.Task[Any]") -> bool:
    """Wait a while; whether one of them is over."""
    done, _ = await asyncio.wait(tasks, timeout=PING_AFTER, return_when=asyncio.FIRST_COMPLETED)
    return bool(done)
