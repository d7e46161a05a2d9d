"""The JetStream API of an account, for where neither the monitoring port nor the system account can be reached.

Servers gather these lists from the leaders, so every row is a leader's. Objects whose leader did not answer are listed
by name only.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable

from nats.aio.client import Client

from jetstream_exporter.config.nats import AccountApi
from jetstream_exporter.report import Outcome, Question
from jetstream_exporter.sources.api import Api, ApiAnswerError
from jetstream_exporter.sources.connection import Connection, RefusedError
from jetstream_exporter.sources.http import SourceError
from jetstream_exporter.sources.identity import Identity, identify
from jetstream_exporter.sources.leaders import Home, Leaders
from jetstream_exporter.wire import (
    AccountInfo,
    ApiConsumer,
    ApiConsumers,
    ApiNames,
    ApiStream,
    ApiStreams,
)

NAME = "account"
AT_ONCE = 8  # streams whose consumers are listed at the same time
ONE_BY_ONE = 32  # requests in hand where lists are not permitted
NOT_FOUND = (10059, 10014)


class AccountSource:
    """Asks one account's API. Returns one outcome, with a report for each leader that answered."""

    name = NAME

    def __init__(self, settings: AccountApi, place: str, group: str) -> None:
        self._settings = settings
        self._place = place.rpartition(": ")[2]
        self._connection = Connection(settings, place)
        self._group = group
        self._configured = self._identity = Identity(settings.account, settings.account)
        self._identified: Client | None = None  # the client that the identity is of
        self._slow: set[str] = set()  # streams of which somebody did not answer last time
        self._alone = ""  # the name of a lone server behind others

    def start(self) -> None:
        self._connection.start()

    async def close(self) -> None:
        await self._connection.close()

    async def ask(self, question: Question) -> list[Outcome]:
        started = time.monotonic()
        asking = None
        error = None
        try:
            client = await self._connection.ready(question.deadline)
            asking = _Asking(self._connection, client, self._settings, question.deadline)
            if client is not self._identified:  # the login may be another since
                self._identity = await identify(asking.api, self._configured)
                self._identified = client
            asking.leaders = Leaders(self._home(client), self._identity, self._target())
            await asking.everything(self._identity, self._slow)
            if asking.leaders.nameless and not self._alone:
                self._alone = await asking.leader_of(asking.leaders.nameless)
        except SourceError as failure:
            error = str(failure)
        errors = [*([error] if error else []), *(asking.errors if asking else [])]
        return [
            Outcome(
                source=NAME,
                target=self._target(),
                duration=time.monotonic() - started,
                received=asking.api.received if asking else 0,
                error="; ".join(errors) or None,
                group=self._group,
                is_server=False,
                reports=asking.leaders.reports() if asking and asking.leaders else (),
            )
        ]

    def _home(self, client: Client) -> Home:
        said = client._server_info  # the library has no other word for it
        domain = self._settings.domain or self._connection.login.domain
        if domain and domain != said.get("domain", ""):
            return Home(self._group, "", self._alone, "", domain)
        cluster, server = said.get("cluster", ""), said.get("server_name", "")
        return Home(self._group, cluster, server, said.get("version", ""), domain)

    def _target(self) -> str:
        name = self._identity.name or self._identity.account or self._place
        domain = self._settings.domain or self._settings.api_prefix
        return " ".join(part for part in (self._connection.target, name, domain) if part)


