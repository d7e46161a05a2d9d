"""JetStream's events. Only they tell how often a message was delivered, refused or given up.

An event is sent once to whoever listens. Those sent while the connection is down are missed, which is counted as a gap,
unless a stream captures them and this source reads that stream.
"""

import asyncio
import contextlib
import time

import msgspec
import nats.errors
from nats.aio.client import Client
from nats.aio.msg import Msg

from jetstream_exporter.config.nats import Advisories
from jetstream_exporter.report import Events, Outcome, Question
from jetstream_exporter.sources.api import Api
from jetstream_exporter.sources.capture import FETCH, REFUSALS, Capture
from jetstream_exporter.sources.connection import Connection
from jetstream_exporter.sources.http import SourceError
from jetstream_exporter.sources.identity import Identity, identify
from jetstream_exporter.sources.subjects import counted_fields, subjects_of
from jetstream_exporter.sources.tally import Tally
from jetstream_exporter.wire import Advisory

NAME = "advisories"
PENDING_MESSAGES = 1_000_000  # a burst waits here while it is counted
PENDING_BYTES = 2**29
BREATH = 200  # messages counted before others may run
SETTLE = 2.0  # seconds for the questions that come with a new connection
ONLY_SYSTEM = "$SYS.REQ.SERVER.PING.STATSZ"  # answered in the system account only
RETRY = 30.0  # seconds between tries of what was refused

_advisory = msgspec.json.Decoder(Advisory)


class AdvisoriesSource:
    """Listens on one connection. Its outcome holds what was counted since it was last asked."""

    name = NAME

    def __init__(self, settings: Advisories, place: str, group: str, tally: Tally) -> None:
        self._settings = settings
        self._place = place.rpartition(": ")[2]
        self._connection = Connection(settings, place, self._open)
        self._group = group
        self._subjects = subjects_of(settings.hot)
        self._tally = tally
        self._configured = self._identity = Identity(settings.account, settings.account)
        self._cluster = group
        self._domain = ""
        self._is_system = False
        self._retried = 0.0
        self._opened = 0  # connections made
        self._dropped = 0  # what the connection had dropped when it was last asked
        self._gaps = 0
        self._counted = 0
        self._capture = (
            Capture(settings.stream, settings.durable, self._subjects, self._heard)
            if settings.stream
            else None
        )

    def start(self) -> None:
        self._connection.start()

    async def close(self) -> None:
        if self._capture is not None:
            await self._capture.close()
        await self._connection.close()

    async def ask(self, question: Question) -> list[Outcome]:
        """Return what was heard so far. Waits for nothing but the very first connection."""
        started = time.monotonic()
        self.start()
        error = await self._error(question.deadline)
        client = self._connection.client
        if client is not None:
            self._connection.probe()
            await self._retry(client)
        kinds, objects = self._tally.take()
        if self._capture is not None and client is not None:
            await self._capture.confirm()
        is_heard = client is not None and self._reading_error is None
        events = Events(
            cluster=self._group or self._cluster,
            connected=is_heard,
            gaps=self._count_gaps(),
            hears=self._hears() if is_heard else {},
            kinds=kinds,
            objects=objects,
        )
        return [
            Outcome(
                source=NAME,
                target=self._target(),
                duration=time.monotonic() - started,
                error=error,
                group=self._group,
                is_server=False,
                events=events,
            )
        ]

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
        return self._gaps + (self._capture.gaps if self._capture is not None else 0)

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
        await client.subscribe(
            subject,
            cb=self._heard,
            pending_msgs_limit=PENDING_MESSAGES,
            pending_bytes_limit=PENDING_BYTES,
        )

    def _target(self) -> str:
        name = self._identity.name or self._identity.account or self._place
        return " ".join(part for part in (self._connection.target, name) if part)

    async def _open(self, client: Client) -> None:
        """Subscribe with a new client. Events since the last client are missed, unless a stream captured them."""
        said = client._server_info  # the library has no other word for it
        deadline = asyncio.get_running_loop().time() + SETTLE
        api = Api(self._connection, client, "$JS.API", deadline)
        self._identity = await identify(api, self._configured)
        self._cluster = said.get("cluster", "") or said.get("server_name", "")
        self._domain = said.get("domain", "")
        if self._capture is not None:
            await self._capture.open(client)
        else:
            for subject in self._subjects:
                await self._subscribe(client, subject)
            await client.flush()
            self._gaps += self._opened > 0
        self._connection.permissions.expect_refusal(ONLY_SYSTEM)
        self._is_system = await _is_system(api)
        self._opened += 1

    def _hears(self) -> dict[str, frozenset[str]]:
        """Which events are counted, by account; `*` is every account."""
        account = "*" if self._is_system else self._identity.account
        refused = self._connection.permissions.refused()
        return {account: counted_fields(self._settings.hot, refused, is_system=self._is_system)}

    async def _heard(self, message: Msg) -> None:
        self._count(message)
        self._counted += 1
        if self._counted % BREATH == 0:
            await asyncio.sleep(0)

    def _count(self, message: Msg) -> None:
        try:
            event = _advisory.decode(message.data)
        except (msgspec.DecodeError, UnicodeDecodeError):
            return  # anybody in the account may publish anything there
        if event.domain and self._domain and event.domain != self._domain:
            return  # of a stream behind a leaf node, which may have the name of one here
        account = event.account or self._identity.account
        self._tally.add(event, account, self._settings.excess_after)


async def _is_system(api: Api) -> bool:
    """Whether this is the system account, which hears the events of all accounts: only there servers answer this."""
    try:
        await api.raw(ONLY_SYSTEM, within=1)
    except SourceError:
        return False
    return True
