"""JetStream's events. Only they tell how often a message was delivered, refused or given up.

An event is sent once to whoever listens. Those sent while the connection is down are missed, which is counted as a gap,
unless a stream captures them and this source reads that stream.
"""

import asyncio
import contextlib
import time
from collections.abc import Sequence

import nats.errors
from nats.aio.client import Client
from nats.aio.subscription import Subscription

from jetstream_exporter.config.nats import Advisories
from jetstream_exporter.report import Events, Outcome, RequestResult, ScrapeRequest
from jetstream_exporter.runtime.cancel import cancel_and_wait
from jetstream_exporter.runtime.tasks import start
from jetstream_exporter.sources.advisories.capture import FETCH, REFUSALS, Capture
from jetstream_exporter.sources.advisories.event_counter import EventCounter
from jetstream_exporter.sources.advisories.event_reader import EventReader, Origin
from jetstream_exporter.sources.advisories.subjects import counted_fields, subjects_of
from jetstream_exporter.sources.decoding import convert
from jetstream_exporter.sources.errors import SourceError
from jetstream_exporter.sources.nats.api import Api
from jetstream_exporter.sources.nats.client import SecureClient
from jetstream_exporter.sources.nats.connection import Connection
from jetstream_exporter.sources.nats.identity import AccountIdentity, identify, is_system_account
from jetstream_exporter.wire import ServerInfo

NAME = "advisories"
PENDING_MESSAGES = 1_000_000  # a burst waits here while it is counted
PENDING_BYTES = 2**27  # for each subject; what comes faster is dropped and is a gap
SETTLE = 2.0  # seconds for the requests that come with a new connection
RETRY = 30.0  # seconds between tries of what was refused