class _Asking:
    """One scrape of one account."""

    def __init__(
        self, connection: Connection, client: Client, settings: AccountApi, deadline: float
    ) -> None:
        login = connection.login
        domain = settings.domain or login.domain
        prefix = settings.api_prefix or login.api_prefix
        prefix = prefix or (f"$JS.{domain}.API" if domain else "$JS.API")
        self._settings = settings
        self.api = Api(connection, client, prefix.removesuffix("."), deadline)
        self.leaders: Leaders | None = None
        self.errors: list[str] = []
        self._silent: set[str] = set()

    async def everything(self, identity: Identity, slow: set[str]) -> None:
        """Ask for everything. Streams in `slow` are asked last; it is changed to those that were slow this time."""
        leaders = self._known()
        await asyncio.gather(self._info(leaders, identity), self._streams(leaders))
        names = sorted(leaders.names, key=lambda name: (name in slow, name))
        gate = asyncio.Semaphore(AT_ONCE)
        failed: dict[str, str] = {}

        async def consumers(stream: str) -> None:
            async with gate:
                try:
                    await self._consumers(leaders, stream)
                except SourceError as error:
                    failed[stream] = str(error)

        await asyncio.gather(*(consumers(name) for name in names))
        slow.clear()
        slow.update(failed.keys() | self._silent)
        if failed:
            first = min(failed)
            self.errors.append(
                f"the consumers of {len(failed)} of {len(names)} streams are not known: {failed[first]}"
            )

    def _known(self) -> Leaders:
        if self.leaders is None:
            raise RuntimeError("asked before it was known whom for")
        return self.leaders

    async def leader_of(self, stream: str) -> str:
        try:
            row = await self.api.ask(f"STREAM.INFO.{stream}", ApiStream)
        except SourceError:
            return ""
        return row.cluster.leader if row.cluster else ""

    async def _info(self, leaders: Leaders, identity: Identity) -> None:
        """The account's limits. A user may be forbidden to ask; without JetStream there is nothing to ask."""
        try:
            info = await self.api.ask("INFO", AccountInfo)
        except RefusedError as error:
            self.errors.append(str(error))
            return
        info.account, info.name = identity.account, identity.name
        leaders.info = info

    async def _streams(self, leaders: Leaders) -> None:
        def take(page: ApiStreams) -> int:
            missing, reasons = set(page.missing or ()), page.offline or {}
            rows = page.streams or []
            for row in rows:
                if row.config.name not in missing and row.config.name not in reasons:
                    leaders.add_stream(row)
            for name in missing | reasons.keys():
                leaders.add_silent_stream(name, reasons.get(name, ""))
            self._silent |= missing
            return len(missing | {row.config.name for row in rows} | reasons.keys())

        async def one(name: str) -> None:
            row = await self.api.ask(f"STREAM.INFO.{name}", ApiStream)
            leaders.add_stream(row)

        try:
            await self.api.pages("STREAM.LIST", ApiStreams, take)
        except RefusedError:
            names = await self._names("STREAM.NAMES", "streams", self._settings.streams)
            await self._one_by_one(names, one, leaders.add_silent_stream)

    async def _consumers(self, leaders: Leaders, stream: str) -> None:
        def take(page: ApiConsumers) -> int:
            missing, reasons = set(page.missing or ()), page.offline or {}
            rows = page.consumers or []
            for row in rows:
                if row.name and row.name not in missing and row.name not in reasons:
                    leaders.add_consumer(stream, row)
            for name in missing | reasons.keys():
                leaders.add_silent_consumer(stream, name, reasons.get(name, ""))
            if missing:
                self._silent.add(stream)
            return len(missing | {row.name for row in rows if row.name} | reasons.keys())

        async def one(name: str) -> None:
            row = await self.api.ask(f"CONSUMER.INFO.{stream}.{name}", ApiConsumer)
            leaders.add_consumer(stream, row)

        try:
            await self.api.pages(f"CONSUMER.LIST.{stream}", ApiConsumers, take)
        except RefusedError:
            given = self._settings.consumers.get(stream, [])
            names = await self._names(f"CONSUMER.NAMES.{stream}", "consumers", given)
            await self._one_by_one(names, one, lambda n: leaders.add_silent_consumer(stream, n))
        except ApiAnswerError as error:
            if error.number not in NOT_FOUND:  # deleted meanwhile
                raise

    async def _names(self, call: str, kind: str, given: list[str]) -> list[str]:
        """The names to ask for one by one: the configured ones, or all where that is permitted."""
        if given:
            return given
        names: list[str] = []

        def take(page: ApiNames) -> int:
            found = (page.streams if kind == "streams" else page.consumers) or []
            names.extend(found)
            return len(found)

        await self.api.pages(call, ApiNames, take)
        return names

    async def _one_by_one(
        self,
        names: list[str],
        ask: Callable[[str], Awaitable[None]],
        silent: Callable[[str], None],
    ) -> None:
        """Ask for each by name. One that nobody answers for goes to `silent`; one that does not exist is left out."""
        gate = asyncio.Semaphore(ONE_BY_ONE)
        errors: dict[str, str] = {}

        async def each(name: str) -> None:
            async with gate:
                try:
                    await ask(name)
                except ApiAnswerError as error:
                    if error.number not in NOT_FOUND:
                        silent(name)
                except SourceError as error:
                    errors[name] = str(error)

        await asyncio.gather(*(each(name) for name in names))
        if errors:
            first = min(errors)
            self.errors.append(f"{len(errors)} of {len(names)} are not known: {errors[first]}")
