"""The system account: every server answers for itself, and no list of targets is needed.

The requests are those to the monitoring port. The number of servers is not known, so those that answered before are
expected, and unknown ones are waited for as long as answers keep arriving.
"""

import time
from collections import Counter
from collections.abc import Collection

from jetstream_exporter.config.nats import System
from jetstream_exporter.config.shard import WHOLE, Shard
from jetstream_exporter.report import (
    LATE,
    Outcome,
    RequestResult,
    ScrapeRequest,
    ServerAnswer,
    ServerReport,
)
from jetstream_exporter.sources.nats.connection import Connection
from jetstream_exporter.sources.nats.members import Members
from jetstream_exporter.sources.nats.system_scrape import SystemScrape
from jetstream_exporter.wire import ServerName

NAME = "system"
AGAIN = 0.5  # seconds that must be left to ask over another connection
SERVER_REQUESTS = ("varz", "healthz", "jsz")  # asked of every server
CONNECTION_REQUESTS = ("connection", "statsz")  # asked once for all
NOT_ASKED = RequestResult(False, "not sent, because an earlier request was not answered")


class SystemSource:
    """Asks all servers that the system account reaches. One outcome per server, and one for the connection."""

    name = NAME

    def __init__(
        self,
        settings: System,
        place: str,
        cluster_name: str,
        check: str,
        max_bytes: int,
        *,
        further: Collection[str] = (),
        shard: Shard = WHOLE,
    ) -> None:
        self._connection = Connection(settings, place, max_bytes=max_bytes)
        self._cluster_name = cluster_name
        self._check = check
        self._further = further
        self._shard = shard
        self._members = Members()

    def start(self) -> None:
        self._connection.start()

    async def close(self) -> None:
        await self._connection.close()

    async def ask(self, request: ScrapeRequest) -> list[Outcome]:
        started = time.monotonic()
        scrape = await self._attempt(request)
        if scrape.ledger.errors and await self._can_ask_again(scrape):
            again = await self._attempt(request)
            scrape = again if len(again.lists) >= len(scrape.lists) else scrape
        took = time.monotonic() - started
        by_id = {report.server_id: report for report in scrape.reports}
        names = self._names()
        return [self._whole(scrape, took)] + [
            self._outcome(scrape, took, identity, names[identity], by_id.get(identity))
            for identity in self._members
        ]

    async def _attempt(self, request: ScrapeRequest) -> SystemScrape:
        name, check = self._cluster_name, self._check
        scrape = SystemScrape(
            self._connection,
            self._members,
            request,
            name,
            check,
            further=self._further,
            shard=self._shard,
        )
        await scrape.run()
        return scrape

    async def _can_ask_again(self, scrape: SystemScrape) -> bool:
        """Whether the connection was lost while it was asked, with time left to ask over another one."""
        client = scrape.client
        return (
            client is not None and scrape.left() > AGAIN and await self._connection.is_lost(client)
        )

    def _whole(self, scrape: SystemScrape, took: float) -> Outcome:
        """The outcome of the connection, and of the request that finds the servers."""
        error = scrape.ledger.errors.get("")
        missing = RequestResult(False, error or NOT_ASKED.text)
        results = scrape.ledger.results.get("", {})
        return Outcome(
            source=NAME,
            target=self._connection.target,
            duration=took,
            error=error,
            cluster_name=self._cluster_name,
            requests={name: results.get(name, missing) for name in CONNECTION_REQUESTS},
        )

    def _outcome(
        self,
        scrape: SystemScrape,
        took: float,
        identity: str,
        name: str,
        report: ServerReport | None,
    ) -> Outcome:
        """The outcome of one server; of one that did not answer at all every request failed."""
        links = scrape.links
        error = scrape.ledger.errors.get(identity) if report is not None else LATE
        results = scrape.ledger.results.get(identity, {}) if report is not None else {}
        missing = NOT_ASKED if report is not None else RequestResult(False, LATE)
        return Outcome(
            source=NAME,
            target=name,
            duration=took,
            received=scrape.ledger.received.get(identity, 0)
            + (links.received.get(identity, 0) if links else 0),
            error=error,
            answer=ServerAnswer(report),
            cluster_name=self._cluster_name,
            requests={name: results.get(name, missing) for name in SERVER_REQUESTS}
            | (links.results.get(identity, {}) if links else {}),
        )

    def _names(self) -> dict[str, str]:
        """Of each server, by its id. Those of a hub and its leaf nodes may be called alike; they say where they are."""
        names = {identity: self._name(each.server) for identity, each in self._members.items()}
        shared = Counter(names.values())
        return {
            identity: f"{name} ({self._members[identity].server.cluster or identity})"
            if shared[name] > 1
            else name
            for identity, name in names.items()
        }

    def _name(self, server: ServerName) -> str:
        return f"{self._cluster_name or server.cluster}/{server.name}".removeprefix("/")