class AdvisoriesSource:
    """Listens on one connection. Its outcome holds what was counted since it was last asked."""

    name = NAME

    def __init__(
        self, settings: Advisories, place: str, cluster_name: str, counter: EventCounter
    ) -> None:
        self._settings = settings
        self._place = place.rpartition(": ")[2]
        self._connection = Connection(settings, place, self._open)
        self._cluster_name = cluster_name
        self._subjects = subjects_of(settings.hot)
        self._counter = counter
        self._reader = EventReader(counter, settings.excess_after, self._connection.target)
        self._confirming: asyncio.Task[None] | None = None
        self._configured = self._identity = AccountIdentity(settings.account, settings.account)
        self._cluster = cluster_name
        self._is_system = False
        self._retried = 0.0
        self._subscriptions: dict[str, Subscription] = {}  # of the client that is connected
        self._opened = 0  # connections made
        self._dropped = 0  # what the connection had dropped when it was last asked
        self._gaps = 0
        self._capture = (
            Capture(settings.stream, settings.durable, self._subjects, self._reader.read)
            if settings.stream
            else None
        )

    @property
    def gaps(self) -> int:
        """Times that events were missed."""
        return self._gaps + (self._capture.gaps if self._capture is not None else 0)

    @property
    def counter(self) -> EventCounter:
        return self._counter

    def follow(self, before: "Sequence[AdvisoriesSource]") -> None:
        """Take the place of other connections of the same cluster: what happens before this one is connected is missed.

        Nothing is, where one of them read the same stream with the same consumer, which keeps it.
        """
        stream = (self._settings.stream, self._settings.durable)
        same = [
            one.gaps for one in before if (one._settings.stream, one._settings.durable) == stream
        ]
        if self._settings.stream and same:
            self._gaps = max(same)
        else:
            self._gaps = max((one.gaps for one in before), default=-1) + 1

    def start(self) -> None:
        self._connection.start()

    async def close(self) -> None:
        self._reader.given_up.settle(now=True)
        if self._confirming is not None:
            await cancel_and_wait(self._confirming)
        if self._capture is not None:
            await self._capture.close()
        await self._connection.close()

    async def ask(self, request: ScrapeRequest) -> list[Outcome]:
        """Return what was received so far. Waits for nothing but the very first connection."""
        started = time.monotonic()
        self.start()
        error = await self._error(request.deadline)
        client = self._connection.client
        if client is not None:
            self._connection.probe()
            await self._retry(client)
        self._reader.given_up.settle()
        is_receiving = client is not None and self._reading_error is None
        events = Events(
            cluster=self._cluster_name or self._cluster,
            connected=is_receiving,
            gaps=self._count_gaps(),
            counted=self._counted() if is_receiving else {},
            take=self._counter.take,
            confirm=self._confirm,
        )
        return [
            Outcome(
                source=NAME,
                target=self._target(),
                duration=time.monotonic() - started,
                error=error,
                cluster_name=self._cluster_name,
                requests=self._parts(client is not None, error),
                answer=events,
            )
        ]

    def _parts(self, connected: bool, error: str | None) -> dict[str, RequestResult]:
        """The connection, and what is received on it: the capturing stream, or the events themselves."""
        text = error or "receiving events"
        received = "stream" if self._settings.stream else "subscriptions"
        connection = RequestResult(connected, "connected" if connected else text)
        return {
            "connection": connection,
            received: RequestResult(connected and error is None, text),
        }

    async def _confirm(self, until: float) -> None:
        """Acknowledge what is in the totals now. Where that takes longer, it goes on by itself."""
        if self._capture is None:
            return
        if self._confirming is None or self._confirming.done():
            confirming = self._capture.confirm(self._counter.taken)
            self._confirming = start(f"acknowledge events of {self._settings.stream}", confirming)
        left = until - asyncio.get_running_loop().time()
        await asyncio.wait([self._confirming], timeout=max(0.0, left))

    @property
    def _reading_error(self) -> str | None:
        if self._capture is None:
            return None
        refused = self._connection.permissions.lately(REFUSALS, 3 * FETCH)
        if refused:
            return f"stream {self._settings.stream}: the user may not publish to {refused}"
        return self._capture.error

    def _count_gaps(self) -> int:
        if self._connection.dropped != self._dropped:
            self._dropped = self._connection.dropped
            self._gaps += 1
        return self.gaps

    async def _error(self, deadline: float) -> str | None:
        """What is wrong now, if anything. Waits for the very first connection, so that counters begin at 0."""
        if self._connection.client is None:
            if self._opened:
                return f"not connected: {self._connection.error}"
            try:
                await self._connection.ready(deadline)
            except SourceError as error:
                return str(error)
        refused = sorted(self._connection.permissions.refused())
        if refused:
            return f"the user may not subscribe to {', '.join(refused)}"
        return self._reading_error

    async def _retry(self, client: Client) -> None:
        """Subscribe again, at most every `RETRY` seconds, to what was refused: it may be permitted by now."""
        refused = self._connection.permissions.refused()
        now = time.monotonic()
        if not refused or self._settings.stream or now - self._retried < RETRY:
            return
        self._retried = now
        self._connection.permissions.forgive()
        for subject in self._subjects:
            if subject.lower() in refused:
                await self._subscribe(client, subject)
        with contextlib.suppress(nats.errors.Error, TimeoutError):
            await client.flush(timeout=1)
        back = refused - self._connection.permissions.refused()
        if back:
            self._gaps += 1  # what happened meanwhile
            self._connection.permissions.permitted(back)

    async def _subscribe(self, client: Client, subject: str) -> None:
        """Subscribe once more at the most: the library keeps what was refused for as long as the connection lasts."""
        before = self._subscriptions.pop(subject, None)
        if before is not None:
            with contextlib.suppress(nats.errors.Error):
                await before.unsubscribe()
        self._subscriptions[subject] = await client.subscribe(
            subject,
            cb=self._reader.receive,
            pending_msgs_limit=PENDING_MESSAGES,
            pending_bytes_limit=PENDING_BYTES,
        )

    def _target(self) -> str:
        name = self._identity.name or self._identity.account or self._place
        return " ".join(part for part in (self._connection.target, name) if part)

    async def _open(self, client: SecureClient) -> None:
        """Subscribe with a new client. Events since the last client are missed, unless a stream captured them."""
        info = convert(client._server_info, ServerInfo)  # the library has no public name for it
        deadline = asyncio.get_running_loop().time() + SETTLE
        api = Api(self._connection, client, "$JS.API", deadline)
        self._identity = await identify(api, self._configured)
        self._cluster = info.cluster or info.server_name
        self._is_system = await is_system_account(api, self._connection, client)
        cluster, account = self._cluster_name or self._cluster, self._identity.account
        self._reader.origin = Origin(cluster, info.domain, account, self._is_system)
        if self._capture is not None:
            await self._capture.open(client)
        else:
            self._subscriptions = {}
            for subject in self._subjects:
                await self._subscribe(client, subject)
            await client.flush()
            self._gaps += self._opened > 0
        self._opened += 1

    def _counted(self) -> dict[str, frozenset[str]]:
        """Which receiving events, by account; `*` is every account."""
        account = "*" if self._is_system else self._identity.account
        refused = self._connection.permissions.refused()
        return {account: counted_fields(self._settings.hot, refused, is_system=self._is_system)}
