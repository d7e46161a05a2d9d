"""The JetStream API of an account, for where neither the monitoring port nor the system account can be reached.

Servers gather these lists from the leaders, so every row is a leader's. Objects whose leader did not answer are listed
by name only.
"""

import time

from nats.aio.client import Client

from jetstream_exporter.config.nats import AccountApi
from jetstream_exporter.report import LeaderAnswer, Outcome, RequestResult, ScrapeRequest
from jetstream_exporter.sources.errors import SourceError
from jetstream_exporter.sources.nats.account_scrape import AccountScrape
from jetstream_exporter.sources.nats.client import MESSAGE
from jetstream_exporter.sources.nats.connection import Connection
from jetstream_exporter.sources.nats.exact_lag import MessageLookups
from jetstream_exporter.sources.nats.identity import AccountIdentity, identify
from jetstream_exporter.sources.nats.leaders import AccountCluster, Leaders
from jetstream_exporter.sources.pace import Pace

NAME = "account"
AGAIN = 0.5  # seconds that must be left to ask over another connection
REQUESTS = ("connection", "info", "streams", "consumers")


class AccountSource:
    """Asks one account's API. Returns one outcome, with a report for each cluster that has objects of it."""

    name = NAME

    def __init__(
        self,
        settings: AccountApi,
        place: str,
        cluster_name: str,
        pace: Pace | None = None,
        max_bytes: int = MESSAGE,
    ) -> None:
        self._pace = pace or Pace()
        self._usual: float | None = None  # seconds, when all was well last
        self._settings = settings
        self._place = place.rpartition(": ")[2]
        self._connection = Connection(settings, place, max_bytes=max_bytes)
        self._cluster_name = cluster_name
        self._configured = self._identity = AccountIdentity(settings.account, settings.account)
        self._identified: Client | None = None  # the client that the identity is of
        self._slow: set[str] = set()  # streams of which somebody did not answer last time
        self._standalone = ""  # the name of a standalone server behind others
        exact = settings.exact_lag
        self._lookups = MessageLookups(exact, self._connection) if exact.budget else None

    def start(self) -> None:
        self._connection.start()

    async def close(self) -> None:
        if self._lookups is not None:
            await self._lookups.close()
        await self._connection.close()

    async def ask(self, request: ScrapeRequest) -> list[Outcome]:
        started = time.monotonic()
        scrape, error = await self._attempt(request)
        if (error or (scrape and scrape.errors)) and await self._can_ask_again(scrape):
            scrape, error = await self._attempt(request)
        if error is None and scrape is not None and not scrape.errors:
            self._usual = time.monotonic() - started
        errors = [*([error] if error else []), *(scrape.errors.values() if scrape else [])]
        results = scrape.results() if scrape else {}
        reports = scrape.leaders.reports() if scrape and scrape.leaders else ()
        if self._lookups is not None and scrape is not None and reports:
            self._lookups.note(scrape.api, scrape.client, reports)
        missing = RequestResult(
            False, error or "not sent, because an earlier request was not answered"
        )
        return [
            Outcome(
                source=NAME,
                target=self._target(),
                duration=time.monotonic() - started,
                received=scrape.api.received if scrape else 0,
                error="; ".join(dict.fromkeys(errors)) or None,
                cluster_name=self._cluster_name,
                requests={name: results.get(name, missing) for name in REQUESTS},
                answer=LeaderAnswer(reports, self._lookups.lookups() if self._lookups else None),
            )
        ]

    async def _attempt(self, request: ScrapeRequest) -> tuple[AccountScrape | None, str | None]:
        """Ask for everything over one client; the error is what ended it early."""
        scrape = None
        try:
            client = await self._connection.ready(request.deadline)
            scrape = AccountScrape(self._connection, client, self._settings, request.deadline)
            if client is not self._identified:  # the login may be another since
                self._identity = await identify(scrape.api, self._configured)
                self._identified = client
            scrape.leaders = Leaders(self._account_cluster(client), self._identity, self._target())
            work = scrape.everything(self._identity, self._slow)
            await self._pace.limit(work, request.deadline, self._usual)
            if scrape.leaders.standalone_stream and not self._standalone:
                self._standalone = await scrape.leader_of(scrape.leaders.standalone_stream)
        except SourceError as failure:
            return scrape, str(failure)
        return scrape, None

    async def _can_ask_again(self, scrape: AccountScrape | None) -> bool:
        """Whether the connection was lost while it was asked, with time left to ask over another one."""
        if scrape is None or scrape.left() < AGAIN:
            return False
        return await self._connection.is_lost(scrape.client)

    def _account_cluster(self, client: Client) -> AccountCluster:
        info = client._server_info  # the library has no public name for it
        domain = self._settings.domain or self._connection.login.domain
        if domain and domain != info.get("domain", ""):
            return AccountCluster(
                self._cluster_name, "", self._standalone, "", domain, is_local=False
            )
        cluster, server = info.get("cluster", ""), info.get("server_name", "")
        domain = domain or info.get("domain", "")
        return AccountCluster(self._cluster_name, cluster, server, info.get("version", ""), domain)

    def _target(self) -> str:
        name = self._identity.name or self._identity.account or self._place
        domain = self._settings.domain or self._settings.api_prefix
        return " ".join(part for part in (self._connection.target, name, domain) if part)
