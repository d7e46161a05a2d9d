"""One scrape of one account over the JetStream API: its limits, its streams, and their consumers."""

import asyncio
from collections.abc import Awaitable, Callable

from jetstream_exporter.config.nats import AccountApi
from jetstream_exporter.report import RequestResult
from jetstream_exporter.sources.errors import SourceError
from jetstream_exporter.sources.nats.api import Api, ApiAnswerError
from jetstream_exporter.sources.nats.client import SecureClient
from jetstream_exporter.sources.nats.connection import Connection, RefusedError
from jetstream_exporter.sources.nats.identity import AccountIdentity
from jetstream_exporter.sources.nats.leaders import Leaders
from jetstream_exporter.wire import (
    AccountInfo,
    ApiConsumer,
    ApiConsumers,
    ApiNames,
    ApiStream,
    ApiStreams,
)

AT_ONCE = 8  # streams whose consumers are listed at the same time
ONE_BY_ONE = 32  # requests in hand where lists are not permitted
NOT_FOUND = (10059, 10014)


class AccountScrape:
    """Asks over one client until the deadline: `leaders` gets the rows, `errors` what failed."""

    def __init__(
        self, connection: Connection, client: SecureClient, settings: AccountApi, deadline: float
    ) -> None:
        login = connection.login
        domain = settings.domain or login.domain
        prefix = settings.api_prefix or login.api_prefix
        prefix = prefix or (f"$JS.{domain}.API" if domain else "$JS.API")
        self._settings = settings
        self.client = client
        self.api = Api(connection, client, prefix.removesuffix("."), deadline)
        self.leaders: Leaders | None = None
        self.errors: dict[str, str] = {}  # by request
        self._answered: list[str] = ["connection"]  # requests
        self._unanswered: set[str] = set()

    def left(self) -> float:
        return self.api.deadline - asyncio.get_running_loop().time()

    def results(self) -> dict[str, RequestResult]:
        """How each request went that was made."""
        failed = {name: RequestResult(False, why) for name, why in self.errors.items()}
        return {name: RequestResult(True, "answered") for name in self._answered} | failed

    async def everything(self, identity: AccountIdentity, slow: set[str]) -> None:
        """Ask for everything. Streams in `slow` are asked last; it is changed to those that were slow this time."""
        leaders = self._known()
        await asyncio.gather(self._info(leaders, identity), self._streams(leaders))
        names = sorted(leaders.names, key=lambda name: (name in slow, name))
        limit = asyncio.Semaphore(AT_ONCE)
        failed: dict[str, str] = {}

        async def consumers(stream: str) -> None:
            async with limit:
                try:
                    await self._consumers(leaders, stream)
                except SourceError as error:
                    failed[stream] = str(error)

        await asyncio.gather(*(consumers(name) for name in names))
        slow.clear()
        slow.update(failed.keys() | self._unanswered)
        self._answered.append("consumers")
        if failed:
            what = f"the consumers of {len(failed)} of {len(names)} streams are unknown"
            self._fail("consumers", f"{what}: {failed[min(failed)]}")

    def _fail(self, request: str, why: str) -> None:
        old = self.errors.get(request)
        self.errors[request] = f"{old}; {why}" if old else why

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

    async def _info(self, leaders: Leaders, identity: AccountIdentity) -> None:
        """The account's limits. Where they cannot be had, the lists are asked for all the same."""
        try:
            info = await self.api.ask("INFO", AccountInfo)
        except SourceError as error:
            self._fail("info", str(error))
            return
        self._answered.append("info")
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
                leaders.add_unanswered_stream(name, reasons.get(name, ""))
            self._unanswered |= missing
            return len(missing | {row.config.name for row in rows} | reasons.keys())

        async def one(name: str) -> None:
            row = await self.api.ask(f"STREAM.INFO.{name}", ApiStream)
            leaders.add_stream(row)

        try:
            await self.api.pages("STREAM.LIST", ApiStreams, take)
        except RefusedError:
            names = await self._names("STREAM.NAMES", "streams", self._settings.streams)
            await self._one_by_one("streams", names, one, leaders.add_unanswered_stream)
        self._answered.append("streams")

    async def _consumers(self, leaders: Leaders, stream: str) -> None:
        def take(page: ApiConsumers) -> int:
            missing, reasons = set(page.missing or ()), page.offline or {}
            rows = page.consumers or []
            for row in rows:
                if row.name and row.name not in missing and row.name not in reasons:
                    leaders.add_consumer(stream, row)
            for name in missing | reasons.keys():
                leaders.add_unanswered_consumer(stream, name, reasons.get(name, ""))
            if missing:
                self._unanswered.add(stream)
            return len(missing | {row.name for row in rows if row.name} | reasons.keys())

        async def one(name: str) -> None:
            row = await self.api.ask(f"CONSUMER.INFO.{stream}.{name}", ApiConsumer)
            leaders.add_consumer(stream, row)

        try:
            await self.api.pages(f"CONSUMER.LIST.{stream}", ApiConsumers, take)
        except RefusedError:
            given = self._settings.consumers.get(stream, [])
            names = await self._names(f"CONSUMER.NAMES.{stream}", "consumers", given)
            await self._one_by_one(
                "consumers", names, one, lambda n: leaders.add_unanswered_consumer(stream, n)
            )
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
        request: str,
        names: list[str],
        ask: Callable[[str], Awaitable[None]],
        unanswered: Callable[[str], None],
    ) -> None:
        """Ask for each by name. Those without an answer go to `unanswered`; those that do not exist are left out."""
        limit = asyncio.Semaphore(ONE_BY_ONE)
        errors: dict[str, str] = {}

        async def each(name: str) -> None:
            async with limit:
                try:
                    await ask(name)
                except ApiAnswerError as error:
                    if error.number not in NOT_FOUND:
                        unanswered(name)
                except SourceError as error:
                    errors[name] = str(error)

        await asyncio.gather(*(each(name) for name in names))
        if errors:
            first = min(errors)
            self._fail(request, f"{len(errors)} of {len(names)} are unknown: {errors[first]}")
