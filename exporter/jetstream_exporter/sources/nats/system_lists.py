"""The lists of streams of all servers over the system account: all of a server at once, or by account in a shard."""

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from jetstream_exporter.config.shard import Shard
from jetstream_exporter.report import ScrapeRequest
from jetstream_exporter.sources import divided
from jetstream_exporter.sources.decoding import refusal
from jetstream_exporter.sources.errors import SourceError
from jetstream_exporter.sources.nats.ledger import Ledger
from jetstream_exporter.sources.nats.members import Members
from jetstream_exporter.sources.nats.scatter import Scatter
from jetstream_exporter.wire import Jsz, JszAnswer

SMALL = 2**18  # bytes; larger lists are fetched one after the other: they hold up the JetStream API
AT_ONCE = 8
RESERVE = 0.1  # of the time, for the health that is asked for after the lists
LIMIT = {
    "limit": 65_536
}  # accounts, more than there are; -1 ends a server before 2.11 (monitor.go, Jsz)
OBJECTS = {"streams": True, "consumer": True}
NO_LIST = "an answer without a list"

Part = tuple[Jsz | None, str | None]  # an answer's list, and why there is none, or not all of it
Ask = Callable[[str, type[JszAnswer]], Scatter[JszAnswer]]


class SystemLists:
    """Fetches until the deadline: `found` gets the lists by server id."""

    def __init__(
        self, scatter: Ask, members: Members, request: ScrapeRequest, shard: Shard, ledger: Ledger
    ) -> None:
        self._scatter = scatter
        self._members = members
        self._request = request
        self._shard = shard
        self._ledger = ledger
        self._sizes: dict[str, int] = {}  # bytes received, by server id
        self.found: dict[str, Jsz] = {}
        self.disputed: set[str] = set()  # servers with whose id something else answered, too

    def _left(self) -> float:
        return self._request.deadline - asyncio.get_running_loop().time()

    async def fetch(self, servers: Iterable[str]) -> None:
        """Fetch the lists of streams: small ones at once, large ones one server after the other.

        A server encodes its list in the queue that all its JetStream API replies pass through.
        """
        everybody = set(servers)
        small = {i for i in everybody if 0 < self._members[i].size <= SMALL}
        large = sorted(everybody - small)
        limit = asyncio.Semaphore(AT_ONCE)
        now = asyncio.get_running_loop().time
        until = self._request.deadline - RESERVE * self._left()

        async def fetch_small(identity: str) -> None:
            async with limit:
                await self._list(identity, until)

        await asyncio.gather(*(fetch_small(identity) for identity in sorted(small)))
        for i, identity in enumerate(large):
            # Twice its share, so that one that hangs leaves time for the others.
            share = min(1.0, 2 / (len(large) - i)) * (until - now())
            await self._list(identity, now() + share)

    async def _list(self, identity: str, deadline: float) -> None:
        if self._shard.is_divided:
            jsz, why = await self._divided(identity, deadline)
        else:
            options = {"accounts": True, **OBJECTS, **LIMIT, "config": self._request.with_config}
            jsz, why = await self._ask(identity, options, deadline)
        size = self._sizes.get(identity)
        if size is not None:
            self._members[identity].size = size
            self._ledger.succeed(identity, "jsz", f"{size} bytes")
        if why is not None:
            self._ledger.fail(identity, "jsz", why)
        if jsz is not None:
            self.found[identity] = jsz

    async def _divided(self, identity: str, deadline: float) -> Part:
        """The list of the accounts of this shard, some at a time."""
        listed, why = await self._ask(identity, {"accounts": True, **LIMIT}, deadline)
        if listed is None:
            return None, why or NO_LIST
        accounts = divided.own(listed, self._shard)

        async def part(account: str) -> Part:
            return await self._part(identity, listed, account, deadline)

        found = await divided.each(accounts, part)
        return divided.divided(listed, _lists(found), self._shard), _why(why, found, accounts)

    async def _part(self, identity: str, listed: Jsz, account: str, deadline: float) -> Part:
        """The answer about one account. Not with `accounts`, which gives all of them where this one is gone."""
        options = {"account": account, **OBJECTS, "config": self._request.with_config}
        jsz, why = await self._ask(identity, options, deadline)
        if jsz is None:
            return None, why or NO_LIST
        wrong = divided.mismatch(listed, account, jsz)
        return (None, wrong) if wrong is not None else (jsz, why)

    async def _ask(self, identity: str, options: Mapping[str, Any], deadline: float) -> Part:
        scatter = self._scatter(f"$SYS.REQ.SERVER.{identity}.JSZ", JszAnswer)
        left = self._left()
        try:
            answers = await scatter.ask(dict(options), {identity}, deadline, lambda _: left)
        except SourceError as error:
            return None, str(error)
        self.disputed |= scatter.disputed
        if identity not in answers:
            return None, "another server answered"
        answer, size = answers[identity]
        self._sizes[identity] = self._sizes.get(identity, 0) + size
        self._ledger.add(identity, size)
        if answer.error is not None:
            return answer.data, answer.error.description
        return answer.data, refusal(answer.data)


def _lists(found: Mapping[str, Part]) -> dict[str, Jsz | None]:
    return {account: jsz for account, (jsz, _) in found.items()}


def _why(listing: str | None, found: Mapping[str, Part], accounts: Sequence[str]) -> str | None:
    reasons = {account: why for account, (_, why) in found.items() if why is not None}
    return "; ".join(filter(None, (listing, divided.failures(reasons, accounts)))) or None
